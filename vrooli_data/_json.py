"""JSON values that PostgreSQL's jsonb takes and returns unchanged."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from ._validate import check_characters
from .errors import InvalidInput

#: Deeper nesting is nobody's data, and readers of it run out of stack.
MAX_DEPTH = 100
#: Bytes of the encoded value.
MAX_SIZE = 16 * 2**20
_MAX_INT = 2**64 - 1
_MIN_INT = -(2**63)
#: From here on not every whole number is a float.
_MAX_FLOAT = 2.0**53

_encode = msgspec.json.Encoder().encode


def check_json(field: str, value: Any) -> None:
    """Refuse what jsonb cannot hold, or would not return as it was."""
    _check(field, value, 0)
    if len(_encode(value)) > MAX_SIZE:
        raise InvalidInput(field, f"must take at most {MAX_SIZE} bytes as JSON")


def check_json_object(field: str, value: Any) -> None:
    """Refuse what is no JSON object."""
    if type(value) is not dict:
        raise InvalidInput(field, f"must be a dict, not {type(value).__name__}")
    check_json(field, value)


def json_text(value: Any) -> str:
    """Return the JSON text of a value that was checked."""
    return _encode(value).decode()


def _check(field: str, value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidInput(field, f"must be nested at most {MAX_DEPTH} deep")
    kind = type(value)
    if kind is str:
        check_characters(field, value)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise InvalidInput(field, "must have str as keys of every object")
            check_characters(field, key)
            _check(field, item, depth + 1)
    elif kind is list:
        for item in value:
            _check(field, item, depth + 1)
    elif kind is float:
        _check_float(field, value)
    elif kind is int:
        if not _MIN_INT <= value <= _MAX_INT:
            raise InvalidInput(field, "must hold integers of at most 64 bits")
    elif value is not None and kind is not bool:
        raise InvalidInput(field, f"must be JSON; it holds a {kind.__name__}")


def _check_float(field: str, value: float) -> None:
    if not math.isfinite(value):
        raise InvalidInput(field, "must hold finite numbers alone")
    if abs(value) > _MAX_FLOAT:
        # jsonb writes it out in digits, which come back as an int that may not equal it.
        raise InvalidInput(field, "must hold floats of at most 2^53; an int may be larger")
