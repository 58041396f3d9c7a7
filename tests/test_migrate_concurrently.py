"""Migrating while others migrate, hold locks, or end our connection."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.test_migrate import EVERY, add, column, folder
from vrooli_data._migrate import MigrationReport, migrate
from vrooli_data._migration_session import _LOCK_KEY
from vrooli_data.errors import MigrationFailed, Timeout, Unavailable

__all__ = ["folder"]  # a fixture

DEADLINE_SECONDS = 30
SESSIONS = """
    FROM pg_stat_activity
    WHERE application_name = 'vrooli_data migrate' AND datname = current_database()
"""
CONCURRENT_INDEX = """\
-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS users_is_bot_idx;
CREATE INDEX CONCURRENTLY users_is_bot_idx ON users (is_bot);
"""
CHILD = """\
import sys
from vrooli_data._migrate import migrate
print(len(migrate(sys.argv[1]).applied))
"""


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the awaited state did not come"
        time.sleep(0.01)


@contextmanager
def holding(url: str, statement: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Keep a transaction open that ran *statement*."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())
        yield connection


class Migrating(threading.Thread):
    """One call of migrate, beside the test."""

    def __init__(self, url: str, *, lock_timeout: float = 2.0, wait: float = 60.0) -> None:
        super().__init__()
        self.url = url
        self.lock_timeout = lock_timeout
        self.wait = wait
        self.report: MigrationReport | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.report = migrate(self.url, lock_timeout=self.lock_timeout, wait=self.wait)
        except Exception as error:  # noqa: BLE001 (handed to the test)
            self.error = error

    def end_session_when_it_waits(self) -> None:
        """End its server process as soon as that waits for a lock, as a crash would."""
        waits = f"SELECT 1 {SESSIONS} AND wait_event_type = 'Lock'"
        wait_for(lambda: column(self.url, waits) or not self.is_alive())
        column(self.url, f"SELECT pg_terminate_backend(pid) {SESSIONS}")
        self.join()


@contextmanager
def processes_that_migrate(url: str, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(count)
    ]
    try:
        yield children
    finally:
        for child in children:
            child.kill()
            child.wait()
            for pipe in (child.stdout, child.stderr):
                if pipe:
                    pipe.close()


def test_of_four_processes_one_applies_and_all_succeed(empty_database_url: str) -> None:
    present = f"SELECT count(*) {SESSIONS}"
    with psycopg.connect(empty_database_url, autocommit=True) as gate:
        # Held back by the lock until all of them are there.
        gate.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
        with processes_that_migrate(empty_database_url, 4) as children:
            wait_for(
                lambda: (
                    column(empty_database_url, present) == [4]
                    or any(child.poll() is not None for child in children)
                )
            )
            gate.execute("SELECT pg_advisory_unlock_all()")
            outputs = [child.communicate(timeout=DEADLINE_SECONDS) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0, 0], outputs
    counts = sorted(int(out) for out, _ in outputs)
    applied = column(empty_database_url, "SELECT id FROM vrooli_data_migrations ORDER BY id")
    assert counts == [0, 0, 0, len(applied)]
    assert applied == EVERY[: len(applied)]


def test_waiting_for_another_process_has_an_end(empty_database_url: str) -> None:
    with (
        holding(empty_database_url, f"SELECT pg_advisory_lock({_LOCK_KEY})"),
        pytest.raises(Timeout, match=r"another process .* 0\.2 s"),
    ):
        migrate(empty_database_url, wait=0.2)
    assert migrate(empty_database_url).applied


def test_a_lock_row_that_yoyo_left_behind_holds_nobody_up(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE yoyo_lock (locked int PRIMARY KEY, ctime timestamp)")
        connection.execute("INSERT INTO yoyo_lock VALUES (1, now())")
    assert migrate(empty_database_url, wait=1).applied


def test_a_table_in_use_makes_it_give_up_soon_and_write_nothing(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url)
    added = add(folder, "CREATE TABLE probe ();\nALTER TABLE users ADD COLUMN note text;\n")
    with holding(empty_database_url, "SELECT FROM users"):
        with pytest.raises(MigrationFailed, match=r"0100_added\.sql: a table stayed locked") as got:
            migrate(empty_database_url, lock_timeout=0.1)
        assert got.value.sqlstate == "55P03"
        assert column(empty_database_url, "SELECT to_regclass('probe')") == [None]
    assert migrate(empty_database_url).applied == (added,)


def test_a_session_that_dies_half_way_leaves_nothing_of_the_file(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url)
    added = add(folder, "CREATE TABLE probe ();\nALTER TABLE users ADD COLUMN note text;\n")
    with holding(empty_database_url, "SELECT FROM users"):
        migrating = Migrating(empty_database_url, lock_timeout=DEADLINE_SECONDS)
        migrating.start()
        migrating.end_session_when_it_waits()
    assert isinstance(migrating.error, Unavailable), migrating.error
    assert column(empty_database_url, "SELECT to_regclass('probe')") == [None]
    assert migrate(empty_database_url).applied == (added,)


def test_a_session_that_dies_while_it_builds_an_index_is_mended_by_the_next(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url)
    added = add(folder, CONCURRENT_INDEX)
    with holding(empty_database_url, "LOCK users IN ROW EXCLUSIVE MODE"):
        migrating = Migrating(empty_database_url, wait=DEADLINE_SECONDS, lock_timeout=0.01)
        migrating.start()
        migrating.end_session_when_it_waits()
    assert isinstance(migrating.error, Unavailable), migrating.error
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_is_bot_idx'::regclass"
    assert column(empty_database_url, valid) == [False]
    assert migrate(empty_database_url).applied == (added,)
    assert column(empty_database_url, valid) == [True]


def test_an_index_that_had_to_wait_too_long_is_mended_by_the_next(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url)
    added = add(folder, CONCURRENT_INDEX, "DROP INDEX CONCURRENTLY IF EXISTS users_is_bot_idx;\n")
    with (
        holding(empty_database_url, "LOCK users IN ROW EXCLUSIVE MODE"),
        pytest.raises(MigrationFailed, match="run it again"),
    ):
        migrate(empty_database_url, wait=0.2)
    assert migrate(empty_database_url).applied == (added,)
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    assert column(empty_database_url, invalid) == [0]


def test_other_starters_do_not_disturb_an_index_being_built(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url)
    added = add(folder, CONCURRENT_INDEX)
    with holding(empty_database_url, "LOCK users IN ROW EXCLUSIVE MODE"):
        threads = [Migrating(empty_database_url) for _ in range(3)]
        for thread in threads:
            thread.start()
        # All are there, and the one that builds waits for us.
        wait_for(lambda: column(empty_database_url, f"SELECT count(*) {SESSIONS}") == [3])
        waits = f"SELECT 1 {SESSIONS} AND wait_event_type = 'Lock'"
        wait_for(lambda: column(empty_database_url, waits))
    for thread in threads:
        thread.join()
    assert [thread.error for thread in threads] == [None, None, None]
    reports = [thread.report.applied for thread in threads if thread.report]
    assert sorted(reports) == [(), (), (added,)]


def test_an_invalid_index_is_reported_with_the_way_to_mend_it(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO users (public_id, name) "
            "VALUES ('aaaaaaaaaaaa', 'A'), ('bbbbbbbbbbbb', 'A')"
        )
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY twins ON users (name)")
        with pytest.raises(MigrationFailed, match="REINDEX INDEX CONCURRENTLY twins"):
            migrate(empty_database_url)
        connection.execute("DROP INDEX twins")
    assert migrate(empty_database_url).applied == ()


def test_an_index_that_someone_else_is_building_is_no_invalid_one(empty_database_url: str) -> None:
    migrate(empty_database_url)
    build = "CREATE INDEX CONCURRENTLY users_is_bot_idx ON users (is_bot)"

    def build_index() -> None:
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            connection.execute(build.encode())

    builder = threading.Thread(target=build_index)
    with holding(empty_database_url, "LOCK users IN ROW EXCLUSIVE MODE"):
        builder.start()
        invalid = "SELECT 1 FROM pg_index WHERE NOT indisvalid"
        wait_for(lambda: column(empty_database_url, invalid))
        assert migrate(empty_database_url).applied == ()
    builder.join()
