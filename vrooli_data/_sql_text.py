"""Split SQL into code, quoted text, comments and parameters, as PostgreSQL and psql do. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

#: A hint is a comment that extensions of the server read.
PieceKind: TypeAlias = Literal["code", "quoted", "comment", "hint", "parameter"]

# By what they are not: classes that reach up to the last character of Unicode take long to compile.
_LETTER = r"[^\x00-@\[-^`{-\x7f]"
_WORD = r"[^\x00-/:-@\[-^`{-\x7f]"
_WORD_OR_DOLLAR = r"[^\x00-#%-/:-@\[-^`{-\x7f]"
_NAME = rf"{_LETTER}{_WORD_OR_DOLLAR}*+"
#: Such a line break between two quoted texts makes them one, by the same rules.
_GOES_ON = r"(?:[ \t\f\v]|--[^\r\n]*+)*+[\r\n](?:[ \t\n\r\f\v]|--[^\r\n]*+[\r\n])*+"
_PLAIN = r"'(?:[^']|'')*+'"
_ESCAPED = r"'(?:[^'\\]|\\.|'')*+'"
# A character at which none of these begins is code. Names with nothing but blanks and such between
# them are one match, because reading a folder of queries is much of a program's first read.
_PIECE = re.compile(
    rf"""
    (?P<comment>^[ \t]*+--[^\r\n]*+\n?|--[^\r\n]*+)
    |(?P<block>/\*)
    |(?P<quoted>[eE]{_ESCAPED}(?:{_GOES_ON}{_ESCAPED})*+
        |{_PLAIN}(?:{_GOES_ON}{_PLAIN})*+
        |"(?:[^"]|"")*+"
        |\$(?P<tag>(?:{_LETTER}{_WORD}*+)?)\$.*?\$(?P=tag)\$)
    |(?P<open>[eE]?'|"|\$(?:{_LETTER}{_WORD}*+)?\$)
    |::
    |{_NAME}(?:[\s,.()=]++(?![eE]'){_NAME})*+
    |:(?![0-9]+(?!{_WORD}))(?P<parameter>{_WORD}++)
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_BLOCK_MARK = re.compile(r"/\*|\*/")


class Piece(NamedTuple):
    """A part of a statement. The texts of all parts together are the statement."""

    kind: PieceKind
    text: str


class Unended(ValueError):
    """A quoted text or a comment does not end."""


def pieces(sql: str) -> Iterator[Piece]:
    """Split *sql*. A comment on a line of its own includes the whole line.

    A parameter is ``:name``, not a cast (``::``) and not the number that ends a slice. Raises
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
                # A cast or a word, which may contain what looks like a quote or a parameter.
                continue
        if code < found.start():
            yield Piece("code", sql[code : found.start()])
        yield Piece(kind, sql[found.start() : at])
        code = at
    if code < len(sql):
        yield Piece("code", sql[code:])


def _block(sql: str, start: int) -> tuple[Literal["comment", "hint"], int]:
    """Return the kind and the end of a block comment. Comments may be nested."""
    depth = 0
    for mark in _BLOCK_MARK.finditer(sql, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return ("hint" if sql.startswith("+", start + 2) else "comment"), mark.end()
    raise Unended("a comment that does not end: /*")
