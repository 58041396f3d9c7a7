"""Binary COPY of many rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
import psycopg
from msgspec.structs import astuple

from .._binding import own_queries
from .._copying import Copy
from .._own_session import OwnRawCursor
from .._progress import Progress
from ..records.schema import ColumnType

S = TypeVar("S", bound=msgspec.Struct)

_LIST_COLUMN_TYPES = own_queries("schema").bind("list_column_types", ColumnType)
#: Rows between two reports of progress.
_STEP = 1000


def copy_rows(
    cursor: psycopg.Cursor[tuple[Any, ...]],
    query: Copy[S],
    rows: Iterable[S],
    progress: Progress,
) -> int:
    """Send *rows* through a binary COPY, and return how many they were."""
    asked = OwnRawCursor(cursor.connection)
    asked.execute(_LIST_COLUMN_TYPES.statement, (query.table,))
    types = query.wire_types(asked.fetchall())
    count = 0
    with cursor.copy(query.statement) as copy:
        # Without the types an int is sent in as many bytes as it needs, and the server refuses it.
        copy.set_types(types)
        write_row = copy.write_row
        for count, row in enumerate(rows, 1):
            write_row(astuple(row))
            if count % _STEP == 0:
                progress.advance(_STEP)
    progress.advance(count % _STEP)
    return count
