"""Queries bound to their results: records, one value, or a number of rows. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from itertools import starmap
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_origin

import msgspec
from msgspec import UNSET

from ._queries import Source
from ._rows import UNREADABLE, Row, is_plain, nested_decoders, record_fields, unreadable_part
from .errors import InvalidInput, RecordMismatch

P = ParamSpec("P")
R = TypeVar("R")


class BoundQuery(Generic[P, R]):
    """A query and its parameters; the subclasses read its rows."""

    #: The record or type of a row, as in the header; None if the result is a number of rows.
    record: Any

    __slots__ = (
        "arity",
        "counts_rows",
        "is_planned_anew",
        "name",
        "only_reads",
        "parameters",
        "record",
        "source",
        "statement",
    )

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name = source.name
        self.statement = source.statement
        self.parameters = source.parameters
        self.arity = len(source.parameters)
        #: Whether it takes no locks and writes nothing, so that it may always run again.
        self.only_reads = source.header["Locks"] == "none"
        #: Whether each call is planned for its own parameters. Other queries have one plan.
        self.is_planned_anew = source.is_planned_anew
        #: Whether the session returns one row, with the number of written rows.
        self.counts_rows = source.suffix == "!"

    def arguments(self, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Return the parameters in the order of the name line."""
        return arranged(self.name, self.parameters, given, named)

    def check_columns(self, columns: tuple[str, ...]) -> None:
        """Raise `RecordMismatch` unless the result has the expected columns."""
        raise NotImplementedError

    def records(self, rows: list[Row]) -> list[R]:
        """Return the record or value of each row."""
        return list(map(self.record_of, rows))

    def record_of(self, row: Row) -> R:
        """Return the record or value of one row; raise `RecordMismatch` if it does not fit."""
        raise NotImplementedError

    def mismatch(self, part: str = "a column") -> RecordMismatch:
        """Return the error of a row that does not fit; *part* is a place, without any value."""
        done = "" if self.only_reads else "; the statement itself has run"
        return RecordMismatch(
            f"{self.name}: {part} does not fit {self._kind()}: something other "
            f"than this layer wrote it{done}",
            query=self.name,
        )

    def __repr__(self) -> str:
        """Name the query."""
        return f"<{type(self).__name__} {self.name}>"

    def _kind(self) -> str:
        """Return the words for the record or type of a row."""
        raise NotImplementedError


class Query(BoundQuery[P, R]):
    """A query that returns records."""

    __slots__ = ("_build", "_decoders", "_key_type", "columns", "key", "many")

    def __init__(
        self,
        source: Source,
        record: type[R],
        *,
        many: Query[..., R] | None = None,
        key: str = "",
    ) -> None:
        super().__init__(source)
        self.record = record
        # The class itself: a call of Update[User] builds the same object, and costs more.
        self._build: Callable[..., R] = get_origin(record) or record
        self.columns = tuple(field.name for field in record_fields(record))
        self._decoders = nested_decoders(record)
        #: The query of a JSON array of keys, which may answer several calls together.
        self.many = many
        #: With *many*: the field of the record that equals the parameter.
        self.key = key
        self._key_type = record_type(record, key)

    def is_mergeable(self, key: Any) -> bool:
        """Return whether a key has the right type and, as text, can be stored in JSON.

        A key that the server refuses would make the reads of all merged keys fail.
        """
        if type(key) is not self._key_type:
            return False
        if self._key_type is int:
            return bool(-(2**63) <= key < 2**63)
        return self._key_type is not str or bool(key.isprintable())

    def check_columns(self, columns: tuple[str, ...]) -> None:
        """Raise `RecordMismatch` unless the result's columns are the record's fields."""
        if columns != self.columns:
            raise RecordMismatch(
                f"{self.name} returns the columns ({', '.join(columns)}); its record "
                f"{self.record.__name__} has the fields ({', '.join(self.columns)})",
                query=self.name,
            )

    def records(self, rows: list[Row]) -> list[R]:
        """Build the records of *rows*; raise `RecordMismatch` where one does not fit."""
        if not self._decoders:
            return list(starmap(self._build, rows))
        try:
            return [self._nested(row) for row in rows]
        except UNREADABLE:
            raise self._mismatch(rows) from None

    def record_of(self, row: Row) -> R:
        """Build the record of one row; raise `RecordMismatch` where it does not fit."""
        if not self._decoders:
            return self._build(*row)
        try:
            return self._nested(row)
        except UNREADABLE:
            raise self._mismatch([row]) from None

    def _nested(self, row: Row) -> R:
        values = list(row)
        for index, decode in self._decoders:
            if values[index] is not None:
                values[index] = decode(values[index])
        return self._build(*values)

    def _kind(self) -> str:
        return f"the record {self.record.__name__}"

    def _mismatch(self, rows: list[Row]) -> RecordMismatch:
        parts = (
            f"{self.columns[index]}{part}"
            for row in rows
            for index, decode in self._decoders
            if row[index] is not None and (part := unreadable_part(decode, row[index])) is not None
        )
        # A value that is too deep for the stack of one reader may not be too deep for the next.
        return self.mismatch(next(parts, "a column"))


class Scalar(BoundQuery[P, R]):
    """A query of one value, with ``$`` after its parameters."""

    __slots__ = ("_decode",)

    def __init__(self, source: Source, type: type[R]) -> None:
        super().__init__(source)
        self.record = type
        self._decode = None if is_plain(type) else msgspec.json.Decoder(type).decode

    def check_columns(self, columns: tuple[str, ...]) -> None:
        """Raise `RecordMismatch` unless the result has one column."""
        if len(columns) != 1:
            raise RecordMismatch(
                f"{self.name} returns the columns ({', '.join(columns)}); a query of one value "
                "returns one",
                query=self.name,
            )

    def record_of(self, row: Row) -> R:
        """Return the value; None for NULL."""
        value = row[0]
        if self._decode is None or value is None:
            return cast("R", value)
        try:
            return self._decode(value)
        except UNREADABLE:
            raise self.mismatch() from None

    def _kind(self) -> str:
        return f"the type {self.record.__name__}"


class Command(BoundQuery[P, int]):
    """A query that returns the number of written rows, with ``!`` after its parameters."""

    __slots__ = ()

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.record = None

    def check_columns(self, columns: tuple[str, ...]) -> None:
        """Raise `RecordMismatch` if the result has columns."""
        if columns:
            raise RecordMismatch(
                f"{self.name} returns the columns ({', '.join(columns)}); a query with ! behind "
                "its name returns none",
                query=self.name,
            )

    def record_of(self, row: Row) -> int:
        """Return the number of written rows."""
        count: int = row[0]
        return count

    def _kind(self) -> str:
        return "a number of rows"


def arranged(
    query: str, parameters: tuple[str, ...], given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Any, ...]:
    """Return parameters in their order; raise `InvalidInput` unless each is given exactly once.

    They are given by position, by name, or as the fields of one struct. Parameters that the struct
    lacks, or that are UNSET in it, may be given by name.
    """
    if len(given) == 1 and isinstance(given[0], msgspec.Struct):
        fields = msgspec.structs.asdict(given[0])
        values = {name: value for name, value in fields.items() if value is not UNSET}
    else:
        if len(given) > len(parameters):
            raise InvalidInput(
                "parameters",
                f"{query} takes {len(parameters)} ({', '.join(parameters)}), not {len(given)}",
            )
        values = dict(zip(parameters, given, strict=False))
    for name in named:
        if name in values:
            raise InvalidInput(name, f"is given twice to {query}")
    values |= named
    for name in values:
        if name not in parameters:
            raise InvalidInput(
                name, f"is not a parameter of {query}, which takes {', '.join(parameters)}"
            )
    for name in parameters:
        if values.get(name, UNSET) is UNSET:
            raise InvalidInput(name, f"must be given to {query}")
    return tuple(values[name] for name in parameters)


def record_type(record: type[Any], field: str) -> Any:
    """Return the type of a field of a record; None if there is no such field."""
    return next((each.type for each in record_fields(record) if each.name == field), None)
