"""One connection, held for several calls."""

from __future__ import annotations

from typing import Any, TypeVar

from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from .._bound import BoundQuery
from .._outbox import Recording, is_recorded
from .._retry import Reason, reason_of
from .._rows import Row
from .._transactions import COMMITTED, DEFAULT, add_note, note_of_lone_write
from ..errors import InvalidUse, VrooliDataError
from ..records.events import ChangeEvent
from ._compat import AsyncLock, Body, Home
from .outcome import AsyncResolver
from .repositories import AsyncRepositories
from .session import AsyncMerger, AsyncSession, AsyncTransactionalRunner
from .transaction import AsyncTransactionRunner

R = TypeVar("R")
T = TypeVar("T")


class AsyncHeldRunner:
    """Runs queries on one connection, each committed by itself."""

    def __init__(self, session: AsyncSession, resolver: AsyncResolver) -> None:
        self._session = session
        self._resolver = resolver
        self.extensions = session.extensions
        #: There is nobody to merge a read with.
        self.merger: AsyncMerger | None = None
        # A lone statement of one task or thread must not slip into the transaction of another.
        self._lock = AsyncLock()
        self._home = Home()
        self._is_over = False
        #: Whether a call has written in a transaction that its caller began by `.connection`.
        self._wrote = False

    async def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        # Before the lock: a child process may inherit it locked, with no thread to release it.
        self._home.check("the connection")
        # The lock's block does not protect the line of a `try` (CPython 3.11): none is in it.
        async with self._lock:
            return await self._execute(query, parameters)

    async def record(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], recording: Recording
    ) -> list[Row] | ChangeEvent:
        """Execute a query that records an event and return its rows, or the event."""
        self._home.check("the connection")
        async with self._lock:
            return await self._record(query, parameters, recording)

    async def atomic(
        self,
        body: Body[AsyncTransactionalRunner, T],
        *,
        repeats: bool = True,
    ) -> T:
        """Run several queries that take effect together or not at all."""
        self._home.check("the connection")
        async with self._lock:
            return await self._whole(body, repeats=repeats)

    def lend_connection(self) -> AsyncConnection[Row]:
        """Return psycopg's connection."""
        self._check_use()
        return self._session.connection.lend()

    def refuse_calls(self) -> None:
        """Refuse all further calls."""
        self._is_over = True

    async def end(self) -> bool:
        """Wait for the current call to end, and refuse all further ones.

        Return whether a transaction is left open in which a call has written.
        """
        self.refuse_calls()
        if not self._home.is_here():
            return False
        async with self._lock:
            return self._wrote and self._is_in_transaction()

    def _is_in_transaction(self) -> bool:
        status = self._session.connection.pgconn.transaction_status
        return status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    async def _execute(
        self,
        query: BoundQuery[..., Any],
        parameters: tuple[Any, ...],
        recording: Recording | None = None,
    ) -> list[Row]:
        self._check_use()
        try:
            rows = await self._session.rows(query, parameters)
        except BaseException as error:
            note = note_of_lone_write(error, lost=self._session.connection.closed)
            self._resolver.report(query, error, note, recording)
            raise
        if not query.only_reads and self._is_in_transaction():
            self._wrote = True
        return rows

    async def _record(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], recording: Recording
    ) -> list[Row] | ChangeEvent:
        if self._is_in_transaction():
            # One that the caller began by `.connection`, and so nothing is committed yet.
            return await self._execute(query, parameters)

        async def work() -> list[Row]:
            return await self._execute(query, parameters, recording)

        found = await self._resolver.settled(work, query, parameters, recording)
        if isinstance(found, ChangeEvent) or not is_recorded(found):
            return found
        try:
            await self._session.notify()
        except BaseException as error:
            add_note(error, COMMITTED)
            raise
        return found

    async def _whole(self, body: Body[AsyncTransactionalRunner, T], *, repeats: bool) -> T:
        self._check_use()
        if self._session.connection.is_lent:
            # Before BEGIN, which would be rolled back.
            await self._session.connection.check_free("a transaction")
        if self._is_in_transaction():
            # One that the caller began by `.connection`.
            self._wrote = True
            runner = AsyncTransactionRunner(self._session, self._resolver, DEFAULT)
            runner.is_callers = True
            return await body(runner)
        try:
            return await self._attempt(body)
        except VrooliDataError as error:
            if not repeats or reason_of(error) is not Reason.STALE:
                raise
        # psycopg drops its prepared statements at ROLLBACK.
        return await self._attempt(body)

    async def _attempt(self, body: Body[AsyncTransactionalRunner, T]) -> T:
        return await AsyncTransactionRunner(self._session, self._resolver, DEFAULT).run(body)

    def _check_use(self) -> None:
        self._home.check("the connection")
        if self._is_over:
            raise InvalidUse("the connection was given back: do this inside its block")


class AsyncHeldConnection(AsyncRepositories):
    """One connection of the pool, held for several calls; each call commits by itself."""

    _runner: AsyncHeldRunner

    def __init__(self, runner: AsyncHeldRunner) -> None:
        super().__init__(runner)

    @property
    def connection(self) -> AsyncConnection[Row]:
        """Psycopg's connection, for what the layer does not cover."""
        return self._runner.lend_connection()
