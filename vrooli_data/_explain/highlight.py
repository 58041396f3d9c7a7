"""Mark what SQL is made of, lightly. No I/O."""

from __future__ import annotations

import re

from .markup import Html, joined, tag

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*)"
    r"|(?P<string>'(?:[^']|'')*')"
    r"|(?P<parameter>(?<![:\w]):[a-z_]\w*)"
    r"|(?P<keyword>\b[A-Z]{2,}\b)"
)


def highlight(sql: str) -> Html:
    """Return a statement with its comments, strings, parameters and keywords marked."""
    pieces: list[str] = []
    end = 0
    for token in _TOKEN.finditer(sql):
        pieces += [sql[end : token.start()], tag("span", token[0], class_=f"sql-{token.lastgroup}")]
        end = token.end()
    return joined(*pieces, sql[end:])
