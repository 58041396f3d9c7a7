"""Psycopg connections: those of the layer, and those that an application gets on their sessions."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg import AsyncConnection, AsyncRawCursor, errors
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap
from psycopg.pq import ExecStatus, PGconn, PGresult, PipelineStatus, TransactionStatus

from .._connect import GRACE, cut
from .._execution import PreparedStatements
from .._opening import Opening
from .._process import belongs_here, replace_socket
from .._rows import Row
from ..errors import InvalidUse
from ._compat import current_owner, let_finalizers_begin, run_if_free
from .waiting import AsyncReadingConnection

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn as AnyPGconn

R = TypeVar("R")

logger = logging.getLogger("vrooli_data")

#: Seconds between two looks of psycopg at what else may have happened while it waits.
_INTERVAL = 0.1

#: What may be unfinished on a connection that was lent out, and how to end it.
_STATEMENT = "a statement is under way on `.connection`: let it end first"
_COPY = "a COPY is open on `.connection`: leave its block first"
_STREAM = "a stream() is open on `.connection`: read it to its end or close it first"
_UNREAD = (
    "the reply to a statement of `.connection` was not read to its end: read every row of a COPY, "
    "or leave its block by an error"
)

#: What a connection has that was closed.
_NOWHERE = PGconn.connect_start(b"no_such_option=1")
_NOWHERE.finish()


class _Cancelling(AsyncConnection[Row]):
    async def _try_cancel(
        self,
        *,
        timeout: float = GRACE,  # noqa: ASYNC109 (psycopg's own signature)
    ) -> None:
        """Ask the server to cancel the statement; cut the connection when it does not answer."""
        try:
            await self.cancel_safe(timeout=min(timeout, GRACE))
        except errors.CancellationTimeout:
            # psycopg would wait for another five seconds.
            cut(self.pgconn)
        except Exception as error:  # noqa: BLE001 (the interruption is the one to be seen)
            logger.info("what was interrupted could not be cancelled: %s", type(error).__name__)


class AsyncLendingConnection(AsyncReadingConnection, _Cancelling):
    """A connection of the layer, which an application gets as another object."""

    def __init__(self, pgconn: AnyPGconn) -> None:
        super().__init__(pgconn)
        self._prepared = PreparedStatements()
        #: Who took it from the pool last; None beside the pool.
        self.holder: Any = None
        #: Seconds that one statement may take; None sets no limit.
        self.limit: float | None = None
        #: When the current work has to be over, by the monotonic clock; None sets no limit.
        self.end: float | None = None
        #: How often a call of the layer has begun to send and to wait.
        self.waits = 0
        #: Whether it was closed because the server did not answer in time.
        self.is_late = False
        self._handlers = (pgconn.notice_handler, pgconn.notify_handler)
        #: The session's cursors that nobody uses at the moment.
        self.cursors: list[AsyncRawCursor[Row]] = []
        belongs_here(self)
        #: The beginning of the layer's open transaction, which only the end of its block may end.
        self.opening: Opening | None = None
        #: Whether an application has psycopg's connection to the session.
        self.is_lent = False
        #: One; more when threads asked for it at the same time.
        self._lent: list[AsyncLentConnection] = []

    def leave_to_parent(self) -> None:
        """Leave the parent's connection in a child process, and send the server nothing."""
        # psycopg warns of an open connection unless it belongs to a pool.
        self._pool = None
        self.leave_loop()
        if not self.closed:
            replace_socket(self.fileno())
            # libpq closes the connection at the end of its input. After that psycopg does not ask
            # the server to cancel what the parent runs on it.
            with suppress(errors.OperationalError):
                self.pgconn.consume_input()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Close the connection when the server does not answer within *seconds*."""
        before, end = self.end, time.monotonic() + seconds
        self.end = end if before is None else min(before, end)
        try:
            yield
        finally:
            self.end = before

    async def wait(
        self,
        gen: PQGen[R],
        interval: float = _INTERVAL,
        timeout: float | None = None,  # noqa: ASYNC109 (psycopg's own signature)
    ) -> R:
        """Wait for the server, within the limits of the connection."""
        self.waits += 1
        try:
            if timeout is not None:
                # Of psycopg's `notifies`, which so learns that nothing was notified.
                return await super().wait(gen, interval, timeout)
            if self.end is None and self.limit is None:
                return await super().wait(gen, interval)
            return await super().wait(gen, interval, self.left(self.limit))
        except errors._WaitTimeout:  # noqa: SLF001 (it is what psycopg documents for `timeout`)
            if timeout is not None:
                raise
            raise self.gave_up() from None
        except BaseException:
            if self.pgconn.pipeline_status:
                # Interrupted: the next statement would take what is left for its own reply. Not by
                # libpq alone: the event loop has to forget the socket before it is closed.
                self.let_go()
            raise

    def left(self, limit: float | None) -> float | None:
        """Return the seconds that the server has left to answer, at most *limit*."""
        if self.end is None:
            return limit
        # ROLLBACK gets a moment even after the end.
        left = max(self.end - time.monotonic(), _INTERVAL)
        return left if limit is None else min(left, limit)

    async def __aexit__(self, *_: object) -> None:
        """Close the connection; psycopg would commit first, and an interruption there leave it."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; a call that is under way on it ends with an error."""
        self.let_go()

    def let_go(self) -> None:
        """End the session.

        Another task or thread may be inside libpq, whose memory must not be freed under it. Then
        the socket is cut, and the memory is freed with the last reference to it.
        """
        pgconn, self.pgconn = self.pgconn, _NOWHERE
        for lent in self._lent:
            lent.pgconn = _NOWHERE
        self._closed = True
        # Each refers to the memory.
        self.cursors.clear()
        self.stop_reading()
        run_if_free(self.lock, pgconn.finish)
        cut(pgconn)

    def gave_up(self) -> errors.OperationalError:
        """Close the connection of a server that does not answer, and return the error."""
        self.is_late = True
        self.let_go()
        return errors.OperationalError("the server did not answer in time")

    def is_at_rest(self) -> bool:
        """Return whether no statement, transaction or pipeline is unfinished."""
        return (
            self.pgconn.transaction_status == TransactionStatus.IDLE
            and self.pgconn.pipeline_status == PipelineStatus.OFF
            and self.opening is None
        )

    def lend(self) -> AsyncConnection[Row]:
        """Return a psycopg connection to the same session, with a state of its own."""
        # First: an exception of a signal handler may come between any two lines.
        self.is_lent = True
        if not self._lent:
            self._lent.append(AsyncLentConnection(self))
        return self._lent[0]

    async def check_free(self, work: str) -> None:
        """Refuse work that would wait for ever: for what its own task or thread has left open."""
        if self.pgconn.pipeline_status:
            raise InvalidUse(f"{work}: a pipeline is open on `.connection`: leave its block first")
        for lent in self._lent:
            if not lent.is_left_open():
                continue
            # A stream that nobody refers to any more is closed by a task of its own.
            await let_finalizers_begin()
            if lent.is_left_open():
                raise InvalidUse(f"{work}: {lent.left_open}")
        run_if_free(self.lock, partial(self._check_read, work))

    def _check_read(self, work: str) -> None:
        """Refuse work where the reply to a statement is not read, and nobody reads it."""
        is_begin = self.opening is not None and self.opening.is_unread
        if self.pgconn.transaction_status == TransactionStatus.ACTIVE and not is_begin:
            raise InvalidUse(f"{work}: {_UNREAD}")

    def take_back(self) -> bool:
        """Disconnect what was lent; return False when a statement or transaction is unfinished."""
        is_idle = self.is_at_rest() and not self.lock.locked()
        if not self.closed:
            self.pgconn.notice_handler, self.pgconn.notify_handler = self._handlers
        for lent in self._lent:
            lent.pgconn = _NOWHERE
            # Both connections share one list of prepared statements.
            self.prepare_threshold, self.prepared_max = lent.limits
        self._lent.clear()
        self.is_lent = False
        return is_idle

    @property
    def prepared_count(self) -> int:
        """How many statements psycopg counts as prepared."""
        return len(self._prepared._names)  # noqa: SLF001 (psycopg shows it nowhere else)

    async def forget_prepared(self) -> None:
        """Drop every prepared statement, here and on the server."""
        self._prepared.clear()
        # psycopg itself would send this only after the next statement, which is prepared by then.
        await self.execute("DEALLOCATE ALL", prepare=False)


class AsyncLentConnection(_Cancelling):
    """The psycopg connection that an application gets: another object on the same session.

    What its user sets on it, row factory, autocommit, adapters, handlers and whatever else psycopg
    has, does not reach the layer's own statements, and ends with it.
    """

    def __init__(self, lender: AsyncLendingConnection) -> None:
        # psycopg closes a connection at the end of its block unless it belongs to a pool. First,
        # because psycopg warns of an open connection that has no such attribute.
        self._pool = lender.holder
        super().__init__(lender.pgconn)
        #: What `AsyncLendingConnection.take_back` sets again.
        self.limits = (lender.prepare_threshold, lender.prepared_max)
        self.lock = lender.lock
        self._autocommit = lender.autocommit
        self._adapters = AdaptersMap(lender.adapters)
        # A prepared statement has one name on the server, whoever prepared it.
        self._lender = lender
        self._prepared = lender._prepared  # noqa: SLF001 (psycopg has no way to share it)
        #: Who runs a statement on it, also between two waits for its rows.
        self._user: object = None
        #: What the user has not ended, and how to end it.
        self.left_open = _STATEMENT

    def is_left_open(self) -> bool:
        """Return whether this task or thread itself is in the middle of a statement of psycopg."""
        return self.lock.locked() and self._user == current_owner()

    async def wait(
        self,
        gen: PQGen[R],
        interval: float = _INTERVAL,
        timeout: float | None = None,  # noqa: ASYNC109 (psycopg's own signature)
    ) -> R:
        """Wait for the server, within the time limit of the transaction, which begins first."""
        self._user, self.left_open = current_owner(), _STATEMENT
        result: object = None
        try:
            opening = self._lender.opening
            if opening is not None and not opening.is_done and not self.closed:
                await self._wait(opening.alone(self.pgconn), interval)
            result = value = await self._wait(gen, interval, timeout)
        finally:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                # psycopg keeps the lock until all rows are read or written.
                self.left_open = _STREAM if _is_row(result) else _COPY
            else:
                self._user = None
        return value

    async def _try_cancel(
        self,
        *,
        timeout: float = GRACE,  # noqa: ASYNC109 (psycopg's own signature)
    ) -> None:
        self._user, self.left_open = current_owner(), _STATEMENT
        await super()._try_cancel(timeout=timeout)

    async def _wait(
        self,
        gen: PQGen[R],
        interval: float,
        timeout: float | None = None,  # noqa: ASYNC109 (psycopg's own signature)
    ) -> R:
        # psycopg's own wait registers the socket for itself.
        self._lender.stop_reading()
        # The application sets its own statement_timeout.
        if timeout is not None or (left := self._lender.left(None)) is None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, left)
        except errors._WaitTimeout:  # noqa: SLF001 (it is what psycopg documents for `timeout`)
            raise self._lender.gave_up() from None

    async def commit(self) -> None:
        """Commit what was begun through psycopg."""
        self._check_end()
        await super().commit()

    async def rollback(self) -> None:
        """Roll back what was begun through psycopg."""
        self._check_end()
        await super().rollback()

    async def close(self) -> None:
        """Close the session, which is the layer's as well."""
        if not self.closed:
            await self._lender.close()

    def _check_end(self) -> None:
        if self._lender.opening is not None:
            raise InvalidUse(
                "a transaction ends with its block: leave it to commit, raise an error to roll back"
            )


def _is_row(result: object) -> bool:
    """Return whether it is a part of the result of a stream()."""
    return isinstance(result, PGresult) and result.status in (
        ExecStatus.SINGLE_TUPLE,
        ExecStatus.TUPLES_CHUNK,
    )
