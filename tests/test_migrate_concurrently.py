"""Migrating while others migrate, hold locks, or end our connection."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.test_migrate import EVERY, REQUIRED, add, column, folder
from vrooli_data import _migrations
from vrooli_data._migrate import MigrationReport, migrate, rollback_to
from vrooli_data._migration_session import _LOCK_KEY
from vrooli_data.errors import MigrationFailed, Timeout, Unavailable

__all__ = ["folder"]  # a fixture

DEADLINE_SECONDS = 60
SESSIONS = """
    FROM pg_stat_activity
    WHERE application_name = 'vrooli_data migrate' AND datname = current_database()
"""
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
CONCURRENT_INDEX = """\
-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS users_is_bot_idx;
CREATE INDEX CONCURRENTLY users_is_bot_idx ON users (is_bot);
"""
CHILD = """\
import signal, sys
from pathlib import Path
from vrooli_data import _migrations
from vrooli_data._migrate import migrate
# As a program does that wants to close its files.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
_migrations.FOLDER = Path(sys.argv[2])
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
    """One call of migrate, or of rollback_to, beside the test."""

    def __init__(
        self,
        url: str,
        back_to: str | None = None,
        *,
        lock_timeout: float = 2.0,
        wait: float = 60.0,
    ) -> None:
        super().__init__()
        self.url = url
        self.back_to = back_to
        self.lock_timeout = lock_timeout
        self.wait = wait
        self.report: MigrationReport | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        lock_timeout, wait = self.lock_timeout, self.wait
        try:
            if self.back_to is None:
                self.report = migrate(self.url, lock_timeout=lock_timeout, wait=wait)
            else:
                rollback_to(self.url, self.back_to, lock_timeout=lock_timeout, wait=wait)
        except Exception as error:  # noqa: BLE001 (handed to the test)
            self.error = error

    def end_session_when_it_waits(self) -> None:
        """End its server process as soon as that waits for a lock, as a crash would."""
        waits = f"SELECT 1 {SESSIONS} AND wait_event_type = 'Lock'"
        wait_for(lambda: column(self.url, waits) or not self.is_alive())
        column(self.url, f"SELECT pg_terminate_backend(pid) {SESSIONS}")
        self.join()


@contextmanager
def processes_that_migrate(
    url: str, count: int, folder: Path = _migrations.FOLDER
) -> Iterator[list[subprocess.Popen[str]]]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, url, str(folder)],
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
    assert applied == [id for id in EVERY if id in applied]
    assert set(REQUIRED) <= set(applied)


def test_waiting_for_another_process_has_an_end(empty_database_url: str) -> None:
    with (
        holding(empty_database_url, f"SELECT pg_advisory_lock({_LOCK_KEY})"),
        pytest.raises(Timeout, match=r"another process .* 0\.2 s"),
    ):
        migrate(empty_database_url, wait=0.2)
    assert migrate(empty_database_url).applied


def test_a_lock_row_that_yoyo_left_blocks_nobody(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE yoyo_lock (locked int PRIMARY KEY, ctime timestamp)")
        connection.execute("INSERT INTO yoyo_lock VALUES (1, now())")
    assert migrate(empty_database_url, wait=DEADLINE_SECONDS).applied


def test_a_table_in_use_makes_it_give_up_soon_and_write_nothing(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url)
    added = add(folder, "CREATE TABLE probe ();\nALTER TABLE users ADD COLUMN note text;\n")
    with holding(empty_database_url, "SELECT FROM users"):
        with pytest.raises(
            MigrationFailed, match=r"0100_added\.sql: another session kept a table locked"
        ) as got:
            migrate(empty_database_url, lock_timeout=0.1)
        assert got.value.sqlstate == "55P03"
        assert column(empty_database_url, "SELECT to_regclass('probe')") == [None]
    with holding(empty_database_url, "SELECT FROM users") as other:
        process = other.info.backend_pid
        with pytest.raises(MigrationFailed, match=f"lock_timeout: the server process {process}"):
            migrate(empty_database_url, lock_timeout=1.5)
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


@pytest.mark.slow("time limits")
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
    assert column(empty_database_url, INVALID) == [0]


@pytest.mark.slow("time limits")
def test_the_waits_of_one_run_are_bounded_together(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url)
    add(folder, CONCURRENT_INDEX)
    waited = (
        "SELECT 1 FROM pg_locks WHERE %s = ANY (pg_blocking_pids(pid))"
        " AND waitstart < clock_timestamp() - interval '0.5 s'"
    )
    migrating = Migrating(empty_database_url, wait=1)
    with ExitStack() as stack:
        lock = "LOCK users IN ROW EXCLUSIVE MODE"
        holders = [stack.enter_context(holding(empty_database_url, lock)) for _ in range(6)]
        pids = [holder.info.backend_pid for holder in holders]
        migrating.start()
        # Each is waited for, one after the other, and for less than is waited in all.
        for holder in list(holders):
            pid = holder.info.backend_pid
            while migrating.is_alive() and not column(empty_database_url, waited, pid):
                time.sleep(0.01)
            if migrating.is_alive():
                holders.remove(holder)
                holder.rollback()
        migrating.join()
        assert holders
        assert isinstance(migrating.error, MigrationFailed), migrating.report
        told = r"0100_added\.sql: the limit of 1 s for all waits was reached, .* process (\d+);"
        found = re.match(told, str(migrating.error))
        assert found is not None, migrating.error
        assert int(found[1]) in pids
    assert migrate(empty_database_url).applied == ("0100_added",)


@pytest.mark.slow("servers that stop")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_client_that_is_ended_leaves_no_statement_behind(
    empty_database_url: str, folder: Path, end: signal.Signals
) -> None:
    migrate(empty_database_url)
    add(folder, CONCURRENT_INDEX)
    with holding(empty_database_url, "LOCK users IN ROW EXCLUSIVE MODE"):
        with processes_that_migrate(empty_database_url, 1, folder) as (child,):
            waits = f"SELECT 1 {SESSIONS} AND wait_event_type = 'Lock'"
            wait_for(lambda: column(empty_database_url, waits) or child.poll() is not None)
            child.send_signal(end)
            assert child.wait(DEADLINE_SECONDS) != 0
        wait_for(lambda: not column(empty_database_url, f"SELECT 1 {SESSIONS}"))
    assert column(empty_database_url, INVALID) == [1]
    assert migrate(empty_database_url).applied == ("0100_added",)
    assert column(empty_database_url, INVALID) == [0]


def test_what_was_taken_back_in_part_is_applied_anew_or_taken_back_wholly(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url)
    back = "DROP INDEX CONCURRENTLY IF EXISTS users_is_bot_idx;\n"
    added = add(folder, CONCURRENT_INDEX, back)
    for mend in ("apply", "roll back"):
        migrate(empty_database_url)
        with holding(empty_database_url, "LOCK users IN ROW EXCLUSIVE MODE"):
            migrating = Migrating(empty_database_url, EVERY[-1], wait=DEADLINE_SECONDS)
            migrating.start()
            migrating.end_session_when_it_waits()
        assert isinstance(migrating.error, Unavailable), migrating.error
        assert column(empty_database_url, INVALID) == [1]
        if mend == "apply":
            assert migrate(empty_database_url).applied == (added,)
        else:
            rollback_to(empty_database_url, EVERY[-1])
        assert column(empty_database_url, INVALID) == [0]


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
