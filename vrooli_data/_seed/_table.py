"""What it takes to fill one table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString, NamedTuple


class Table(NamedTuple):
    """A table and its rows, made while they are sent."""

    name: str
    #: How many rows there will be; None where they have to be made to be counted.
    total: int | None
    copy: LiteralString
    #: The types of the columns on the wire.
    types: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]
