# Generated from vrooli_data/_async/connector.py by tests/unasync.py. Do not edit.
"""How a connection is opened and set up, in the pool and beside it."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import timeout_from_conninfo

from .._classify import unreachable
from .._connect import CODECS, SETUP, QueryEvent
from .._rows import Row
from ._compat import deadline
from .session import Session


class PooledConnection(Connection[Row]):
    """A connection of the pool, which carries its session."""

    session: Session


class Connector:
    """Opens connections that are all set up alike."""

    def __init__(
        self,
        parameters: dict[str, Any],
        *,
        prepare: bool,
        statement_timeout: str | None,
        on_query: Callable[[QueryEvent], None] | None,
    ) -> None:
        self.parameters: dict[str, Any] = {
            **parameters,
            "autocommit": True,
            "context": CODECS,
        }
        #: Turned off for good where it proves not to work.
        self.prepare = prepare
        self._statement_timeout = statement_timeout
        self._on_query = on_query
        # Known when the database is opened, before the pool is.
        self.has_trigrams = False
        #: The pool has failed to connect since somebody last succeeded.
        self.is_out_of_reach = False

    def configure(self, connection: PooledConnection, seconds: float | None = None) -> None:
        """Set up one new connection, within so many seconds or those of ``connect_timeout``."""
        if not self.prepare:
            connection.prepare_threshold = None
        # The queries are a fixed set: each stays prepared.
        connection.prepared_max = None
        connection.session = Session(
            connection,
            prepare=self.prepare,
            has_trigrams=self.has_trigrams,
            on_query=self._on_query,
        )
        # A server that falls silent here would hold its caller, or the pool's worker, for good.
        with deadline(connection, seconds or timeout_from_conninfo(self.parameters)):
            cursor = connection.execute(SETUP, (self._statement_timeout,))
            self.is_out_of_reach = False
            connection.session.statistics_since = (cursor.fetchall())[0][-1]

    def connect(self, seconds: float | None = None) -> PooledConnection:
        """Open one connection beside the pool, whose own attempts fail in silence."""
        parameters = self.parameters
        if seconds is not None:
            parameters = {**parameters, "connect_timeout": max(1, ceil(seconds))}
        try:
            connection = PooledConnection.connect(**parameters)
            try:
                self.configure(connection, seconds)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise unreachable(error) from None
        return connection
