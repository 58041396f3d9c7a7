"""The formats of Vrooli's texts: e-mail addresses, handles, language tags. No I/O."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ..errors import InvalidInput
from ..validation import check_key, check_list, check_pattern, check_text

_MAX_EMAIL = 320
_MAX_LANGUAGES = 100
_HANDLE = re.compile(r"[a-z0-9_]{3,30}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_MAX_LANGUAGE = 35
#: The casing of a subtag after the first, by its length: 2 is a region, 4 is a script.
_CASINGS = {2: str.upper, 4: str.capitalize}


def language_tag(value: str) -> str:
    """Return a language tag in the casing of RFC 5646, section 2.1.1: zh-Hant-TW for zh-hant-tw.

    Tags that differ only in case are equal.
    """
    subtags = value.lower().split("-")
    for position, subtag in enumerate(subtags[1:], 1):
        # All subtags after one of a single character stay in lower case.
        if len(subtag) == 1:
            break
        if subtag.isalpha():
            subtags[position] = _CASINGS.get(len(subtag), str.lower)(subtag)
    return "-".join(subtags)


def new_language(field: str, value: str) -> str:
    """Return a language tag as it is stored and looked up; refuse a value that is not one."""
    check_language(field, value)
    return language_tag(value)


def check_language(field: str, value: str) -> None:
    """Refuse a value that is not a language tag, such as ``en`` or ``pt-BR``."""
    check_pattern(field, value, _LANGUAGE, "must be a language tag such as en or pt-BR")
    check_text(field, value, _MAX_LANGUAGE)


def new_languages(field: str, value: Sequence[str]) -> list[str]:
    """Return language tags as they are stored, without duplicates; refuse other values."""
    given = check_list(field, value, _MAX_LANGUAGES, check_language)
    return list(dict.fromkeys(map(language_tag, given)))


def normalized_email(value: str) -> str:
    """Return an e-mail address as it is stored and looked up: in NFC and lower case."""
    check_text("email", value, _MAX_EMAIL)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).lower())


def normalized_handle(value: str) -> str:
    """Return a handle as it is stored and looked up: in lower case."""
    check_key("handle", value)
    return value.lower()


def new_email(value: str) -> str:
    """Return a new e-mail address as it is stored; refuse a value that is not one."""
    email = normalized_email(value)
    # Checked again, because the text in lower case can be longer.
    check_text("email", email, _MAX_EMAIL)
    if email.find("@") < 1:
        raise InvalidInput("email", "must have an @ after its first character")
    return email


def new_handle(value: str) -> str:
    """Return a new handle as it is stored; refuse a value that is not one."""
    handle = normalized_handle(value)
    check_pattern("handle", handle, _HANDLE, "must be 3 to 30 characters of [a-z0-9_]")
    return handle
