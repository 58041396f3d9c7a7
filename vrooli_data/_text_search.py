"""Patterns for substring search. No I/O."""

from __future__ import annotations

import unicodedata

from ._validate import check_text

_TRIGRAM = 3
_MAX_QUERY = 255


def pattern(query: str) -> str:
    """Return the ILIKE pattern of the texts that hold *query*; its wildcards match themselves."""
    check_text("query", query, _MAX_QUERY, 1)
    escaped = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def holds_trigram(query: str) -> bool:
    """Tell whether three characters of a word follow each other, so that trigram indexes help.

    pg_trgm leaves out all that is no letter or digit: of ``a!!`` it would look for nothing, and so
    read every row.
    """
    run = 0
    for character in query:
        run = run + 1 if _is_of_word(character) else 0
        if run == _TRIGRAM:
            return True
    return False


def _is_of_word(character: str) -> bool:
    if character.isalpha() or character.isdecimal():
        return True
    # The vowel signs of Indic and other scripts count as letters, accents by themselves do not.
    return unicodedata.category(character) in ("Mc", "Mn") and unicodedata.combining(character) == 0
