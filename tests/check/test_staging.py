"""What the check finds of bulk loads: the staging table, the COPY and what Python writes."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import psycopg
import pytest

from tests.check.copies import imports_from
from tests.notes import SCHEMA, SQL
from vrooli_data._contract.check import check
from vrooli_data._contract.findings import Finding

LOAD = "sql/orders/load.sql"
WRITTEN = """\
-- name: load__stage()!
-- Make the table that stages orders; the role needs TEMPORARY.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.new_orders (
    customer_id bigint NOT NULL,
    total integer NOT NULL,
    note text,
    tags jsonb
) ON COMMIT DROP;

-- name: load__copy()!
-- Stage orders.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: new_orders
COPY pg_temp.new_orders (
    customer_id,
    total,
    note,
    tags
) FROM STDIN (FORMAT "binary");

-- name: load__insert()!
-- Insert the staged orders.
-- Record: none
-- Index:  scan: new_orders, every row, once
-- Locks:  row: orders
INSERT INTO orders (
    customer_id,
    total,
    note
)
SELECT
    customer_id,
    total,
    note
FROM pg_temp.new_orders
ORDER BY customer_id ASC;
"""
PYTHON = """
from __future__ import annotations

from pathlib import Path

import msgspec

from vrooli_data import queries


class NewOrder(msgspec.Struct):
    customer_id: int
    total: int
    note: str | None
    tags: dict[str, int] | None


sql = queries(Path(__file__).parent / "sql/orders")
COPY = sql.copy("load__copy", NewOrder)
QUERIES = [
    sql.command(name).source for name in ("load__stage", "load__insert")
]
STAGE, INSERT = QUERIES
"""


def findings(shop_url: str, shop: Path, written: str, python: str = PYTHON) -> list[Finding]:
    """Return what is found of the load once Python has bound it."""
    (shop / LOAD).write_text(WRITTEN)
    (shop / "loads.py").write_text(python)
    with imports_from(shop):
        import_module("loads")
        (shop / LOAD).write_text(written)
        done = check(shop_url, sql=shop / "sql", records="shop_records", repositories=["loads"])
    return [found for found in done.findings if found.query.startswith("orders.load")]


def test_a_load_has_no_finding(shop_url: str, shop: Path) -> None:
    assert findings(shop_url, shop, WRITTEN) == []
    with psycopg.connect(shop_url) as connection:
        assert connection.execute("SELECT to_regclass('pg_temp.new_orders')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("code", "query", "old", "new", "told"),
    [
        (
            "statement",
            "load__insert",
            "    total integer NOT NULL,\n",
            "",
            'column "total" does not exist',
        ),
        (
            "columns",
            "load__copy",
            "    note text,\n",
            "",
            "pg_temp.new_orders has no column note",
        ),
        (
            "columns",
            "load__copy",
            "    total,\n    note,\n    tags\n) FROM",
            "    total,\n    tags\n) FROM",
            "column note of pg_temp.new_orders is not copied",
        ),
        (
            "columns",
            "load__copy",
            "    customer_id bigint NOT NULL,\n    total integer NOT NULL,\n",
            "    total integer NOT NULL,\n    customer_id bigint NOT NULL,\n",
            "column 1 is customer_id in the COPY, but total in pg_temp.new_orders",
        ),
        (
            "columns",
            "load__copy",
            "COPY pg_temp.new_orders (\n    customer_id,\n    total,",
            "COPY pg_temp.new_orders (\n    total,\n    customer_id,",
            "NewOrder has (customer_id, total, note, tags)",
        ),
        (
            "types",
            "load__copy",
            "    total integer NOT NULL,",
            "    total text NOT NULL,",
            "column total is text, but NewOrder.total is int",
        ),
        (
            "nulls",
            "load__copy",
            "    note text,",
            "    note text NOT NULL,",
            "column note is NOT NULL, but NewOrder.note is str | None",
        ),
        (
            "columns",
            "load__copy",
            "COPY pg_temp.new_orders",
            "COPY pg_temp.no_orders",
            "there is no table pg_temp.no_orders",
        ),
        (
            "columns",
            "load__copy",
            "COPY pg_temp.new_orders (",
            "COPY orders (",
            "orders has no column tags",
        ),
        ("statement", "load__copy", "FROM STDIN", "FROM STDUP", "it cannot be parsed"),
        ("statement", "load__stage", "TEMPORARY ", "", "it does not create a staging table"),
        ("statement", "load__stage", " ON COMMIT DROP", "", "it does not create a staging table"),
        ("statement", "load__stage", "jsonb\n", "jsonbee\n", 'type "jsonbee" does not exist'),
        ("index", "load__insert", "scan: new_orders, every row, once", "none: x", "new_orders"),
    ],
)
def test_what_does_not_go_together_is_found(  # noqa: PLR0917 (one place broken, and what is told)
    shop_url: str, shop: Path, code: str, query: str, old: str, new: str, told: str
) -> None:
    assert WRITTEN.count(old) >= 1
    found = findings(shop_url, shop, WRITTEN.replace(old, new, 1))
    assert any(
        each.code == code and each.query == f"orders.{query}" and told in each.what
        for each in found
    ), found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("total: int", "total: str", "column total is integer, but NewOrder.total is str"),
        ("tags: dict[str, int] | None", "tags: float | None", "column tags is jsonb"),
        ("customer_id: int", "customer_id: int | None", "column customer_id is NOT NULL"),
    ],
)
def test_a_field_that_does_not_go_is_found(
    shop_url: str, shop: Path, old: str, new: str, told: str
) -> None:
    (found,) = findings(shop_url, shop, WRITTEN, PYTHON.replace(old, new))
    assert told in found.what


@pytest.mark.parametrize("field", ["note: Annotated[str, msgspec.Meta(max_length=9)] | None"])
def test_what_limits_a_value_is_no_other_type(shop_url: str, shop: Path, field: str) -> None:
    python = PYTHON.replace("note: str | None", field).replace(
        "from pathlib", "from typing import Annotated\nfrom pathlib"
    )
    assert findings(shop_url, shop, WRITTEN, python) == []


def test_a_load_of_an_application_has_no_finding(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(SCHEMA.read_bytes())
    done = check(
        database_url,
        sql=SQL.folder,
        records="tests.notes",
        repositories=["tests.notes"],
    )
    # What is staged is an input, and no record.
    assert [found for found in done.findings if found.code != "unused-record"] == []


def test_a_copy_that_no_python_writes_is_found(shop_url: str, shop: Path) -> None:
    python = PYTHON.replace('sql.copy("load__copy", NewOrder)', "None")
    assert "no binding uses this COPY" in [
        found.what for found in findings(shop_url, shop, WRITTEN, python)
    ]
