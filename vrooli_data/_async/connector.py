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
from .pooled_connection import AsyncPooledConnection
from .session import AsyncSession

_FIND_RUN = own_queries("transactions").bind("find_run", ServerRun)


class AsyncConnector:
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

    async def configure(self, connection: AsyncPooledConnection) -> None:
        """Set up one new connection of the pool."""
        await self._configure(connection, is_kept=True)

    async def _configure(
        self, connection: AsyncPooledConnection, *, is_kept: bool, seconds: float | None = None
    ) -> None:
        """Set up one new connection, within so many seconds or those of ``connect_timeout``."""
        # A server that falls silent here would hold its caller, or the pool's worker, for good.
        with connection.within(seconds or self.connect_timeout):
            await self.set_up(connection)
            self.failure = None
            cursor = await connection.execute(ASK_SESSION, prepare=False)
            role, started = (await cursor.fetchall())[0]
            # What is used once is not worth preparing.
            settings = self.settings if is_kept else self.settings.unprepared()
            if not settings.prepare:
                connection.prepare_threshold = None
            # The queries are a fixed set: each stays prepared.
            connection.prepared_max = None
            session = AsyncSession(connection, settings, extensions=self.extensions)
            connection.session = session
            session.role, session.started = role, started
            session.run = self._runs.get(started) or await self.find_run(session)
        connection.limit = self.settings.limit

    async def find_run(self, session: AsyncSession) -> ServerRun | None:
        """Ask in which run the server is, for this session and later ones; None where it is secret.

        It takes half a millisecond, and so is asked once and not on every connection: whoever has
        an older answer than need be can tell less, and nothing wrong.
        """
        try:
            (row,) = await session.rows(_FIND_RUN, ())
        except PermissionDenied:
            return None
        run = _FIND_RUN.record_of(row)
        self._runs[run.started] = run
        return run

    def forget_run(self, session: AsyncSession) -> None:
        """Have the run asked for anew: a connection has ended, perhaps because of a crash."""
        if session.started is not None:
            self._runs.pop(session.started, None)

    async def set_up(self, connection: AsyncPooledConnection) -> None:
        """Set what each session runs under; it may be done again at any time."""
        settings = self.settings
        if settings.pooler is None:
            cursor = await connection.execute(ASK_PROCESS, prepare=False)
            process = (await cursor.fetchall())[0][0]
            settings.pooler = process != connection.pgconn.backend_pid
        if settings.prepare is None:
            settings.prepare = not settings.pooler
        if settings.path.schema is None:
            cursor = await connection.execute(FIND_SCHEMAS, prepare=False)
            schemas = await cursor.fetchall()
            if not any(is_migrated for _, is_migrated in schemas):
                await self.refuse_forbidden(connection)
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
            await connection.execute(statement, prepare=False)

    async def refuse_forbidden(self, connection: AsyncPooledConnection) -> None:
        """Raise `PermissionDenied` where the tables are in a schema that the role may not use."""
        cursor = await connection.execute(FIND_FORBIDDEN, prepare=False)
        denied = forbidden(await cursor.fetchall())
        if denied is not None:
            raise denied

    async def restore(self, connection: AsyncPooledConnection) -> None:
        """Leave nothing of what was done to a session that was lent out; raise where it cannot be.

        Raises psycopg's errors.
        """
        if self.settings.pooler:
            # It was nobody's own.
            return
        with connection.within(self.connect_timeout):
            cursor = await connection.execute(RESTORE, prepare=False)
            while cursor.nextset():
                pass
            count, strange = (await cursor.fetchall())[0]
            for name in strange or ():
                statement = sql.SQL("DEALLOCATE {}").format(sql.Identifier(name))
                await connection.execute(statement, prepare=False)
            if count != connection.prepared_count:
                await connection.forget_prepared()
            await self.set_up(connection)

    async def connect(self, seconds: float | None = None) -> AsyncPooledConnection:
        """Open one connection beside the pool, whose own attempts fail in silence."""
        parameters = self.parameters
        if seconds is not None:
            parameters = {**parameters, "connect_timeout": max(1, ceil(seconds))}
        try:
            connection = await AsyncPooledConnection.connect(**parameters)
            try:
                await self._configure(connection, is_kept=False, seconds=seconds)
            except BaseException:
                await connection.close()
                raise
        except psycopg.Error as error:
            raise unreachable(error) from None
        return connection
