"""Mark the tokens of SQL for the page. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .._sql_text import Piece, pieces
from .markup import Html, joined, tag

_KEYWORD = re.compile(r"\b([A-Z]{2,})\b")
_CLASSES = {
    "comment": "sql-comment",
    "hint": "sql-comment",
    "quoted": "sql-string",
    "parameter": "sql-parameter",
}


def highlight(sql: str) -> Html:
    """Return a statement with its comments, quoted texts, parameters and keywords marked."""
    return joined(*(html for piece in pieces(sql) for html in _marked(piece)))


def _marked(piece: Piece) -> Iterator[str]:
    if piece.kind != "code":
        yield tag("span", piece.text, class_=_CLASSES[piece.kind])
        return
    # The pattern has a group, so that every second part is a keyword.
    for index, part in enumerate(_KEYWORD.split(piece.text)):
        yield tag("span", part, class_="sql-keyword") if index % 2 else part
