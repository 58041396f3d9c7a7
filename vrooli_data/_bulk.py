"""Binary COPY, for work that loads many rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, LiteralString

import psycopg

from ._progress import Progress

#: On the wire a timestamptz is an int8: microseconds since 2000-01-01 UTC.
TIMESTAMPTZ = "int8"
#: On the wire jsonb is bytes: its text behind the number of its format.
JSONB = "bytea"
_JSONB_FORMAT = b"\x01"

#: Rows between two reports of progress.
_STEP = 1000


def jsonb(text: bytes) -> bytes:
    """Return what a column of type `JSONB` takes for a JSON text."""
    return _JSONB_FORMAT + text


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
