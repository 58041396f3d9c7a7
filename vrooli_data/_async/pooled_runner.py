"""Running each query on a connection borrowed for it alone."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, TypeVar

from .._bound import BoundQuery
from .._rows import Row
from .._transactions import (
    COMMITTED,
    DEFAULT,
    NOT_COMMITTED,
    NOT_KNOWN,
    add_note,
    note_of_lone_write,
)
from ._compat import Body, ReadMerger
from .outcome import AsyncResolver
from .pool import AsyncLoan, AsyncPool
from .retrying import AsyncRetrier
from .session import AsyncMerger, AsyncTransactionalRunner
from .transaction import AsyncTransactions

R = TypeVar("R")
T = TypeVar("T")


class AsyncPooledRunner:
    """Runs a query by itself, and again where that is safe."""

    def __init__(
        self,
        pool: AsyncPool,
        transactions: AsyncTransactions,
        retrier: AsyncRetrier,
        resolver: AsyncResolver,
        *,
        merge_reads: bool,
    ) -> None:
        self._pool = pool
        self._transactions = transactions
        self._retrier = retrier
        self._resolver = resolver
        #: None where reads are not merged.
        self.merger: AsyncMerger | None = (
            ReadMerger(self.rows, pool.check_use) if merge_reads else None
        )
        # Known when the database is opened.
        self.extensions: Container[str] = ()

    async def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        if not query.only_reads:
            self._transactions.refuse_nesting(query.name)
        return await self._retrier.repeat(lambda: self._once(query, parameters))

    async def atomic(self, body: Body[AsyncTransactionalRunner, T], *, repeats: bool = True) -> T:
        """Run several queries that take effect together or not at all, again on conflict."""

        async def attempt() -> T:
            async with self._transactions.open(DEFAULT, lambda runner: runner) as runner:
                return await body(runner)

        return await (self._retrier.repeat(attempt) if repeats else attempt())

    async def _once(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        note = NOT_COMMITTED
        with AsyncLoan(self._pool) as loan:
            # The loan's block does not protect the line of a `try` (CPython 3.11): none follows.
            try:
                connection = await loan.take(query.name)
                note = NOT_KNOWN
                rows = await connection.session.rows(query, parameters)
                note = COMMITTED
                await loan.give_back()
            except BaseException as error:
                await self._end(query, loan, error, note)
                raise
        return rows

    async def _end(
        self, query: BoundQuery[..., Any], loan: AsyncLoan, error: BaseException, note: str
    ) -> None:
        """Give back what an error leaves, and say what became of a write."""
        try:
            if note is NOT_KNOWN:
                note = note_of_lone_write(error, lost=loan.is_lost)
            self._resolver.tell(query, error, note)
        finally:
            try:
                await loan.end_by(error)
            except BaseException as another:
                if not query.only_reads:
                    add_note(another, note)
                raise
