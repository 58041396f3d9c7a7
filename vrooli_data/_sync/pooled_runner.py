# Generated from vrooli_data/_async/pooled_runner.py by tools/unasync.py. Do not edit.
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
from .outcome import Resolver
from .pool import Loan, Pool
from .retrying import Retrier
from .session import Merger, TransactionalRunner
from .transaction import Transactions

R = TypeVar("R")
T = TypeVar("T")


class PooledRunner:
    """Runs a query by itself, and again where that is safe."""

    def __init__(
        self,
        pool: Pool,
        transactions: Transactions,
        retrier: Retrier,
        resolver: Resolver,
        *,
        merge_reads: bool,
    ) -> None:
        self._pool = pool
        self._transactions = transactions
        self._retrier = retrier
        self._resolver = resolver
        #: None where reads are not merged.
        self.merger: Merger | None = ReadMerger(self.rows, pool.check_use) if merge_reads else None
        # Known when the database is opened.
        self.extensions: Container[str] = ()

    def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        if not query.only_reads:
            self._transactions.refuse_nesting(query.name)
        return self._retrier.repeat(lambda: self._once(query, parameters))

    def atomic(self, body: Body[TransactionalRunner, T], *, repeats: bool = True) -> T:
        """Run several queries that take effect together or not at all, again on conflict."""

        def attempt() -> T:
            with self._transactions.open(DEFAULT, lambda runner: runner) as runner:
                return body(runner)

        return self._retrier.repeat(attempt) if repeats else attempt()

    def _once(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        note = NOT_COMMITTED
        with Loan(self._pool) as loan:
            # The loan's block does not protect the line of a `try` (CPython 3.11): none follows.
            try:
                connection = loan.take(query.name)
                note = NOT_KNOWN
                rows = connection.session.rows(query, parameters)
                note = COMMITTED
                loan.give_back()
            except BaseException as error:
                self._end(query, loan, error, note)
                raise
        return rows

    def _end(
        self, query: BoundQuery[..., Any], loan: Loan, error: BaseException, note: str
    ) -> None:
        """Give back what an error leaves, and say what became of a write."""
        try:
            if note is NOT_KNOWN:
                note = note_of_lone_write(error, lost=loan.is_lost)
            self._resolver.tell(query, error, note)
        finally:
            try:
                loan.end_by(error)
            except BaseException as another:
                if not query.only_reads:
                    add_note(another, note)
                raise
