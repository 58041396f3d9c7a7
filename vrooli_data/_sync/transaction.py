# Generated from vrooli_data/_async/transaction.py by tools/unasync.py. Do not edit.
"""Transactions: begun, committed or rolled back; an outcome that is unknown is reported as such."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import Enum
from functools import partial
from typing import Any, Self, TypeAlias, TypeVar
from weakref import ref

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from .._bound import BoundQuery
from .._classify import lost_at_commit, safe_text
from .._connect import GRACE, cut
from .._copying import Copy
from .._opening import Opening
from .._outbox import Recording, is_recorded
from .._retry import Reason, reason_of, set_retry_reason
from .._rows import Row
from .._transactions import (
    COMMITTED,
    LOOK,
    NOT_COMMITTED,
    NOT_KNOWN,
    Failure,
    Options,
    Trace,
    TryEachResult,
    add_note,
    carry_notes,
    refuse_standby,
)
from ..errors import (
    CommittedButCallbackFailed,
    CommitUnknown,
    InvalidUse,
    Timeout,
    TransactionAborted,
    Unavailable,
    VrooliDataError,
)
from ..validation import check_ratio
from ._compat import Body, Callback, Home, begin_in_property, call, check_body, current_owner
from .outcome import Look, Resolver
from .pool import Loan, Pool
from .repositories import Repositories
from .session import Merger, Session, TransactionalRunner

R = TypeVar("R")
T = TypeVar("T")
X = TypeVar("X")

logger = logging.getLogger("vrooli_data")

#: Gives back the connection that an error shows to be dead, and takes another.
Replace: TypeAlias = Body[VrooliDataError, Session]


class _Stage(Enum):
    """How far a transaction has come, which decides what an interruption has to undo."""

    #: Nothing is committed.
    OPEN = "open"
    #: COMMIT is sent, or about to be.
    COMMITTING = "committing"
    COMMITTED = "committed"
    #: It was rolled back, or its outcome was reported unknown.
    ENDED = "ended"


_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.ACTIVE)


class Transaction(Repositories):
    """One open transaction, with the repositories on it.

    Any task or thread may use it, one call at a time, until the end of its block. The block alone
    commits it or rolls it back.
    """

    _runner: TransactionRunner

    def __init__(self, runner: TransactionRunner) -> None:
        super().__init__(runner)

    def _add_commit_note(self, error: BaseException) -> None:
        self._runner.add_commit_note(error)

    @property
    def connection(self) -> Connection[Row]:
        """Psycopg's connection, for what the layer does not cover, except COMMIT and ROLLBACK."""
        return self._runner.lend_connection()

    def on_commit(self, callback: Callback) -> None:
        """Call *callback* once the transaction is committed, and never when it is not.

        Callbacks run after the block, in order. What one raises is wrapped in
        `CommittedButCallbackFailed`; the later ones still run.
        """
        check_body("callback", callback)
        self._runner.add_callback(callback)

    @contextmanager
    def savepoint(self) -> Iterator[Self]:
        """Undo this block alone, and not the transaction, when an error leaves it."""
        with self._runner.savepoint():
            yield self

    def try_each(
        self, items: Iterable[X], work: Body[X, R], *, max_failure_ratio: float = 0.5
    ) -> TryEachResult[R]:
        """Do work for each item behind a savepoint, and undo only what fails.

        Returns what succeeded and what failed. Where more than *max_failure_ratio* of the items
        fail, raises `TransactionAborted`, which undoes the whole transaction. What a new attempt of
        the transaction may avoid, such as a serialization failure, is raised at once.
        """
        self._runner.check_use()
        check_body("work", work)
        check_ratio("max_failure_ratio", max_failure_ratio)
        successes: list[tuple[int, R]] = []
        failures: list[Failure] = []
        for index, item in enumerate(items):
            try:
                with self._runner.savepoint():
                    result = call("work", work, item)
            except Exception as error:
                # A savepoint does not help against an error of the whole transaction.
                if reason_of(error) is not None or not self._runner.is_sound():
                    raise
                failures.append(Failure(index, error))
            else:
                # Only here, because the end of the block may undo the work as well.
                successes.append((index, result))
        count = len(successes) + len(failures)
        if len(failures) > max_failure_ratio * count:
            raise TransactionAborted(
                f"{len(failures)} of {count} items failed, more than the share of "
                f"{max_failure_ratio:g} that is allowed; the first: {safe_text(failures[0].error)}"
            )
        return TryEachResult(successes, failures)


class TransactionRunner:
    """One transaction on one connection: runs its queries, one at a time, and ends it."""

    def __init__(
        self,
        session: Session,
        resolver: Resolver,
        options: Options,
        *,
        replace: Replace | None = None,
    ) -> None:
        self.extensions = session.extensions
        self.is_callers = False
        #: In a transaction, reads are never merged.
        self.merger: Merger | None = None
        self._session = session
        self._connection = session.connection
        self._resolver = resolver
        self._options = options
        #: Gives back a dead connection, and takes another; None where there is no other.
        self._replace = replace
        #: What begins the transaction, with its first statement; None where the caller began it.
        self._opening: Opening | None = None
        #: The id comes with BEGIN.
        self._trace = Trace(None, None, session.started, session.run, time.monotonic())
        #: The end of its timeout: servers before 17 limit only statements and idle times.
        self._end: float | None = None
        self._savepoints = 0
        self._callbacks: list[Callback] = []
        #: The last event that was recorded and not undone: with it, everything is committed.
        self._recorded: Recording | None = None
        self._home = Home()
        self._owner = current_owner()
        #: Held by the current call, and for good once the transaction is over.
        self._turn = threading.Lock()
        self._is_over = False
        self._was_alone = False
        self._stage = _Stage.OPEN

    def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        self._take_turn()
        try:
            self._check_begin()
            while True:
                is_first = self._is_pending()
                try:
                    return self._session.rows(query, parameters)
                except VrooliDataError as error:
                    if not is_first or not self._replaces(error):
                        raise
        finally:
            self._turn.release()

    def record(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], recording: Recording
    ) -> list[Row]:
        """Execute a query that records an event and return its rows."""
        rows = self.rows(query, parameters)
        if is_recorded(rows):
            self._recorded = recording
        return rows

    def column_types(self, query: Copy[Any]) -> list[tuple[str, str]]:
        """Return the columns of the table that a COPY fills, with their types."""
        from .._engine_queries import LIST_COLUMN_TYPES  # noqa: PLC0415 (it reads files)

        found = self.rows(LIST_COLUMN_TYPES, (query.table,))
        return [(name, kind) for name, kind in found]

    def copy(self, query: Copy[Any], types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Send rows through a binary COPY, as values of some types."""
        self._take_turn()
        try:
            self._begun()
            self._session.copy(query, types, rows)
        finally:
            self._turn.release()

    def atomic(
        self,
        body: Body[TransactionalRunner, T],
        *,
        repeats: bool = True,
    ) -> T:
        """Run several queries; the transaction makes them one already."""
        return body(self)

    def lend_connection(self) -> Connection[Row]:
        """Begin the transaction, and return psycopg's connection."""
        self._take_turn()
        try:
            begin_in_property(self._begun, self._send_begin)
            return self._connection.lend()
        finally:
            self._turn.release()

    def add_callback(self, callback: Callback) -> None:
        """Add what is to be called after the commit."""
        self.check_use()
        self._callbacks.append(callback)

    def check_use(self) -> None:
        """Refuse a use after the end, or while another call is under way."""
        self._take_turn()
        self._turn.release()

    def is_open_for(self, owner: object) -> bool:
        """Return whether this task or thread opened the transaction and has not left its block."""
        return not self._is_over and self._owner == owner and self._home.is_here()

    def is_sound(self) -> bool:
        """Return whether the transaction can go on."""
        return self._status() is TransactionStatus.INTRANS

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo this block alone when an error leaves it."""
        self.check_use()
        self._savepoints += 1
        name = psycopg.sql.Identifier(f"vrooli_data_{self._savepoints}")
        callbacks, recorded = len(self._callbacks), self._recorded
        self._run(psycopg.sql.SQL("SAVEPOINT {}").format(name))
        try:
            yield
            self._check_savepoint()
        except BaseException as error:
            if isinstance(error, psycopg.Error):
                self._session.set_retry_reason(error)
            # They belong to work that is undone.
            del self._callbacks[callbacks:]
            self._recorded = recorded
            if self._home.is_here() and self._is_alone():
                self._try_to(psycopg.sql.SQL("ROLLBACK TO SAVEPOINT {}").format(name))
                self._turn.release()
            raise
        self._run(psycopg.sql.SQL("RELEASE SAVEPOINT {}").format(name))

    def run(self, body: Body[TransactionRunner, T]) -> T:
        """Run some work from BEGIN to COMMIT."""
        try:
            self.begin()
            result = body(self)
            self.commit()
        except BaseException as error:
            self.end_by(error)
            self.add_commit_note(error)
            raise
        return result

    def begin(self) -> None:
        """Open the transaction, which begins with its first statement."""
        self._begin_on(self._session)

    def _begin_on(self, session: Session) -> None:
        # First: without it, a statement would be a transaction of its own.
        self._opening = session.open(self._options)
        self._session, self._connection = session, session.connection
        if self._options.timeout is not None:
            self._end = self._end or time.monotonic() + self._options.timeout
            self._connection.end = self._end + GRACE

    def call_back(self) -> None:
        """Call every callback of `on_commit`, also after one has failed."""
        failure: Exception | None = None
        for callback in self._callbacks:
            try:
                call("callback", callback)
            except Exception as error:  # noqa: BLE001 (it is raised below, when all have run)
                failure = failure or error
        if failure is not None:
            raise CommittedButCallbackFailed(
                "the transaction is committed, but a callback of on_commit failed"
            ) from failure

    def _check_begin(self) -> None:
        """Refuse to begin after the timeout: the server counts it from BEGIN."""
        if self._is_pending():
            self._check_time()

    def _check_time(self) -> None:
        if self._end is not None and time.monotonic() > self._end:
            raise Timeout("the transaction took longer than its timeout, and was rolled back")

    def _take_turn(self) -> None:
        self._home.check("the transaction")
        # One step: two threads may call at once.
        if self._turn.acquire(blocking=False):
            return
        if self._is_over:
            raise InvalidUse("the transaction is over: do this inside its block")
        raise InvalidUse(
            "a transaction is one conversation with the server, and another call is under way: "
            "let one task or thread use it at a time, or open another"
        )

    def end_by(self, error: BaseException) -> None:
        """End the transaction because of an error, which is not replaced.

        When it interrupted COMMIT, or came after it, a note on it says what became of the
        transaction.
        """
        if not self._home.is_here():
            self._cut()
            return
        if self._stage is _Stage.OPEN:
            self._end_use()
            if isinstance(error, psycopg.Error):
                self._session.set_retry_reason(error)
            if self._options.read_only and reason_of(error) is Reason.READ_ONLY:
                # The caller asked for a read-only transaction: no server would accept the write.
                set_retry_reason(error, None)
        try:
            if self._stage is _Stage.COMMITTING:
                self._resolve_interrupted(error)
            elif self._stage is not _Stage.COMMITTED:
                self._undo()
        finally:
            self._connection.end = None

    def add_commit_note(self, error: BaseException) -> None:
        """Add a note to an error that came after COMMIT: the transaction is committed."""
        if self._stage is _Stage.COMMITTED and not isinstance(error, CommittedButCallbackFailed):
            add_note(error, COMMITTED)

    def _end_use(self) -> bool:
        """Refuse further calls; return whether none was under way."""
        if not self._is_over:
            self._was_alone = self._is_alone()
            self._connection.opening = None
            self._is_over = True
        return self._was_alone

    def _is_alone(self) -> bool:
        """Take the turn and return True; when another call is under way, cut the connection.

        What another task or thread has begun must not run behind a ROLLBACK, on its own.
        """
        if (
            self._turn.acquire(blocking=False)
            # A call through `tx.connection`, which may not have sent its statement yet.
            and not self._connection.lock.locked()
            and (self._status() is not TransactionStatus.ACTIVE or self._is_unread())
        ):
            return True
        self._cut()
        return False

    def _cut(self) -> None:
        # Whoever else waits for the server gets an error at once.
        cut(self._connection.pgconn)

    def commit(self) -> None:
        """Commit; an error means that nothing was committed, `CommitUnknown` that it is unknown."""
        if not self._home.is_here():
            self._cut()
            self._home.check("the transaction")
        if not self._end_use():
            raise InvalidUse(
                "a call was still under way at the end of the transaction's block, and so the "
                "transaction was rolled back: wait for every call inside the block"
            )
        self._check_time()
        if self._is_pending():
            # Nothing was sent, and so there is nothing to commit.
            self._stage = _Stage.COMMITTED
            self._connection.end = None
            return
        try:
            self._read_begin()
        except psycopg.Error as error:
            raise self._session.translated(error) from None
        status = self._status()
        if status is not TransactionStatus.INTRANS or not self._has_begun():
            raise self._refusal(status)
        self._stage = _Stage.COMMITTING
        try:
            with self._connection.within(self._resolver.timeout):
                answer = self._session.command(b"COMMIT")
        except psycopg.Error as error:
            if not self._connection.closed:
                # The server refused the commit.
                self._stage = _Stage.ENDED
                raise self._session.translated(error) from None
            self._resolve(error)
        else:
            if answer != b"COMMIT":
                self._stage = _Stage.ENDED
                raise TransactionAborted("the server rolled the transaction back at COMMIT")
        self._stage = _Stage.COMMITTED
        self._connection.end = None
        if self._recorded is not None:
            self._session.notify()

    def _refusal(self, status: TransactionStatus) -> VrooliDataError:
        """Return the error of a transaction that cannot be committed."""
        is_alive = status in (TransactionStatus.IDLE, TransactionStatus.INTRANS)
        if status is TransactionStatus.INERROR or (is_alive and not self._has_begun()):
            return TransactionAborted(
                "a database error inside the block was caught there, and so the transaction was "
                "rolled back: let the error leave the block, or catch it around a savepoint"
            )
        if status is not TransactionStatus.IDLE:
            lost = Unavailable("the connection was lost before COMMIT; nothing was committed")
            set_retry_reason(lost, Reason.LOST)
            return lost
        problem = "the transaction was ended inside its block, by a statement of tx.connection"
        answer = self._resolver.outcome(self._identified(), None)
        if answer == "committed" or self._options.read_only:
            return InvalidUse(f"{problem}: it is committed, and what followed was not part of it")
        if answer == "aborted":
            return TransactionAborted(f"{problem}: it is rolled back")
        return self._resolver.unknown(f"{problem}: which is not known", None, self._identified())

    def _check_savepoint(self) -> None:
        if self._status() is TransactionStatus.INERROR:
            raise TransactionAborted(
                "a database error inside the savepoint's block was caught there: the block was "
                "undone; catch the error outside of it"
            )

    def _begun(self) -> None:
        """Begin the transaction now, unless it has begun."""
        self._check_begin()
        while True:
            is_first = self._is_pending()
            try:
                self._session.begin(self._opening)
            except psycopg.Error as error:
                reported = self._session.translated(error)
                if not is_first or not self._replaces(reported):
                    raise reported from None
            else:
                return

    def _send_begin(self) -> None:
        """Send BEGIN, unless it was sent: the next call reads the reply."""
        self._check_begin()
        try:
            self._session.send_begin()
        except psycopg.Error as error:
            raise self._session.translated(error) from None

    def _is_pending(self) -> bool:
        """Return whether nothing was sent: a call that fails later may not begin anew."""
        return self._opening is not None and self._opening.is_pending

    def _has_begun(self) -> bool:
        return self._opening is None or self._opening.is_done

    def _is_unread(self) -> bool:
        return self._opening is not None and self._opening.is_unread

    def _read_begin(self) -> None:
        """Read the reply to a BEGIN after which nothing was sent, or raise an error of psycopg."""
        if self._is_unread():
            with self._connection.within(self._resolver.timeout):
                self._session.begin(self._opening)

    def _replaces(self, error: VrooliDataError) -> bool:
        """Continue on another connection if this one may have been dead before the transaction."""
        if (
            self._replace is None
            or self._opening is None
            or self._opening.is_done
            # A young one may have died of the statement.
            or self._session.begun > self._trace.begun
            or self._connection.is_lent
            or reason_of(error) is not Reason.LOST
        ):
            return False
        session = self._replace(error)
        self._connection.opening = None
        self._trace = self._trace._replace(started=session.started, run=session.run)
        self._begin_on(session)
        return True

    def _identified(self) -> Trace:
        """Return what identifies the transaction to its server."""
        if self._opening is None or not self._opening.rows or not self._options.tracked:
            return self._trace
        (xid, timeline), *others = self._opening.rows
        trace = self._trace._replace(xid=xid, timeline=timeline)
        if self._session.each_transaction is not None:
            # Behind a pooler, this may be another server than when the connection was opened.
            from .._engine_queries import FIND_RUN_AT_BEGIN  # noqa: PLC0415 (it reads files)

            run = FIND_RUN_AT_BEGIN.record_of(others[1])
            trace = trace._replace(started=run.started, run=run)
        return trace

    def _resolve(self, error: BaseException) -> None:
        """Return when the transaction was committed; raise otherwise."""
        look = self._marker()
        answer = self._resolver.outcome(self._identified(), look)
        if answer != "committed":
            self._stage = _Stage.ENDED
        if answer == "aborted":
            raise lost_at_commit(error) from None
        if answer != "committed" and not self._options.read_only:
            raise self._resolver.unknown(
                "the reply to COMMIT was lost, and the server could not tell the outcome in time",
                None,
                self._identified(),
                look,
            ) from None

    def _marker(self) -> Look | None:
        """Return the caller's marker, or else what looks for the last recorded event."""
        marker = self._options.marker
        if marker is not None:
            return partial(self._look, marker)
        if self._recorded is None or self._connection.is_lent:
            # A statement of `tx.connection` may have undone the event.
            return None
        return self._resolver.look_for(self._recorded)

    def _look(self, marker: Body[Transaction, bool], session: Session) -> bool:
        """Call the marker in a transaction of its own."""

        def ask(runner: TransactionRunner) -> bool:
            return bool(call("marker", marker, Transaction(runner)))

        return TransactionRunner(session, self._resolver, LOOK).run(ask)

    def _resolve_interrupted(self, interruption: BaseException) -> None:
        try:
            was_sent = self._status() is not TransactionStatus.INTRANS
            self._undo()
            if was_sent:
                self._resolve(interruption)
        except Unavailable:
            add_note(interruption, NOT_COMMITTED)
        except CommitUnknown:
            raise
        except BaseException as another:
            add_note(another, NOT_KNOWN)
            raise
        else:
            add_note(interruption, COMMITTED if was_sent else NOT_COMMITTED)

    def _undo(self) -> None:
        """Roll back; close a connection that cannot, as its transaction is still open."""
        if not self._was_alone:
            # What is under way on it may have no end: a COPY that is left open in this very task.
            self._connection.close()
            return
        try:
            with suppress(psycopg.Error):
                self._read_begin()
            self._try_to(psycopg.sql.SQL("ROLLBACK"))
        finally:
            if not self._connection.is_at_rest():
                self._connection.close()

    def _try_to(self, statement: psycopg.sql.SQL | psycopg.sql.Composed) -> None:
        # Without a connection there is nothing to undo.
        if self._status() in _OPEN:
            try:
                with self._connection.within(self._resolver.timeout):
                    self._connection.execute(statement, prepare=False)
            except psycopg.Error:
                # The error that led here is the one to raise.
                logger.debug("ROLLBACK failed; the connection is discarded")

    def _run(self, statement: psycopg.sql.Composed) -> None:
        self._take_turn()
        try:
            if self._connection.is_lent:
                self._connection.check_free("savepoint")
            self._begun()
            self._connection.execute(statement, prepare=False)
        except psycopg.Error as error:
            raise self._session.translated(error) from None
        finally:
            self._turn.release()

    def _status(self) -> TransactionStatus:
        return TransactionStatus(self._connection.pgconn.transaction_status)


class Transactions:
    """Opens transactions on connections of the pool, one at a time for each task or thread."""

    def __init__(self, pool: Pool, resolver: Resolver) -> None:
        self._pool = pool
        self._resolver = resolver
        #: The transaction opened last in this context; a child task or process may inherit it. A
        #: context may live longer than the block, which alone keeps the transaction.
        self._opened: ContextVar[ref[TransactionRunner] | None] = ContextVar(
            "vrooli_data_transaction", default=None
        )

    @contextmanager
    def open(self, options: Options, face: Callable[[TransactionRunner], T]) -> Iterator[T]:
        """Open one transaction, commit it at the end of the block, or roll it back on an error.

        The block gets what *face* makes of it.
        """
        self.refuse_nesting("a transaction")
        runner: TransactionRunner | None = None
        try:
            with Loan(self._pool) as loan:
                # A loan's block does not protect the line of a `try` (CPython 3.11): none follows.
                try:
                    runner = self._take(loan, options)
                    runner.begin()
                    self._opened.set(ref(runner))
                    yield face(runner)
                    runner.commit()
                    self._forget(runner)
                    loan.give_back()
                except BaseException as error:
                    self._end(runner, loan, error)
                    raise
            runner.call_back()
        except BaseException as error:
            if runner is not None:
                self._forget(runner)
                runner.add_commit_note(error)
            raise

    def _end(self, runner: TransactionRunner | None, loan: Loan, error: BaseException) -> None:
        """End what an error leaves open, and give back the connection."""
        reported = error
        try:
            if runner is not None:
                self._forget(runner)
                runner.end_by(error)
        except BaseException as another:
            reported = another
            raise
        finally:
            try:
                loan.end_by(error)
            except BaseException as another:
                carry_notes(reported, another)
                raise

    def _forget(self, runner: TransactionRunner) -> None:
        # A token does not work in another context, in which a framework may leave the block.
        opened = self._opened.get()
        if opened is not None and opened() is runner:
            self._opened.set(None)

    def refuse_nesting(self, what: str) -> None:
        """Refuse what would wait for the caller's open transaction, or not be part of it."""
        opened = self._opened.get()
        runner = None if opened is None else opened()
        if runner is not None and runner.is_open_for(current_owner()):
            raise InvalidUse(
                f"{what} cannot begin inside a transaction: pass the open one on, "
                "or use its repositories and its savepoint()"
            )

    def _take(self, loan: Loan, options: Options) -> TransactionRunner:
        """Return a transaction, which is not open yet, on a connection of the pool."""

        def take() -> Session:
            connection = loan.take()
            refuse_standby(options, connection.info.parameter_status("in_hot_standby"))
            return connection.session

        def replace(error: VrooliDataError) -> Session:
            loan.end_by(error)
            return take()

        return TransactionRunner(take(), self._resolver, options, replace=replace)
