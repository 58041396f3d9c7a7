"""Read ``.sql`` files of queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from aiosql.adapters.generic import GenericAdapter
from aiosql.query_loader import QueryLoader
from aiosql.utils import SQLLoadException, SQLParseException

from ._queries import Source
from ._sql_text import Piece, Unended, pieces
from .errors import InvalidFile

_FIELD = re.compile(r"^(Utility|Record|Index|Index \(pg_trgm\)|Plan|Locks|Null):\s+(.+)$")
_REQUIRED = ("Record", "Index", "Locks")
_NAME_LINES = re.compile(r"^(?=--[ \t]*name[ \t]*:)", re.MULTILINE)
#: A hyphen in a name becomes _, as in aiosql.
_NAME_LINE = re.compile(
    r"--\s*name\s*:\s*(?P<name>[a-z_][\w-]*)\s*\([\w\s,-]*\)\s*(?P<suffix>[$^!]?)\s*",
    re.ASCII | re.IGNORECASE,
)
_LOADER = QueryLoader(GenericAdapter(), None)  # type: ignore[no-untyped-call]  # aiosql's is untyped
#: The useless position in aiosql's errors: it receives one query at a time.
_AIOSQL_POSITION = " at <unknown>:1"


class Unreadable(NamedTuple):
    """A file or a query that cannot be read, and why."""

    path: Path
    line: int
    #: The name of the query, or of the folder.
    name: str
    problem: str

    def error(self) -> InvalidFile:
        """Return the error to raise."""
        return InvalidFile(f"{self.path}:{self.line}: {self.problem}", line=self.line)


def read_folder(folder: Path) -> tuple[dict[str, Source], list[Unreadable]]:
    """Return the queries of a folder by name, and what cannot be read."""
    sources: dict[str, Source] = {}
    unreadable: list[Unreadable] = []
    for path in sorted(folder.glob("*.sql")):
        for found in read_file(path):
            if isinstance(found, Unreadable):
                unreadable.append(found)
            elif found.name in sources:
                other = sources[found.name]
                problem = f"{found.name} is also defined in {other.path.name}:{other.line}"
                unreadable.append(Unreadable(path, found.line, found.name, problem))
            else:
                sources[found.name] = found
    return sources, unreadable


def read_file(path: Path) -> Iterator[Source | Unreadable]:
    """Read the queries of one file; an error in one query does not hide the others."""
    folder = path.parent.name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        yield Unreadable(path, 1, folder, f"the file cannot be read: {error.strerror}")
        return
    except UnicodeDecodeError:
        yield Unreadable(path, 1, folder, "the file is not UTF-8")
        return
    above, *blocks = _NAME_LINES.split(text)
    if not blocks:
        yield Unreadable(path, 1, folder, "the file has no query: add a line `-- name: ...`")
    line = 1 + above.count("\n")
    for block in blocks:
        yield _read_query(path, line, block)
        line += block.count("\n")


def _read_query(path: Path, line: int, block: str) -> Source | Unreadable:
    first, *below = block.split("\n")
    named = _NAME_LINE.fullmatch(first)
    if named is None:
        problem = f"`{first}` must be `-- name: name(parameters)`, with ^, $, ! or nothing after it"
        return Unreadable(path, line, path.parent.name, problem)
    name = f"{path.parent.name}.{named['name'].replace('-', '_')}"
    comments = list(takewhile(lambda line: line.startswith("--"), below))
    header = _header(comments)
    if lines := _wrong_lines(header, comments):
        return Unreadable(path, line, name, f"{name} has {lines} line")
    written = "\n".join(below[len(comments) :]).strip()
    try:
        cut = list(pieces(written))
        if any(_NAME_LINES.match(piece.text.lstrip()) for piece in cut if piece.kind == "comment"):
            return Unreadable(
                path, line, name, f"{name} has `-- name:` after other text: begin a new line"
            )
        bare = " ".join(map(_bare, cut))
        (loaded,) = _LOADER.load_query_data_from_sql(f"{first}\n{bare}", [])
    except Unended as error:
        return Unreadable(path, line, name, f"{name} has {error}")
    except (SQLLoadException, SQLParseException) as error:
        return Unreadable(path, line, name, str(error).replace(_AIOSQL_POSITION, ""))
    parameters = tuple(loaded.parameters or ())
    return Source(
        name,
        path,
        line,
        parameters,
        named["suffix"],
        header,
        written,
        _numbered(cut, parameters),
    )


def _bare(piece: Piece) -> str:
    """Return what aiosql sees of a piece: parameters, and whether there is anything else.

    It takes long over each character, and would find parameters in comments and quoted texts.
    """
    if piece.kind == "parameter":
        return piece.text
    is_empty = piece.kind in ("comment", "hint") or not piece.text.strip("; \t\r\n")
    return "" if is_empty else "0"


def _header(lines: list[str]) -> dict[str, str]:
    """Read the comment lines below a name line; a line without a field continues the one before.

    They are read from the file, because aiosql would mix them with comments in the statement.
    """
    header = {"Purpose": ""}
    current = "Purpose"
    for line in lines:
        text = _uncommented(line)
        if field := _FIELD.match(text):
            current, text = field[1], field[2]
            header[current] = text
        else:
            header[current] = f"{header[current]} {text}".strip()
    return header


def _wrong_lines(header: dict[str, str], lines: list[str]) -> str | None:
    """Return which lines of a header are missing or repeated; None if all is well."""
    if missing := [field for field in ("Purpose", *_REQUIRED) if not header.get(field)]:
        return f"no {', '.join(missing)}"
    fields = [field[1] for line in lines if (field := _FIELD.match(_uncommented(line)))]
    repeated = [field for field in header if fields.count(field) > 1]
    return f"more than one {', '.join(repeated)}" if repeated else None


def _uncommented(line: str) -> str:
    return line.removeprefix("--").strip()


def _numbered(cut: list[Piece], parameters: tuple[str, ...]) -> str:
    """Replace each ``:name`` by the ``$n`` of its position in the name line; drop comments."""

    def sent(piece: Piece) -> str:
        if piece.kind == "parameter":
            return f"${parameters.index(piece.text.removeprefix(':')) + 1}"
        if piece.kind == "comment":
            # A block comment separates the words around it.
            return " " if piece.text.startswith("/*") else ""
        return piece.text

    return "".join(map(sent, cut)).rstrip().removesuffix(";")
