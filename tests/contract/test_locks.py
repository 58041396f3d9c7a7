"""Which rows a statement locks, or has changed by foreign keys, as the server's catalogue says."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.contract.analyses import analysis

_TABLES = """
CREATE TABLE shops (id integer PRIMARY KEY);
CREATE TABLE orders (id integer PRIMARY KEY, shop_id integer REFERENCES shops ON DELETE CASCADE);
CREATE TABLE items (id integer PRIMARY KEY, order_id integer REFERENCES orders ON DELETE CASCADE);
CREATE TABLE notes (item_id integer REFERENCES items ON DELETE SET NULL);
CREATE TABLE marks (shop_id integer DEFAULT 1 REFERENCES shops ON DELETE SET DEFAULT);
CREATE TABLE staff (shop_id integer REFERENCES shops ON DELETE RESTRICT);
CREATE TABLE visits (shop_id integer REFERENCES shops ON DELETE CASCADE)
PARTITION BY HASH (shop_id);
CREATE TABLE visits_0 PARTITION OF visits FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES WITH (MODULUS 2, REMAINDER 1);
"""


@pytest.mark.parametrize(
    ("statement", "locks"),
    [
        (
            "DELETE FROM shops",
            (
                "row: shops, cascade: orders, cascade: items, cascade: notes, cascade: marks, "
                "cascade: visits"
            ),
        ),
        ("DELETE FROM items", "row: items, cascade: notes"),
        ("DELETE FROM notes", "row: notes"),
        ("UPDATE shops SET id = 2", "row: shops"),
        (
            (
                "WITH gone AS (DELETE FROM orders RETURNING id) "
                "DELETE FROM items USING gone WHERE items.order_id = gone.id"
            ),
            "row: orders, row: items, cascade: notes",
        ),
    ],
)
def test_what_goes_or_loses_a_reference_with_a_row_is_named(
    admin: Connection[Any], server_version: int, statement: str, locks: str
) -> None:
    if server_version < 16:
        pytest.skip("parse trees are read from PostgreSQL 16 on")
    admin.execute(_TABLES.encode())
    assert analysis(admin, statement).locks() == set(locks.split(", "))
