"""What every repository does: run a query and build its records."""

from __future__ import annotations

from typing import Any, TypeVar

from .._pages import Keyed, Listing, Page
from .._queries import Query
from .._validate import check_limit
from .session import AsyncRunner

R = TypeVar("R")
K = TypeVar("K", bound=Keyed)


class AsyncRepository:
    """The methods of one aggregate, bound to a database, a connection or a transaction."""

    def __init__(self, runner: AsyncRunner) -> None:
        self._runner = runner

    async def _find(self, query: Query[R], *parameters: Any) -> R | None:
        rows = await self._runner.rows(query, parameters)
        return query.record_of(rows[0]) if rows else None

    async def _get(self, query: Query[R], *parameters: Any) -> R:
        rows = await self._runner.rows(query, parameters)
        return query.record_of(rows[0])

    async def _list(self, query: Query[R], *parameters: Any) -> list[R]:
        return query.records(await self._runner.rows(query, parameters))

    async def _page(
        self, listing: Listing[K], *filters: Any, cursor: str | None, limit: int
    ) -> Page[K]:
        check_limit(limit)
        query, parameters, position = listing.select(filters, cursor, limit)
        rows = await self._list(query, *parameters)
        return listing.page(rows, position, limit)
