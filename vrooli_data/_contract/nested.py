"""Compare the JSON that a query builds with the record that it is decoded as. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args, get_origin

from .._rows import is_plain, record_fields
from ..records.shared import JsonValue
from .analysis.json_shapes import Array, JsonMember, JsonShape, Object, SqlValue
from .columns import Field, Overrides, fields_of, known_fields, null_problem, unsupported
from .description import Described
from .problems import Problem
from .value_types import annotation_text, fitting_column_types, is_supported, without_none

_JSON = frozenset({"json", "jsonb"})


def has_nested(record: Any) -> bool:
    """Return whether a field of a record arrives as JSON."""
    return any(not is_plain(field.type) for field in known_fields(record))


def check_nested(
    described: Described, record: Any, shapes: Sequence[JsonShape], overrides: Overrides
) -> Iterator[Problem]:
    """Compare each field that arrives as JSON with the shape that the statement shows."""
    names = (name for name, _ in described.columns)
    by_name = dict(zip(names, shapes, strict=True))
    for field in known_fields(record):
        if not is_plain(field.type) and field.name in by_name:
            yield from _check_shape(field, by_name[field.name], overrides)


def _check_shape(field: Field, shape: JsonShape, overrides: Overrides) -> Iterator[Problem]:
    """Compare the shape of a JSON value with the annotation of a field."""
    kind = without_none(field.type)
    if kind is JsonValue:
        return
    match shape:
        case SqlValue(type=found):
            yield from _scalar(field, kind, found)
        case Object(members=members) if fields_of(kind) is not None:
            yield from _record(field, kind, members, overrides)
        case Object(members=members) if get_origin(kind) is dict:
            yield from _dict(field, kind, members, overrides)
        case Object():
            yield _mismatch(field, "a JSON object")
        case Array(member=member) if get_origin(kind) is list:
            if member is not None:
                (item,) = get_args(kind)
                inner = Field(f"an item of {field.label}", f"{field.name}.item", item)
                yield from _member(inner, member, overrides)
        case Array():
            yield _mismatch(field, "a JSON array")


def _scalar(field: Field, kind: Any, found: str) -> Iterator[Problem]:
    if found in _JSON:
        # A stored value may have any shape.
        return
    # The server writes these types as text that msgspec cannot read.
    wanted = fitting_column_types(kind) - {"bytea", "interval"}
    if kind is float:
        # JSON has one type for numbers.
        wanted |= fitting_column_types(int) | {"numeric"}
    if found not in wanted:
        yield _mismatch(field, found)


def _record(
    field: Field, kind: Any, members: dict[str, JsonMember], overrides: Overrides
) -> Iterator[Problem]:
    required = {inner.name for inner in record_fields(kind) if inner.required}
    fields = {inner.name: inner for inner in fields_of(kind) or ()}
    for name in members.keys() - fields.keys():
        yield Problem(
            "columns",
            f"{field.name} holds the key {name}, which is no field of {annotation_text(kind)}",
            "add the field, or drop the key",
        )
    for name in sorted(required - members.keys()):
        yield Problem(
            "columns",
            f"{field.name} holds no key {name}, which {annotation_text(kind)} needs",
            "add the key, or drop the field",
        )
    for name, member in members.items():
        if name in fields:
            inner = fields[name]
            placed = Field(inner.label, f"{field.name}.{name}", inner.type)
            yield from _member(placed, member, overrides)


def _dict(
    field: Field, kind: Any, members: dict[str, JsonMember], overrides: Overrides
) -> Iterator[Problem]:
    keys, values = get_args(kind)
    if get_origin(keys) is Literal and set(get_args(keys)) != members.keys():
        yield Problem(
            "columns",
            f"{field.name} holds the keys {', '.join(members)}, but {field.label} says "
            f"{', '.join(map(str, get_args(keys)))}",
            "use the same keys in both",
        )
    for name, member in members.items():
        inner = Field(f"a value of {field.label}", f"{field.name}.{name}", values)
        yield from _member(inner, member, overrides)


def _member(field: Field, member: JsonMember, overrides: Overrides) -> Iterator[Problem]:
    if not is_supported(field.type):
        yield unsupported(field)
        return
    yield from null_problem(field, member.null, overrides)
    yield from _check_shape(field, member.shape, overrides)


def _mismatch(field: Field, found: str) -> Problem:
    return Problem(
        "types",
        f"{field.name} is {found}, but {field.label} is {annotation_text(field.type)}",
        "change the statement or the field",
    )
