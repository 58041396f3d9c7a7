"""Each command in a given schema, and the schemas in which its sessions look names up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from tests.cli import LINE, fail, succeed
from vrooli_data._import import import_file

pytestmark = pytest.mark.slow("the command line")

#: As careless a name as there can be.
TENANT = 'Tenant "1", pg_catalog'


@pytest.fixture
def tenant_url(empty_database_url: str) -> str:
    """Name an empty database that holds one more schema."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(TENANT)))
    return empty_database_url


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information)'"
        )
        return {schema for (schema,) in rows}


def test_every_command_works_in_the_given_schema(tenant_url: str, tmp_path: Path) -> None:
    file = tmp_path / "resources.ndjson"
    file.write_text(f"{LINE}\n")
    there = ("--schema", TENANT, "--database-url", tenant_url)
    assert "applied in" in succeed("migrate", *there)
    assert tables(tenant_url) == {TENANT}
    assert "pending " not in succeed("migrate", "--status", *there)
    assert "no finding" in succeed("drift", *there)
    assert "rows/s" in succeed("seed", "--scale", "0.001", *there)
    assert "1" in succeed("import", "resources", file, *there)
    assert "users_pkey" in succeed("explain", "users.find_by_id", *there)
    assert "Rolled back" in succeed("migrate", "--rollback-to", "0", *there)


def test_a_folder_is_checked_in_the_given_schemas(empty_database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "CREATE SCHEMA shop; CREATE SCHEMA stock; "
            "CREATE TABLE stock.items (id bigint PRIMARY KEY)"
        )
    (tmp_path / "items.sql").write_text(
        "-- name: find(id)^\n-- Find an item.\n-- Record: Item\n-- Index:  items_pkey\n"
        "-- Locks:  none\nSELECT id FROM items WHERE id = :id::bigint;\n"
    )
    (tmp_path / "items_of_stock.py").write_text(
        "import msgspec\n\nclass Item(msgspec.Struct):\n    id: int\n"
    )
    output = succeed(
        *("check", "--database-url", empty_database_url),
        *("--sql", tmp_path, "--records", "items_of_stock"),
        *("--schema", "shop", "--search-path", "stock"),
        PYTHONPATH=str(tmp_path),
    )
    assert "1 quer" in output
    assert fail(2, "check", "--schema", "shop").startswith("--schema: needs --sql")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("migrate",), "--schema"),
        (("migrate",), "--search-path"),
        (("migrate", "--status"), "--schema"),
        (("seed",), "--schema"),
        (("import", "resources", __file__), "--schema"),
        (("explain", "users.find_by_id"), "--schema"),
        (("drift",), "--schema"),
        (("mend-search",), "--schema"),
        (("check",), "--schema"),
    ],
    ids=lambda given: given if isinstance(given, str) else " ".join(given[:2]),
)
def test_what_names_no_schema_is_a_wrong_call_and_starts_no_server(
    command: tuple[str, ...], option: str, tmp_path: Path
) -> None:
    folder = tmp_path / "server"
    message = fail(2, *command, "--data-dir", folder, option, "pg_catalog")
    assert message.startswith(f"{option}")
    assert "must be the name of a schema" in message
    assert not folder.exists()


@pytest.mark.core
def test_an_import_stages_nothing_in_a_table_of_that_name(
    database_url: str, admin: Connection[Any], tmp_path: Path
) -> None:
    admin.execute("CREATE TABLE new_resources_with_versions (LIKE resources)")
    file = tmp_path / "resources.ndjson"
    file.write_text(f"{LINE}\n")
    assert import_file(database_url, "resources", file).inserted == 1
    assert admin.execute("SELECT count(*) FROM new_resources_with_versions").fetchone() == (0,)
