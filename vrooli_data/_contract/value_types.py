"""Map the types of PostgreSQL to the types of Python, in both directions. No I/O."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType, TypeVar, Union, get_args, get_origin
from uuid import UUID

import msgspec

from .._rows import is_plain, record_fields
from ..records.shared import JsonValue

_TEXT = frozenset({"text", "character varying", "character", "name"})
_JSON = frozenset({"json", "jsonb"})
_INTEGERS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_COLUMN_TYPES: dict[Any, frozenset[str]] = {
    bool: frozenset({"boolean"}),
    bytes: frozenset({"bytea"}),
    dt.date: frozenset({"date"}),
    dt.datetime: frozenset({"timestamp with time zone"}),
    dt.timedelta: frozenset({"interval"}),
    Decimal: frozenset({"numeric"}),
    float: frozenset({"real", "double precision"}),
    int: frozenset(_INTEGERS),
    JsonValue: frozenset({"jsonb"}),
    str: _TEXT,
    UUID: frozenset({"uuid"}),
}
_PARAMETER_TYPES: dict[type, frozenset[str]] = {
    **_COLUMN_TYPES,
    float: frozenset({"real", "double precision", "numeric"}),
    str: _TEXT | _JSON,
}


def fitting_column_types(annotation: Any) -> frozenset[str]:
    """Return the column types that fit a field with this annotation."""
    kind = without_none(annotation)
    if get_origin(kind) is Literal:
        kind = type(get_args(kind)[0])
    if kind in _COLUMN_TYPES:
        return _COLUMN_TYPES[kind]
    if get_origin(kind) is list and is_plain(kind):
        return frozenset(f"{item}[]" for item in fitting_column_types(get_args(kind)[0]))
    # Any other type is nested, and decoded from json.
    return frozenset({"json"})


def is_supported(annotation: Any) -> bool:
    """Return whether psycopg may return a value of this type. msgspec accepts more types."""
    kind = get_origin(annotation) or annotation
    if kind is Annotated or isinstance(kind, NewType | TypeVar):
        return False
    if kind is Literal:
        return True
    if isinstance(kind, type) and issubclass(kind, Enum):
        return False
    return all(map(is_supported, get_args(annotation)))


def accepts_none(annotation: Any) -> bool | None:
    """Return whether a field may be None; None if the annotation does not show it."""
    if annotation is JsonValue:
        return None
    return type(None) in get_args(annotation) or annotation is type(None)


def without_none(annotation: Any) -> Any:
    """Return the annotation without None."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return parts[0] if len(parts) == 1 else Union[tuple(parts)]  # noqa: UP007 (made of a tuple)


def refusal(value: Any, parameter_type: str) -> str | None:
    """Return why a value cannot be sent as a parameter of a type; None if it can."""
    kind = type(value)
    if value is None:
        return None
    if kind is list and parameter_type.endswith("[]"):
        item = parameter_type.removesuffix("[]")
        return next(filter(None, (refusal(part, item) for part in value)), None)
    if parameter_type not in _PARAMETER_TYPES.get(kind, ()):
        return f"{_article(kind)}, which cannot be sent as {parameter_type}"
    if kind is int and abs(value) >= _INTEGERS[parameter_type]:
        return f"numbers such as {value}, too large for {parameter_type}"
    if kind is str and parameter_type in _JSON and not _is_json(value):
        return f"text that is no JSON as {parameter_type}"
    return None


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def annotation_text(annotation: Any) -> str:
    """Return the source text of an annotation."""
    if annotation is JsonValue:
        return "JsonValue"
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join(map(annotation_text, get_args(annotation)))
    if annotation is type(None):
        return "None"
    parts = get_args(annotation)
    name = getattr(get_origin(annotation) or annotation, "__name__", str(annotation))
    if get_origin(annotation) is Literal:
        return f"Literal[{', '.join(map(repr, parts))}]"
    return f"{name}[{', '.join(map(annotation_text, parts))}]" if parts else name


def structs_in(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    """Yield the records in an annotation."""
    origin = get_origin(annotation)
    for kind in (origin, annotation):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield kind
    for part in get_args(annotation):
        yield from structs_in(part)


def all_structs_in(annotations: Iterable[Any]) -> set[type[msgspec.Struct]]:
    """Return the records in annotations, in their fields and among their base classes."""
    found: set[type[msgspec.Struct]] = set()
    waiting = list(annotations)
    while waiting:
        for kind in structs_in(waiting.pop()):
            # The stubs of msgspec hide that a class of records is hashable.
            if kind not in found:
                found.add(kind)
                waiting += [field.type for field in record_fields(kind)]
                waiting += kind.__bases__
    return found


def unresolved(annotation: Any) -> str | None:
    """Return why the fields of the records in an annotation cannot be read; None if they can."""
    try:
        all_structs_in([annotation])
    except Exception as error:  # noqa: BLE001 (an annotation is any expression)
        return str(error)
    return None


def _article(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'aeiou' else 'a'} {kind.__name__}"
