"""What the shop has none of: arrays, other types, and indexes elsewhere."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.check.broken import QUERIES, RECORDS
from tests.check.copies import append, findings

_QUERY = """
-- name: list_kinds()
-- List them.
-- Record: Kinds
-- Index:  orders_pkey (order)
-- Locks:  none
SELECT {column} AS kind
FROM orders
ORDER BY id ASC
LIMIT 1;
"""
_HEAD = """

import enum
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, NewType

OrderId = NewType("OrderId", int)


class Kind(enum.Enum):
    ONE = 1


class Inner(msgspec.Struct):
    kind: {inner}


class Kinds(msgspec.Struct):
    kind: {field}
"""


def told(url: str, shop: Path, column: str, field: str, inner: str = "int") -> list[str]:
    """Return what is found of one column and one field."""
    # Everything else in the module is used.
    if "Inner" not in field:
        field = f"{field}  # Inner"
    append(shop, RECORDS, _HEAD.format(field=field, inner=inner))
    append(shop, QUERIES, _QUERY.format(column=column))
    return [
        finding.what
        for finding in findings(url, shop)
        if finding.query == "orders.list_kinds" and finding.code != "lint"
    ]


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("total::numeric", "Decimal"),
        ("placed_at::date", "date"),
        ("interval '1 day' * total", "timedelta"),
        ("'id'::bytea", "bytes"),
        ("ARRAY[id]", "list[int]"),
        ("ARRAY(SELECT orders.note)", "list[str | None]"),
        ("json_build_object('kind', total::numeric)", "Inner"),
    ],
)
def test_a_column_that_fits_is_not_reported(
    shop_url: str, shop: Path, column: str, field: str
) -> None:
    inner = "Decimal" if field == "Inner" else "int"
    assert told(shop_url, shop, column, field, inner) == []


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("id", "Annotated[int, msgspec.Meta(gt=0)]"),
        ("id", "Annotated[int, []]"),
        ("id", "OrderId | None"),
        ("id", "Kind"),
        ("ARRAY[id]", "list[OrderId]"),
    ],
)
def test_a_type_that_is_not_supported_is_reported_once(
    shop_url: str, shop: Path, column: str, field: str
) -> None:
    (what,) = told(shop_url, shop, column, field)
    assert "which psycopg never returns" in what
    assert what.startswith("Kinds.kind is ")


@pytest.mark.parametrize("inner", ["Kind", "OrderId", "Annotated[int, msgspec.Meta(gt=0)]"])
def test_a_type_in_nested_json_that_is_not_supported_is_reported_once(
    shop_url: str, shop: Path, server_version: int, inner: str
) -> None:
    if server_version < 16:
        pytest.skip("parse trees are read from PostgreSQL 16 on")
    (what,) = told(shop_url, shop, "json_build_object('kind', id)", "Inner", inner)
    assert what.startswith("Inner.kind is ")


@pytest.mark.parametrize(
    ("column", "inner", "found"),
    [
        ("interval '1 day'", "timedelta", "interval"),
        ("'id'::bytea", "bytes", "bytea"),
    ],
)
def test_what_json_shows_in_forms_of_the_servers_does_not_fit(  # noqa: PLR0917 (one table)
    shop_url: str, shop: Path, server_version: int, column: str, inner: str, found: str
) -> None:
    if server_version < 16:
        pytest.skip("parse trees are read from PostgreSQL 16 on")
    (what,) = told(shop_url, shop, f"json_build_object('kind', {column})", "Inner", inner)
    assert what == f"kind.kind is {found}, but Inner.kind is {inner}"


@pytest.mark.parametrize(
    ("column", "field", "expected"),
    [
        (
            "ARRAY(SELECT orders.note)",
            "list[str]",
            "column kind.item can be NULL (column orders.note), but an item of Kinds.kind is str",
        ),
        (
            "ARRAY[total]",
            "list[int | None]",
            "column kind.item is never NULL, but an item of Kinds.kind is int | None",
        ),
    ],
)
def test_null_in_an_array_is_held_to_the_items(  # noqa: PLR0917 (one table)
    shop_url: str, shop: Path, server_version: int, column: str, field: str, expected: str
) -> None:
    if server_version < 16:
        pytest.skip("parse trees are read from PostgreSQL 16 on")
    assert told(shop_url, shop, column, field) == [expected]


def test_a_reason_excuses_null_in_an_array(shop_url: str, shop: Path) -> None:
    reason = "-- Null:   kind.item, every order has a note\nSELECT {column}"
    replaced = _QUERY.replace("SELECT {column}", reason).format(column="ARRAY(SELECT orders.note)")
    append(shop, RECORDS, _HEAD.format(field="list[str]", inner="int"))
    append(shop, QUERIES, replaced)
    assert [f.what for f in findings(shop_url, shop) if f.query == "orders.list_kinds"] == []


_ELSEWHERE = """
CREATE SCHEMA archive;
CREATE TABLE archive."Orders" (
    id bigint CONSTRAINT "Orders_key" PRIMARY KEY,
    "Day" date NOT NULL
);
CREATE INDEX "Orders_Day, idx" ON archive."Orders" ("Day");
INSERT INTO archive."Orders"
SELECT n, '2026-01-01'::date + n FROM generate_series(1, 20000) AS n;
CREATE TABLE days (day date, id bigint, CONSTRAINT days_pkey PRIMARY KEY (day, id))
PARTITION BY RANGE (day);
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE days_later PARTITION OF days DEFAULT;
INSERT INTO days SELECT '2026-01-01'::date + n / 50, n FROM generate_series(1, 40000) AS n;
ANALYZE
"""
_FIND = """
-- name: find_elsewhere()$
-- Find it.
-- Record: int
-- Index:  {index}
-- Locks:  none
SELECT coalesce(sum(id), 0)::integer AS id
FROM {table}
WHERE {condition};
"""
_BY_ID = ('archive."Orders"', "id = 7")
_BY_DAY = ('archive."Orders" AS o', "o.\"Day\" = '2026-02-01'")


@pytest.mark.slow("a check of each fault")
@pytest.mark.parametrize(
    ("index", "place"),
    [
        ('archive."Orders_key"', _BY_ID),
        ('archive."Orders_Day, idx"', _BY_DAY),
        ('scan: archive."Orders", every row, once', ('archive."Orders"', "id + 1 = 7")),
        ("days_pkey", ("days", "day > '2026-12-20' AND day < '2027-01-20'")),
        ("public.days_pkey", ("days", "day = '2026-02-01'")),
        ("days_2026_pkey", ("days", "day = '2026-02-01'")),
        ("scan: days, every row, once", ("days", "id = 7")),
    ],
)
def test_indexes_in_other_schemas_and_of_partitions_are_named(
    elsewhere_url: str, shop: Path, index: str, place: tuple[str, str]
) -> None:
    table, condition = place
    append(shop, QUERIES, _FIND.format(index=index, table=table, condition=condition))
    assert findings(elsewhere_url, shop) == []


def test_an_index_of_another_schema_is_not_meant_by_its_name_alone(
    elsewhere_url: str, shop: Path
) -> None:
    text = _FIND.format(index='"Orders_key"', table=_BY_ID[0], condition=_BY_ID[1])
    append(shop, QUERIES, text)
    assert {finding.what for finding in findings(elsewhere_url, shop)} == {
        'there is no index "Orders_key"'
    }


@pytest.fixture
def elsewhere_url(empty_database_url: str, shop: Path) -> str:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute((shop / "schema.sql").read_bytes())
        connection.execute(_ELSEWHERE)
    return empty_database_url
