"""Checks of arguments before any SQL runs; each failure names its field."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import TypeVar

from .errors import InvalidInput

T = TypeVar("T")

MAX_BIGINT = 2**63 - 1
MAX_PAGE = 500
#: A longer interval reaches past the first year that a timestamp can hold.
MAX_DAYS = 365_000
#: The longest time limit that the server takes, in seconds (2^31 ms).
_MAX_SECONDS = 2_147_483
_MAX_EMAIL = 320
_MAX_KEY = 128


def check_id(field: str, value: int) -> None:
    """Refuse what is no identifier: an int from 1 to 2^63 - 1."""
    check_int(field, value, 1, MAX_BIGINT)


def check_int(field: str, value: int, low: int, high: int) -> None:
    """Refuse what is not an int from *low* to *high*; a bool is none."""
    if type(value) is not int:
        raise InvalidInput(field, f"must be an int, not {type(value).__name__}")
    if not low <= value <= high:
        raise InvalidInput(field, f"must be from {low} to {high}")


def check_limit(value: int) -> None:
    """Refuse a page size out of range."""
    check_int("limit", value, 1, MAX_PAGE)


def check_text(field: str, value: str, max_length: int) -> None:
    """Refuse text that PostgreSQL cannot hold, or that is too long."""
    if not isinstance(value, str):
        raise InvalidInput(field, f"must be a str, not {type(value).__name__}")
    if len(value) > max_length:
        raise InvalidInput(field, f"must have at most {max_length} characters")
    if "\0" in value:
        raise InvalidInput(field, "must not hold the character NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field, "must not hold a lone surrogate") from None


def check_key(field: str, value: str) -> None:
    """Refuse text that cannot be looked up as an identifier."""
    check_text(field, value, _MAX_KEY)


def check_choice(field: str, value: T, choices: Collection[T]) -> None:
    """Refuse a value that is not one of a closed set."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidInput(field, f"must be one of {', '.join(map(str, choices))}")


def normalized_email(value: str) -> str:
    """Return an e-mail address in the one form that is stored and looked up."""
    check_text("email", value, _MAX_EMAIL)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).lower())


def normalized_handle(value: str) -> str:
    """Return a handle in the one form that is stored and looked up."""
    check_key("handle", value)
    return value.lower()


def check_seconds(field: str, value: float) -> None:
    """Refuse what is no positive, finite number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(field, f"must be a number of seconds, not {type(value).__name__}")
    if not 0 < value < _MAX_SECONDS:
        raise InvalidInput(field, f"must be more than 0 and less than {_MAX_SECONDS} seconds")
