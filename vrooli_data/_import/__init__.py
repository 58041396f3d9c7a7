"""Load resources from a file: all of its lines, or none."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from .._binding import own_queries
from .._bulk import copy_rows
from .._classify import translate
from .._copying import jsonb
from .._domain.formats import language_tag
from .._domain.text_search import folded
from .._ledger import migrated_session
from .._own_session import transaction
from .._progress import NoProgress, Progress, task
from .._public_id import new_public_id
from ..errors import InvalidFile
from ._lines import read_lines
from ._resource_line import WrongLine, decode


class ImportedLine(msgspec.Struct, gc=False):
    """One line as it is staged."""

    line: int
    version_public_id: str
    public_id: str
    resource_type: str
    language: str
    name: str
    name_folded: str
    description: str | None
    description_folded: str | None
    version_label: str
    is_complete: bool
    #: The text of JSON behind the number of its format.
    config: bytes


_SQL = own_queries("resources")
_STAGE = _SQL.command("import_lines__stage")
_COPY = _SQL.copy("import_lines__copy", ImportedLine)
_ANALYZE = _SQL.command("import_lines__analyze")
_INSERT = _SQL.scalar("import_lines__insert", int)

#: The server tells the row of a COPY here, and nowhere else; a row is a line.
_COPY_LINE = re.compile(r"^COPY imported_lines, line (\d+), column (\w+)")


class ImportReport(msgspec.Struct, frozen=True, gc=False):
    """What an import did."""

    #: Lines of the file.
    read: int
    #: Resources that are new in the database.
    inserted: int
    #: Lines whose public id existed already, or stood in an earlier line.
    skipped: int
    #: Lines that were wrong: 0, as the first of them ends the import.
    rejected: int
    seconds: float


def import_resources(
    conninfo: str | None,
    path: str | os.PathLike[str],
    *,
    schema: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Load resources from NDJSON, plain or gzip, in one transaction.

    Each line holds one resource with its translation and first version. The first line of a public
    id wins; what the database has already stays as it is. A wrong line raises `InvalidFile` with
    its number, and nothing is imported. *schema* is where the tables are; by default, the first
    schema that exists in the search_path of the role.
    """
    file = Path(path)
    progress = progress or NoProgress()
    started = time.perf_counter()
    with (
        read_lines(file) as lines,
        migrated_session(conninfo, "vrooli_data import", schema) as opened,
        transaction(opened),
        opened.cursor() as cursor,
    ):
        cursor.execute(_STAGE.statement)
        with task(progress, "Reading the file", None):
            read = _stage(cursor, file, lines, progress)
        with task(progress, "Writing the tables", None):
            cursor.execute(_ANALYZE.statement)
            try:
                cursor.execute(_INSERT.statement)
            except psycopg.Error as error:
                raise translate(error, _INSERT.name, opened.closed, source=_INSERT.source) from None
            inserted: int = cursor.fetchall()[0][0]
    return ImportReport(read, inserted, read - inserted, 0, time.perf_counter() - started)


def _stage(
    cursor: psycopg.Cursor[tuple[Any, ...]],
    file: Path,
    lines: Iterator[bytes],
    progress: Progress,
) -> int:
    try:
        return copy_rows(cursor, _COPY, _rows(file, lines), progress)
    except psycopg.DataError as error:
        refused = _COPY_LINE.match(error.diag.context or "")
        if refused is None:
            raise
        raise InvalidFile(
            f"{file}:{refused[1]}: {refused[2]}: the database cannot hold the value "
            f"({type(error).__name__})",
            line=int(refused[1]),
        ) from None


def _rows(file: Path, lines: Iterator[bytes]) -> Iterator[ImportedLine]:
    for number, line in enumerate(lines, 1):
        try:
            resource, config = decode(line)
        except WrongLine as problem:
            raise InvalidFile(f"{file}:{number}: {problem}", line=number) from None
        yield ImportedLine(
            line=number,
            version_public_id=new_public_id(),
            public_id=resource.public_id,
            resource_type=resource.resource_type,
            language=language_tag(resource.language),
            name=resource.name,
            name_folded=folded(resource.name),
            description=resource.description,
            description_folded=(
                None if resource.description is None else folded(resource.description)
            ),
            version_label=resource.version_label,
            is_complete=resource.is_complete,
            config=jsonb(config),
        )
