"""Write all rows of a kind into a file: one line each, or Arrow."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias, get_args

import msgspec
import psycopg
from psycopg.generators import execute
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from .._binding import own_queries
from .._bound import Query
from .._classify import translate
from .._connect import ASK_ROLE
from .._own_session import scalar
from .._progress import NoProgress, Progress, task
from .._sync.database import Database
from ..records.lines import ResourceLine, RunLine, UserLine
from ..validation import check_choice, check_flag
from ._arrow import arrow_writer
from ._files import whole_file
from ._lines import is_packed, line_writer

Kind: TypeAlias = Literal["users", "resources", "runs"]
FileFormat: TypeAlias = Literal["ndjson", "arrow"]

_USERS = own_queries("users").bind("export", UserLine)
_RESOURCES = own_queries("resources").bind("export", ResourceLine)
_RUNS = own_queries("runs").bind("export", RunLine)

_QUERIES: Final[Mapping[Kind, Query[[], Any]]] = {
    "users": _USERS,
    "resources": _RESOURCES,
    "runs": _RUNS,
}
#: Rows between two signs of progress.
_STEP: Final = 1000


class ExportReport(msgspec.Struct, frozen=True, gc=False):
    """What an export did."""

    #: Rows of the file.
    rows: int
    seconds: float


def export(
    conninfo: str | None,
    kind: Kind,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    file_format: FileFormat = "ndjson",
    compress: bool | None = None,
    schema: str | None = None,
    progress: Progress | None = None,
) -> ExportReport:
    """Write all users, resources or runs (sql/*/export.sql); docs/export.md has the format.

    The rows are those of one moment, whatever is written meanwhile, and one of them is in memory at
    a time. A file appears under its name when it is whole. Raises `InvalidFile` where it cannot be
    written, and `MissingExtra` where Arrow is asked for without its extra.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        kind: ``"users"``, ``"resources"`` or ``"runs"``.
        target: the path of a file, or a binary stream.
        file_format: ``"ndjson"`` can be imported; ``"arrow"`` is an Arrow IPC file.
        compress: write gzip; None: where the name of the file ends in ``.gz``. Arrow has a
            compression of its own.
        schema: where the tables are; None is the first schema that exists in the search_path of
            the role.
        progress: receives the progress, each thousand rows.
    """
    check_choice("kind", kind, get_args(Kind))
    check_choice("file_format", file_format, get_args(FileFormat))
    if compress is not None:
        check_flag("compress", compress)
    file = Path(target) if isinstance(target, str | os.PathLike) else target
    query = _QUERIES[kind]
    packed = is_packed(file, compress=compress)
    writer = (
        arrow_writer(query.record, compress=packed)
        if file_format == "arrow"
        else line_writer(compress=packed)
    )
    progress = progress or NoProgress()
    started = time.perf_counter()
    with (
        Database.connect(
            conninfo, schema=schema, application_name="vrooli_data export", max_size=1
        ) as db,
        whole_file(file) as opened,
        writer(opened) as write,
        db.transaction(isolation="repeatable read", read_only=True, track_commit=False) as tx,
        task(progress, f"Exporting {kind}", None),
    ):
        count = 0
        for row in _rows(tx.connection, query):
            write(row)
            count += 1
            if count % _STEP == 0:
                progress.advance(_STEP)
        progress.advance(count % _STEP)
    return ExportReport(count, time.perf_counter() - started)


def _rows(connection: psycopg.Connection[Any], query: Query[[], Any]) -> Iterator[Any]:
    """Stream the records of a COPY ... TO STDOUT."""
    role = scalar(connection, ASK_ROLE)
    try:
        types = _column_types(connection, query)
        with connection.cursor() as cursor, cursor.copy(query.statement) as copy:
            copy.set_types(types)
            for row in copy.rows():
                yield query.record_of(row)
    except psycopg.Error as error:
        lost = connection.closed
        raise translate(error, query.name, lost, source=query.source, role=role) from None


def _column_types(connection: psycopg.Connection[Any], query: Query[[], Any]) -> list[int]:
    """Return the types of the columns; a COPY itself does not tell them."""
    pgconn = connection.pgconn
    pgconn.send_prepare(b"", query.source.prepared)
    _result(connection)
    pgconn.send_describe_prepared(b"")
    described = _result(connection)
    query.check_columns(
        tuple((described.fname(n) or b"").decode() for n in range(described.nfields))
    )
    return [described.ftype(n) for n in range(described.nfields)]


def _result(connection: psycopg.Connection[Any]) -> PGresult:
    """Wait for the answer to what was sent, so that an interrupt ends the waiting."""
    result: PGresult
    (result,) = connection.wait(execute(connection.pgconn))
    if result.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result)
    return result
