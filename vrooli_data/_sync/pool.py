# Generated from vrooli_data/_async/pool.py by tests/unasync.py. Do not edit.
"""Borrowing connections from the pool."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from .._classify import translate
from .._queries import Query
from .._rows import Row
from .connector import PooledConnection


class PooledRunner:
    """Runs each query on a connection borrowed for it alone."""

    def __init__(self, pool: ConnectionPool[PooledConnection]) -> None:
        self._pool = pool

    def rows(self, query: Query[Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        connection = borrow(self._pool, query.name)
        try:
            return connection.session.rows(query, parameters)
        finally:
            self._pool.putconn(connection)


def borrow(pool: ConnectionPool[PooledConnection], query: str | None = None) -> PooledConnection:
    """Take a connection out of the pool; whoever takes it gives it back."""
    try:
        return pool.getconn()
    except psycopg.Error as error:
        raise translate(error, query, lost=True) from None
