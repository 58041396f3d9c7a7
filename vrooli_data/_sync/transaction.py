# Generated from vrooli_data/_async/transaction.py by tests/unasync.py. Do not edit.
"""Transactions: opened, committed or rolled back, and never left in doubt without saying so."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Self, TypeVar

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from .._classify import lost_at_commit, told, translate
from .._retry import Reason, classify, mark, reason_of
from .._rows import Row
from .._transactions import (
    COMMITTED,
    LIMIT,
    LOOK,
    NOT_COMMITTED,
    NOT_KNOWN,
    Failure,
    Options,
    Trace,
    TryEachResult,
    check_ratio,
    limits,
)
from ..errors import (
    CommitUnknown,
    Timeout,
    TransactionAborted,
    Unavailable,
)
from ._compat import Body, Callback, deadline
from .callbacks import Callbacks
from .outcome import Resolver
from .repositories import Repositories
from .session import Session
from .transaction_runner import TransactionRunner

R = TypeVar("R")
T = TypeVar("T")
X = TypeVar("X")

logger = logging.getLogger("vrooli_data")


class Transaction(Repositories):
    """One open transaction, with the repositories on it."""

    def __init__(self, session: Session, resolver: Resolver, options: Options) -> None:
        #: What the repositories run on; for methods that need several queries.
        self.runner = TransactionRunner(session)
        super().__init__(self.runner)
        self._session = session
        self._connection = session.connection
        self._resolver = resolver
        self._options = options
        #: The id comes with BEGIN.
        self._trace = Trace(None, None, session.statistics_since)
        #: When it takes too long: servers before 17 limit its statements and pauses alone.
        self._end: float | None = None
        self._savepoints = 0
        #: What on_commit was given; run when the connection has been given back.
        self.callbacks = Callbacks()

    @property
    def connection(self) -> Connection[Row]:
        """Psycopg's connection, for what the layer does not cover; COMMIT and ROLLBACK are not."""
        self.runner.check_use()
        return self._connection

    def _check_savepoint(self) -> None:
        if self._status() is TransactionStatus.INERROR:
            raise TransactionAborted(
                "a database error inside the savepoint's block was caught there: the block was "
                "undone; catch the error outside of it"
            )

    def on_commit(self, callback: Callback) -> None:
        """Call *callback* once the transaction is committed, and never when it is not.

        Callbacks run after the block, in order. What one raises is wrapped in
        `CommittedButCallbackFailed`; the later ones still run.
        """
        self.runner.check_use()
        self.callbacks.add(callback)

    @contextmanager
    def savepoint(self) -> Iterator[Self]:
        """Undo this block alone, and not the transaction, when an error leaves it."""
        self.runner.check_use()
        self._savepoints += 1
        name = psycopg.sql.Identifier(f"vrooli_data_{self._savepoints}")
        callbacks = len(self.callbacks)
        self._run(psycopg.sql.SQL("SAVEPOINT {}").format(name))
        try:
            yield self
            self._check_savepoint()
        except BaseException as error:
            if isinstance(error, psycopg.Error):
                mark(error, classify(error, lost=self._connection.closed))
            self.callbacks.forget_after(callbacks)
            self._try_to(psycopg.sql.SQL("ROLLBACK TO SAVEPOINT {}").format(name))
            raise
        self._run(psycopg.sql.SQL("RELEASE SAVEPOINT {}").format(name))

    def try_each(
        self, items: Iterable[X], work: Body[X, R], *, max_failure_ratio: float = 0.5
    ) -> TryEachResult[R]:
        """Do work for each item behind a savepoint, and undo only what fails.

        Returns what succeeded and what failed. Where more than *max_failure_ratio* of the items
        fail, raises `TransactionAborted`, which undoes the whole transaction. What a new attempt of
        the transaction may mend, such as a serialization failure, is raised at once.
        """
        self.runner.check_use()
        check_ratio("max_failure_ratio", max_failure_ratio)
        successes: list[tuple[int, R]] = []
        failures: list[Failure] = []
        for index, item in enumerate(items):
            try:
                with self.savepoint():
                    successes.append((index, work(item)))
            except Exception as error:
                # A savepoint cannot undo what spoilt the transaction as a whole.
                if reason_of(error) is not None or self._status() is not TransactionStatus.INTRANS:
                    raise
                failures.append(Failure(index, error))
        count = len(successes) + len(failures)
        if len(failures) > max_failure_ratio * count:
            raise TransactionAborted(
                f"{len(failures)} of {count} items failed, more than the share of "
                f"{max_failure_ratio:g} that is allowed; the first: {told(failures[0].error)}"
            )
        return TryEachResult(successes, failures)

    def begin(self) -> None:
        """Open the transaction on the server, or leave no trace of it."""
        try:
            self._begin()
        except BaseException as error:
            self._undo()
            if isinstance(error, psycopg.Error):
                raise translate(error, None, self._connection.closed) from None
            raise

    @contextmanager
    def block(self) -> Iterator[None]:
        """Commit at the end of the block, or roll back on an error."""
        try:
            yield
        except BaseException as error:
            self.roll_back(error)
            raise
        self.commit()

    def is_open_for(self, owner: object) -> bool:
        """Tell whether this task or thread opened it and has not left its block."""
        return self.runner.is_open_for(owner)

    def roll_back(self, error: BaseException) -> None:
        """Undo everything because of an error, which stays the one that is seen."""
        self.runner.is_over = True
        if isinstance(error, psycopg.Error):
            mark(error, classify(error, lost=self._connection.closed))
        if self._options.read_only and reason_of(error) is Reason.READ_ONLY:
            # Its caller wanted it so: on no server would it go better.
            mark(error, None)
        self._undo()

    def commit(self) -> None:
        """Commit; an error means that nothing was, and `CommitUnknown` that nobody can tell."""
        status = self._status()
        is_late = self._end is not None and time.monotonic() > self._end
        if is_late or status is TransactionStatus.INERROR:
            self._undo()
        self.runner.is_over = True
        if is_late:
            raise Timeout("the transaction took longer than its timeout, and was rolled back")
        self._check_committable(status)
        try:
            with deadline(self._connection, self._resolver.timeout):
                cursor = self._connection.execute("COMMIT", prepare=False)
        except psycopg.Error as error:
            if not self._connection.closed:
                # The server's own verdict: nothing was committed.
                raise translate(error, None, lost=False) from None
            self._resolve(error)
        except BaseException as interruption:
            self._resolve_interrupted(interruption)
            raise
        else:
            if cursor.statusmessage != "COMMIT":
                raise TransactionAborted("the server rolled the transaction back at COMMIT")

    def _check_committable(self, status: TransactionStatus) -> None:
        if status is TransactionStatus.INTRANS:
            return
        if status is TransactionStatus.INERROR:
            raise TransactionAborted(
                "a database error inside the block was caught there, and so the transaction was "
                "rolled back: let the error leave the block, or catch it around a savepoint"
            )
        if self._connection.closed:
            lost = Unavailable("the connection was lost before COMMIT; nothing was committed")
            mark(lost, Reason.LOST)
            raise lost
        raise TransactionAborted("the transaction was ended inside its block, by other means")

    def _begin(self) -> None:
        options = self._options
        if options.timeout is not None:
            self._end = time.monotonic() + options.timeout
        cursor = self._connection.execute(options.begin, prepare=False)
        if options.tracked:
            cursor.nextset()
            xid, timeline = (cursor.fetchall())[0]
            self._trace = self._trace._replace(xid=xid, timeline=timeline)
        if options.timeout is not None:
            parameters = limits(options.timeout, self._connection.info.server_version)
            prepare = self._session.prepares
            self._connection.execute(LIMIT, parameters, prepare=prepare)

    def _resolve(self, error: BaseException) -> None:
        """Return when the transaction proves to be committed; raise otherwise."""
        marker = self._options.marker
        look = None if marker is None else partial(self._look, marker)
        answer = self._resolver.outcome(self._trace, look)
        if answer == "aborted":
            raise lost_at_commit(error) from None
        if answer != "committed" and not self._options.read_only:
            raise self._resolver.unknown(
                "the reply to COMMIT was lost, and the server could not tell the outcome in time",
                None,
                self._trace,
                look,
            ) from None

    def _look(self, marker: Body[Self, bool], session: Session) -> bool:
        """Ask the marker, in a transaction of its own."""
        tx = type(self)(session, self._resolver, LOOK)
        tx.begin()
        with tx.block():
            return bool(marker(tx))

    def _resolve_interrupted(self, interruption: BaseException) -> None:
        try:
            # Where COMMIT was not even sent, this ends the transaction, and the server will say so.
            self._undo()
            self._resolve(interruption)
        except Unavailable:
            interruption.add_note(NOT_COMMITTED)
        except CommitUnknown:
            raise
        except BaseException as another:
            another.add_note(NOT_KNOWN)
            raise
        else:
            interruption.add_note(COMMITTED)

    def _undo(self) -> None:
        """Roll back; a connection that cannot is closed, lest somebody goes on in what is open."""
        try:
            self._try_to(psycopg.sql.SQL("ROLLBACK"))
        finally:
            if self._status() is not TransactionStatus.IDLE:
                self._connection.close()

    def _try_to(self, statement: psycopg.sql.SQL | psycopg.sql.Composed) -> None:
        # Where the connection is gone, there is nothing to undo.
        if self._status() in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            try:
                with deadline(self._connection, self._resolver.timeout):
                    self._connection.execute(statement, prepare=False)
            except psycopg.Error:
                # The error that made it necessary is the one to be seen.
                logger.debug("ROLLBACK failed; the connection is discarded")

    def _run(self, statement: psycopg.sql.Composed) -> None:
        try:
            self._connection.execute(statement, prepare=False)
        except psycopg.Error as error:
            raise translate(error, None, self._connection.closed) from None

    def _status(self) -> TransactionStatus:
        return TransactionStatus(self._connection.pgconn.transaction_status)
