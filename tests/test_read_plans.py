"""The cost of reads in the plans of a server with default settings."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection, RawCursor

from vrooli_data._plans import PlanTree
from vrooli_data._queries import load_folder, sql_folder

_FILL = {
    "resources": """
        INSERT INTO resources (public_id, resource_type)
        SELECT lpad(n::text, 12, '0'), 'Note' FROM generate_series(1, 2000) AS n
    """,
    "users": """
        INSERT INTO users (public_id, name)
        SELECT lpad(n::text, 12, '0'), 'User' FROM generate_series(1, 2000) AS n
    """,
}
_WANTED = {"id": '["7", "1900", "12"]', "public_id": '["000000000007", "000000001900"]'}
#: The oldest hundred are to be listed, what came later is private.
_FILL_MOSTLY_PRIVATE = {
    "chats": """
        INSERT INTO chats (public_id, is_private, created_at)
        SELECT lpad(n::text, 12, '0'), n > 100, '2026-01-01Z'::timestamptz + n * interval '1 s'
        FROM generate_series(1, 10000) AS n
    """,
    "teams": """
        INSERT INTO teams (public_id, name, is_private, created_at)
        SELECT lpad(n::text, 12, '0'), 'T', n > 100, '2026-01-01Z'::timestamptz + n * interval '1 s'
        FROM generate_series(1, 10000) AS n
    """,
    "users": """
        INSERT INTO users (public_id, name, is_private, created_at)
        SELECT lpad(n::text, 12, '0'), 'U', n > 100, '2026-01-01Z'::timestamptz + n * interval '1 s'
        FROM generate_series(1, 10000) AS n
    """,
}
#: The best twelve thousand are old, and only some of what is recent is listed.
_FILL_MOSTLY_OLD = """
INSERT INTO resources (public_id, resource_type, has_complete_version, score, created_at)
SELECT
    lpad(n::text, 12, '0'),
    (ARRAY['Api', 'Note', 'Routine'])[1 + mod(n, 3)],
    n > 12004 OR n <= 12000,
    CASE WHEN n <= 12000 THEN 10 + n ELSE 0 END,
    CASE WHEN n <= 12000 THEN now() - interval '9 days' ELSE now() END
FROM generate_series(1, 12008) AS n
"""
#: A page and its cursor's row lie in a few pages of the table and of its index.
_FEW = 10


def plan(connection: Connection[Any], name: str, *values: object) -> dict[str, Any]:
    """Run a query and return its plan."""
    folder, _, _ = name.partition(".")
    statement = load_folder(sql_folder() / folder)[name].sql
    cursor = RawCursor(connection)
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode(), values)
    row = cursor.fetchone()
    assert row is not None
    root: dict[str, Any] = row[0][0]
    return root


@pytest.mark.parametrize("key", _WANTED)
@pytest.mark.parametrize("table", _FILL)
def test_many_rows_are_looked_up_one_by_one_though_the_table_is_small(
    admin: Connection[Any], table: str, key: str
) -> None:
    admin.execute(_FILL[table].encode())
    admin.execute(f"VACUUM (ANALYZE) {table}".encode())
    found = PlanTree(plan(admin, f"{table}.find_many_by_{key}", _WANTED[key]))
    # A table that is scanned is also locked as a whole under SERIALIZABLE.
    assert found.sequential_scans == []
    assert len(found.indexes) == 1


@pytest.mark.parametrize("table", _FILL_MOSTLY_PRIVATE)
def test_listings_do_not_walk_through_private_rows(admin: Connection[Any], table: str) -> None:
    admin.execute(_FILL_MOSTLY_PRIVATE[table].encode())
    admin.execute(f"VACUUM (ANALYZE) {table}".encode())
    cursor = ("2026-01-02Z", 1)
    for query, values in (
        ("find_many__created_at", (21,)),
        ("find_many__created_at_after", (*cursor, 21)),
        ("find_many__created_at_before", ("2026-01-01Z", 1, 21)),
    ):
        top = plan(admin, f"{table}.{query}", *values)["Plan"]
        assert top["Actual Rows"] == 21
        assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] <= _FEW


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("days", [1, 7])
def test_trending_does_not_walk_through_old_rows(
    admin: Connection[Any], days: int, mode: str
) -> None:
    admin.execute(_FILL_MOSTLY_OLD.encode())
    admin.execute(b"VACUUM (ANALYZE) resources")
    admin.execute(f"SET plan_cache_mode = {mode}".encode())
    statement = load_folder(sql_folder() / "resources")["resources.find_trending"].sql
    admin.execute(f"PREPARE trending AS {statement}".encode())
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE trending ({days}, 50)"
    row = admin.execute(explain.encode()).fetchone()
    assert row is not None
    top = row[0][0]["Plan"]
    assert top["Actual Rows"] == 4
    # Three of each of eight types to find the first, twice, and the rows themselves.
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] <= 8 * 3 * 2 + 4
