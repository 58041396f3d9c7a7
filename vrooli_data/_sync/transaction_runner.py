# Generated from vrooli_data/_async/transaction_runner.py by tests/unasync.py. Do not edit.
"""Running the queries of one transaction."""

from __future__ import annotations

from typing import Any, TypeVar

from .._queries import Query
from .._rows import Row
from ..errors import InvalidUse
from ._compat import Body, current_owner
from .session import Runner, Session

R = TypeVar("R")
T = TypeVar("T")


class TransactionRunner:
    """Runs queries in a transaction, for its owner alone, until it is over."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.has_trigrams = session.has_trigrams
        self.is_over = False
        self._owner = current_owner()
        self._in_use = False

    def rows(self, query: Query[Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        self.check_use()
        self._in_use = True
        try:
            return self.session.rows(query, parameters)
        finally:
            self._in_use = False

    def find(self, query: Query[R], many: Query[R], field: str, key: Any) -> R | None:
        """Read one record by its key; in a transaction reads are never merged."""
        rows = self.rows(query, (key,))
        return query.record_of(rows[0]) if rows else None

    def atomic(self, body: Body[Runner, T]) -> T:
        """Run several queries; the transaction makes them one already."""
        return body(self)

    def is_open_for(self, owner: object) -> bool:
        """Tell whether this task or thread opened the transaction and has not left its block."""
        return not self.is_over and self._owner == owner

    def check_use(self) -> None:
        """Refuse a use after the end, or by two at once."""
        if self.is_over:
            raise InvalidUse("the transaction is over: do this inside its block")
        if self._in_use or self._owner != current_owner():
            raise InvalidUse(
                "a transaction is one conversation with the server: use it from the task or thread "
                "that opened it, one call at a time, or open another"
            )
