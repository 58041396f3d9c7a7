# Generated from vrooli_data/_async/repository.py by tools/unasync.py. Do not edit.
"""What every repository does: run a query and build its records."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from .._fields import checked_changes
from .._json import json_text
from .._pages import Listing, Page
from .._queries import Query
from .._text_search import folded
from .._validate import check_limit
from ..errors import Conflict
from ..records.shared import Update
from .session import Runner

R = TypeVar("R")


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

    def _page(self, listing: Listing[R], *filters: Any, cursor: str | None, limit: int) -> Page[R]:
        check_limit(limit)
        query, parameters, position = listing.select(filters, cursor, limit)
        rows = self._runner.rows(query, parameters)
        return listing.page(query.records(rows), position, limit)

    def _update(
        self,
        query: Query[Update[R]],
        key: tuple[Any, ...],
        changes: msgspec.Struct,
        kind: type[msgspec.Struct],
        expected_revision: int | None,
        *,
        folds: tuple[str, ...] = (),
    ) -> R | None:
        """Run an update whose parameters are key, changes and expected revision.

        Of the fields in *folds* the form that search compares changes with them.
        """
        values = checked_changes(changes, kind, expected_revision)
        values |= {f"{name}_folded": folded(values[name]) for name in folds if name in values}
        outcome = self._find(query, *key, json_text(values), expected_revision)
        if outcome is None:
            return None
        if outcome.updated is None and expected_revision is not None:
            raise Conflict(
                query=query.name,
                expected_revision=expected_revision,
                actual_revision=outcome.previous_revision,
            )
        return outcome.updated
