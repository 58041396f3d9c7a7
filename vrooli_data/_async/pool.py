"""Borrowing connections from the pool."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from .._classify import translate
from .._queries import Query
from .._rows import Row
from .connector import AsyncPooledConnection


class AsyncPooledRunner:
    """Runs each query on a connection borrowed for it alone."""

    def __init__(self, pool: AsyncConnectionPool[AsyncPooledConnection]) -> None:
        self._pool = pool

    async def rows(self, query: Query[Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        connection = await borrow(self._pool, query.name)
        try:
            return await connection.session.rows(query, parameters)
        finally:
            await self._pool.putconn(connection)


async def borrow(
    pool: AsyncConnectionPool[AsyncPooledConnection], query: str | None = None
) -> AsyncPooledConnection:
    """Take a connection out of the pool; whoever takes it gives it back."""
    try:
        return await pool.getconn()
    except psycopg.Error as error:
        raise translate(error, query, lost=True) from None
