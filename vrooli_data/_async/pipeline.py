"""Reads that share connections in pipeline mode; ``_sync/pipeline.py`` is its twin, by hand."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from copy import copy
from itertools import islice
from time import monotonic
from typing import Any, TypeAlias

import psycopg
from psycopg import errors
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult
from psycopg_pool import PoolClosed, PoolTimeout

from .._bound import BoundQuery
from .._classify import retry_reason, translate
from .._connect import GRACE, QueryEvent
from .._execution import DONE, Piped, Prepared, is_to_flush
from .._pipelining import Durations, PipelinePolicy
from .._retry import Reason
from .._rows import UNREADABLE, Row
from ..errors import VrooliDataError
from ._compat import keep_task
from .pool import AsyncLoan, AsyncPool
from .session import AsyncPipelines, AsyncPooledConnection
from .waiting import RECORD

logger = logging.getLogger("vrooli_data")

#: Executes a query on a connection of its own.
_Alone: TypeAlias = Callable[[BoundQuery[..., Any], tuple[Any, ...]], Awaitable[list[Row]]]

#: Reads under way on each connection before another one is taken from the pool.
_FULL_ENOUGH = 4
#: Turns of the event loop for which a pipeline without reads waits for the next one. Who receives a
#: reply reads again in the next turn.
_LINGER = 2
#: Seconds between two looks at the time limit, and at input that does not make a socket readable.
_INTERVAL = 0.1
#: A pipeline whose first read takes so many times the longest time is held up.
_HELD_UP = 50


def pipelines(
    pool: AsyncPool, policy: PipelinePolicy, alone: _Alone, *, behind_pooler: bool
) -> AsyncPipelines | None:
    """Return what lets reads share connections; *alone* executes those that may not."""
    return _Pipelines(pool, policy, alone, behind_pooler=behind_pooler)


class _Read:
    """One read, from its call until its caller has the rows."""

    __slots__ = (
        "asked",
        "begun",
        "ended",
        "future",
        "goes_alone",
        "parameters",
        "pipe",
        "piped",
        "prepared",
        "query",
        "sent",
    )

    def __init__(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> None:
        self.query = query
        self.parameters = parameters
        #: Its rows; None if it was not executed, and has to be made again.
        self.future: asyncio.Future[list[Row] | None] = asyncio.get_running_loop().create_future()
        #: Whether it has to be made again on a connection of its own.
        self.goes_alone = False
        self.asked = monotonic()
        #: When it was the first in its pipeline; None before.
        self.begun: float | None = None
        self.ended: float | None = None
        self.sent = self.asked
        #: Where it was sent; None before.
        self.pipe: _Pipe | None = None
        self.prepared: Prepared | None = None
        self.piped: Piped | None = None

    def fail(self, error: BaseException) -> None:
        """Raise an error in its caller, unless that has left."""
        if not self.future.done():
            self.future.set_exception(error)

    def repeat(self, *, alone: bool) -> None:
        """Have its caller make it again."""
        if not self.future.done():
            self.goes_alone = alone
            self.future.set_result(None)


class _Pipelines:
    """The pipelines of one database, and the reads that wait for a place in one."""

    def __init__(
        self, pool: AsyncPool, policy: PipelinePolicy, alone: _Alone, *, behind_pooler: bool
    ) -> None:
        self._pool = pool
        self.policy = policy
        self._run_alone = alone
        self._behind_pooler = behind_pooler
        self.settings = pool.settings
        self.durations = Durations(policy.longest)
        #: Quick reads under way on connections of their own.
        self._alone = 0
        #: Pipelines that take a connection from the pool.
        self._opening = 0
        self._pipes: list[_Pipe] = []
        #: Reads that wait for a place, the first at first.
        self._waiting: OrderedDict[_Read, None] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        pool.dependents.add(self)

    def ran_alone(self, query: BoundQuery[..., Any], seconds: float) -> None:
        """Count an execution on a connection of its own."""
        self.settings.answered(seconds)
        self.durations.ran_alone(query, seconds - self.settings.round_trip)

    async def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query that only reads, and return its rows."""
        self._pool.check_use()
        is_quick = self._is_quick(query)
        while is_quick and (self._alone or self._pipes or self._waiting):
            read = _Read(query, parameters)
            try:
                rows = await self._shared(read)
            except BaseException as error:
                self._leave(read)
                self._report(read, 0, error)
                raise
            if rows is not None:
                if self.settings.on_query is not None or logger.isEnabledFor(logging.DEBUG):
                    self._report(read, rows[0][0] if query.counts_rows else len(rows), None)
                return rows
            if read.goes_alone:
                break
        self._alone += is_quick
        try:
            return await self._run_alone(query, parameters)
        finally:
            self._alone -= is_quick

    def stop(self) -> None:
        """Let what was sent end, and refuse what waits; called when the database is closed."""
        for pipe in self._pipes:
            pipe.end()
        while self._waiting:
            read, _ = self._waiting.popitem(last=False)
            read.fail(translate(PoolClosed(), read.query.name, lost=False))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_quick(self, query: BoundQuery[..., Any]) -> bool:
        """Return whether a read may be made together with others."""
        return (
            not query.is_planned_anew
            and (not self.settings.pooler or self._behind_pooler)
            and self.durations.may_share(query, monotonic())
        )

    def _shared(self, read: _Read) -> asyncio.Future[list[Row] | None]:
        pipe = None if self._waiting else self._free_pipe()
        if pipe is not None:
            pipe.send(read)
            if len(pipe.reads) > _FULL_ENOUGH and self._may_open():
                self._open()
        else:
            self._waiting[read] = None
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._pool.timeout, self._expire)
            self._go_on()
        return read.future

    def _free_pipe(self) -> _Pipe | None:
        """Return the pipeline with the fewest reads that has a place."""
        found: _Pipe | None = None
        for pipe in self._pipes:
            if pipe.has_place() and (found is None or len(pipe.reads) < len(found.reads)):
                found = pipe
        return found

    def _leave(self, read: _Read) -> None:
        """Forget a read whose caller has its error, or is interrupted."""
        # It may be closed, which cancels nothing.
        if not read.future.cancel() and not read.future.cancelled():
            # Otherwise asyncio reports an error that came together with the interruption.
            read.future.exception()
        if read.pipe is None:
            self._waiting.pop(read, None)
        else:
            read.pipe.leave()

    def gives_way(self) -> bool:
        """Return whether somebody waits for a connection for whom no pipeline gives way yet."""
        waiting = self._pool.waiting
        if not waiting:
            return False
        return waiting - self._opening > sum(pipe.is_ending for pipe in self._pipes)

    def keeps(self, connection: AsyncPooledConnection) -> bool:
        """Return whether reads may still be sent on a connection."""
        return self._pool.keeps(connection)

    def held_up(self, query: BoundQuery[..., Any]) -> None:
        """Have a query run alone that holds up a pipeline, and send what waits on another."""
        self.durations.exclude(query, monotonic())
        for read in [each for each in self._waiting if each.query is query]:
            del self._waiting[read]
            read.repeat(alone=True)
        self._go_on()

    def fill(self, pipe: _Pipe) -> None:
        """Send what waits for a place."""
        while self._waiting and pipe.has_place():
            self._send_first(pipe)

    def _send_first(self, pipe: _Pipe) -> None:
        read, _ = self._waiting.popitem(last=False)
        if not read.future.done():
            pipe.send(read)

    def _go_on(self) -> None:
        """Open a pipeline for reads that wait where nothing else will send them."""
        if not self._waiting or self._opening:
            return
        if all(pipe.is_ending for pipe in self._pipes) or self._may_open():
            self._open()

    def _may_open(self) -> bool:
        left = self.policy.connections - self._opening
        for pipe in self._pipes:
            left -= not pipe.is_ending
        return left > 0 and self._pool.has_more

    def _open(self) -> None:
        self._opening += 1
        # The task must not hold the context of a caller, which may hold a lot.
        loop = asyncio.get_running_loop()
        keep_task(loop.create_task(self._run(monotonic()), context=Context()))

    async def _run(self, started: float) -> None:
        """Run one pipeline, from taking its connection until it is given back."""
        pipe: _Pipe | None = None
        with AsyncLoan(self._pool) as loan:
            try:
                try:
                    connection = await loan.take()
                finally:
                    self._opening -= 1
                if is_to_flush(connection):
                    # Otherwise psycopg drops what the pipeline prepares.
                    await connection.forget_prepared()
                async with connection.lock:
                    pipe = _Pipe(self, connection)
                    await self._use(pipe)
                if pipe.is_stale and not loan.is_lost:
                    await connection.forget_prepared()
                await loan.give_back()
            except BaseException as error:
                await loan.end_by(error)
                if not isinstance(error, Exception):
                    raise
                self._refuse(error, started)
        self._go_on()

    async def _use(self, pipe: _Pipe) -> None:
        self._pipes.append(pipe)
        try:
            pipe.begin()
            # Also where somebody waits already: these have waited for their turn.
            while self._waiting and pipe.is_ready():
                self._send_first(pipe)
            pipe.rest()
            self._go_on()
            await pipe.over
        finally:
            self._pipes.remove(pipe)
            pipe.close()

    def _refuse(self, error: Exception, started: float) -> None:
        """Raise the error of a pipeline that was not opened in the reads that waited for it."""
        if isinstance(error, psycopg.Error):
            error = translate(error, None, lost=True)
        for read in list(self._waiting):
            if read.asked <= started:
                del self._waiting[read]
                read.fail(_error_of(read, error))

    def _expire(self) -> None:
        """Refuse the reads that have waited too long for a place."""
        self._timer = None
        now = monotonic()
        while self._waiting:
            read = next(iter(self._waiting))
            left = read.asked + self._pool.timeout - now
            if left > 0:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(left, self._expire)
                return
            del self._waiting[read]
            read.fail(self._pool.why(translate(PoolTimeout(), read.query.name, lost=True)))

    def _report(self, read: _Read, count: int, error: BaseException | None) -> None:
        begun = read.begun
        if begun is None:
            # It was not sent, or those before it have not ended.
            return
        ended = read.ended or monotonic()
        logger.debug("%s: %d rows in %.6f s", read.query.name, count, ended - begun)
        if self.settings.on_query is None:
            return
        event = QueryEvent(
            read.query.name,
            ended - begun,
            count,
            getattr(error, "sqlstate", None),
            error is None,
            begun - read.asked,
        )
        try:
            self.settings.on_query(event)
        except Exception:
            # The hook must not change how the statement has ended.
            logger.exception("on_query failed for %s", event.name)


class _Pipe:
    """One connection in pipeline mode.

    Behind each read is a Sync, so that it is a transaction of its own, and its error ends no other.
    The results up to a Sync belong to the first read that is under way, whatever they are.
    """

    def __init__(self, owner: _Pipelines, connection: AsyncPooledConnection) -> None:
        self._owner = owner
        self._connection = connection
        self._session = connection.session
        self._pgconn = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._descriptor = connection.fileno()
        self._settings = owner.settings
        #: Those that were sent, in their order.
        self.reads: deque[_Read] = deque()
        #: What has arrived for the first of them.
        self._results: list[PGresult] = []
        #: Whether it takes no more reads, and ends after those that it has.
        self.is_ending = False
        #: Whether the server has refused a prepared statement.
        self.is_stale = False
        #: Done when no read is left and none will come.
        self.over: asyncio.Future[None] = self._loop.create_future()
        self._is_open = False
        self._is_writing = False
        self._is_resting = False
        #: Whether the server is asked to cancel the first read.
        self._is_cancelling = False
        #: The read that it was asked to cancel last, and when.
        self._cancelled: _Read | None = None
        self._cancelled_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        #: Of what the event loop calls later: the context of a caller may hold a lot.
        self._context = Context()

    def begin(self) -> None:
        """Enter pipeline mode."""
        self._pgconn.enter_pipeline_mode()
        self._is_open = True
        self._connection.read_by(self._on_readable)

    def has_place(self) -> bool:
        """Return whether one more read may be sent; end it if the connection must be given up."""
        if not self.is_ready():
            return False
        if self._owner.gives_way() or not self._owner.keeps(self._connection):
            self.end()
            return False
        return True

    def is_ready(self) -> bool:
        """Return whether one more read may be sent, whoever waits for the connection.

        libpq keeps the memory of what it has still to send, and so that is one large read at most.
        """
        return (
            not (self.is_ending or self._is_cancelling or self._is_writing)
            and len(self.reads) < self._owner.policy.depth
        )

    def send(self, read: _Read) -> None:
        """Send a read."""
        session = self._session
        try:
            read.prepared = session.prepared(read.query)
            read.piped = read.prepared.bind_piped(
                self._connection, read.parameters, prepares=bool(self._settings.prepare)
            )
        except Exception:  # noqa: BLE001 (a dumper may raise any error)
            # The other path reports it.
            read.repeat(alone=True)
            return
        pgconn = self._pgconn
        try:
            if self._settings.each is not None:
                pgconn.send_query_params(self._settings.each, None)
            read.prepared.send_piped(pgconn, read.piped)
            pgconn.pipeline_sync()
            read.sent = monotonic()
            if not self.reads:
                read.begun = read.sent
            read.pipe = self
            self.reads.append(read)
            self._flush()
        except BaseException as error:
            read.repeat(alone=True)
            self._break(error)
            if not isinstance(error, Exception):
                raise
            return
        self._look_later()

    def leave(self) -> None:
        """Have the server cancel the first read, if the callers of all have left.

        It ignores what it is asked between two statements, and so it is asked once a second.
        """
        if (
            self.reads
            and not self._is_cancelling
            and self._is_open
            and all(read.future.done() for read in self.reads)
        ):
            now = monotonic()
            if self.reads[0] is self._cancelled and now - self._cancelled_at < GRACE:
                return
            self._is_cancelling = True
            self._cancelled, self._cancelled_at = self.reads[0], now
            keep_task(self._loop.create_task(self._cancel(), context=Context()))

    def end(self) -> None:
        """Take no more reads."""
        self.is_ending = True
        self.rest()

    def rest(self) -> None:
        """End it if no read is under way and, for the next turns of the event loop, none comes."""
        if self.reads or self._is_cancelling:
            return
        if self.is_ending:
            self._finish()
        elif not self._is_resting:
            self._is_resting = True
            self._loop.call_soon(self._rest, _LINGER, context=self._context)

    def close(self) -> None:
        """Leave pipeline mode; close the connection where reads are still under way."""
        if not self._is_open:
            # Nobody is inside libpq now.
            self._pgconn.finish()
            return
        if self.reads or self._is_cancelling:
            self._break(None)
            self._pgconn.finish()
            return
        self._stop()
        try:
            self._pgconn.exit_pipeline_mode()
        except psycopg.Error:
            self._connection.let_go()

    def _finish(self) -> None:
        self.is_ending = True
        if not self.over.done():
            self.over.set_result(None)

    def _rest(self, turns: int) -> None:
        if turns and not self.reads:
            self._loop.call_soon(self._rest, turns - 1, context=self._context)
            return
        self._is_resting = False
        if not self.reads and not self._is_cancelling:
            self._finish()

    def _stop(self) -> None:
        """Take it from the event loop."""
        self._is_open = False
        self._connection.read_by(None)
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._is_writing:
            self._is_writing = False
            self._loop.remove_writer(self._descriptor)

    def _break(self, error: BaseException | None) -> None:
        """Close the connection. Its first read fails; those behind it are made again."""
        if not self._is_open:
            return
        self._stop()
        self._connection.let_go()
        reads, self.reads = self.reads, deque()
        for place, read in enumerate(reads):
            if place == 0:
                read.ended = monotonic()
                read.fail(self._lost(error, read))
            else:
                read.repeat(alone=False)
        self._finish()

    def _lost(self, error: BaseException | None, read: _Read) -> VrooliDataError:
        if self._results:
            # The server may have said why.
            last = self._results[-1]
            if last.status not in DONE:
                error = errors.error_from_result(last, encoding="utf-8")
        if not isinstance(error, psycopg.Error):
            error = errors.OperationalError("the connection was lost")
        return self._session.translated(error, read.query)

    async def _cancel(self) -> None:
        try:
            await self._connection._try_cancel(timeout=GRACE)  # noqa: SLF001 (psycopg's)
        finally:
            self._is_cancelling = False
        if self._is_open:
            self.leave()
            self._owner.fill(self)
            self.rest()

    def _flush(self) -> None:
        is_left = self._pgconn.flush() == 1
        if is_left and not self._is_writing:
            Context().run(self._loop.add_writer, self._descriptor, self._on_writable)
        elif self._is_writing and not is_left:
            self._loop.remove_writer(self._descriptor)
        self._is_writing = is_left

    def _on_writable(self) -> None:
        try:
            self._flush()
        except psycopg.Error as error:
            self._break(error)
            return
        # libpq may have read while it could not send.
        self._on_readable()

    def _look(self) -> None:
        """Read what has arrived unnoticed, and break it when the first read takes too long."""
        self._watch = None
        if not self.reads or not self._is_open:
            return
        # First: the event loop may have paused.
        self._on_readable()
        if not self.reads or not self._is_open:
            return
        seconds = monotonic() - (self.reads[0].begun or monotonic())
        limit = self._connection.limit
        if limit is not None and seconds > limit:
            self._connection.is_late = True
            self._break(None)
            return
        self._look_later()
        if seconds > self._settings.round_trip + self._owner.policy.longest * _HELD_UP:
            self._give_up_first()
        self.leave()

    def _give_up_first(self) -> None:
        """Have the reads behind the first made again, which may wait for a lock for long."""
        self.is_ending = True
        for read in islice(self.reads, 1, None):
            read.repeat(alone=True)
        self._owner.held_up(self.reads[0].query)

    def _look_later(self) -> None:
        if self._watch is None:
            self._watch = self._loop.call_later(_INTERVAL, self._look, context=self._context)

    def _on_readable(self) -> None:
        try:
            self._read()
            # TLS decrypts in records; the rest of one does not make the socket readable.
            more = RECORD if self._pgconn.ssl_in_use else 0
            while more and self.reads:
                more = RECORD if self._read() else more - 1
        except BaseException as error:
            self._break(error)
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, psycopg.Error):
                logger.exception("a pipeline failed")
            return
        if not self._is_open:
            return
        self._owner.fill(self)
        if not self.reads:
            self.rest()
        else:
            self.leave()

    def _read(self) -> bool:
        """Read what has arrived; return whether that was something for a read."""
        pgconn, reads = self._pgconn, self.reads
        pgconn.consume_input()
        while (notification := pgconn.notifies()) is not None:
            if pgconn.notify_handler is not None:
                pgconn.notify_handler(notification)
        has_read = was_none = False
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                # One comes after the results of each statement, two where there are no more.
                if was_none:
                    break
                was_none = True
                continue
            was_none, has_read = False, True
            if result.status != ExecStatus.PIPELINE_SYNC:
                self._results.append(result)
                continue
            self._settle(reads[0])
            reads.popleft()
            if reads:
                reads[0].begun = monotonic()
        if pgconn.status == ConnStatus.BAD:
            raise errors.OperationalError("the connection was lost")
        return has_read

    def _settle(self, read: _Read) -> None:
        """Give the first read its rows, or its error."""
        results, self._results = self._results, []
        read.ended = now = monotonic()
        # Its answer could not come sooner than after a round trip.
        begun = max(read.begun or now, read.sent + self._settings.round_trip)
        self._owner.durations.ran_shared(read.query, max(0.0, now - begun), now)
        prepared, piped = read.prepared, read.piped
        if prepared is None or piped is None:
            raise AssertionError
        failure = next((each for each in results if each.status not in DONE), None)
        if failure is not None or not results:
            first = 0 if self._settings.each is None else 1
            prepared.forget_unprepared(piped, results[first:])
            self._fail(read, failure)
        elif not read.future.done():
            try:
                rows = prepared.rows_piped(self._connection, piped, results[-1])
            except (*UNREADABLE, psycopg.DataError):
                read.fail(read.query.mismatch())
            except VrooliDataError as error:
                read.fail(error)
            except psycopg.Error as error:
                read.fail(self._session.translated(error, read.query))
            except Exception as error:  # noqa: BLE001 (a loader may raise any error)
                read.fail(error)
            else:
                read.future.set_result(rows)

    def _fail(self, read: _Read, failure: PGresult | None) -> None:
        if failure is None:
            read.repeat(alone=True)
            return
        error = errors.error_from_result(failure, encoding="utf-8")
        if retry_reason(error, lost=False) is Reason.STALE:
            # The other path finds out what has changed, and executes it anew.
            self.is_stale = self.is_ending = True
            read.repeat(alone=True)
        else:
            read.fail(self._session.translated(error, read.query))


def _error_of(read: _Read, error: Exception) -> Exception:
    """Return an error as an object of the read's own."""
    own = copy(error)
    if isinstance(own, VrooliDataError):
        own.query = own.query or read.query.name
    return own
