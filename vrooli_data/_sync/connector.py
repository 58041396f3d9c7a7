# Generated from vrooli_data/_async/connector.py by tools/unasync.py. Do not edit.
"""How a connection is opened and set up, in the pool and beside it."""

from __future__ import annotations

from collections.abc import Container
from math import ceil
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import timeout_from_conninfo

from .._binding import own_queries
from .._classify import unreachable
from .._connect import (
    ASK_PROCESS,
    ASK_SESSION,
    CODECS,
    RESTORE,
    SessionSettings,
    UtcLoader,
    set_settings,
)
from .._search_path import FIND_FORBIDDEN, FIND_SCHEMAS, forbidden
from ..errors import PermissionDenied, Unavailable
from ..records.transactions import ServerRun
from .pooled_connection import PooledConnection
from .session import Session

_FIND_RUN = own_queries("transactions").bind("find_run", ServerRun)


class Connector:
    """Opens connections that are all set up alike."""

    def __init__(self, parameters: dict[str, Any], settings: SessionSettings) -> None:
        self.parameters: dict[str, Any] = {
            **parameters,
            "autocommit": True,
            "context": CODECS,
        }
        self.settings = settings
        #: Seconds that a server may take to answer where nothing else says how long.
        self.connect_timeout = timeout_from_conninfo(self.parameters)
        # Known when the database is opened, before the pool is.
        self.extensions: Container[str] = ()
        #: Why the pool cannot connect; None as soon as somebody succeeds.
        self.failure: Unavailable | None = None
        #: The run that each server was in when it was last asked, by when the server was started.
        self._runs: dict[str, ServerRun] = {}

    def configure(self, connection: PooledConnection) -> None:
        """Set up one new connection of the pool."""
        self._configure(connection, is_kept=True)

    def _configure(
        self, connection: PooledConnection, *, is_kept: bool, seconds: float | None = None
    ) -> None:
        """Set up one new connection, within so many seconds or those of ``connect_timeout``."""
        # A server that falls silent here would hold its caller, or the pool's worker, for good.
        with connection.within(seconds or self.connect_timeout):
            self.set_up(connection)
            self.failure = None
            cursor = connection.execute(ASK_SESSION, prepare=False)
            role, started = (cursor.fetchall())[0]
            # What is used once is not worth preparing.
            settings = self.settings if is_kept else self.settings.unprepared()
            if not settings.prepare:
                connection.prepare_threshold = None
            # The queries are a fixed set: each stays prepared.
            connection.prepared_max = None
            session = Session(connection, settings, extensions=self.extensions)
            connection.session = session
            session.role, session.started = role, started
            session.run = self._runs.get(started) or self.find_run(session)
        connection.limit = self.settings.limit

    def find_run(self, session: Session) -> ServerRun | None:
        """Ask in which run the server is, for this session and later ones; None where it is secret.

        It takes half a millisecond, and so is asked once and not on every connection: whoever has
        an older answer than need be can tell less, and nothing wrong.
        """
        try:
            (row,) = session.rows(_FIND_RUN, ())
        except PermissionDenied:
            return None
        run = _FIND_RUN.record_of(row)
        self._runs[run.started] = run
        return run

    def forget_run(self, session: Session) -> None:
        """Have the run asked for anew: a connection has ended, perhaps because of a crash."""
        if session.started is not None:
            self._runs.pop(session.started, None)

    def set_up(self, connection: PooledConnection) -> None:
        """Set what each session runs under; it may be done again at any time."""
        settings = self.settings
        if settings.pooler is None:
            cursor = connection.execute(ASK_PROCESS, prepare=False)
            process = (cursor.fetchall())[0][0]
            settings.pooler = process != connection.pgconn.backend_pid
        if settings.prepare is None:
            settings.prepare = not settings.pooler
        if settings.path.schema is None:
            cursor = connection.execute(FIND_SCHEMAS, prepare=False)
            schemas = cursor.fetchall()
            if not any(is_migrated for _, is_migrated in schemas):
                self.refuse_forbidden(connection)
            settings.path = settings.path.found(schemas)
        statement = set_settings(
            settings.path,
            connection.info.options,
            settings.statement_timeout,
            is_local=settings.pooler,
        )
        if settings.pooler:
            settings.each = statement
            connection.adapters.register_loader("timestamptz", UtcLoader)
        else:
            connection.execute(statement, prepare=False)

    def refuse_forbidden(self, connection: PooledConnection) -> None:
        """Raise `PermissionDenied` where the tables are in a schema that the role may not use."""
        cursor = connection.execute(FIND_FORBIDDEN, prepare=False)
        denied = forbidden(cursor.fetchall())
        if denied is not None:
            raise denied

    def restore(self, connection: PooledConnection) -> None:
        """Leave nothing of what was done to a session that was lent out; raise where it cannot be.

        Raises psycopg's errors.
        """
        if self.settings.pooler:
            # It was nobody's own.
            return
        with connection.within(self.connect_timeout):
            cursor = connection.execute(RESTORE, prepare=False)
            while cursor.nextset():
                pass
            count, strange = (cursor.fetchall())[0]
            for name in strange or ():
                statement = sql.SQL("DEALLOCATE {}").format(sql.Identifier(name))
                connection.execute(statement, prepare=False)
            if count != connection.prepared_count:
                connection.forget_prepared()
            self.set_up(connection)

    def connect(self, seconds: float | None = None) -> PooledConnection:
        """Open one connection beside the pool, whose own attempts fail in silence."""
        parameters = self.parameters
        if seconds is not None:
            parameters = {**parameters, "connect_timeout": max(1, ceil(seconds))}
        try:
            connection = PooledConnection.connect(**parameters)
            try:
                self._configure(connection, is_kept=False, seconds=seconds)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise unreachable(error) from None
        return connection
