"""A COPY query and the struct that it writes have the same columns, in one order."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vrooli_data import InvalidFile, InvalidUse, RecordMismatch, queries
from vrooli_data._copying import Copy

HEADER = """\
-- name: load__copy()!
-- Stage rows.
-- Record: none
-- Index:  none: writes rows
-- Locks:  none
"""
COPY = 'COPY pg_temp.rows (id, at, data) FROM STDIN (FORMAT "binary");\n'


class Row(msgspec.Struct):
    id: int
    at: int | None
    data: bytes


def bound(folder: Path, statement: str) -> Copy[Row]:
    path = folder / "rows"
    path.mkdir()
    (path / "load.sql").write_text(HEADER + statement)
    return queries(path).copy("load__copy", Row)


def test_its_table_and_columns_are_those_of_the_query(tmp_path: Path) -> None:
    copy = bound(tmp_path, COPY)
    assert (copy.table, copy.columns) == ("pg_temp.rows", ("id", "at", "data"))


@pytest.mark.parametrize("columns", ["id, at", "at, id, data", "id, at, data, more"])
def test_other_columns_are_refused(tmp_path: Path, columns: str) -> None:
    with pytest.raises(InvalidUse, match=r"Row has \(id, at, data\)"):
        bound(tmp_path, COPY.replace("id, at, data", columns))


@pytest.mark.parametrize(
    "statement",
    [
        "COPY rows (id, at, data) FROM STDIN;\n",
        "COPY rows FROM STDIN (FORMAT binary);\n",
        "COPY rows (id, at, data) TO STDOUT (FORMAT binary);\n",
        "DELETE FROM rows WHERE id = 1;\n",
    ],
)
def test_another_statement_is_refused(tmp_path: Path, statement: str) -> None:
    with pytest.raises(InvalidFile, match="is not `COPY"):
        bound(tmp_path, statement)


def test_values_are_sent_as_the_types_of_the_columns(tmp_path: Path) -> None:
    copy = bound(tmp_path, COPY)
    columns = [("data", "jsonb"), ("at", "timestamp with time zone"), ("id", "bigint")]
    # The struct has what goes over the wire for two of them.
    assert copy.wire_types(columns) == ["bigint", "bigint", "bytea"]


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordMismatch, match=r"pg_temp\.rows has no column at, data"):
        bound(tmp_path, COPY).wire_types([("id", "bigint")])
