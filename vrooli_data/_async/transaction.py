"""Transactions: opened, committed or rolled back, and never left in doubt without saying so."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import LiteralString, Self, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from .._classify import translate
from .._retry import Reason, classify, mark, reason_of
from .._transactions import (
    COMMITTED,
    NOT_COMMITTED,
    NOT_KNOWN,
    Failure,
    Options,
    TryEachResult,
    check_ratio,
    limits,
)
from ..errors import (
    CommittedButCallbackFailed,
    CommitUnknown,
    TransactionAborted,
    Unavailable,
)
from ._compat import Body, Callback, deadline
from .outcome import AsyncResolver
from .repositories import AsyncRepositories
from .session import AsyncSession
from .transaction_runner import AsyncTransactionRunner

R = TypeVar("R")
T = TypeVar("T")
X = TypeVar("X")

logger = logging.getLogger("vrooli_data")


class AsyncTransaction(AsyncRepositories):
    """One open transaction, with the repositories on it."""

    def __init__(self, session: AsyncSession, resolver: AsyncResolver, options: Options) -> None:
        #: What the repositories run on; for methods that need several queries.
        self.runner = AsyncTransactionRunner(session)
        super().__init__(self.runner)
        #: psycopg's connection, for what the layer does not cover; COMMIT and ROLLBACK are not.
        self.connection = session.connection
        self._resolver = resolver
        self._options = options
        self._xid: str | None = None
        self._timeline: str | None = None
        self._savepoints = 0
        self._callbacks: list[Callback] = []

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
        self._callbacks.append(callback)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[Self]:
        """Undo this block alone, and not the transaction, when an error leaves it."""
        self.runner.check_use()
        self._savepoints += 1
        name = psycopg.sql.Identifier(f"vrooli_data_{self._savepoints}")
        callbacks = len(self._callbacks)
        await self._run(psycopg.sql.SQL("SAVEPOINT {}").format(name))
        try:
            yield self
            self._check_savepoint()
        except BaseException as error:
            if isinstance(error, psycopg.Error):
                mark(error, classify(error, lost=self.connection.closed))
            del self._callbacks[callbacks:]
            await self._undo(psycopg.sql.SQL("ROLLBACK TO SAVEPOINT {}").format(name))
            raise
        await self._run(psycopg.sql.SQL("RELEASE SAVEPOINT {}").format(name))

    async def try_each(
        self, items: Iterable[X], work: Body[X, R], *, max_failure_ratio: float = 0.5
    ) -> TryEachResult[R]:
        """Do work for each item behind a savepoint, and undo only what fails.

        Returns what succeeded and what failed. Where more than *max_failure_ratio* of the items
        fail, raises `TransactionAborted`, which undoes the whole transaction. What a new attempt of
        the transaction may mend, such as a serialization failure, is raised at once.
        """
        check_ratio("max_failure_ratio", max_failure_ratio)
        successes: list[tuple[int, R]] = []
        failures: list[Failure] = []
        for index, item in enumerate(items):
            try:
                async with self.savepoint():
                    successes.append((index, await work(item)))
            except Exception as error:
                # A savepoint cannot undo what spoilt the transaction as a whole.
                if reason_of(error) is not None or self._status() is not TransactionStatus.INTRANS:
                    raise
                failures.append(Failure(index, error))
        count = len(successes) + len(failures)
        if len(failures) > max_failure_ratio * count:
            raise TransactionAborted(
                f"{len(failures)} of {count} items failed, more than the share of "
                f"{max_failure_ratio:g} that is allowed; the first: {failures[0].error}"
            )
        return TryEachResult(successes, failures)

    async def begin(self) -> None:
        """Open the transaction on the server."""
        try:
            cursor = await self.connection.execute(self._options.begin)
            if self._options.tracked:
                cursor.nextset()
                self._xid, self._timeline = await cursor.fetchone() or (None, None)
            if self._options.limit is not None:
                statement = limits(self.connection.info.server_version)
                await self.connection.execute(statement, {"limit": self._options.limit})
        except psycopg.Error as error:
            raise translate(error, None, self.connection.closed) from None

    @asynccontextmanager
    async def block(self) -> AsyncIterator[None]:
        """Commit at the end of the block, or roll back on an error."""
        try:
            yield
        except BaseException as error:
            await self.roll_back(error)
            raise
        await self.commit()

    def is_open_for(self, owner: object) -> bool:
        """Tell whether this task or thread opened it and has not left its block."""
        return self.runner.is_open_for(owner)

    async def roll_back(self, error: BaseException) -> None:
        """Undo everything because of an error, which stays the one that is seen."""
        self.runner.is_over = True
        if isinstance(error, psycopg.Error):
            mark(error, classify(error, lost=self.connection.closed))
        if self._options.read_only and reason_of(error) is Reason.READ_ONLY:
            # Its caller wanted it so: on no server would it go better.
            mark(error, None)
        await self._undo()

    async def commit(self) -> None:
        """Commit; an error means that nothing was, and `CommitUnknown` that nobody can tell."""
        status = self._status()
        if status is TransactionStatus.INERROR:
            await self._undo()
        self.runner.is_over = True
        self._check_committable(status)
        try:
            with deadline(self.connection, self._resolver.timeout):
                cursor = await self.connection.execute("COMMIT", prepare=False)
        except psycopg.Error as error:
            if not self.connection.closed:
                # The server's own verdict: nothing was committed.
                raise translate(error, None, lost=False) from None
            await self._resolve()
        except BaseException as interruption:
            await self._resolve_interrupted(interruption)
            raise
        else:
            if cursor.statusmessage != "COMMIT":
                raise TransactionAborted("the server rolled the transaction back at COMMIT")

    async def run_callbacks(self) -> None:
        """Run what was to happen after the commit."""
        failure: Exception | None = None
        for callback in self._callbacks:
            try:
                await callback()
            except Exception as error:  # noqa: BLE001 (it is raised below, when all have run)
                failure = failure or error
        if failure is not None:
            raise CommittedButCallbackFailed(
                "the transaction is committed, but a callback of on_commit failed"
            ) from failure

    def _check_committable(self, status: TransactionStatus) -> None:
        if status is TransactionStatus.INTRANS:
            return
        if status is TransactionStatus.INERROR:
            raise TransactionAborted(
                "a database error inside the block was caught there, and so the transaction was "
                "rolled back: let the error leave the block, or catch it around a savepoint"
            )
        if self.connection.closed:
            lost = Unavailable("the connection was lost before COMMIT; nothing was committed")
            mark(lost, Reason.LOST)
            raise lost
        raise TransactionAborted("the transaction was ended inside its block, by other means")

    async def _resolve(self) -> None:
        """Return when the transaction proves to be committed; raise otherwise."""
        answer = "unknown"
        if self._xid is not None and self._timeline is not None:
            answer = await self._resolver.outcome(self._xid, self._timeline)
        if answer == "aborted":
            lost = Unavailable("the connection was lost at COMMIT; nothing was committed")
            mark(lost, Reason.LOST)
            raise lost
        if answer != "committed" and not self._options.read_only:
            raise self._resolver.unknown(
                "the reply to COMMIT was lost, and the server could not tell the outcome in time",
                None,
                self._xid,
                self._timeline,
            )

    async def _resolve_interrupted(self, interruption: BaseException) -> None:
        # Where COMMIT was not even sent, this ends the transaction, and the server will say so.
        await self._undo()
        try:
            await self._resolve()
        except Unavailable:
            interruption.add_note(NOT_COMMITTED)
        except CommitUnknown:
            raise
        except BaseException as another:
            another.add_note(NOT_KNOWN)
            raise
        else:
            interruption.add_note(COMMITTED)

    async def _undo(self, statement: LiteralString | psycopg.sql.Composed = "ROLLBACK") -> None:
        # Where the connection is gone, there is nothing to undo.
        if self._status() in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            try:
                with deadline(self.connection, self._resolver.timeout):
                    await self.connection.execute(statement, prepare=False)
            except psycopg.Error:
                # The error that made it necessary is the one to be seen.
                logger.debug("ROLLBACK failed; the connection is discarded")

    async def _run(self, statement: psycopg.sql.Composed) -> None:
        try:
            await self.connection.execute(statement)
        except psycopg.Error as error:
            raise translate(error, None, self.connection.closed) from None

    def _status(self) -> TransactionStatus:
        return TransactionStatus(self.connection.pgconn.transaction_status)
