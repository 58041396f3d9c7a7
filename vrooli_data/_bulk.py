"""A connection of its own, and binary COPY, for work that loads many rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg

from ._binding import own_queries
from ._migrations import check_applied
from ._own_session import Connection, own_session, refuse_forbidden
from ._progress import Progress
from ._search_path import SearchPath
from .records.schema import AppliedMigration

#: On the wire a timestamptz is an int8: microseconds since 2000-01-01 UTC.
TIMESTAMPTZ = "int8"
#: On the wire jsonb is bytes: its text behind the number of its format.
JSONB = "bytea"
_JSONB_FORMAT = b"\x01"

_LIST_APPLIED_MIGRATIONS = own_queries("schema").bind("list_applied_migrations", AppliedMigration)
#: Rows between two reports of progress.
_STEP = 1000


def jsonb(text: bytes) -> bytes:
    """Return what a column of type `JSONB` takes for a JSON text."""
    return _JSONB_FORMAT + text


@contextmanager
def connection(
    conninfo: str | None, application_name: str, schema: str | None = None
) -> Iterator[Connection]:
    """Open a connection to a migrated database, autocommit; its errors become ours."""
    with own_session(conninfo, application_name, SearchPath.of(schema, ())) as opened:
        check_applied(_applied_migrations(opened), schema)
        yield opened


def copy_rows(
    cursor: psycopg.Cursor[tuple[Any, ...]],
    statement: LiteralString,
    types: Iterable[str],
    rows: Iterable[tuple[Any, ...]],
    progress: Progress,
) -> int:
    """Send *rows* through a binary COPY, and return how many they were."""
    count = 0
    with cursor.copy(statement) as copy:
        # Without the types an int is sent in as many bytes as it needs, and the server refuses it.
        copy.set_types(list(types))
        write_row = copy.write_row
        for count, row in enumerate(rows, 1):
            write_row(row)
            if count % _STEP == 0:
                progress.advance(_STEP)
    progress.advance(count % _STEP)
    return count


def _applied_migrations(connection: Connection) -> set[str]:
    try:
        return {id for (id,) in connection.execute(_LIST_APPLIED_MIGRATIONS.statement)}
    except psycopg.errors.UndefinedTable:
        refuse_forbidden(connection)
        return set()
