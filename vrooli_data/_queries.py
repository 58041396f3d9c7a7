"""Load the queries of ``sql/`` and hold each with its header, statement and record."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import starmap, takewhile
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, get_origin

import aiosql
import msgspec
from aiosql.adapters.generic import GenericAdapter
from aiosql.utils import VAR_REF, SQLLoadException, SQLParseException

from ._rows import Row, nested_decoders, record_fields
from .errors import InvalidFile, RecordMismatch

R = TypeVar("R")

_FIELD = re.compile(r"^(Utility|Record|Index|Index \(pg_trgm\)|Locks|Null):\s+(.+)$")
_REQUIRED = ("Record", "Index", "Locks")
_NAME_LINE = re.compile(r"^-- name:", re.MULTILINE)


class Source(msgspec.Struct, frozen=True):
    """One query as its file has it."""

    #: Folder and name: ``users.find_by_id``.
    name: str
    path: Path
    line: int
    parameters: tuple[str, ...]
    #: Header fields by their names, the purpose under ``Purpose``.
    header: dict[str, str]
    #: The text with ``$n`` for its parameters, in the order of the name line.
    sql: str

    @property
    def statement(self) -> bytes:
        """The text sent to the server, with the tag that pg_stat_activity shows."""
        return f"/* vrooli_data:{self.name} */ {self.sql}".encode()


class Query(Generic[R]):
    """A loaded query and the record its rows become."""

    __slots__ = (
        "_build",
        "_decoders",
        "columns",
        "name",
        "only_reads",
        "record",
        "source",
        "statement",
    )

    def __init__(self, source: Source, record: type[R]) -> None:
        self.source = source
        self.name = source.name
        self.statement = source.statement
        self.record = record
        #: It locks nothing and writes nothing, so that it may always run again.
        self.only_reads = source.header["Locks"] == "none"
        # The class itself: calling through Update[User] would cost more and build the same.
        self._build: Callable[..., R] = get_origin(record) or record
        self.columns = tuple(field.name for field in record_fields(record))
        self._decoders = nested_decoders(record)

    def check_columns(self, columns: tuple[str, ...]) -> None:
        """Raise `RecordMismatch` unless the result's columns are the record's fields."""
        if columns != self.columns:
            raise RecordMismatch(
                f"{self.name} returns the columns ({', '.join(columns)}); its record "
                f"{self.record.__name__} has the fields ({', '.join(self.columns)})",
                query=self.name,
            )

    def records(self, rows: list[Row]) -> list[R]:
        """Build the records of *rows*."""
        if self._decoders:
            return [self._nested(row) for row in rows]
        return list(starmap(self._build, rows))

    def record_of(self, row: Row) -> R:
        """Build the record of one row."""
        return self._nested(row) if self._decoders else self._build(*row)

    def _nested(self, row: Row) -> R:
        values = list(row)
        for index, decode in self._decoders:
            if values[index] is not None:
                values[index] = decode(values[index])
        return self._build(*values)


def sql_folder() -> Path:
    """Return the folder of the queries: in the package when installed, else in the tree."""
    package = Path(__file__).parent
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


def query(name: str, record: type[R]) -> Query[R]:
    """Bind the query *name* (``users.find_by_id``) to its record."""
    aggregate, _, _ = name.partition(".")
    return Query(load_folder(sql_folder() / aggregate)[name], record)


@cache
def load_folder(folder: Path) -> dict[str, Source]:
    """Read every query of one folder's ``.sql`` files, by name."""
    sources: dict[str, Source] = {}
    for path in sorted(folder.glob("*.sql")):
        for source in _load_file(path):
            if source.name in sources:
                other = sources[source.name].path.name
                raise InvalidFile(
                    f"{path}: {source.name} stands in {other} as well", line=source.line
                )
            sources[source.name] = source
    return sources


def _load_file(path: Path) -> list[Source]:
    text = path.read_text(encoding="utf-8")
    try:
        loaded = aiosql.from_str(text, GenericAdapter)
    except (SQLLoadException, SQLParseException) as problem:
        raise InvalidFile(f"{path}: {problem}") from None
    lines = _lines_of_names(text)
    names = [name for name in loaded.available_queries if not name.endswith("_cursor")]
    if len(names) != len(lines):
        raise InvalidFile(
            f"{path}: {len(lines)} name lines make {len(names)} queries; "
            "two have the same name, or one ends in _cursor"
        )
    below = text.splitlines()
    return [
        _source(path, lines[name], name, getattr(loaded, name), _header(below[lines[name] :]))
        for name in names
    ]


def _lines_of_names(text: str) -> dict[str, int]:
    return {
        re.split(r"[^\w]", text[match.end() :].lstrip(), maxsplit=1)[0]: text.count(
            "\n", 0, match.start()
        )
        + 1
        for match in _NAME_LINE.finditer(text)
    }


def _source(path: Path, line: int, name: str, loaded: Any, header: dict[str, str]) -> Source:
    parameters = tuple(cast("list[str]", loaded.parameters or []))
    full_name = f"{path.parent.name}.{name}"
    missing = [field for field in ("Purpose", *_REQUIRED) if not header.get(field)]
    if missing:
        raise InvalidFile(f"{path}:{line}: {full_name} has no {', '.join(missing)} line", line=line)
    return Source(full_name, path, line, parameters, header, _numbered(loaded.sql, parameters))


def _header(lines: list[str]) -> dict[str, str]:
    """Read the comment lines below a name line; a line that names no field goes on with the last.

    They are read from the file, because aiosql adds the comments inside the statement to them.
    """
    header = {"Purpose": ""}
    current = "Purpose"
    for line in takewhile(lambda line: line.startswith("--"), lines):
        text = line.removeprefix("--").strip()
        if field := _FIELD.match(text):
            current, text = field[1], field[2]
            header[current] = text
        else:
            header[current] = f"{header[current]} {text}".strip()
    return header


def _numbered(sql: str, parameters: tuple[str, ...]) -> str:
    """Turn each ``:name`` into the ``$n`` of its place in the name line."""

    def replace(match: re.Match[str]) -> str:
        if match["var_name"] is None:
            return match[0]
        return f"{match['lead']}${parameters.index(match['var_name']) + 1}"

    return VAR_REF.sub(replace, sql).rstrip().removesuffix(";")
