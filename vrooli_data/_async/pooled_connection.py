"""A connection of the pool: psycopg's, and what the layer knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import AsyncConnection

from .._rows import Row

if TYPE_CHECKING:
    from .session import AsyncSession


class AsyncPooledConnection(AsyncConnection[Row]):
    """A connection of the pool, which carries its session."""

    session: AsyncSession

    async def forget_prepared(self) -> None:
        """Forget every prepared statement, here and on the server."""
        self._prepared.clear()
        # Without a statement that is not prepared, psycopg would have the server forget only behind
        # the next one, which is prepared by then.
        await self.execute("DEALLOCATE ALL", prepare=False)
