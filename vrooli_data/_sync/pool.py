# Generated from vrooli_data/_async/pool.py by tests/unasync.py. Do not edit.
"""Borrowing connections from the pool, and giving them back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from copy import copy

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from .._classify import translate
from .._connect import cut
from .._process import belongs_here
from .._retry import UNPREPARED, Reason, mark, reason_of
from .._transactions import Trace
from ..errors import InvalidUse, Unavailable, VrooliDataError
from ._compat import Home, sleep, to_the_end
from .connector import Connector
from .pooled_connection import PooledConnection

logger = logging.getLogger("vrooli_data")

#: How often, and after how many seconds each, to look whether a task or thread has let go of a
#: connection that was cut; it does so at once, unless it holds the lock for other reasons.
_LOOKS, _BETWEEN_LOOKS = 100, 0.01

#: Seconds after which the pool gives up on a server that is down, but for `go_on_connecting`.
RECONNECT_TIMEOUT = 0.5


def go_on_connecting(
    pool: ConnectionPool[PooledConnection],
    *,
    connector: Connector,
    min_size: int,
    max_size: int,
) -> None:
    """Try again for those who wait: left alone, the pool would double the time between its tries.

    So a server that was down for long would stay out of reach for as long once it is up.
    """
    stats = pool.get_stats()
    if stats["requests_waiting"] and not stats["pool_size"]:
        # Growing for a moment is the one way to have it connect at once.
        pool.resize(min_size + 1, max_size + 1)
        pool.resize(min_size, max_size)
    # The pool knows the reason and does not tell it. Those who wait have no time left to ask.
    try:
        with connector.connect():
            pass
    except Unavailable as error:
        connector.failure = error


class Pool(ConnectionPool[PooledConnection]):
    """psycopg's pool, which a child of this process leaves alone."""

    def leave_to_parent(self) -> None:
        """Take no more part: the tasks or threads that serve the pool are the parent's."""
        # What stops them when the pool is deleted may wait for a lock that one of them held.
        self._closed = True

    def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 (as psycopg_pool has it)
        """Close the connections, also when waiting for the workers is interrupted."""
        idle = list(self._pool)
        try:
            super().close(timeout)
        except BaseException:
            # psycopg_pool closes them last, and forgets them before.
            for connection in idle:
                connection.close()
            raise


#: Seconds within which a connection that is idle can be had.
_AT_ONCE = 0.05


class Connections:
    """The connections of the pool; whoever takes one gives it back."""

    def __init__(self, pool: Pool, connector: Connector) -> None:
        self._pool = pool
        #: Where the pool was opened, once it is.
        self._home: Home | None = None
        self._is_closed = False
        self._stay_open: Callable[[], object] | None = None
        self._connector = connector
        #: How many connections in a row may prove dead: all of the pool, and then a new one.
        self.most_dead = pool.max_size + 1

    def open(self) -> None:
        """Open the pool, here."""
        self.check_place()
        if self._home is None:
            self._home = Home()
            belongs_here(self._pool)
            self._pool.open()
            self._stay_open = self._home.close_at_end(self._close)

    def close(self) -> None:
        """Close every connection; what belongs to a parent of this process is left to it."""
        if self._home is None or self._home.is_inherited() or self._is_closed:
            return
        self._home.check("the database")
        self._is_closed = True
        if self._stay_open is not None:
            self._stay_open()
        self._close()

    def _close(self) -> None:
        self._pool.close()

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

    def take(self, query: str | None = None) -> PooledConnection:
        """Take a connection that the server has not ended meanwhile."""
        self.check_use()
        end: float | None = None
        while True:
            try:
                left = None if end is None else end - time.monotonic()
                connection = self._pool.getconn(left)
            except PoolTimeout as error:
                raise self._why(translate(error, query, lost=True)) from None
            except psycopg.Error as error:
                raise translate(error, query, lost=True) from None
            if not connection.session.is_ended():
                return connection
            end = end or time.monotonic() + self._pool.timeout
            # Closed, it is replaced; the pool itself would find out in its user's statement.
            self._connector.forget_run(connection.session)
            connection.close()
            to_the_end(self._pool.putconn, connection)

    def take_old(self, trace: Trace) -> PooledConnection | None:
        """Take an idle connection to a transaction's server that was open before the transaction.

        None where there is none at once.
        """
        for _ in range(self._pool.get_stats()["pool_available"]):
            try:
                connection = self._pool.getconn(_AT_ONCE)
            except psycopg.Error:
                return None
            session = connection.session
            is_old = session.begun < trace.begun and session.started == trace.started
            if is_old and not session.is_ended():
                return connection
            to_the_end(self._pool.putconn, connection)
        return None

    def _why(self, error: VrooliDataError) -> VrooliDataError:
        """Return the server's own reason, where it is out of reach."""
        if self._connector.failure is None:
            return error
        # Each caller gets one of its own.
        reason = copy(self._connector.failure)
        mark(reason, Reason.BUSY)
        return reason

    def give_back(self, connection: PooledConnection, error: BaseException | None = None) -> None:
        """Give a connection back; one that serves nobody any more is closed first."""
        if self._home is None or not self._home.is_here():
            if self._home is not None:
                self._home.run_there(self._pool.putconn, connection)
            return
        try:
            if connection.is_lent:
                self._restore(connection)
            if connection.closed:
                self._connector.forget_run(connection.session)
            if error is not None and reason_of(error) in (Reason.READ_ONLY, Reason.STALE):
                if isinstance(error, VrooliDataError) and error.sqlstate in UNPREPARED:
                    # A pooler between does not keep prepared statements, or mixes them up.
                    self._connector.settings.prepare = False
                connection.close()
                # The server was demoted, or a table has changed: for the other connections as well.
                self._pool.drain()
        finally:
            # A connection that the pool does not get back is one less for good.
            to_the_end(self._pool.putconn, connection)

    def _restore(self, connection: PooledConnection) -> None:
        """Undo what was done through `.connection`, or close what cannot be undone."""
        if not connection.take_back():
            self._discard(connection)
            return
        try:
            self._connector.restore(connection)
        except psycopg.Error as error:
            logger.info("a connection was not restored (%s): discarded", type(error).__name__)
            connection.close()
        except BaseException:
            connection.close()
            raise

    def _discard(self, connection: PooledConnection) -> None:
        """Close a connection, when those who still wait for it have heard of its end."""
        if not connection.closed:
            cut(connection.fileno())
        try:
            for _ in range(_LOOKS):
                if not connection.lock.locked():
                    break
                sleep(_BETWEEN_LOOKS)
        finally:
            connection.close()
