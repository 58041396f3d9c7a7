"""Migrating: once, in order, one process at a time, and repeatable after any failure."""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo, sql

from tests.factories import Factory
from tools.write_schema import PATH, VERSION, dump
from vrooli_data import _migration_session, _migrations
from vrooli_data._migrate import migrate, rollback_to, status
from vrooli_data._migrations import package_migrations
from vrooli_data.errors import (
    DatabaseError,
    InvalidInput,
    MigrationFailed,
    MissingExtra,
    SchemaTooNew,
    Unavailable,
)

EVERY = [migration.id for migration in package_migrations()]
REQUIRED = [migration.id for migration in package_migrations() if migration.extension is None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let the package bring a copy of its migrations, which the test may change."""
    copy = tmp_path / "migrations"
    shutil.copytree(_migrations.FOLDER, copy)
    monkeypatch.setattr(_migrations, "FOLDER", copy)
    package_migrations.cache_clear()
    yield copy
    package_migrations.cache_clear()


def add(folder: Path, text: str, rollback: str = "SELECT 1;") -> str:
    """Add a migration, or change the one that was added."""
    (folder / "0100_added.sql").write_text(text)
    (folder / "0100_added.rollback.sql").write_text(rollback)
    package_migrations.cache_clear()
    return "0100_added"


def column(url: str, query: str, *parameters: object) -> list[Any]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(query.encode(), parameters or None)]


def test_everything_is_applied_once_and_in_order(empty_database_url: str) -> None:
    first = migrate(empty_database_url)
    second = migrate(empty_database_url)
    # Those of an absent extension are left out, in their places.
    assert list(first.applied) == [id for id in EVERY if id not in first.not_applicable]
    assert set(first.not_applicable) <= set(EVERY) - set(REQUIRED)
    assert first.already_applied == 0
    assert first.seconds > 0
    assert second.applied == ()
    assert second.already_applied == len(first.applied)


def test_the_url_comes_from_the_environment(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    assert migrate().applied
    assert {state.state for state in status() if state.extension is None} == {"applied"}


def test_schema_sql_is_what_the_migrations_make(
    empty_database_url: str, server_version: int
) -> None:
    if server_version != VERSION:
        pytest.skip(f"schema.sql is as PostgreSQL {VERSION} tells it")
    assert migrate(empty_database_url).not_applicable == {}
    assert dump(empty_database_url) == PATH.read_text(encoding="utf-8"), (
        "run python -m tools.write_schema"
    )


@pytest.mark.slow("migrations rolled back")
def test_each_migration_taken_back_and_applied_again_gives_the_same_schema(
    empty_database_url: str,
) -> None:
    applied = migrate(empty_database_url).applied
    whole = dump(empty_database_url)
    for index in range(len(applied) - 1, -1, -1):
        target = applied[index - 1] if index else "0"
        assert rollback_to(empty_database_url, target) == list(reversed(applied[index:]))
        assert migrate(empty_database_url).applied == applied[index:]
        assert dump(empty_database_url) == whole


def test_taking_back_everything_leaves_the_record_of_it_alone(empty_database_url: str) -> None:
    migrate(empty_database_url)
    rollback_to(empty_database_url, "0")
    left = column(empty_database_url, "SELECT relname FROM pg_stat_user_tables")
    assert left == ["vrooli_data_migrations"]
    assert {state.state for state in status(empty_database_url)} == {"pending"}


def test_taking_back_to_an_unknown_migration_is_refused(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with pytest.raises(InvalidInput, match="migration_id"):
        rollback_to(empty_database_url, "0001")
    assert migrate(empty_database_url).applied == ()


def test_a_file_changed_after_it_was_applied_is_refused(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url)
    with (folder / f"{EVERY[1]}.sql").open("a") as file:
        file.write("-- A second thought.\n")
    package_migrations.cache_clear()
    with pytest.raises(MigrationFailed, match=rf"{EVERY[1]}\.sql was changed"):
        migrate(empty_database_url)
    assert status(empty_database_url)[1].state == "changed"


def test_a_database_of_a_newer_package_is_refused(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("INSERT INTO vrooli_data_migrations VALUES ('9999_later', 'x')")
    with pytest.raises(SchemaTooNew, match="9999_later"):
        migrate(empty_database_url)
    with pytest.raises(SchemaTooNew, match="9999_later"):
        rollback_to(empty_database_url, "0")
    assert status(empty_database_url)[-1].state == "unknown"


def test_a_failing_file_leaves_nothing_and_those_before_it_stay(
    empty_database_url: str, folder: Path
) -> None:
    added = add(folder, "CREATE TABLE probe ();\nALTER TABLE absent ADD a text;\n")
    with pytest.raises(MigrationFailed, match=r"0100_added\.sql: .*absent.*rolled back") as caught:
        migrate(empty_database_url)
    assert caught.value.sqlstate == "42P01"
    assert column(empty_database_url, "SELECT to_regclass('probe')") == [None]
    add(folder, "CREATE TABLE probe ();\n")
    assert migrate(empty_database_url).applied == (added,)


@pytest.mark.parametrize("head", ["", "-- transactional: false\n"])
def test_a_file_that_cannot_be_recorded_can_be_applied_again(
    empty_database_url: str, folder: Path, head: str
) -> None:
    migrate(empty_database_url)
    added = add(folder, f"{head}DROP TABLE IF EXISTS probe;\nCREATE TABLE probe ();\n")
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            "ALTER TABLE vrooli_data_migrations ADD CONSTRAINT no CHECK (false) NOT VALID"
        )
        with pytest.raises(MigrationFailed, match="no"):
            migrate(empty_database_url)
        kept = column(empty_database_url, "SELECT to_regclass('probe') IS NOT NULL")
        assert kept == [bool(head)]
        connection.execute("ALTER TABLE vrooli_data_migrations DROP CONSTRAINT no")
    assert migrate(empty_database_url).applied == (added,)


def test_nothing_is_printed_and_statements_stay_out_of_the_log(
    empty_database_url: str,
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    text = "-- transactional: false\nCREATE TABLE probe ();\nSELECT 'seen' AS seen;\n{}"
    add(folder, text.format("SELECT 1 / 0;\n"), "SELECT 2 / 0;\n")
    with pytest.raises(MigrationFailed, match="run it again"):
        migrate(empty_database_url)
    assert capfd.readouterr() == ("", "")
    assert {record.name for record in caplog.records} <= {"vrooli_data", "psycopg"}
    assert "seen" not in caplog.text


def test_a_message_that_quotes_values_of_rows_is_not_passed_on(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("INSERT INTO users (public_id, name) VALUES ('abcdefghijkl', 'Secret')")
    add(folder, "SELECT name::integer FROM users;\n")
    with pytest.raises(MigrationFailed) as caught:
        migrate(empty_database_url)
    assert "Secret" not in str(caught.value)
    assert caught.value.sqlstate == "22P02"


def test_a_migration_waits_for_an_extension(empty_database_url: str, folder: Path) -> None:
    text = "-- requires extension: {}\nCREATE TABLE probe ();\n"
    added = add(folder, text.format("absent_extension"))
    report = migrate(empty_database_url)
    assert report.not_applicable[added] == "absent_extension cannot be created here"
    assert added not in report.applied
    add(folder, text.format("plpgsql"))
    assert migrate(empty_database_url).applied == (added,)


def test_time_limits_of_the_role_do_not_cut_a_migration_short(
    empty_database_url: str, folder: Path
) -> None:
    add(folder, "SELECT pg_sleep(0.6);\n")
    limited = conninfo.make_conninfo(empty_database_url, options="-c statement_timeout=500")
    assert "0100_added" in migrate(limited).applied


def test_a_role_without_a_schema_gets_an_error(empty_database_url: str) -> None:
    nowhere = conninfo.make_conninfo(empty_database_url, options="-c search_path=absent")
    with pytest.raises(InvalidInput, match="schema: must be given: the search_path"):
        migrate(nowhere)
    with pytest.raises(MigrationFailed, match="there is no schema 'absent'"):
        migrate(nowhere, schema="absent")


@pytest.mark.parametrize(
    ("encoding", "complaint"),
    [("SQL_ASCII", "encoding of the database is SQL_ASCII"), ("UTF8", "locale of the database")],
)
def test_a_database_in_which_search_would_not_work_is_refused(
    empty_database_url: str, encoding: str, complaint: str
) -> None:
    name = sql.Identifier(f"plain_{secrets.token_hex(4)}")
    create = sql.SQL("CREATE DATABASE {} ENCODING {} LOCALE 'C' TEMPLATE template0")
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(create.format(name, sql.Literal(encoding)))
        try:
            with pytest.raises(MigrationFailed, match=complaint):
                migrate(conninfo.make_conninfo(empty_database_url, dbname=name.as_string()[1:-1]))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def test_a_server_that_is_too_old_is_refused(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, server_version: int
) -> None:
    monkeypatch.setattr(_migration_session, "_OLDEST_SERVER", 99)
    with pytest.raises(MigrationFailed, match=f"{server_version}: 99 or later is needed"):
        migrate(empty_database_url)


def test_a_server_that_only_reads_is_refused(empty_database_url: str) -> None:
    options = "-c default_transaction_read_only=on"
    with pytest.raises(DatabaseError, match="only reads") as caught:
        migrate(conninfo.make_conninfo(empty_database_url, options=options))
    assert caught.value.sqlstate == "25006"


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://ada:S3cr3t%20Pw@127.0.0.1:1/db",
        "postgresql://ada:S3cr3t Pw@127.0.0.1:1/db",
        "host=127.0.0.1,127.0.0.1 port=1,1 user=ada password='S3cr3t Pw'",
        "host=127.0.0.1 port=1 password=first S3cr3t",
    ],
)
def test_the_password_is_never_shown(given: str) -> None:
    with pytest.raises((Unavailable, InvalidInput)) as caught:
        migrate(given)
    assert "S3cr3t" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert "\n" not in str(caught.value)


def test_without_yoyo_the_extra_is_named(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vrooli_data._yoyo", None)
    with pytest.raises(MissingExtra, match=r"vrooli-data\[migrate\]"):
        migrate(empty_database_url)
    assert status(empty_database_url)[0].state == "pending"


def test_runs_that_share_an_id_stop_the_migration_which_names_the_query_and_the_mend(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    (before,) = [old for old, new in itertools.pairwise(EVERY) if new.endswith("_run_ids")]
    rollback_to(database_url, before)
    users = [make.user() for _ in range(3)]
    run_id = make.run(users[0])
    for user_id in users[1:]:
        admin.execute(
            "INSERT INTO runs (id, user_id, name) VALUES (%s, %s, 'R')", (run_id, user_id)
        )
        make.run_step(user_id, run_id, 1)
        make.run_io(user_id, run_id, "input", "a", 1)
    with pytest.raises(MigrationFailed, match=r"_run_ids\.sql: runs of several users") as raised:
        migrate(database_url)
    (query,) = re.findall("find them with: (.*?);", str(raised.value))
    assert column(database_url, query) == [run_id]
    readme = (_migrations.FOLDER / "README.md").read_text()
    (mend,) = [
        each for each in re.findall("```sql\n(.*?)```", readme, re.DOTALL) if "doubled" in each
    ]
    admin.execute(mend.encode())
    assert column(database_url, query) == []
    migrate(database_url)
    found = column(database_url, "SELECT user_id FROM runs ORDER BY user_id")
    assert found == users
    for table in ("run_steps", "run_io"):
        owners = f"SELECT user_id FROM {table} JOIN runs USING (user_id) WHERE run_id = runs.id"
        assert sorted(column(database_url, owners)) == users[1:]


def test_two_users_cannot_have_a_run_of_the_same_id(admin: Connection[Any], make: Factory) -> None:
    first, second = make.user(), make.user()
    run_id = make.run(first)
    with pytest.raises(psycopg.errors.UniqueViolation, match="runs_id_key"):
        admin.execute("INSERT INTO runs (id, user_id, name) VALUES (%s, %s, 'R')", (run_id, second))


def test_runs_that_are_there_get_a_public_id_and_so_do_those_of_older_programs(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    (before,) = [old for old, new in itertools.pairwise(EVERY) if "0013" in new]
    rollback_to(database_url, before)
    user_id = make.user()
    # More than one batch.
    admin.execute(
        "INSERT INTO runs (user_id, name, updated_at) "
        "SELECT %s, 'R', '2020-01-01Z' FROM generate_series(1, 5001)",
        (user_id,),
    )
    migrate(database_url)
    admin.execute("INSERT INTO runs (user_id, name) VALUES (%s, 'R')", (user_id,))
    found = column(database_url, "SELECT public_id FROM runs")
    assert len(set(found)) == 5002
    assert all(re.fullmatch("[0-9a-z]{12}", public_id) for public_id in found)
    # No character is always the same.
    assert all(len(set(characters)) > 30 for characters in zip(*found, strict=True))
    changed = "SELECT count(*) FROM runs WHERE revision > 0 OR updated_at = '2020-01-01Z'"
    assert column(database_url, changed) == [5001]


def test_public_ids_of_runs_are_given_again_where_the_migration_was_cut_short(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    (before,) = [old for old, new in itertools.pairwise(EVERY) if "0014" in new]
    rollback_to(database_url, before)
    make.run(make.user(), public_id="firstrun0000")
    admin.execute("ALTER TABLE runs DROP CONSTRAINT runs_public_id_check")
    admin.execute("UPDATE runs SET public_id = NULL")
    admin.execute(
        "ALTER TABLE runs ADD CONSTRAINT runs_public_id_check "
        "CHECK (public_id IS NOT NULL AND public_id ~ '^[0-9a-z]{12}$') NOT VALID"
    )
    make.run(1, public_id="secondrun000")
    make.run(1, public_id="secondrun000")
    with pytest.raises(MigrationFailed):
        migrate(database_url)
    kept = column(database_url, "SELECT public_id FROM runs ORDER BY id")
    admin.execute("DELETE FROM runs WHERE id = (SELECT max(id) FROM runs)")
    migrate(database_url)
    assert column(database_url, "SELECT public_id FROM runs ORDER BY id") == kept[:2]
