"""Example values for the parameters of a query, taken from rows that are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiosql
from aiosql.adapters.generic import GenericAdapter
from psycopg import Connection
from psycopg.rows import dict_row

from .. import _async
from .._contract.modules import with_submodules
from .._contract.recording import record_methods
from .._queries import Source
from ..errors import NotFound

_FOLDER = Path(__file__).with_name("examples")
_ANY_QUERY = "any_query"
#: What parameters put before the name of the column that they are compared with.
_PREFIXES = ("after_", "before_", "expected_")


class Examples:
    """Examples from one database; the same rows give the same ones."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._statements = _statements()
        self._rows: dict[str, Mapping[str, Any] | None] = {}
        self._passed = {
            call.query: call.parameters
            for method in record_methods(with_submodules(_async))
            for call in method.calls
        }

    def values(self, source: Source) -> dict[str, Any]:
        """Return a value for each parameter; raise `NotFound` where no row is there for it.

        What names no row is what the method passes: a new name, a change, a flag.
        """
        if not source.parameters:
            return {}
        row = self._row(source)
        # A query that no method runs is `vrooli-data check`'s to find.
        passed = dict(zip(source.parameters, self._passed.get(source.name, ()), strict=False))
        return {name: _value(name, row, passed) for name in source.parameters}

    def _row(self, source: Source) -> dict[str, Any]:
        folder, _, query = source.name.partition(".")
        method = f"{folder}__{query.partition('__')[0]}"
        own = method if method in self._statements else folder
        found = self._fetch(own)
        if found is None:
            raise NotFound(
                f"{source.name}: the database holds no rows to take example values from; "
                "`vrooli-data seed` fills an empty one",
                query=source.name,
            )
        return {**(self._fetch(_ANY_QUERY) or {}), **found}

    def _fetch(self, name: str) -> Mapping[str, Any] | None:
        if name not in self._statements:
            return {}
        if name not in self._rows:
            with self._connection.cursor(row_factory=dict_row) as cursor:
                self._rows[name] = cursor.execute(self._statements[name]).fetchone()
        return self._rows[name]


def _statements() -> dict[str, bytes]:
    loaded = aiosql.from_path(_FOLDER, GenericAdapter)
    names = (name for name in loaded.available_queries if not name.endswith("_cursor"))
    return {name: getattr(loaded, name).sql.encode() for name in names}


def _value(name: str, row: Mapping[str, Any], passed: Mapping[str, Any]) -> Any:
    for prefix in ("", *_PREFIXES):
        column = name.removeprefix(prefix)
        if column in row:
            return row[column]
    return passed.get(name)
