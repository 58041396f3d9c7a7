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

from .._bulk import JSONB, copy_rows, jsonb
from .._classify import translate
from .._domain.formats import language_tag
from .._domain.text_search import folded
from .._ledger import migrated_session
from .._progress import NoProgress, Progress, task
from .._public_id import new_public_id
from .._queries import load_folder, sql_folder
from ..errors import InvalidFile
from ._lines import read_lines
from ._resource_line import WrongLine, decode

_CREATE_IMPORTED_LINES = """
/* vrooli_data:import_resources */
CREATE TEMPORARY TABLE pg_temp.imported_lines (
    line bigint NOT NULL,
    version_public_id text COLLATE "C" NOT NULL,
    public_id text COLLATE "C" NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    language text COLLATE "C" NOT NULL,
    name text NOT NULL,
    name_folded text NOT NULL,
    description text,
    description_folded text,
    version_label text COLLATE "C" NOT NULL,
    is_complete boolean NOT NULL,
    config jsonb NOT NULL
) ON COMMIT DROP
"""
_COPY_IMPORTED_LINES = """
/* vrooli_data:import_resources */
COPY pg_temp.imported_lines (
    line, version_public_id, public_id, resource_type, language, name, name_folded, description,
    description_folded, version_label, is_complete, config
) FROM STDIN (FORMAT binary)
"""
_ANALYZE_IMPORTED_LINES = "ANALYZE pg_temp.imported_lines (line, public_id)"
_TYPES = ("int8", *["text"] * 9, "bool", JSONB)
_IMPORT_STAGED = load_folder(sql_folder() / "resources")["resources.import_staged"]

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
        opened.transaction(),
        opened.cursor() as cursor,
    ):
        cursor.execute(_CREATE_IMPORTED_LINES)
        with task(progress, "Reading the file", None):
            read = _stage(cursor, file, lines, progress)
        with task(progress, "Writing the tables", None):
            # Autovacuum never sees a temporary table.
            cursor.execute(_ANALYZE_IMPORTED_LINES)
            try:
                cursor.execute(_IMPORT_STAGED.statement)
            except psycopg.Error as error:
                name, lost = _IMPORT_STAGED.name, opened.closed
                raise translate(error, name, lost, source=_IMPORT_STAGED) from None
            inserted: int = cursor.fetchall()[0][0]
    return ImportReport(read, inserted, read - inserted, 0, time.perf_counter() - started)


def _stage(
    cursor: psycopg.Cursor[tuple[Any, ...]],
    file: Path,
    lines: Iterator[bytes],
    progress: Progress,
) -> int:
    try:
        return copy_rows(cursor, _COPY_IMPORTED_LINES, _TYPES, _rows(file, lines), progress)
    except psycopg.DataError as error:
        refused = _COPY_LINE.match(error.diag.context or "")
        if refused is None:
            raise
        raise InvalidFile(
            f"{file}:{refused[1]}: {refused[2]}: the database cannot hold the value "
            f"({type(error).__name__})",
            line=int(refused[1]),
        ) from None


def _rows(file: Path, lines: Iterator[bytes]) -> Iterator[tuple[Any, ...]]:
    for number, line in enumerate(lines, 1):
        try:
            resource, config = decode(line)
        except WrongLine as problem:
            raise InvalidFile(f"{file}:{number}: {problem}", line=number) from None
        yield (
            number,
            new_public_id(),
            resource.public_id,
            resource.resource_type,
            language_tag(resource.language),
            resource.name,
            folded(resource.name),
            resource.description,
            None if resource.description is None else folded(resource.description),
            resource.version_label,
            resource.is_complete,
            jsonb(config),
        )
