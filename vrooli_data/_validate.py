"""Checks of arguments before any SQL runs; each failure names its field."""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from .errors import InvalidInput

T = TypeVar("T")

MAX_INTEGER = 2**31 - 1
MAX_BIGINT = 2**63 - 1
MAX_PAGE = 500
#: Rows that one call may ask for by their ids.
MAX_MANY = 10_000
#: A longer interval reaches past the first year that a timestamp can hold.
MAX_DAYS = 365_000
#: The longest time limit that the server takes, in seconds (2^31 ms).
_MAX_SECONDS = 2_147_483
_MAX_EMAIL = 320
_MAX_KEY = 128
_MAX_LANGUAGES = 100

_PUBLIC_ID = re.compile(r"[0-9a-z]{12}")
_HANDLE = re.compile(r"[a-z0-9_]{3,30}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_MAX_LANGUAGE = 35
#: By the length of a subtag behind the first: of a region, of a script.
_CASINGS = {2: str.upper, 4: str.capitalize}
_TEXTS = (str, bytes, bytearray, memoryview)


def check_id(field: str, value: int) -> None:
    """Refuse what is no identifier: an int from 1 to 2^63 - 1."""
    check_int(field, value, 1, MAX_BIGINT)


def check_int(field: str, value: int, low: int, high: int) -> None:
    """Refuse what is not an int from *low* to *high*; a bool is none."""
    if type(value) is not int:
        raise _wrong_type(field, value, "an int")
    if not low <= value <= high:
        raise InvalidInput(field, f"must be from {low} to {high}")


def check_limit(value: int) -> None:
    """Refuse a page size out of range."""
    check_int("limit", value, 1, MAX_PAGE)


def check_revision(field: str, value: int | None) -> None:
    """Refuse what is no revision that a row may be expected to have; None is any."""
    if value is not None:
        check_int(field, value, 0, MAX_INTEGER)


def check_flag(field: str, value: bool) -> None:
    """Refuse what is not True or False."""
    if type(value) is not bool:
        raise _wrong_type(field, value, "a bool")


def check_callable(field: str, value: object) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise _wrong_type(field, value, "a function")


def check_hook(field: str, value: object) -> None:
    """Refuse what cannot be called, or what nobody would await."""
    check_callable(field, value)
    if is_asynchronous(value):
        raise InvalidInput(field, "must be a plain function: nobody awaits it")


def is_asynchronous(function: object) -> bool:
    """Tell whether calling a function only makes something to await, or to go through."""
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in (function, type(function).__call__)
    )


def check_text(field: str, value: str, max_length: int, min_length: int = 0) -> None:
    """Refuse text that PostgreSQL cannot hold, or that is too long or too short."""
    if type(value) is not str:
        raise _wrong_type(field, value, "a str")
    if len(value) > max_length:
        raise InvalidInput(field, f"must have at most {max_length} characters")
    if len(value) < min_length:
        characters = "character" if min_length == 1 else "characters"
        raise InvalidInput(field, f"must have at least {min_length} {characters}")
    if value.isascii() and "\0" not in value:
        return
    check_characters(field, value)


def check_characters(field: str, value: str) -> None:
    """Refuse the two characters that PostgreSQL's text cannot hold."""
    if "\0" in value:
        raise InvalidInput(field, "must not hold the character NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field, "must not hold a lone surrogate") from None


def check_key(field: str, value: str) -> None:
    """Refuse text that cannot be looked up as an identifier."""
    check_text(field, value, _MAX_KEY)


def check_public_id(field: str, value: str) -> None:
    """Refuse what cannot be stored as a public id."""
    _check_pattern(field, value, _PUBLIC_ID, "must be 12 characters of [0-9a-z]")


def language_tag(value: str) -> str:
    """Return a language tag in the casing of RFC 5646, section 2.1.1: zh-hant-TW as zh-Hant-TW.

    Tags that differ in case alone are the same.
    """
    subtags = value.lower().split("-")
    for place, subtag in enumerate(subtags[1:], 1):
        # What follows a singleton stays in small letters, up to the end.
        if len(subtag) == 1:
            break
        if subtag.isalpha():
            subtags[place] = _CASINGS.get(len(subtag), str.lower)(subtag)
    return "-".join(subtags)


def new_language(field: str, value: str) -> str:
    """Return the form of a language tag to store and look up, or refuse what is none."""
    check_language(field, value)
    return language_tag(value)


def check_language(field: str, value: str) -> None:
    """Refuse what is no language tag, such as ``en`` or ``pt-BR``."""
    _check_pattern(field, value, _LANGUAGE, "must be a language tag such as en or pt-BR")
    check_text(field, value, _MAX_LANGUAGE)


def new_languages(field: str, value: Sequence[str]) -> list[str]:
    """Return language tags as they are stored, each once, or refuse what is none of them."""
    given = check_list(field, value, _MAX_LANGUAGES, check_language)
    return list(dict.fromkeys(map(language_tag, given)))


def check_list(
    field: str, value: Iterable[T], max_items: int, check: Callable[[str, T], None]
) -> list[T]:
    """Return a sequence as a list; refuse a long one, or an item that *check* refuses."""
    # The items of text and bytes are hardly what was meant.
    if not isinstance(value, Sequence) or isinstance(value, _TEXTS):
        raise _wrong_type(field, value, "a list")
    # What it holds from here on is the caller's no longer; a range may be too long for len().
    items = list(islice(value, max_items + 1))
    if len(items) > max_items:
        raise InvalidInput(field, f"must have at most {max_items} items")
    for item in items:
        check(field, item)
    return items


def check_choice(field: str, value: str, choices: Collection[str]) -> None:
    """Refuse a value that is not one of a closed set."""
    if type(value) is not str or value not in choices:
        raise InvalidInput(field, f"must be one of {', '.join(choices)}")


def check_type(field: str, value: object, kind: type[Any]) -> None:
    """Refuse what is not of exactly this class."""
    if type(value) is not kind:
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise _wrong_type(field, value, f"{article} {kind.__name__}")


def check_seconds(field: str, value: float) -> None:
    """Refuse what is no positive, finite number of seconds."""
    if type(value) not in (int, float):
        raise _wrong_type(field, value, "a number of seconds")
    if not 0 < value < _MAX_SECONDS:
        raise InvalidInput(field, f"must be more than 0 and less than {_MAX_SECONDS} seconds")


def normalized_email(value: str) -> str:
    """Return an e-mail address in the one form that is stored and looked up."""
    check_text("email", value, _MAX_EMAIL)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).lower())


def normalized_handle(value: str) -> str:
    """Return a handle in the one form that is stored and looked up."""
    check_key("handle", value)
    return value.lower()


def new_email(value: str) -> str:
    """Return the form of an e-mail address to store, or refuse what is none."""
    email = normalized_email(value)
    # Lower case can be longer: a check of the length before does not cover the length after.
    check_text("email", email, _MAX_EMAIL)
    if email.find("@") < 1:
        raise InvalidInput("email", "must have an @ behind its first character")
    return email


def new_handle(value: str) -> str:
    """Return the form of a handle to store, or refuse what is none."""
    handle = normalized_handle(value)
    _check_pattern("handle", handle, _HANDLE, "must be 3 to 30 characters of [a-z0-9_]")
    return handle


def _check_pattern(field: str, value: str, pattern: re.Pattern[str], problem: str) -> None:
    if type(value) is not str:
        raise _wrong_type(field, value, "a str")
    if not pattern.fullmatch(value):
        raise InvalidInput(field, problem)


def _wrong_type(field: str, value: Any, wanted: str) -> InvalidInput:
    return InvalidInput(field, f"must be {wanted}, not {type(value).__name__}")
