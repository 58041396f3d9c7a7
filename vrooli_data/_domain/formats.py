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
#: By the length of a subtag behind the first: of a region, of a script.
_CASINGS = {2: str.upper, 4: str.capitalize}


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
    check_pattern(field, value, _LANGUAGE, "must be a language tag such as en or pt-BR")
    check_text(field, value, _MAX_LANGUAGE)


def new_languages(field: str, value: Sequence[str]) -> list[str]:
    """Return language tags as they are stored, each once, or refuse what is none of them."""
    given = check_list(field, value, _MAX_LANGUAGES, check_language)
    return list(dict.fromkeys(map(language_tag, given)))


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
    check_pattern("handle", handle, _HANDLE, "must be 3 to 30 characters of [a-z0-9_]")
    return handle
