# Generated from tests/_async/test_database.py by tools/unasync.py. Do not edit.
"""Connecting, holding a connection, and what is told of it."""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec
import psutil
import psycopg
import pytest
from psycopg import Connection, conninfo

from tests.factories import Factory
from vrooli_data import (
    Database,
    DatabaseError,
    InvalidFile,
    InvalidInput,
    InvalidUse,
    NotMigrated,
    PermissionDenied,
    QueryEvent,
    RecordMismatch,
    Repository,
    RetryPolicy,
    SchemaTooNew,
    Timeout,
    Unavailable,
    queries,
)
from vrooli_data._queries import sql_folder


def test_open_and_close_serve_without_a_block(database_url: str, make: Factory) -> None:
    user_id = make.user()
    db = Database.connect(database_url)
    db.open()
    assert db.users.find_by_id(user_id) is not None
    db.close()
    with pytest.raises(InvalidUse, match="connect anew"):
        db.users.find_by_id(user_id)


def test_a_database_never_opened_says_so(unopened: Database) -> None:
    with pytest.raises(InvalidUse, match="not open"):
        unopened.users.find_by_id(1)


def test_a_damaged_file_of_the_engines_own_queries_is_named(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(sql_folder(), tmp_path / "sql")
    with (tmp_path / "sql" / "transactions" / "read.sql").open("a") as file:
        file.write("-- name: find_nothing()\nSELECT 1;\n")
    monkeypatch.setattr("vrooli_data._binding.sql_folder", lambda: tmp_path / "sql")
    # As in a process that has not connected yet.
    monkeypatch.delitem(sys.modules, "vrooli_data._engine_queries", raising=False)
    db = Database.connect(database_url)
    with pytest.raises(InvalidFile, match=r"read\.sql:\d+: transactions\.find_nothing has no"):
        db.open()


def test_database_url_is_the_default(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with Database.connect() as db:
        assert db.users.find_by_id(1) is None


def test_without_any_conninfo_it_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(InvalidInput, match="DATABASE_URL"):
        Database.connect()


@pytest.mark.parametrize("host", ["127.0.0.1", "/nowhere"])
def test_a_server_out_of_reach_is_one_clear_line_at_once(host: str) -> None:
    url = conninfo.make_conninfo(host=host, port=1, user="ada", password="S3cr3t", dbname="x")
    with pytest.raises(Unavailable, match=f"connection.*{host}") as caught:
        Database.connect(url).open()
    assert "S3cr3t" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_role_that_does_not_exist_is_one_clear_line(database_url: str) -> None:
    url = conninfo.make_conninfo(database_url, user="nobody_here", password="S3cr3t")
    with pytest.raises(Unavailable, match="nobody_here") as caught:
        Database.connect(url).open()
    assert "S3cr3t" not in str(caught.value)


def test_a_database_without_migrations_is_refused(empty_database_url: str) -> None:
    with pytest.raises(NotMigrated, match="vrooli-data migrate"):
        Database.connect(empty_database_url).open()


def test_a_database_that_lacks_a_migration_is_refused(
    database_url: str, admin: Connection[Any]
) -> None:
    admin.execute("DELETE FROM vrooli_data_migrations WHERE id LIKE '0003%'")
    with pytest.raises(NotMigrated, match="0003_runs"):
        Database.connect(database_url).open()


def test_a_database_of_a_newer_version_is_refused(
    database_url: str, admin: Connection[Any]
) -> None:
    admin.execute("INSERT INTO vrooli_data_migrations (id, sha256) VALUES ('9999_later', '')")
    with pytest.raises(SchemaTooNew, match="9999_later"):
        Database.connect(database_url).open()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_size", 0),
        ("max_size", "4"),
        ("min_size", 11),
        ("min_size", -1),
        ("timeout", 0),
        ("timeout", float("nan")),
        ("timeout", True),
        ("statement_timeout", -1.0),
        ("statement_timeout", float("inf")),
    ],
)
def test_an_option_out_of_range_is_refused(option: str, value: Any) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(InvalidInput) as caught:
        Database.connect("host=/nowhere", **options)
    assert caught.value.field == option


def test_a_held_connection_is_one_session(db: Database, make: Factory) -> None:
    user_id = make.user()
    with db.connection() as held:
        held.connection.execute("SET search_path = nowhere")
        with pytest.raises(DatabaseError) as caught:
            held.users.find_by_id(user_id)
        held.connection.execute("RESET search_path")
        assert held.users.find_by_id(user_id) is not None
    assert (caught.value.query, caught.value.sqlstate) == ("users.find_by_id", "42P01")


def test_times_are_utc_whatever_the_zone_of_the_server(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    name = psycopg.sql.Identifier(admin.info.dbname)
    admin.execute(psycopg.sql.SQL("ALTER DATABASE {} SET timezone = 'Europe/Zurich'").format(name))
    user_id = make.user(public_id="adaadaadaada", created_at="2026-07-01 00:00+00")
    team_id = make.team()
    make.member(team_id, user_id, created_at="2026-07-01 00:00+00")
    with Database.connect(database_url) as db:
        user = db.users.find_with_teams("adaadaadaada")
    assert user is not None
    assert user.created_at.isoformat() == "2026-07-01T00:00:00+00:00"
    assert user.memberships[0].created_at == user.created_at


def test_statement_timeout_is_a_timeout_naming_the_query(
    database_url: str, admin: Connection[Any]
) -> None:
    with Database.connect(database_url, statement_timeout=0.5) as db:
        with admin.transaction():
            admin.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(Timeout, match=r"users\.find_by_id") as caught:
                db.users.find_by_id(1)
    assert caught.value.sqlstate == "57014"


def test_a_pool_without_a_free_connection_is_unavailable(database_url: str) -> None:
    once = RetryPolicy(attempts=1)
    small = Database.connect(database_url, max_size=1, timeout=0.5, retry=once)
    with small as db, db.connection():
        with pytest.raises(Unavailable, match="pool"):
            db.users.find_by_id(1)


def test_a_role_without_privilege_is_denied(
    database_url: str, admin: Connection[Any], role: str
) -> None:
    admin.execute(f"GRANT SELECT ON vrooli_data_migrations TO {role}".encode())
    url = conninfo.make_conninfo(database_url, options=f"-c role={role}")
    with Database.connect(url) as db:
        with pytest.raises(PermissionDenied) as caught:
            db.users.find_by_id(1)
    assert caught.value.query == "users.find_by_id"


def test_a_query_whose_columns_are_not_the_records_fields_is_refused(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    admin.execute("ALTER TABLE users RENAME TO people")
    admin.execute("CREATE VIEW users AS SELECT * FROM people")
    assert db.users.find_by_id(user_id) is not None
    query = db.users.find_by_id.__globals__["_FIND_BY_ID"]
    with pytest.raises(RecordMismatch, match=r"users\.find_by_id returns the columns \(id, oops\)"):
        query.check_columns(("id", "oops"))


def test_each_statement_carries_its_name(db: Database, admin: Connection[Any]) -> None:
    with db.connection() as held:
        held.users.find_by_id(1)
        row = admin.execute(
            "SELECT query FROM pg_stat_activity WHERE pid = %s",
            (held.connection.info.backend_pid,),
        ).fetchone()
    assert row is not None
    assert row[0].startswith("/* vrooli_data:users.find_by_id */")


def test_a_query_is_prepared_once_whatever_the_size_of_its_ids(db: Database) -> None:
    with db.connection() as held:
        for id in (1, 2**15, 2**31, 2**62):
            held.users.find_by_id(id)
        cursor = held.connection.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%users.find_by_id%'"
            " AND from_sql = false AND statement NOT LIKE '%pg_prepared_statements%'"
        )
        assert cursor.fetchone() == (1,)


#: A query of an application whose result is 60 MB of text.
LARGE = """\
-- name: find_large()
-- Fetch a large result.
-- Record: Large
-- Index:  none: makes rows
-- Locks:  none
SELECT repeat('x', 1000000) AS value FROM generate_series(1, 60);
"""


class Large(msgspec.Struct):
    """One row of a large result."""

    value: str


def test_a_result_is_freed_once_it_is_read(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "queries.sql").write_text(LARGE)
    find_large = queries(tmp_path / "large").bind("find_large", Large)
    process = psutil.Process()
    with Database.connect(database_url) as db, db.connection() as held:
        repository = Repository(held)
        before = process.memory_info().rss
        assert len(repository.find_all(find_large)) == 60
        assert process.memory_info().rss - before < 30e6


def test_prepare_off_prepares_nothing(database_url: str) -> None:
    with Database.connect(database_url, prepare=False) as db, db.connection() as held:
        for _ in range(8):
            held.users.find_by_id(1)
        cursor = held.connection.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)


def test_on_query_receives_successes_and_failures(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    events: list[QueryEvent] = []
    user_id = make.user()
    with Database.connect(database_url, on_query=events.append) as db:
        events.clear()
        db.users.find_by_id(user_id)
        admin.execute("ALTER TABLE users RENAME COLUMN email TO mail")
        with pytest.raises(DatabaseError):
            db.users.find_by_email("ada@example.org")
    found, failed = events
    assert (found.name, found.rows, found.succeeded) == ("users.find_by_id", 1, True)
    assert found.duration > 0
    assert (failed.name, failed.rows, failed.succeeded) == ("users.find_by_email", 0, False)
    assert failed.sqlstate == "42703"


def test_a_hook_that_fails_is_logged_and_loses_no_result(
    database_url: str, make: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: QueryEvent) -> None:
        raise RuntimeError(event.name)

    user_id = make.user()
    with Database.connect(database_url, on_query=fail) as db:
        assert db.users.find_by_id(user_id) is not None
    assert "on_query failed for users.find_by_id" in caplog.text


def test_the_log_holds_names_and_durations_but_no_values(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        db.users.find_by_email("secret@example.org")
    assert "users.find_by_email: 0 rows in" in caplog.text
    assert "secret" not in caplog.text


def test_pool_stats_count_requests(db: Database) -> None:
    before = db.pool_stats().get("requests_num", 0)
    db.users.find_by_id(1)
    stats = db.pool_stats()
    assert stats["requests_num"] == before + 1
    assert stats["pool_max"] == 4
