"""What a row's values become: nested JSON records are decoded by their type."""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec.structs import FieldInfo

from .records.shared import JsonValue

Row: TypeAlias = tuple[Any, ...]
Decoders: TypeAlias = tuple[tuple[int, Callable[[bytes], Any]], ...]

#: Types that psycopg's binary loaders deliver ready to use.
_PLAIN = frozenset({bool, int, float, str, datetime, UUID, type(None), JsonValue})


def record_fields(record: type[Any]) -> tuple[FieldInfo, ...]:
    """Return the fields of a record, in the order of its columns."""
    return msgspec.structs.fields(record)


def nested_decoders(record: type[Any]) -> Decoders:
    """Return, by column index, the decoders of the fields that arrive as ``json``.

    A query builds nested records as ``json``, which arrives as bytes; data kept for callers is
    ``jsonb``, which the connection decodes.
    """
    return tuple(
        (index, msgspec.json.Decoder(field.type).decode)
        for index, field in enumerate(record_fields(record))
        if not is_plain(field.type)
    )


def is_plain(annotation: Any) -> bool:
    """Tell whether a value of this type needs no decoding."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return all(is_plain(part) for part in get_args(annotation))
    if origin is Literal:
        return True
    return annotation in _PLAIN or annotation == list[str]
