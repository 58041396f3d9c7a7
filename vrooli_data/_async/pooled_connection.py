"""A connection of the pool: psycopg's, and what the layer knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import AsyncConnection

from .._rows import Row
from ..errors import InvalidUse

if TYPE_CHECKING:
    from .session import AsyncSession


class AsyncPooledConnection(AsyncConnection[Row]):
    """A connection of the pool, which carries its session."""

    session: AsyncSession

    async def commit(self) -> None:
        """Commit what was begun through psycopg."""
        self._check_end()
        await super().commit()

    async def rollback(self) -> None:
        """Roll back what was begun through psycopg."""
        self._check_end()
        await super().rollback()

    def _check_end(self) -> None:
        if self.session.is_in_transaction:
            raise InvalidUse(
                "a transaction ends with its block: leave it to commit, raise an error to roll back"
            )

    async def forget_prepared(self) -> None:
        """Forget every prepared statement, here and on the server."""
        self._prepared.clear()
        # Without a statement that is not prepared, psycopg would have the server forget only behind
        # the next one, which is prepared by then.
        await self.execute("DEALLOCATE ALL", prepare=False)
