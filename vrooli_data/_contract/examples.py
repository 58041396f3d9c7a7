"""Example values for arguments, inputs and rows, from their annotations. No I/O."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin
from uuid import UUID

import msgspec

from .._rows import Row, is_plain, record_fields
from ..errors import InvalidInput
from ..records.shared import JsonValue
from ..validation import Kind, fields

#: A value of the given rank: the first ranks suit the widest bounds, and so test most.
Example: TypeAlias = Callable[[int], Any]

_TIME = datetime(2026, 1, 1, tzinfo=UTC)


class NoExampleError(Exception):
    """Nothing is known that an annotation would take."""


class Examples:
    """Values that differ from each other, so that none can stand in for another unseen."""

    def __init__(self) -> None:
        self._next = count(1)

    def argument(self, annotation: Any) -> list[Example]:
        """Return examples for each way in which an argument may make a method go."""
        origin, parts = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.argument(parts[0])
        if origin in (Union, types.UnionType):
            return [example for part in parts for example in self.argument(part)]
        if origin is Literal:
            return [_constant(value) for value in parts]
        if origin in (list, Sequence):
            return [_list(self.argument(parts[0]))]
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return [_constant(value) for value in self._inputs(annotation)]
        return self._leaf(dict if origin is dict else annotation)

    def _leaf(self, annotation: Any) -> list[Example]:
        number = next(self._next)
        letter = chr(ord("a") + number % 26)
        examples: dict[Any, list[Example]] = {
            type(None): [_constant(None)],
            bool: [_constant(False), _constant(True)],
            datetime: [_constant(_TIME + timedelta(minutes=number))],
            float: [(number + 0.5, 1 / (number + 1)).__getitem__],
            int: [(2**62 + number, 2**30 + number, number).__getitem__],
            str: [(f"exampletext{letter}", f"{letter}@example.org", f"e{letter}").__getitem__],
            dict: [_constant({"example": number})],
            JsonValue: [_constant({"example": number})],
            UUID: [_constant(UUID(int=number))],
        }
        if annotation not in examples:
            raise NoExampleError(annotation)
        return examples[annotation]

    def _inputs(self, kind: type[msgspec.Struct]) -> Iterator[msgspec.Struct]:
        """Make inputs with what is required, with each other field beside it, and with all."""
        values = {field.name: self._field(field.kind, field.name, kind) for field in fields(kind)}
        required = {
            field.name: values[field.name] for field in record_fields(kind) if field.required
        }
        shapes = [required, *({**required, name: values[name]} for name in values), values]
        return (kind(**shape) for shape in shapes)

    def _field(self, kind: Kind, name: str, of: type[msgspec.Struct]) -> Any:
        annotation = next(field.type for field in record_fields(of) if field.name == name)
        # The last of several, because the first is what a field has by default, mostly.
        for example in reversed(self.argument(_without_none(annotation))):
            for rank in count():
                try:
                    value = example(rank)
                    kind.check(name, value)
                except InvalidInput:
                    continue
                except IndexError:
                    break
                return value
        raise NoExampleError(annotation)


@cache
def row(record: Any) -> Row:
    """Return a row as it arrives for a record, with a value in every column."""
    if not _is_record(record):
        value = _column(record, 101)
        return (value if is_plain(record) else msgspec.json.encode(value),)
    return tuple(
        value if is_plain(field.type) else msgspec.json.encode(value)
        for field, value in zip(record_fields(record), _values(record), strict=True)
    )


@cache
def row_values(record: Any) -> dict[str, Any]:
    """Return the values of `row` by their names; a value by itself has none."""
    if not _is_record(record):
        return {}
    return dict(zip((field.name for field in record_fields(record)), _values(record), strict=True))


def _is_record(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _values(record: Any) -> list[Any]:
    return [_column(field.type, place) for place, field in enumerate(record_fields(record), 101)]


def _column(annotation: Any, place: int) -> Any:
    kind = _without_none(annotation)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return parts[0]
    if origin is list:
        return [_column(parts[0], place)]
    if origin is dict:
        return {_column(parts[0], place): _column(parts[1], place)}
    if isinstance(origin or kind, type) and issubclass(origin or kind, msgspec.Struct):
        return dict(zip((f.name for f in record_fields(kind)), _values(kind), strict=True))
    simple = {
        bool: True,
        datetime: _TIME + timedelta(microseconds=place),
        float: place + 0.5,
        int: place,
        str: f"text {place}",
        UUID: UUID(int=place),
        JsonValue: {"place": place},
    }
    if kind not in simple:
        raise NoExampleError(annotation)
    return simple[kind]


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    parts = [part for part in get_args(annotation) if part not in (type(None), msgspec.UnsetType)]
    return parts[0]


def _list(items: list[Example]) -> Example:
    """Return lists of all the examples, then of the last alone: all may have the same key."""
    return lambda rank: [items[-1](rank - 1)] if rank else [item(rank) for item in items]


def _constant(value: Any) -> Example:
    return lambda rank: value if rank == 0 else _exhausted()


def _exhausted() -> Any:
    raise IndexError
