# Generated from vrooli_data/_async/repository.py by tests/unasync.py. Do not edit.
"""What every repository does: run a query and build its records."""

from __future__ import annotations

from typing import Any, TypeVar

from .._pages import Keyed, Listing, Page
from .._queries import Query
from .._validate import check_limit
from .session import Runner

R = TypeVar("R")
K = TypeVar("K", bound=Keyed)


class Repository:
    """The methods of one aggregate, bound to a database, a connection or a transaction."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def _find(self, query: Query[R], *parameters: Any) -> R | None:
        rows = self._runner.rows(query, parameters)
        return query.record_of(rows[0]) if rows else None

    def _get(self, query: Query[R], *parameters: Any) -> R:
        rows = self._runner.rows(query, parameters)
        return query.record_of(rows[0])

    def _list(self, query: Query[R], *parameters: Any) -> list[R]:
        return query.records(self._runner.rows(query, parameters))

    def _page(self, listing: Listing[K], *filters: Any, cursor: str | None, limit: int) -> Page[K]:
        check_limit(limit)
        query, parameters, position = listing.select(filters, cursor, limit)
        rows = self._list(query, *parameters)
        return listing.page(rows, position, limit)
