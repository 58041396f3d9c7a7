"""One table of the seed: its COPY and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from .._binding import own_queries
from .._copying import Copy

S = TypeVar("S", bound=msgspec.Struct)

_SQL = own_queries("schema")


class Table(NamedTuple):
    """A table and its rows, which are generated while they are sent."""

    copy: Copy[Any]
    #: The number of rows; None where it is known only at the end.
    total: int | None
    rows: Iterator[msgspec.Struct]


def seed_copy(table: str, row: type[S]) -> Copy[S]:
    """Return the COPY that fills one table (sql/schema/seed.sql)."""
    return _SQL.copy(f"seed_{table}__copy", row)
