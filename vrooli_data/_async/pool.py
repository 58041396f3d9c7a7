"""Borrowing connections from the pool, and giving them back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from copy import copy
from traceback import walk_tb
from typing import Self

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from .._classify import translate
from .._process import belongs_here
from .._retry import Reason, reason_of, set_retry_reason
from .._sqlstates import UNPREPARED
from .._transactions import Trace, carry_notes
from ..errors import InvalidUse, Unavailable, VrooliDataError
from ._compat import Home, detach, is_under_way, to_the_end
from .connector import AsyncConnector
from .pooled_connection import AsyncPooledConnection, taking

logger = logging.getLogger("vrooli_data")

#: Seconds after which the pool gives up on a server that is down, but for `go_on_connecting`.
RECONNECT_TIMEOUT = 0.5


async def go_on_connecting(
    pool: AsyncConnectionPool[AsyncPooledConnection],
    *,
    connector: AsyncConnector,
    min_size: int,
    max_size: int,
) -> None:
    """Try again for those who wait: left alone, the pool would double the time between its tries.

    So a server that was down for long would stay out of reach for as long once it is up.
    """
    stats = pool.get_stats()
    if stats["requests_waiting"] and not stats["pool_size"]:
        # Growing for a moment is the one way to have it connect at once.
        await pool.resize(min_size + 1, max_size + 1)
        await pool.resize(min_size, max_size)
    # The pool knows the reason and does not tell it. Those who wait have no time left to ask.
    try:
        async with await connector.connect():
            pass
    except Unavailable as error:
        connector.failure = error


class AsyncPool(AsyncConnectionPool[AsyncPooledConnection]):
    """psycopg's pool, which a child of this process leaves alone."""

    def idle(self) -> list[AsyncPooledConnection]:
        """Return the connections that nobody has."""
        return list(self._pool)

    def leave_to_parent(self) -> None:
        """Take no more part: the tasks or threads that serve the pool are the parent's."""
        # What stops them when the pool is deleted may wait for a lock that one of them held.
        self._closed = True

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 (as psycopg_pool has it)
        """Close the connections, also when waiting for the workers is interrupted."""
        idle = self.idle()
        try:
            await super().close(timeout)
        except BaseException:
            # psycopg_pool closes them last, and forgets them before.
            for connection in idle:
                await connection.close()
            raise


#: Seconds within which a connection that is idle can be had.
_AT_ONCE = 0.05


class AsyncConnections:
    """The connections of the pool, each lent for a block."""

    def __init__(self, pool: AsyncPool, connector: AsyncConnector) -> None:
        self._pool = pool
        #: Where the pool was opened, once it is.
        self._home: Home | None = None
        self._is_closed = False
        self._stay_open: Callable[[], object] | None = None
        self._connector = connector
        #: How many connections in a row may prove dead: all of the pool, and then a new one.
        self.most_dead = pool.max_size + 1

    async def open(self) -> None:
        """Open the pool, here."""
        self.check_place()
        if self._home is None:
            self._home = Home()
            belongs_here(self._pool)
            await self._pool.open()
            self._stay_open = self._home.close_at_end(self._close)

    async def close(self) -> None:
        """Close every connection; what belongs to a parent of this process is left to it."""
        if self._home is None or self._home.is_inherited() or self._is_closed:
            return
        self._home.check("the database")
        self._is_closed = True
        if self._stay_open is not None:
            self._stay_open()
        await self._close()

    async def _close(self) -> None:
        await self._pool.close()

    def check_place(self) -> None:
        """Refuse a pool that is closed, or was opened elsewhere."""
        if self._home is not None:
            self._home.check("the database")
        if self._is_closed:
            raise InvalidUse("the database was closed, and stays closed: connect anew")

    def check_use(self) -> None:
        """Refuse a pool that is not open, or was opened elsewhere."""
        if self._home is None:
            raise InvalidUse("the database is not open: use it in a with block, or call open()")
        self.check_place()

    async def take(self, query: str | None, seconds: float | None) -> AsyncPooledConnection:
        """Take any connection, within so many seconds or those of the pool."""
        home = self._home
        if home is None or self._is_closed:
            self.check_use()
        else:
            home.check("the database")
        try:
            return await self._pool.getconn(seconds)
        except PoolTimeout as error:
            raise self._why(translate(error, query, lost=True)) from None
        except psycopg.Error as error:
            raise translate(error, query, lost=True) from None

    @property
    def timeout(self) -> float:
        """Seconds to wait for a connection."""
        return self._pool.timeout

    def forget_run(self, connection: AsyncPooledConnection) -> None:
        """Ask anew for the run of the server that has ended a connection."""
        self._connector.forget_run(connection.session)

    @property
    def idle(self) -> int:
        """How many connections nobody uses."""
        return self._pool.get_stats()["pool_available"]

    def _why(self, error: VrooliDataError) -> VrooliDataError:
        """Return the server's own reason, where it is out of reach."""
        if self._connector.failure is None:
            return error
        # Each caller gets one of its own.
        reason = copy(self._connector.failure)
        set_retry_reason(reason, Reason.BUSY)
        return reason

    async def clean(self, connection: AsyncPooledConnection, error: BaseException | None) -> None:
        """Make a connection fit for its next user; one that serves nobody any more is closed."""
        if connection.is_lent:
            await self._restore(connection)
        if connection.closed:
            self._connector.forget_run(connection.session)
        if error is not None and reason_of(error) in (Reason.READ_ONLY, Reason.STALE):
            if isinstance(error, VrooliDataError) and error.sqlstate in UNPREPARED:
                # A pooler between does not keep prepared statements, or mixes them up.
                self._connector.settings.prepare = False
            await connection.close()
            # The server was demoted, or a table has changed: for the other connections as well.
            await self._pool.drain()
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            await connection.close()

    def lend_wholly(self, connection: AsyncPooledConnection) -> None:
        """Do the last step of lending, which was cut short."""
        connection._pool = self._pool  # noqa: SLF001 (as psycopg_pool does it)

    def has_dropped(
        self, connection: AsyncPooledConnection, use: int, error: BaseException
    ) -> bool:
        """Tell whether the pool was cut short while it took a connection back, and lost it."""
        steps = {frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)}
        if "_add_to_pool" not in steps or connection.closed:
            return False
        # Whoever waited may have got it, and notes that at once.
        time.sleep(_AT_ONCE)
        if (
            connection.lender is not None
            or connection.uses != use
            or connection in self._pool.idle()
        ):
            return False
        self.lend_wholly(connection)
        return True

    async def put(self, connection: AsyncPooledConnection) -> None:
        """Put a connection back into the pool, here, which replaces one that is closed."""
        # A connection that the pool does not get back is one less for good.
        await to_the_end(self._pool.putconn, connection)

    def put_there(self, connection: AsyncPooledConnection) -> None:
        """Have a connection put back where the pool was opened."""
        if self._home is not None:
            self._home.run_there(self._pool.putconn, connection)

    def is_here(self) -> bool:
        """Tell whether this code runs where the pool was opened."""
        return self._home is not None and self._home.is_here()

    async def _restore(self, connection: AsyncPooledConnection) -> None:
        """Undo what was done through `.connection`, or close what cannot be undone."""
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


class AsyncLoan:
    """A block in which a connection of the pool is taken, and by whose end it has gone back.

    An exception of a signal handler may come between any two steps. So the connection is kept here
    as soon as it is taken; a step that was cut short is taken up again; and what a block leaves
    behind for all that, its end discards. The block is an ordinary one on both faces, since no
    exception can come between its body and its end.
    """

    __slots__ = ("_connection", "_connections", "_use")

    def __init__(self, connections: AsyncConnections) -> None:
        self._connections = connections
        self._connection: AsyncPooledConnection | None = None
        self._use = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        connection = self._connection
        if connection is None:
            return
        if self._is_ours(connection) or (
            error is not None and self._connections.has_dropped(connection, self._use, error)
        ):
            detach(self._discard, connection)

    @property
    def is_lost(self) -> bool:
        """Whether the server cannot be heard on the connection any more."""
        return self._connection is None or self._connection.closed

    async def take(self, query: str | None = None) -> AsyncPooledConnection:
        """Take a connection that the server has not ended meanwhile."""
        end: float | None = None
        while True:
            connection = await self._take(query, None if end is None else end - time.monotonic())
            if not connection.session.is_ended():
                return connection
            end = end or time.monotonic() + self._connections.timeout
            # Closed, it is replaced; the pool itself would find out in its user's statement.
            self._connections.forget_run(connection)
            await connection.close()
            await self._put(connection)

    async def take_old(self, trace: Trace) -> AsyncPooledConnection | None:
        """Take an idle connection to a transaction's server that was open before the transaction.

        None where there is none at once.
        """
        for _ in range(self._connections.idle):
            try:
                connection = await self._take(None, _AT_ONCE)
            except VrooliDataError:
                return None
            session = connection.session
            is_old = session.begun < trace.begun and session.started == trace.started
            if is_old and not session.is_ended():
                return connection
            await self._put(connection)
        return None

    def keep(self, connection: AsyncPooledConnection) -> None:
        """Keep a connection that the pool is about to lend."""
        self._use = connection.uses = connection.uses + 1
        # Last: until then its taking goes on, and would be told as cut short.
        self._connection = connection

    async def _take(self, query: str | None, seconds: float | None) -> AsyncPooledConnection:
        taking.set(self)
        try:
            return await self._connections.take(query, seconds)
        except BaseException as error:
            if (half := _half_lent(error)) is not None and half.lender is None:
                self._connections.lend_wholly(half)
            raise
        finally:
            taking.set(None)

    async def give_back(self, error: BaseException | None = None) -> None:
        """Give the connection back; one that serves nobody any more is closed first."""
        connection = self._connection
        if connection is None or not self._is_ours(connection):
            return
        if not self._connections.is_here():
            self._connections.put_there(connection)
            return
        connection.end = None
        if (
            error is not None
            or connection.is_lent
            # Of one that is closed it is not known.
            or connection.pgconn.transaction_status != TransactionStatus.IDLE
        ):
            try:
                await self._connections.clean(connection, error)
            except BaseException:
                await connection.close()
                raise
        await self._put(connection)

    async def give_back_after(self, error: BaseException) -> None:
        """Give the connection back after an error that does not tell of its state."""
        try:
            await self.give_back()
        except BaseException as another:
            carry_notes(error, another)
            raise

    async def _put(self, connection: AsyncPooledConnection) -> None:
        await self._connections.put(connection)
        self._connection = None

    async def _discard(self, connection: AsyncPooledConnection) -> None:
        if not self._connections.is_here():
            self._connections.put_there(connection)
            return
        await connection.close()
        await self._put(connection)

    def _is_ours(self, connection: AsyncPooledConnection) -> bool:
        """Tell whether the pool has not got the connection: it may be somebody else's already."""
        return (
            connection.uses == self._use
            and connection.lender is not None
            and not is_under_way(connection)
        )


def _half_lent(error: BaseException) -> AsyncPooledConnection | None:
    """Return the connection that psycopg_pool had taken out and not lent when an error came."""
    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_code.co_name == "_getconn_unchecked":
            found = frame.f_locals.get("conn")
            return found if isinstance(found, AsyncPooledConnection) else None
    return None
