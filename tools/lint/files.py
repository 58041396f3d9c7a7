"""Rules about the text of a file: what the loader, psql and a reader would trip over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pglast.parser import ParseError, scan

from vrooli_data._lint.statement import Finding

NAME_LINE: Final = re.compile(r"^-- name:[ \t]*(\w*)(?:\(.*\))?(\S*)", re.MULTILINE)
METHOD: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*(__[a-z0-9]+(_[a-z0-9]+)*)*")
FIELDS: Final = ("Utility", "Record", "Index", "Index (pg_trgm)", "Plan", "Locks", "Null")
OPERATORS: Final = ("", "^", "$", "!")
_FIELD: Final = re.compile(
    r"^-- (Utility|Record|Index|Index \(pg_trgm\)|Plan|Locks|Null):", re.MULTILINE
)

BLOCK_COMMENT: Final = "/* */ never reaches the server; write -- on a line of its own"
COMMENT_BEHIND: Final = "a comment follows SQL; put it on its own line, above the clause"
COMMENT_ABOVE: Final = (
    "a comment above a name line belongs to the query before it; put it below the name line"
)
NUMBERED: Final = "a numbered parameter has no name; write :name, and name it in the name line"
PERCENT: Final = (
    "% is the sign of a placeholder to many drivers; pass the pattern as a parameter, "
    "or use starts_with() or mod()"
)
SLICE: Final = "psql and the loader read the end of a slice as a parameter; use a function"


@dataclass(frozen=True)
class Block:
    """The part of a file that one name line begins."""

    path: Path
    line: int
    name: str
    #: ``^``, ``$``, ``!`` or nothing.
    operator: str
    text: str

    @property
    def query(self) -> str:
        """The query's name, ``users.find_by_id``."""
        return f"{self.path.parent.name}.{self.name}"


def read_blocks(path: Path, text: str) -> list[Block]:
    """Cut a file at its name lines."""
    matches = list(NAME_LINE.finditer(text))
    ends = [*(match.start() for match in matches[1:]), len(text)]
    return [
        Block(
            path,
            text.count("\n", 0, match.start()) + 1,
            match[1],
            match[2],
            text[match.start() : end],
        )
        for match, end in zip(matches, ends, strict=True)
    ]


def check_text(path: Path, text: str) -> Iterator[Finding]:
    """Hold one file to the rules."""
    blocks = read_blocks(path, text)
    for block in blocks:
        for message in _header(block):
            yield Finding(path, block.line, block.query, "header", message)
    try:
        found = list(_tokens(text))
    except ParseError as error:
        yield Finding(path, 1, path.name, "text", f"PostgreSQL cannot read it: {error.args[0]}")
        return
    for offset, message in found:
        line = text.count("\n", 0, offset) + 1
        inside = [block for block in blocks if block.line <= line]
        yield Finding(path, line, inside[-1].query if inside else path.name, "text", message)


def _header(block: Block) -> Iterator[str]:
    if not METHOD.fullmatch(block.name):
        yield (
            "the name is not of the form method or method__choice; "
            "write lower case, words joined by _, the choice after __"
        )
    if block.operator not in OPERATORS:
        yield (
            f"ends in {block.operator}; end in ^ (at most one row), $ (a scalar), ! (a count) "
            "or nothing (many rows)"
        )
    header = block.text.partition("\n")[2]
    header = (
        header[: end.start()] if (end := re.search("^(?!--)", header, re.MULTILINE)) else header
    )
    purpose, *_ = _FIELD.split(header, maxsplit=1)
    if not re.match("-- [A-Z]", purpose):
        yield "no purpose stands below the name line; say in one sentence what the caller gets"
    elif not purpose.rstrip().endswith("."):
        yield "the purpose is no sentence; end it with a full stop"
    fields = _FIELD.findall(header)
    if fields != sorted(set(fields), key=FIELDS.index):
        yield (
            f"the header has {', '.join(fields)}; write each once, in the order {', '.join(FIELDS)}"
        )


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """Yield where something is wrong, and what."""
    before = ""
    for token in scan(text):
        start, kind = token.start, token.name
        written = text[start : token.end + 1]
        if kind == "SQL_COMMENT":
            if text[text.rfind("\n", 0, start) + 1 : start].strip():
                yield start, COMMENT_BEHIND
            elif written.startswith("-- name:"):
                # The comments below it are its header.
                before = kind
            elif before in {"", "ASCII_59"}:
                yield start, COMMENT_ABOVE
            continue
        if kind == "C_COMMENT":
            yield start, BLOCK_COMMENT
        elif kind == "PARAM":
            yield start, NUMBERED
        elif "%" in written:
            yield start, PERCENT
        elif kind == "ASCII_58" and before in {"ICONST", "ASCII_91"}:
            yield start, SLICE
        before = kind
