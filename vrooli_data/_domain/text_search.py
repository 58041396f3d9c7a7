"""Folding of text for search, and patterns for substring search. No I/O."""

from __future__ import annotations

import unicodedata

from ..validation import check_text

_TRIGRAM = 3
_MAX_QUERY = 255
#: A lowered Turkish capital I keeps its dot as a combining character, which is removed.
_DOTTED_I = "i\u0307"


def fold(text: str) -> str:
    """Return *text* in the one form that search compares.

    Full case folding of the compatibility decomposition. These are equal: normal forms, upper and
    lower case, sharp s and ss, both small sigmas, a ligature and its letters, wide and usual
    letters, I with and without its dot. Accents, the dotless i and punctuation are kept.
    """
    if text.isascii():
        return text.lower()
    # Decomposing can produce characters that fold, and folding can produce characters that
    # decompose. Two rounds are enough.
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", text.replace(_DOTTED_I, "i"))


def like_pattern(text: str) -> str:
    """Return the LIKE pattern of the texts that hold *text*; its wildcards match themselves."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def normalized_query(query: str) -> str:
    """Return a search text in the folded form; refuse an invalid one."""
    check_text("query", query, _MAX_QUERY, 1)
    return fold(query)


def has_trigram(query: str) -> bool:
    """Return whether a text has three word characters in a row, so that trigram indexes help.

    pg_trgm ignores characters that are not letters or digits. For ``a!!`` it has no trigram to look
    up, and reads every row.
    """
    run = 0
    for character in query:
        run = run + 1 if _is_word_character(character) else 0
        if run == _TRIGRAM:
            return True
    return False


def _is_word_character(character: str) -> bool:
    if character.isalpha() or character.isdecimal():
        return True
    # Vowel signs of Indic and other scripts count as letters. Accents by themselves do not.
    return unicodedata.category(character) in ("Mc", "Mn") and unicodedata.combining(character) == 0
