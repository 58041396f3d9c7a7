"""Cut the text of SQL where PostgreSQL and psql do: what is quoted, what is a comment. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

#: A hint is a comment that extensions of the server read.
Kind: TypeAlias = Literal["code", "quoted", "comment", "hint", "parameter"]

_LETTER = r"A-Za-z_\x80-\U0010ffff"
#: Behind such a line break the next text goes on with the last one, by the same rules.
_GOES_ON = r"(?:[ \t\f\v]|--[^\r\n]*+)*+[\r\n](?:[ \t\n\r\f\v]|--[^\r\n]*+[\r\n])*+"
_PLAIN = r"'(?:[^']|'')*+'"
_ESCAPED = r"'(?:[^'\\]|\\.|'')*+'"
# Whatever none of these begins at is code, one character at a time.
_PIECE = re.compile(
    rf"""
    (?P<comment>^[ \t]*+--[^\r\n]*+\n?|--[^\r\n]*+)
    |(?P<block>/\*)
    |(?P<quoted>[eE]{_ESCAPED}(?:{_GOES_ON}{_ESCAPED})*+
        |{_PLAIN}(?:{_GOES_ON}{_PLAIN})*+
        |"(?:[^"]|"")*+"
        |\$(?P<tag>(?:[{_LETTER}][{_LETTER}0-9]*+)?)\$.*?\$(?P=tag)\$)
    |(?P<open>[eE]?'|"|\$(?:[{_LETTER}][{_LETTER}0-9]*+)?\$)
    |::
    |[{_LETTER}][{_LETTER}0-9$]*+
    |:(?![0-9]+(?![{_LETTER}0-9]))(?P<parameter>[{_LETTER}0-9]++)
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_BLOCK_MARK = re.compile(r"/\*|\*/")


class Piece(NamedTuple):
    """A part of a statement; all together are its text."""

    kind: Kind
    text: str


class Unended(ValueError):
    """A quoted text or a comment does not end."""


def pieces(sql: str) -> Iterator[Piece]:
    """Cut *sql*; a comment that has its line to itself takes the line along.

    A parameter is ``:name``, and neither a cast (``::``) nor the number that ends a slice. Raises
    `Unended`.
    """
    code = at = 0
    while found := _PIECE.search(sql, at):
        kind, at = found.lastgroup, found.end()
        match kind:
            case "block":
                kind, at = _block(sql, found.start())
            case "open":
                raise Unended(f"a quoted text that does not end: {found[0]}")
            case "comment" | "parameter" | "quoted":
                pass
            case _:
                # A cast, or a word: what looks like a quote or a parameter inside is none.
                continue
        if code < found.start():
            yield Piece("code", sql[code : found.start()])
        yield Piece(kind, sql[found.start() : at])
        code = at
    if code < len(sql):
        yield Piece("code", sql[code:])


def _block(sql: str, start: int) -> tuple[Literal["comment", "hint"], int]:
    """Return what the comment is that begins with ``/*``, and its end; comments may be nested."""
    depth = 0
    for mark in _BLOCK_MARK.finditer(sql, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return ("hint" if sql.startswith("+", start + 2) else "comment"), mark.end()
    raise Unended("a comment that does not end: /*")
