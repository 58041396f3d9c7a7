"""COPY queries, bound to the structs that they write. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Generic, TypeVar

import msgspec

from ._queries import Source
from ._rows import record_fields
from .errors import InvalidFile, InvalidUse, RecordMismatch

S = TypeVar("S", bound=msgspec.Struct)

#: The only form of COPY that is accepted. The server accepts others, which are not needed.
_COPY = re.compile(
    r"COPY\s+(?P<table>(?:\w+\.)?\w+)\s*\((?P<columns>[\w\s,]+)\)\s*FROM\s+STDIN\s*"
    r'\(\s*FORMAT\s+"?binary"?\s*\)\s*',
    re.IGNORECASE,
)
#: The types that values are sent as, if not as that of their column, by column and field.
WIRE: Final[Mapping[tuple[str, object], str]] = {
    # The number of the format, and then the text of the JSON.
    ("jsonb", bytes): "bytea",
    # Microseconds since 2000-01-01 UTC.
    ("timestamp with time zone", int): "bigint",
}
_JSONB_FORMAT = b"\x01"


def jsonb(text: bytes) -> bytes:
    """Return the binary form of a JSON text for a column of type jsonb."""
    return _JSONB_FORMAT + text


class Copy(Generic[S]):
    """A query `COPY table (columns) FROM STDIN (FORMAT "binary")`, bound to a struct.

    The fields of the struct are the columns, in their order. Raises `InvalidFile` if the query is
    another statement, and `InvalidUse` if columns and fields differ.
    """

    __slots__ = ("columns", "name", "row", "source", "statement", "table")

    def __init__(self, source: Source, row: type[S], *, before: tuple[str, ...] = ()) -> None:
        found = _COPY.fullmatch(source.sql)
        if found is None:
            raise InvalidFile(
                f"{source.path}:{source.line}: {source.name} is not "
                '`COPY table (columns) FROM STDIN (FORMAT "binary")`',
                line=source.line,
            )
        self.source = source
        self.name = source.name
        self.statement = source.statement
        self.row = row
        #: As the query has it, with its schema.
        self.table = found["table"]
        self.columns = tuple(column.strip() for column in found["columns"].split(","))
        fields = (*before, *row.__struct_fields__)
        if self.columns != fields:
            raise InvalidUse(
                f"{self.name} copies the columns ({', '.join(self.columns)}), and "
                f"{row.__name__} has ({', '.join(fields)}): give both the same, in one order"
            )

    def wire_types(self, columns: Iterable[tuple[str, str]]) -> list[str]:
        """Return the types that values are sent as, from the columns of the table with theirs."""
        types = dict(columns)
        fields = {field.name: field.type for field in record_fields(self.row)}
        if missing := [column for column in self.columns if column not in types]:
            raise RecordMismatch(
                f"{self.name}: {self.table} has no column {', '.join(missing)}", query=self.name
            )
        return [
            WIRE.get((types[column], _of_value(fields.get(column))), types[column])
            for column in self.columns
        ]

    def __repr__(self) -> str:
        """Name the query."""
        return f"<{type(self).__name__} {self.name}>"


def _of_value(annotation: object) -> object:
    """Return the type of what is there when it is not None."""
    parts = [part for part in getattr(annotation, "__args__", ()) if part is not type(None)]
    return parts[0] if len(parts) == 1 and not isinstance(annotation, type) else annotation
