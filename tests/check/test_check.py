"""What the check finds: nothing in the tree as it is, and whatever is broken in a copy."""

from __future__ import annotations

import re
import secrets
import shutil
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from tests.check.broken import BROKEN, QUERIES, RECORDS, Broken
from tests.check.copies import FACES, append, asynchronous, findings, replace, report
from tests.test_migrate import REQUIRED
from vrooli_data import MissingExtra, NotMigrated, PermissionDenied, migrate
from vrooli_data._contract.check import check, check_prepared
from vrooli_data._contract.findings import CODES
from vrooli_data._contract.scratch import scratch_database
from vrooli_data._migrate import rollback_to
from vrooli_data._queries import sql_folder


def test_the_package_has_no_finding(package_url: str) -> None:
    done = check_prepared(package_url)
    assert "\n".join(map(str, done.findings)) == ""
    assert done.queries > 100


@pytest.mark.slow("checks of the whole package")
def test_searches_keep_to_their_headers_without_trigrams_too(
    package_url: str, tmp_path: Path
) -> None:
    for aggregate in ("resources", "users"):
        (tmp_path / aggregate).mkdir()
        shutil.copy(sql_folder() / aggregate / "search.sql", tmp_path / aggregate)
    # Not applied at all where the server does not bring pg_trgm.
    rolled_back = rollback_to(package_url, REQUIRED[-1])
    try:
        found = check(package_url, sql=tmp_path, records="vrooli_data.records").findings
    finally:
        assert migrate(package_url).applied == tuple(reversed(rolled_back))
    assert "\n".join(str(one) for one in found if one.code != "unused-record") == ""


@pytest.mark.slow("checks of the whole package")
def test_every_plan_of_the_package_is_checked(package_url: str) -> None:
    done = check_prepared(package_url)
    assert not [note for note in done.notes if "too few rows" in note]


def test_another_project_has_no_finding(shop_url: str, shop: Path, server_version: int) -> None:
    done = report(shop_url, shop)
    assert done.findings == []
    assert done.queries == 4
    assert bool(done.notes) == (server_version < 16)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.query}: {broken.told}")
def test_what_is_broken_is_found(
    shop_url: str, shop: Path, server_version: int, broken: Broken, face: str
) -> None:
    if server_version < 16 and broken.needs_trees:
        pytest.skip("parse trees are read from PostgreSQL 16 on")
    replace(shop, broken.file, broken.old, broken.new)
    if face == "async":
        asynchronous(shop)
    (finding,) = [
        finding
        for finding in findings(shop_url, shop, "shop_repositories")
        if finding.query == f"orders.{broken.query}" and broken.told in finding.what
    ]
    line = (shop / QUERIES).read_text().splitlines()[finding.line - 1]
    assert finding.path == (shop / QUERIES).as_posix()
    assert line.startswith(f"-- name: {broken.query}(")
    assert finding.code == broken.code
    assert finding.fix
    assert "\n" not in str(finding)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("-- Locks:  row: orders\n", "", "has no Locks line"),
        (
            "-- name: set_note(id, note)^",
            "-- name: list_by_customer(id, note)^",
            "list_by_customer",
        ),
        ("-- name: set_note(id, note)^", "-- name: set_note(id)^", "note"),
        (
            "-- name: set_note(id, note)^",
            "-- name: set_note(id, note)<!",
            "! or nothing after it",
        ),
        ("-- name: set_note(id, note)^", "-- name: set_note^", "`-- name: set_note^` must be"),
        ("-- name: set_note(id, note)^", "-- name: sét_note(id, note)^", "must be `-- name:"),
        ("-- name: set_note(id, note)^", "-- name: 2nd_note(id, note)^", "must be `-- name:"),
        ("SET note = ", "-- name: nothing()\nSET note = ", "unused declared"),
    ],
)
def test_a_query_that_cannot_be_read_is_found_and_hides_no_other(
    shop_url: str, shop: Path, old: str, new: str, told: str
) -> None:
    line = 1 + (shop / QUERIES).read_text().partition("-- name: set_note")[0].count("\n")
    replace(shop, QUERIES, old, new)
    replace(shop, QUERIES, "coalesce(sum(total), 0) AS total", "'none' AS total")
    done = report(shop_url, shop)
    (found,) = [finding for finding in done.findings if told in finding.what]
    assert (found.code, found.path, found.line) == ("file", (shop / QUERIES).as_posix(), line)
    assert any(finding.query == "orders.total_of_customer" for finding in done.findings)


def test_a_record_that_no_query_returns_is_found(shop_url: str, shop: Path) -> None:
    append(shop, RECORDS, "\n\nclass Parcel(msgspec.Struct):\n    id: int\n")
    (finding,) = findings(shop_url, shop)
    assert (finding.code, finding.query) == ("unused-record", "Parcel")
    line = (shop / RECORDS).read_text().splitlines()[finding.line - 1]
    assert line.startswith("class Parcel")


def test_a_reason_excuses_a_null(shop_url: str, shop: Path) -> None:
    replace(shop, RECORDS, "note: str | None", "note: str")
    text = (shop / QUERIES).read_text()
    # The last of them, the total, has no note.
    text = re.sub(r"(-- Locks: .*\n)", r"\1-- Null:   note, never empty here\n", text, count=3)
    (shop / QUERIES).write_text(text)
    assert findings(shop_url, shop) == []


@pytest.mark.parametrize("note", ["str", "str | None"])
def test_a_column_that_a_condition_keeps_from_null_may_be_optional_or_not(
    shop_url: str, shop: Path, server_version: int, note: str
) -> None:
    if server_version < 16:
        pytest.skip("parse trees are read from PostgreSQL 16 on")
    replace(shop, RECORDS, "note: str | None", f"note: {note}")
    text = (shop / QUERIES).read_text()
    # Two of the three that return the note leave out the rows without one.
    text = text.replace("WHERE orders.id =", "WHERE orders.note IS NOT NULL AND orders.id =")
    text = text.replace("WHERE customer_id =", "WHERE note IS NOT NULL AND customer_id =", 1)
    (shop / QUERIES).write_text(text)
    found = [finding for finding in findings(shop_url, shop) if finding.code == "nulls"]
    assert [finding.query for finding in found] == ["orders.set_note"] * (note == "str")


def test_either_of_two_indexes_may_be_named(shop_url: str, shop: Path) -> None:
    replace(shop, QUERIES, "-- Index:  orders_pkey\n", "-- Index:  orders_key or orders_pkey\n")
    assert findings(shop_url, shop) == []


def test_a_reason_excuses_a_scan(shop_url: str, shop: Path) -> None:
    replace(
        shop,
        QUERIES,
        "-- Index:  orders_customer_id_placed_at_id_idx\n-- Locks:  none\nSELECT coalesce",
        "-- Index:  scan: orders, every row, once a year\n-- Locks:  none\nSELECT coalesce",
    )
    replace(
        shop,
        QUERIES,
        "WHERE customer_id = :customer_id::bigint;",
        "WHERE total < :customer_id::bigint;",
    )
    assert findings(shop_url, shop) == []


UTILITY = """
-- name: move_staged()!
-- Move the staged orders.
-- Utility: reads a temporary table.
-- Record: none
-- Index:  scan: staged, every row, once
-- Locks:  none
"""


@pytest.mark.parametrize("statement", ["DELETE FROM staged WHERE id > 0;", "VACUUM orders;"])
def test_a_utility_is_only_parsed_and_a_note_says_so(
    shop_url: str, shop: Path, statement: str
) -> None:
    append(shop, QUERIES, f"{UTILITY}{statement}\n")
    done = report(shop_url, shop)
    assert done.findings == []
    assert "orders.move_staged was only parsed, as its Utility line says" in done.notes


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FRO staged;", "syntax error"),
        ("DELETE FROM orders WHERE orders.nothing;", "column orders.nothing does not exist"),
        ("DELETE FROM orders WHERE id = 1;", "the statement can be prepared, so it is no utility"),
    ],
)
def test_a_utility_that_is_none_is_found(
    shop_url: str, shop: Path, statement: str, told: str
) -> None:
    append(shop, QUERIES, f"{UTILITY}{statement}\n")
    (finding,) = findings(shop_url, shop)
    assert (finding.code, finding.query) == ("statement", "orders.move_staged")
    assert told in finding.what


def test_small_tables_say_nothing_about_plans(empty_database_url: str, shop: Path) -> None:
    schema = (shop / "schema.sql").read_text().partition("-- Rows enough")[0]
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(schema.encode())
        connection.execute("INSERT INTO customers (email) VALUES ('ada@example.org')")
        connection.execute("ANALYZE")
    done = report(empty_database_url, shop)
    assert done.findings == []
    assert any("customers" in note and "too few rows" in note for note in done.notes)


def test_a_small_table_excuses_no_large_one(empty_database_url: str, shop: Path) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute((shop / "schema.sql").read_bytes())
        connection.execute("ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey")
        connection.execute("DELETE FROM customers WHERE id > 10")
        connection.execute("ANALYZE")
    replace(shop, QUERIES, "WHERE orders.id = :id::bigint", "WHERE orders.total = :id::bigint")
    done = report(empty_database_url, shop)
    (finding,) = [found for found in done.findings if found.code == "index"]
    assert "the plan no longer has an index condition on orders_pkey" in finding.what
    assert any("customers" in note and "too few rows" in note for note in done.notes)


def test_a_privilege_that_is_missing_is_not_blamed_on_the_statement(
    shop_url: str, shop: Path
) -> None:
    name = f"no_rights_{secrets.token_hex(4)}"
    with psycopg.connect(shop_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        connection.execute(f"GRANT SELECT ON customers TO {name}")
        try:
            url = conninfo.make_conninfo(shop_url, user=name, password="x")
            found = report(url, shop).findings
        finally:
            connection.execute(f"DROP OWNED BY {name}")
            connection.execute(f"DROP ROLE {name}")
    refused = [finding for finding in found if finding.code == "statement"]
    assert len(refused) == 4
    assert refused[0].what == "the role may not run it: permission denied for table orders"
    assert "role" in refused[0].fix


def test_every_code_that_is_reported_is_explained(shop_url: str, shop: Path) -> None:
    replace(shop, RECORDS, "total: int", "total: str")
    assert {finding.code for finding in findings(shop_url, shop)} <= CODES.keys()


def test_the_scratch_database_is_dropped_also_after_a_failure(server_url: str) -> None:
    names = []
    with pytest.raises(NotMigrated), scratch_database(server_url) as url:
        names.append(conninfo.conninfo_to_dict(url)["dbname"])
        raise NotMigrated("for a reason of its own")
    with psycopg.connect(server_url) as connection:
        left = connection.execute(
            "SELECT datname FROM pg_database WHERE datname = ANY(%s)", (names,)
        )
        assert left.fetchall() == []


def test_a_role_that_may_not_create_databases_is_reported(server_url: str) -> None:
    name = f"no_createdb_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        try:
            url = conninfo.make_conninfo(server_url, user=name, password="x")
            with (
                pytest.raises(PermissionDenied, match="CREATEDB") as caught,
                scratch_database(url),
            ):
                pytest.fail("the database was made")
            assert caught.value.privileges == ("CREATEDB",)
            assert caught.value.role == name
        finally:
            connection.execute(f"DROP ROLE {name}")


def test_the_parser_is_an_extra_that_is_named(
    shop_url: str, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("vrooli_data._lint")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pglast", None)
    with pytest.raises(MissingExtra, match=r"vrooli-data\[check\]"):
        report(shop_url, shop)


def test_a_statement_that_the_rules_cannot_read_is_reported(shop_url: str, shop: Path) -> None:
    merge = """
-- name: merge_note(id, note)!
-- Replace a note.
-- Record: none
-- Index:  orders_pkey
-- Locks:  row: orders
MERGE INTO orders USING (SELECT :id::bigint AS id) AS given ON orders.id = given.id
WHEN MATCHED THEN UPDATE SET note = :note::text;
"""
    append(shop, QUERIES, merge)
    done = report(shop_url, shop)
    assert done.findings == []
    assert any("orders.merge_note was not held to the rules" in note for note in done.notes)
