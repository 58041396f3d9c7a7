"""The pool of connections: opens, sets up, lends and restores them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container
from copy import copy
from math import ceil
from typing import Any, Protocol, Self
from weakref import WeakSet

import psycopg
from psycopg import sql
from psycopg.conninfo import timeout_from_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from .._classify import translate, unreachable
from .._connect import (
    ASK_PROCESS,
    ASK_SESSION,
    CODECS,
    RESTORE,
    SessionSettings,
    UtcLoader,
    options_of,
    set_settings,
)
from .._process import belongs_here
from .._retry import Reason, reason_of, set_retry_reason
from .._search_path import FIND_FORBIDDEN, FIND_SCHEMAS, forbidden
from .._sqlstates import UNPREPARED
from .._transactions import Trace, carry_notes
from ..errors import InvalidUse, PermissionDenied, Unavailable, VrooliDataError
from ..records.transactions import ServerRun
from ._compat import AsyncWaitingClient, Forgettable, Home, detach, is_under_way, run_shielded
from .session import AsyncPooledConnection, AsyncSession

logger = logging.getLogger("vrooli_data")

#: Seconds after which the pool calls `reconnect_failed`.
_RECONNECT_TIMEOUT = 0.5
#: Seconds to wait for a connection that was idle a moment ago.
_AT_ONCE = 0.05


class AsyncConnector:
    """Opens connections and sets them up."""

    def __init__(self, parameters: dict[str, Any], settings: SessionSettings) -> None:
        self.parameters: dict[str, Any] = {
            **parameters,
            "autocommit": True,
            "context": CODECS,
        }
        self.settings = settings
        #: Seconds to wait for a reply if no other limit applies.
        self.connect_timeout = timeout_from_conninfo(self.parameters)
        # Set when the database is opened, before the pool is opened.
        self.extensions: Container[str] = ()
        #: Why the last attempt to connect failed; None when it succeeded.
        self.failure: Unavailable | None = None
        #: The latest run that each server reported, by the start time of the server.
        self._runs: dict[str, ServerRun] = {}

    async def configure(self, connection: AsyncPooledConnection) -> None:
        """Set up one new connection of the pool."""
        await self._configure(connection, is_kept=True)

    async def _configure(
        self, connection: AsyncPooledConnection, *, is_kept: bool, seconds: float | None = None
    ) -> None:
        """Set up one new connection within *seconds*, or within ``connect_timeout``."""
        # Without a limit, a silent server would block the caller, or the pool's worker, for ever.
        with connection.within(seconds or self.connect_timeout):
            await self.set_up(connection)
            self.failure = None
            asked = time.monotonic()
            cursor = await connection.execute(ASK_SESSION, prepare=False)
            self.settings.answered(time.monotonic() - asked, is_new=True)
            role, started = (await cursor.fetchall())[0]
            # Statements that run once are not prepared.
            settings = self.settings if is_kept else self.settings.unprepared()
            if not settings.prepare:
                connection.prepare_threshold = None
            # The set of queries is fixed, so that each stays prepared.
            connection.prepared_max = None
            session = AsyncSession(connection, settings, extensions=self.extensions)
            connection.session = session
            session.role, session.started = role, started
            session.run = self._runs.get(started) or await self.find_run(session)
        connection.limit = self.settings.limit

    async def find_run(self, session: AsyncSession) -> ServerRun | None:
        """Ask for the server's run, for this session and later ones; None if the role may not know.

        The query takes half a millisecond, so that it runs once and not for each connection. With
        an older answer, some outcomes of lost commits stay unknown, but none is wrong.
        """
        from .._engine_queries import FIND_RUN  # noqa: PLC0415 (it reads files)

        try:
            (row,) = await session.rows(FIND_RUN, ())
        except PermissionDenied:
            return None
        run = FIND_RUN.record_of(row)
        self._runs[run.started] = run
        return run

    def forget_run(self, session: AsyncSession) -> None:
        """Ask for the run again next time: a connection has ended, perhaps by a crash."""
        if session.started is not None:
            self._runs.pop(session.started, None)

    async def set_up(self, connection: AsyncPooledConnection) -> None:
        """Set the settings of a session; can be repeated."""
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
            options_of(connection.pgconn),
            settings.statement_timeout,
            is_local=settings.pooler,
        )
        if settings.pooler:
            settings.each = statement
            connection.adapters.register_loader("timestamptz", UtcLoader)
        else:
            await connection.execute(statement, prepare=False)

    async def refuse_forbidden(self, connection: AsyncPooledConnection) -> None:
        """Raise `PermissionDenied` if the tables are in a schema that the role may not use."""
        cursor = await connection.execute(FIND_FORBIDDEN, prepare=False)
        denied = forbidden(await cursor.fetchall())
        if denied is not None:
            raise denied

    async def restore(self, connection: AsyncPooledConnection) -> None:
        """Undo an application's changes to a session, or raise an error of psycopg."""
        if self.settings.pooler:
            # Behind a pooler, the layer sets nothing in the session.
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
        """Open one connection outside the pool."""
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


class Stoppable(Protocol):
    """What goes on for as long as its database is open."""

    def stop(self) -> None:
        """End it; called by anybody, at any time."""


class AsyncPool(AsyncConnectionPool[AsyncPooledConnection]):
    """Psycopg's pool, bound to one process; an interruption does not lose a connection.

    A signal handler may raise an exception between any two steps. So the next holder of a
    connection is stored before the previous holder gives it up. After an exception, `find_lent`
    finds the holder.
    """

    def __init__(
        self,
        connector: AsyncConnector,
        *,
        min_size: int,
        max_size: int,
        timeout: float,
        name: str,
    ) -> None:
        super().__init__(
            connection_class=AsyncPooledConnection,
            kwargs=connector.parameters,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
            configure=connector.configure,
            reconnect_timeout=_RECONNECT_TIMEOUT,
            open=False,
            name=name,
        )
        self._connector = connector
        self.settings = connector.settings
        self._sizes = (min_size, max_size)
        #: What is stopped when the pool is closed.
        self.dependents: WeakSet[Stoppable] = WeakSet()
        #: Where the pool was opened; None before.
        self._home: Home | None = None
        self._stay_open: Callable[[], object] | None = None

    async def open(self, wait: bool = False, timeout: float = 30.0) -> None:  # noqa: ASYNC109 (psycopg_pool's own signature)
        """Open the pool, for this process and event loop."""
        self.check_place()
        if self._home is None:
            self._home = Home()
            belongs_here(self)
            await super().open(wait, timeout)
            self._stay_open = self._home.close_at_end(self._close_all)

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 (psycopg_pool's own signature)
        """Close every connection, unless the pool belongs to a parent of this process."""
        if self._home is None or self._home.is_inherited():
            return
        self._home.check("the database")
        if self._stay_open is not None:
            self._stay_open()
        await self._close_all(timeout)

    async def _close_all(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 (as `close` has it)
        for each in list(self.dependents):
            each.stop()
        idle = list(self._pool)
        try:
            await super().close(timeout)
        except BaseException:
            # psycopg_pool removes them from its list before it closes them.
            for connection in idle:
                await connection.close()
            raise

    def leave_to_parent(self) -> None:
        """Mark the pool as closed in a child process; its workers are in the parent."""
        # Otherwise psycopg_pool stops them when the pool is deleted, and may wait for their locks.
        self._closed = True

    def check_place(self) -> None:
        """Refuse a pool that is closed, or was opened elsewhere, or cannot be opened here."""
        home = self._home or Home()
        home.check("the database")
        if self._closed and self._opened:
            raise InvalidUse("the database was closed, and stays closed: connect anew")

    def check_use(self) -> None:
        """Refuse a pool that is not open, or was opened elsewhere."""
        if self._home is None:
            raise InvalidUse("the database is not open: use it in a with block, or call open()")
        self.check_place()

    def is_here(self) -> bool:
        """Return whether this code runs where the pool was opened."""
        return self._home is not None and self._home.is_here()

    def discard_there(self, loan: AsyncLoan) -> None:
        """Discard a loan where the pool was opened."""
        if self._home is not None:
            self._home.run_there(_discard, loan)

    async def lend(
        self, loan: AsyncLoan, query: str | None, seconds: float | None
    ) -> AsyncPooledConnection:
        """Lend a connection within *seconds*, or within the timeout of the pool."""
        home = self._home
        if home is None or self._closed:
            self.check_use()
        else:
            home.check("the database")
        # The same steps as in psycopg_pool's getconn.
        self._stats[self._REQUESTS_NUM] += 1
        async with self._lock:
            if self._pool:
                loan.connection = connection = self._pool[0]
                connection.holder = loan.key
                self._pool.popleft()
                self._nconns_min = min(self._nconns_min, len(self._pool))
                return connection
            loan.client = client = AsyncWaitingClient[AsyncPooledConnection]()
            self._waiting.append(client)
            self._stats[self._REQUESTS_QUEUED] += 1
            self._maybe_grow_pool()
        started = time.monotonic()
        try:
            connection = await client.wait(self.timeout if seconds is None else seconds)
        except PoolTimeout as error:
            self._stats[self._REQUESTS_ERRORS] += 1
            raise self.why(translate(error, query, lost=True)) from None
        except psycopg.Error as error:
            raise translate(error, query, lost=True) from None
        finally:
            self._stats[self._REQUESTS_WAIT_MS] += int(1000.0 * (time.monotonic() - started))
        loan.connection = connection
        connection.holder = loan.key
        loan.client = None
        return connection

    def keeps(self, connection: AsyncPooledConnection) -> bool:
        """Return whether a connection may stay in the pool: it is not too old, nor drained."""
        return (
            not self._closed
            and connection._created_at > self._drained_at  # noqa: SLF001 (psycopg_pool's)
            and connection._expire_at > time.monotonic()  # noqa: SLF001 (psycopg_pool's)
        )

    @property
    def waiting(self) -> int:
        """How many wait for a connection."""
        return len(self._waiting)

    @property
    def has_more(self) -> bool:
        """Whether it has an idle connection, or may open one, and nobody waits for it."""
        return not self._waiting and (bool(self._pool) or self._nconns < self.max_size)

    async def put(self, loan: AsyncLoan) -> None:
        """Take back the connection of a loan; replace it if it is closed or too old."""
        connection = loan.connection
        if connection is None:
            return
        async with self._lock:
            is_fit = connection.is_at_rest() and self.keeps(connection)
            if is_fit and not (self._waiting and await self._hand_over(connection)):
                self._pool.append(connection)
        if not is_fit:
            if not connection.is_at_rest():
                await connection.close()
            connection._pool = self  # noqa: SLF001 (psycopg_pool checks it)
            await self.putconn(connection)
            connection.holder = None
        loan.connection = None

    async def _hand_over(self, connection: AsyncPooledConnection) -> bool:
        """Give a connection to the first waiting client; return False if there is none."""
        while self._waiting:
            client = self._waiting[0]
            connection.holder = client
            is_taken = await client.set(connection)
            self._waiting.popleft()
            if is_taken:
                return True
        return False

    async def find_lent(self, loan: AsyncLoan) -> None:
        """Set the connection of a loan to the one that it holds, or to None."""
        if loan.client is not None:
            # From here on, the client is given no connection.
            await loan.client.fail(PoolTimeout())
            if loan.client.conn is not None:
                loan.connection = loan.client.conn
                loan.connection.holder = loan.key
            loan.client = None
        connection = loan.connection
        if connection is None:
            return
        async with self._lock:
            holder = connection.holder
            if isinstance(holder, AsyncWaitingClient):
                is_held = holder.conn is not connection
            else:
                is_held = holder is loan.key
            if not is_held or connection in self._pool:
                loan.connection = None

    def why(self, error: VrooliDataError) -> VrooliDataError:
        """Return the reason why the pool cannot connect; if it can, return *error*."""
        if self._connector.failure is None:
            return error
        # Each caller gets its own error object.
        reason = copy(self._connector.failure)
        set_retry_reason(reason, Reason.BUSY)
        return reason

    def forget_run(self, connection: AsyncPooledConnection) -> None:
        """Ask again for the run of a server that has ended a connection."""
        self._connector.forget_run(connection.session)

    async def clean(self, connection: AsyncPooledConnection, error: BaseException | None) -> None:
        """Restore a connection for its next user, or close it."""
        if connection.is_lent:
            await self._restore(connection)
        if connection.closed:
            self._connector.forget_run(connection.session)
        if error is not None and reason_of(error) in (Reason.READ_ONLY, Reason.STALE):
            if isinstance(error, VrooliDataError) and error.sqlstate in UNPREPARED:
                # A pooler stands between, and does not keep prepared statements per client.
                self._connector.settings.prepare = False
            await connection.close()
            # A demoted server or a changed table affects the other connections too.
            await self.drain()
        if not connection.is_at_rest():
            await connection.close()

    async def _restore(self, connection: AsyncPooledConnection) -> None:
        """Undo the changes made through `.connection`; close the connection if that fails."""
        if not connection.take_back():
            await connection.close()
            return
        try:
            await self._connector.restore(connection)
        except psycopg.Error as error:
            logger.info("a connection was not restored (%s): discarded", type(error).__name__)
            await connection.close()
        except BaseException:
            await connection.close()
            raise

    async def reconnect_failed(self) -> None:
        """Reconnect at once while callers wait.

        psycopg_pool doubles the time between its attempts. After a long outage, it would take as
        long again to find that the server is up.
        """
        if self._waiting and not self._nconns:
            # psycopg_pool connects at once only when the pool grows.
            min_size, max_size = self._sizes
            await self.resize(min_size + 1, max_size + 1)
            await self.resize(min_size, max_size)
        # psycopg_pool does not report why it failed, and callers have no time to find out.
        try:
            async with await self._connector.connect():
                pass
        except Unavailable as error:
            self._connector.failure = error


class AsyncLoan(Forgettable):
    """A block that holds a connection of the pool, and gives it back at its end.

    It is a plain ``with`` on both faces, so that no exception can come between body and exit.
    """

    #: The connection that it holds, takes or gives back; see `AsyncPool.find_lent`.
    connection: AsyncPooledConnection | None = None
    #: Its place in the queue while it waits for a connection.
    client: AsyncWaitingClient[AsyncPooledConnection] | None = None

    def __init__(self, pool: AsyncPool) -> None:
        self._pool = pool
        #: Stands for the loan as a holder. Nothing that lives longer refers to the loan itself.
        self.key = object()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # After an interruption, the loan still holds it.
        if self._is_open():
            detach(_discard, self)

    def forget(self) -> None:
        """Discard the connection of a block that has had no end."""
        if self._is_open():
            self._pool.discard_there(self)

    def _is_open(self) -> bool:
        return (self.connection is not None or self.client is not None) and not is_under_way(self)

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self.connection is None or self.connection.closed

    async def take(self, query: str | None = None) -> AsyncPooledConnection:
        """Take a connection that the server has not ended."""
        end: float | None = None
        while True:
            seconds = None if end is None else end - time.monotonic()
            connection = await self._pool.lend(self, query, seconds)
            if not connection.session.is_ended():
                return connection
            end = end or time.monotonic() + self._pool.timeout
            # The pool replaces a closed connection, but does not notice a dead one.
            self._pool.forget_run(connection)
            await connection.close()
            await run_shielded(self._pool.put, self)

    async def take_old(self, trace: Trace) -> AsyncPooledConnection | None:
        """Take an idle connection to the transaction's server that is older than the transaction.

        None if none is idle.
        """
        for _ in range(self._pool.get_stats()["pool_available"]):
            try:
                connection = await self._pool.lend(self, None, _AT_ONCE)
            except VrooliDataError:
                await self._pool.find_lent(self)
                return None
            session = connection.session
            is_old = session.begun < trace.begun and session.started == trace.started
            if is_old and not session.is_ended():
                return connection
            await run_shielded(self._pool.put, self)
        return None

    async def give_back(self) -> None:
        """Give the connection back."""
        connection = self.connection
        if connection is None:
            return
        if not self._pool.is_here():
            # It is discarded at the end of the block.
            return
        if connection.is_lent or not connection.is_at_rest():
            await self._clean(connection, None)
        connection.end = None
        await run_shielded(self._pool.put, self)

    async def end_by(self, error: BaseException, *, is_verdict: bool = True) -> None:
        """Give the connection back after an error.

        With *is_verdict*, the error may show that the connection is unusable. Then the connection
        is closed, and the pool may be drained.
        """
        if not self._is_open() or not self._pool.is_here():
            return
        try:
            await self._pool.find_lent(self)
            if self.connection is not None:
                self.connection.end = None
                await self._clean(self.connection, error if is_verdict else None)
                await run_shielded(self._pool.put, self)
        except BaseException as another:
            carry_notes(error, another)
            raise

    async def _clean(self, connection: AsyncPooledConnection, error: BaseException | None) -> None:
        try:
            await self._pool.clean(connection, error)
        except BaseException:
            await connection.close()
            raise

    async def discard(self) -> None:
        """Close the connection that an interruption has left in the block."""
        if not self._pool.is_here():
            self._pool.discard_there(self)
            return
        await self._pool.find_lent(self)
        if self.connection is not None:
            await self.connection.close()
            await self._pool.put(self)


async def _discard(loan: AsyncLoan) -> None:
    await loan.discard()
