"""Decode the nested JSON records of rows by their types."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec.structs import FieldInfo

from .records.shared import JsonValue

Row: TypeAlias = tuple[Any, ...]
Decoders: TypeAlias = tuple[tuple[int, Callable[[bytes], Any]], ...]

#: Types that psycopg's binary loaders return ready to use, as values and in arrays.
_PLAIN = frozenset({bool, bytes, date, datetime, Decimal, float, int, str, timedelta, UUID})
#: Ready to use as values, but not in arrays.
_ALONE = (JsonValue, type(None))

#: What a decoder raises on JSON that does not match its type, or is nested too deeply.
UNREADABLE = (msgspec.DecodeError, RecursionError)
#: The path at the end of msgspec's message. The text before it may contain the value.
_PATH = re.compile(r" - at `\$([\w.\[\]]*)`\Z")


def record_fields(record: Any) -> tuple[FieldInfo, ...]:
    """Return the fields of a record, in the order of its columns."""
    return _fields(record)


def nested_decoders(record: Any) -> Decoders:
    """Return, by column index, the decoders of the fields that arrive as ``json``.

    Queries build nested records as ``json``, which arrives as bytes. Stored data is ``jsonb``,
    which the connection decodes.
    """
    return _decoders(record)


# Many queries share a record, and msgspec reads its annotations anew each time.
_fields = cache(msgspec.structs.fields)


@cache
def _decoders(record: Any) -> Decoders:
    return tuple(
        (index, msgspec.json.Decoder(field.type).decode)
        for index, field in enumerate(record_fields(record))
        if not is_plain(field.type)
    )


def is_plain(annotation: Any) -> bool:
    """Return whether a value of this type needs no decoding."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return all(is_plain(part) for part in get_args(annotation))
    if origin is list:
        (item,) = get_args(annotation)
        return item not in _ALONE and get_origin(item) is not list and is_plain(item)
    return origin is Literal or annotation in _PLAIN or annotation in _ALONE


def unreadable_part(decode: Callable[[bytes], Any], value: bytes) -> str | None:
    """Return the path of the undecodable part of a value, as ``.status``; None if there is none."""
    try:
        decode(value)
    except UNREADABLE as error:
        path = _PATH.search(str(error))
        return path[1] if path else ""
    return None
