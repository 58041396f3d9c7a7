# Generated from vrooli_data/_async/pool.py by tests/unasync.py. Do not edit.
"""Borrowing connections from the pool, and giving them back."""

from __future__ import annotations

import psycopg
from psycopg_pool import ConnectionPool

from .._classify import translate
from .._retry import Reason, reason_of
from .connector import Connector, PooledConnection


class Connections:
    """The connections of the pool; whoever takes one gives it back."""

    def __init__(self, pool: ConnectionPool[PooledConnection], connector: Connector) -> None:
        self._pool = pool
        self._connector = connector
        #: How many connections in a row may prove dead: all of the pool, and then a new one.
        self.most_dead = pool.max_size + 1

    def take(self, query: str | None = None) -> PooledConnection:
        """Take a connection that the server has not ended meanwhile."""
        while True:
            try:
                connection = self._pool.getconn()
            except psycopg.Error as error:
                raise translate(error, query, lost=True) from None
            if not connection.session.is_ended():
                return connection
            # Closed, it is replaced; the pool itself would find out in its user's statement.
            connection.close()
            self._pool.putconn(connection)

    def give_back(self, connection: PooledConnection, error: BaseException | None = None) -> None:
        """Give a connection back; one that serves nobody any more is closed first."""
        reason = None if error is None else reason_of(error)
        if reason is Reason.STALE:
            if getattr(error, "sqlstate", None) == "26000":
                # A pooler between does not keep prepared statements.
                self._connector.prepare = False
            connection.close()
        if reason is Reason.READ_ONLY:
            # The server was demoted: every connection leads to it.
            connection.close()
            self._pool.drain()
        self._pool.putconn(connection)
