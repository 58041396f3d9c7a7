"""Compare the columns of a query with the fields of its record. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from .._rows import record_fields
from .analysis import Nullable
from .description import Described
from .problems import Problem
from .value_types import (
    accepts_none,
    annotation_text,
    fitting_column_types,
    is_supported,
    without_none,
)


class Field(NamedTuple):
    """A field of a record, or a scalar."""

    #: For messages, such as ``User.name``.
    label: str
    name: str
    type: Any


def fields_of(record: Any) -> list[Field] | None:
    """Return the fields of a record; None for a scalar."""
    kind = get_origin(record) or record
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return None
    return [Field(f"{kind.__name__}.{f.name}", f.name, f.type) for f in record_fields(record)]


def known_fields(record: Any) -> list[Field]:
    """Return the fields of a record that have a supported type; none for a scalar."""
    return [field for field in fields_of(record) or () if is_supported(field.type)]


def check_columns(described: Described, record: Any) -> Iterator[Problem]:
    """Compare names, order and types."""
    columns = described.columns
    fields = fields_of(record)
    if fields is None:
        if len(columns) != 1:
            yield Problem(
                "columns",
                f"returns {len(columns)} columns where {annotation_text(record)} takes one",
                "return one column, or name a record",
            )
            return
        fields = [Field(annotation_text(record), columns[0][0], record)]
    names = [name for name, _ in columns]
    yield from _names(names, fields, annotation_text(record))
    types = dict(columns)
    for field in fields:
        if not is_supported(field.type):
            yield unsupported(field)
            continue
        found = types.get(field.name)
        wanted = fitting_column_types(field.type)
        if found is not None and found not in wanted:
            yield Problem(
                "types",
                f"column {field.name} is {found}, but {field.label} is "
                f"{annotation_text(field.type)}",
                f"return {_either(wanted)}, or change the field",
            )


def unsupported(field: Field) -> Problem:
    """Return the problem of a field with a type that no column has."""
    return Problem(
        "types",
        f"{field.label} is {annotation_text(field.type)}, which psycopg never returns",
        "use the type of the value itself, or a Literal",
    )


def _names(names: list[str], fields: list[Field], record: str) -> Iterator[Problem]:
    wanted = [field.name for field in fields]
    for name in _only_in(names, wanted):
        fix = "add the field, or drop the column"
        yield Problem("columns", f"column {name} is no field of {record}", fix)
    for name in _only_in(wanted, names):
        yield Problem(
            "columns", f"{record}.{name} has no column", "return the column, or drop the field"
        )
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem("columns", f"two columns are called {name}", "name each once")
    if sorted(names) == sorted(wanted) and names != wanted:
        pairs = enumerate(zip(names, wanted, strict=True), 1)
        place, (name, field) = next(pair for pair in pairs if len({*pair[1]}) > 1)
        yield Problem(
            "columns",
            f"column {place} is {name}, but field {place} of {record} is {field}",
            "use the same order in both",
        )


class Overrides:
    """The entries of the Null line of one query. Each must be used."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self._waiting = dict(reasons)
        self._names = frozenset(reasons)

    def covers(self, name: str) -> bool:
        """Return whether a column, or a field in its JSON, has an entry."""
        self._waiting.pop(name, None)
        return name in self._names

    def unknown(self) -> Iterator[Problem]:
        """Find the entries that name no column."""
        for name in self._waiting:
            yield Problem("null-line", f"`Null: {name}` names no column", "drop the line")


def check_nulls(
    described: Described, record: Any, inferred: Sequence[Nullable], overrides: Overrides
) -> Iterator[Problem]:
    """Compare the columns that can be NULL with the fields that can be None."""
    nullable = {name: null for (name, _), null in zip(described.columns, inferred, strict=True)}
    for field in _fields(described, record):
        if field.name in nullable:
            yield from null_problem(field, nullable[field.name], overrides)


def check_items(
    described: Described, record: Any, inferred: Sequence[Nullable | None], overrides: Overrides
) -> Iterator[Problem]:
    """Compare the arrays that can hold NULL with the lists that can hold None, where known."""
    items = {name: null for (name, _), null in zip(described.columns, inferred, strict=True)}
    for field in _fields(described, record):
        kind, null = without_none(field.type), items.get(field.name)
        if get_origin(kind) is list and null is not None:
            (item,) = get_args(kind)
            inner = Field(f"an item of {field.label}", f"{field.name}.item", item)
            yield from null_problem(inner, null, overrides)


def _fields(described: Described, record: Any) -> list[Field]:
    """Return the fields of a record; a scalar is one field with the name of its column."""
    if fields_of(record) is None:
        return [Field(annotation_text(record), name, record) for name, _ in described.columns[:1]]
    return known_fields(record)


def null_problem(field: Field, inferred: Nullable, overrides: Overrides) -> Iterator[Problem]:
    """Compare one field with the inference for its column. An override excuses a difference."""
    accepts = accepts_none(field.type)
    overridden = overrides.covers(field.name)
    if inferred.narrowed or accepts in (None, inferred.nullable):
        if overridden:
            yield Problem(
                "null-line",
                f"`Null: {field.name}` changes nothing: the field agrees with the statement",
                "drop the line",
            )
    elif overridden:
        return
    elif inferred.nullable:
        yield Problem(
            "nulls",
            f"column {field.name} can be NULL ({inferred.reason}), but {field.label} is "
            f"{annotation_text(field.type)}",
            f"add `| None`, or say in `Null: {field.name}, reason` why it never is",
        )
    else:
        yield Problem(
            "nulls",
            f"column {field.name} is never NULL, but {field.label} is "
            f"{annotation_text(field.type)}",
            f"drop `| None`, or say in `Null: {field.name}, reason` when it is",
        )


def _only_in(these: Iterable[str], those: Iterable[str]) -> list[str]:
    others = set(those)
    return [name for name in these if name not in others]


def _either(names: Iterable[str]) -> str:
    return " or ".join(sorted(names))
