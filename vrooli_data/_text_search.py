"""Patterns for substring search. No I/O."""

from __future__ import annotations

from ._validate import check_text

#: Trigram indexes help from three characters on.
MIN_TRIGRAM = 3
_MAX_QUERY = 255


def pattern(query: str) -> str:
    """Return the ILIKE pattern of the texts that hold *query*; its wildcards match themselves."""
    check_text("query", query, _MAX_QUERY, 1)
    escaped = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
