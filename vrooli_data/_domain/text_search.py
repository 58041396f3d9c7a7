"""Folding of text for search, and patterns for substring search. No I/O."""

from __future__ import annotations

import unicodedata

from ..validation import check_text

_TRIGRAM = 3
_MAX_QUERY = 255
#: The dot of a Turkish capital I that was lowered; Turkish itself writes none on the small one.
_DOTTED_I = "i\u0307"


def folded(text: str) -> str:
    """Return *text* in the one form that search compares.

    Full case folding of the compatibility decomposition: normal form and case make no difference,
    nor do sharp s and ss, both small sigmas, a ligature and its letters, wide and usual letters, I
    with and without its dot. Accents, the dotless i and punctuation stay.
    """
    if text.isascii():
        return text.lower()
    # Decomposing can bring what folds, and folding what decomposes: twice is enough.
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", text.replace(_DOTTED_I, "i"))


def pattern(text: str) -> str:
    """Return the LIKE pattern of the texts that hold *text*; its wildcards match themselves."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def searched(query: str) -> str:
    """Return what is looked for in folded texts, or refuse *query*."""
    check_text("query", query, _MAX_QUERY, 1)
    return folded(query)


def holds_trigram(query: str) -> bool:
    """Return whether three characters of a word follow each other, so that trigram indexes help.

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
