"""Rules of only this package, about headers and about text that psql would misread."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pglast.parser import ParseError, scan

from vrooli_data._lint.statement import Violation
from vrooli_data._queries import Source

METHOD: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*(__[a-z0-9]+(_[a-z0-9]+)*)*")
FIELDS: Final = (
    "Purpose",
    "Utility",
    "Record",
    "Index",
    "Index (pg_trgm)",
    "Plan",
    "Locks",
    "Null",
)

BLOCK_COMMENT: Final = "/* */ never reaches the server; write -- on a line of its own"
COMMENT_BEHIND: Final = "a comment follows SQL; put it on its own line, above the clause"
COMMENT_ABOVE: Final = (
    "a comment above a name line belongs to the query before it; put it below the name line"
)
COMMENT_ENDS: Final = (
    "a comment line ends with ;, where sed ends a query that it takes out of its file "
    "(sql/README.md); end it with a full stop, or break the line elsewhere"
)
NUMBERED: Final = "a numbered parameter has no name; write :name, and name it in the name line"
PERCENT: Final = (
    "% is the sign of a placeholder to many drivers; pass the pattern as a parameter, "
    "or use starts_with() or mod()"
)
SLICE: Final = "psql and the loader read the end of a slice as a parameter; use a function"


def check_header(source: Source) -> Iterator[Violation]:
    """Hold the name line and the header of one query to their form."""
    for message in _header(source):
        yield Violation(source.path, source.line, source.name, "header", message)


def _header(source: Source) -> Iterator[str]:
    if not METHOD.fullmatch(source.name.partition(".")[2]):
        yield (
            "the name is not of the form method or method__choice; "
            "write lower case, words joined by _, the choice after __"
        )
    purpose = source.header["Purpose"]
    if not purpose[:1].isupper() or not purpose.endswith("."):
        yield "the purpose is no sentence; begin with a capital, and end with a full stop"
    fields = list(source.header)
    if fields != sorted(fields, key=FIELDS.index):
        yield f"the header has {', '.join(fields)}; write them in the order {', '.join(FIELDS)}"


def check_text(path: Path, sources: Sequence[Source]) -> Iterator[Violation]:
    """Hold the text of one file, which holds the *sources*, to the rules."""
    text = path.read_text(encoding="utf-8")
    try:
        found = list(_tokens(text))
    except ParseError:
        # That the statement cannot be parsed is found where its tree is read.
        return
    for offset, message in found:
        line = text.count("\n", 0, offset) + 1
        inside = [source.name for source in sources if source.line <= line]
        yield Violation(path, line, inside[-1] if inside else path.name, "text", message)


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """Yield where something is wrong, and what."""
    before = ""
    for token in scan(text):
        start, kind = token.start, token.name
        written = text[start : token.end + 1]
        if kind == "SQL_COMMENT":
            if written.rstrip().endswith(";"):
                yield start, COMMENT_ENDS
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
