# Generated from vrooli_data/_async/pooled_connection.py by tests/unasync.py. Do not edit.
"""A connection of the pool: psycopg's, and what the layer knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import Connection

from .._rows import Row

if TYPE_CHECKING:
    from .session import Session


class PooledConnection(Connection[Row]):
    """A connection of the pool, which carries its session."""

    session: Session

    def forget_prepared(self) -> None:
        """Forget every prepared statement, here and on the server."""
        self._prepared.clear()
        # Without a statement that is not prepared, psycopg would have the server forget only behind
        # the next one, which is prepared by then.
        self.execute("DEALLOCATE ALL", prepare=False)
