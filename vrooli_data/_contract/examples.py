"""Make example values for arguments, inputs and rows from their annotations. No I/O."""

from __future__ import annotations

import types
from collections.abc import (
    AsyncIterable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import count
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

import msgspec

from .._rows import Row, is_plain, record_fields
from ..errors import InvalidInput
from ..records.shared import JsonValue
from ..validation import Kind

#: Values for one argument. The first has the widest bounds, and so is the best test.
Candidates: TypeAlias = Sequence[Any]

_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_COLLECTIONS: dict[Any, Callable[[Iterable[Any]], Any]] = {
    **dict.fromkeys((list, Sequence, MutableSequence, Collection, Iterable), list),
    **dict.fromkeys((set, AbstractSet, MutableSet), set),
    frozenset: frozenset,
    tuple: tuple,
}
_MAPPINGS = (dict, Mapping, MutableMapping)


class NoExampleError(Exception):
    """No example is known for an annotation."""


class ArgumentExamples:
    """Makes values that all differ, so that a swapped argument is noticed."""

    def __init__(self) -> None:
        self._next = count(1)

    def argument(self, annotation: Any) -> list[Candidates]:
        """Return candidates for each way in which an argument may affect a method."""
        annotation = _bare(annotation)
        origin, parts = get_origin(annotation), get_args(annotation)
        if origin in (Union, types.UnionType):
            return [candidates for part in parts for candidates in self.argument(part)]
        if origin in (AsyncIterable, Callable):
            # An argument that may be left out, or that has another form.
            return []
        if origin in _COLLECTIONS:
            return [self._items(parts[0], _COLLECTIONS[origin])]
        choices = self._choices(annotation)
        if choices is not None:
            return [(value,) for value in choices]
        return self._leaf(dict if origin in _MAPPINGS else annotation)

    def _choices(self, annotation: Any) -> Iterable[Any] | None:
        """Return the values that must all be tried; None for an open set of values."""
        if get_origin(annotation) is Literal:
            return get_args(annotation)
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            return annotation
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return self._inputs(annotation)
        return None

    def _items(self, annotation: Any, kind: Callable[[Iterable[Any]], Any]) -> Candidates:
        """Return collections with an item for each way of an item, then with a single item."""
        items = self.argument(annotation)
        ranks = range(max(map(len, items)))
        return [
            *(kind(item[min(rank, len(item) - 1)] for item in items) for rank in ranks),
            # Several items may have the same key.
            *(kind([item]) for item in items[-1]),
        ]

    def _leaf(self, annotation: Any) -> list[Candidates]:
        number = next(self._next)
        letter = chr(ord("a") + number % 26)
        time = _TIME + timedelta(minutes=number)
        examples: dict[Any, list[Candidates]] = {
            type(None): [(None,)],
            bool: [(False,), (True,)],
            bytes: [(f"example{letter}".encode(),)],
            date: [(time.date() + timedelta(days=number),)],
            datetime: [(time,)],
            Decimal: [(Decimal(number) / 4, Decimal(number))],
            float: [(number + 0.5, 1 / (number + 1))],
            int: [(2**62 + number, 2**30 + number, number)],
            str: [
                (
                    f"exampletext{letter}",
                    f"{letter}@example.org",
                    f"e{letter}",
                    # A position of an event.
                    f"{number}/{number}/{number}",
                )
            ],
            timedelta: [(timedelta(minutes=number),)],
            dict: [({"example": number},)],
            JsonValue: [({"example": number},)],
            UUID: [(UUID(int=number),)],
        }
        if annotation not in examples:
            raise NoExampleError(annotation)
        return examples[annotation]

    def _inputs(self, kind: type[msgspec.Struct]) -> Iterator[msgspec.Struct]:
        """Make inputs with the required fields, with each optional field added, and with all."""
        hints = get_type_hints(kind, include_extras=True)
        values = {
            field.name: self._field(field.name, field.type, hints[field.name])
            for field in record_fields(kind)
        }
        required = {
            field.name: values[field.name] for field in record_fields(kind) if field.required
        }
        shapes = [required, *({**required, name: values[name]} for name in values), values]
        return (kind(**shape) for shape in shapes)

    def _field(self, name: str, annotation: Any, hint: Any) -> Any:
        check = _check_of(hint)
        # The last way, because the first one is usually the default of the field.
        for candidates in reversed(self.argument(_without_none(annotation))):
            for value in candidates:
                try:
                    check(name, value)
                except InvalidInput:
                    continue
                return value
        raise NoExampleError(annotation)


def _bare(annotation: Any) -> Any:
    """Return the type inside an Annotated type or a NewType."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        else:
            return annotation


def _check_of(hint: Any) -> Callable[[str, Any], object]:
    """Return the check of a field of our inputs; other fields accept every value."""
    for part in (hint, *get_args(hint)):
        for extra in getattr(part, "__metadata__", ()):
            if isinstance(extra, Kind):
                return extra.check
    return lambda *_: None


@cache
def row(record: Any) -> Row:
    """Return a row as it arrives for a record or scalar, with a value in every column."""
    if not _is_record(record):
        value = _column(record, 101)
        return (value if is_plain(record) else msgspec.json.encode(value),)
    return tuple(
        value if is_plain(field.type) else msgspec.json.encode(value)
        for field, value in zip(record_fields(record), _values(record), strict=True)
    )


@cache
def row_values(record: Any) -> dict[str, Any]:
    """Return the values of `row` by the names of the fields; empty for a scalar."""
    if not _is_record(record):
        return {}
    return dict(zip((field.name for field in record_fields(record)), _values(record), strict=True))


def _is_record(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _values(record: Any) -> list[Any]:
    return [_column(field.type, place) for place, field in enumerate(record_fields(record), 101)]


def _column(annotation: Any, place: int) -> Any:
    kind = _bare(_without_none(annotation))
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
        bytes: f"bytes {place}".encode(),
        date: _TIME.date() + timedelta(days=place),
        datetime: _TIME + timedelta(microseconds=place),
        Decimal: Decimal(place) / 4,
        float: place + 0.5,
        int: place,
        str: f"text {place}",
        timedelta: timedelta(microseconds=place),
        UUID: UUID(int=place),
        JsonValue: {"place": place},
    }
    # The check of columns finds a field of any other type.
    return simple.get(kind)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    parts = [part for part in get_args(annotation) if part not in (type(None), msgspec.UnsetType)]
    return parts[0]
