"""Borrowing connections from the pool, and giving them back."""

from __future__ import annotations

import psycopg
from psycopg_pool import AsyncConnectionPool

from .._classify import translate
from .._retry import Reason, reason_of
from .connector import AsyncConnector, AsyncPooledConnection


class AsyncConnections:
    """The connections of the pool; whoever takes one gives it back."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncPooledConnection], connector: AsyncConnector
    ) -> None:
        self._pool = pool
        self._connector = connector
        #: How many connections in a row may prove dead: all of the pool, and then a new one.
        self.most_dead = pool.max_size + 1

    async def take(self, query: str | None = None) -> AsyncPooledConnection:
        """Take a connection that the server has not ended meanwhile."""
        while True:
            try:
                connection = await self._pool.getconn()
            except psycopg.Error as error:
                raise translate(error, query, lost=True) from None
            if not connection.session.is_ended():
                return connection
            # Closed, it is replaced; the pool itself would find out in its user's statement.
            await connection.close()
            await self._pool.putconn(connection)

    async def give_back(
        self, connection: AsyncPooledConnection, error: BaseException | None = None
    ) -> None:
        """Give a connection back; one that serves nobody any more is closed first."""
        reason = None if error is None else reason_of(error)
        if reason is Reason.STALE:
            if getattr(error, "sqlstate", None) == "26000":
                # A pooler between does not keep prepared statements.
                self._connector.prepare = False
            await connection.close()
        if reason is Reason.READ_ONLY:
            # The server was demoted: every connection leads to it.
            await connection.close()
            await self._pool.drain()
        await self._pool.putconn(connection)
