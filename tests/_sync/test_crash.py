# Generated from tests/_async/test_crash.py by tools/unasync.py. Do not edit.
"""A server that crashes: nothing that is said to be committed is lost, and nothing is doubled."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from tests.embedded_folders import open_folder
from tests.proxy import Way, open_proxy
from vrooli_data import (
    CommitUnknown,
    CreateUser,
    Database,
    Transaction,
    embedded,
    migrate,
)

from ._compat import PATIENCE, Started, blocking, pause
from .whole_pool import settings

WORKERS = 6
CRASHES = 3
#: What is committed is in the log before its reply; only the machine's own end would lose it.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "50"}


#: Makes COMMIT take a moment, in which the marker is asked.
SLOW_COMMIT = """
CREATE FUNCTION wait_before_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.3);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wait_before_commit AFTER INSERT ON users
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_before_commit();
"""
#: What looked like a crash, or could.
RESETS = [
    *(
        f"SELECT pg_stat_reset_shared('{kind}')"
        for kind in ("wal", "bgwriter", "archiver", "io", "slru", "checkpointer")
    ),
    "SELECT pg_stat_reset_shared(NULL)",
    "SELECT pg_stat_reset()",
    "CHECKPOINT",
    "SELECT pg_stat_reset_shared('wal'), pg_stat_reset(); CHECKPOINT",
    "SELECT pg_reload_conf(), pg_switch_wal()",
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Start a server that may crash."""
    with open_folder() as folder:
        migrate(embedded.start(folder, settings=SETTINGS))
        yield folder


@pytest.fixture
def url(folder: Path) -> str:
    """Empty the table that these tests write to."""
    url = embedded.start(folder, settings=SETTINGS)
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE users CASCADE")
        connection.execute("DROP FUNCTION IF EXISTS wait_before_commit CASCADE")
    return url


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """Open the server's database."""
    with Database.connect(url, max_size=WORKERS) as database:
        yield database


def crash(url: str) -> None:
    """Kill a backend, upon which the server ends all others and recovers from its log."""
    victim = psycopg.connect(url, autocommit=True)
    before = checkpointer(victim)
    os.kill(victim.info.backend_pid, signal.SIGKILL)
    with pytest.raises(psycopg.OperationalError):
        victim.execute("SELECT 1")
    until_served(url, before)


def until_served(url: str, before: int) -> None:
    """Wait for the run after the one with a process: the server may not know yet that it ends."""
    deadline = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < deadline
        with suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
            if checkpointer(connection) != before:
                return
        time.sleep(0.01)


def checkpointer(connection: Connection[Any]) -> int:
    """Return the number of a process that the server starts anew after a crash."""
    ((found,),) = connection.execute(
        "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
    ).fetchall()
    return int(found)


def write_more(url: str) -> None:
    """Be other clients, who are given the ids of transactions that the crash has lost."""
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(30):
            connection.execute(
                "INSERT INTO users (public_id, name) VALUES (%s, 'another')", (f"{number:012d}",)
            )


def names(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT name FROM users WHERE name <> 'another'").fetchall()
    return sorted(name for (name,) in found)


def create(tx: Transaction, name: str) -> None:
    tx.users.create(CreateUser(name=name))


def create_and_crash(tx: Transaction, url: str, attempts: list[int]) -> None:
    """Write one row; in the first attempt, lose the server before COMMIT."""
    attempts.append(len(attempts))
    create(tx, f"attempt {len(attempts)}")
    if len(attempts) == 1:
        blocking(partial(crash, url))
        blocking(partial(write_more, url))


def test_the_id_of_a_lost_transaction_that_another_was_given_proves_nothing(
    db: Database, url: str
) -> None:
    attempts: list[int] = []
    with pytest.raises(CommitUnknown) as caught:
        db.transact(partial(create_and_crash, url=url, attempts=attempts))
    assert caught.value.resolve() == "unknown"
    assert names(url) == []


def test_after_a_crash_the_marker_decides_the_outcome(db: Database, url: str) -> None:
    attempts: list[int] = []
    asked: list[str] = []

    def marker(tx: Transaction) -> bool:
        cursor = tx.connection.execute("SELECT name FROM users WHERE name LIKE 'attempt %'")
        asked.extend(name for (name,) in cursor.fetchall())
        return bool(asked)

    db.transact(partial(create_and_crash, url=url, attempts=attempts), marker=marker)
    assert (attempts, asked) == ([0, 1], [])
    assert names(url) == ["attempt 2"]


@pytest.mark.slow("servers that stop")
@pytest.mark.parametrize("what", [pytest.param(RESETS[0], marks=pytest.mark.core), *RESETS[1:]])
@pytest.mark.parametrize("track_commit", [True, False])
def test_what_resets_statistics_or_ends_a_session_is_no_crash(
    url: str, what: str, track_commit: bool
) -> None:
    """The transaction is still open when the marker is asked, and is committed later."""
    attempts: list[int] = []
    with psycopg.connect(url, autocommit=True) as admin, open_proxy(url) as proxy:
        admin.execute(SLOW_COMMIT)

        def write_and_reset(tx: Transaction) -> None:
            attempts.append(1)
            tx.users.create(CreateUser(name="attempt 1"))
            blocking(partial(admin.execute, what.encode()))

        def marker(tx: Transaction) -> bool:
            return len(tx.users.find_many(limit=1)) > 0

        # The server commits after the connection is lost and the marker was asked.
        proxy.fail_at_commit(b"attempt 1", Way.CUT_AFTER)
        with Database.connect(proxy.url, commit_timeout=PATIENCE) as db:
            db.transact(write_and_reset, track_commit=track_commit, marker=marker)
    assert attempts == [1]
    assert names(url) == ["attempt 1"]


def test_a_session_that_was_open_before_proves_that_the_server_did_not_crash(
    url: str,
) -> None:
    """The role may not read the control file, and so has the other sign alone."""
    with psycopg.connect(url, autocommit=True) as admin, open_proxy(url) as proxy:
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        admin.execute("CREATE ROLE app; GRANT ALL ON ALL TABLES IN SCHEMA public TO app")
        app = make_conninfo(proxy.url, options="-c role=app")
        proxy.fail_at_commit(b"attempt", Way.DROP_REPLY)
        try:
            for size, outcome in ((1, "unknown"), (2, "committed")):
                with Database.connect(app, min_size=size, max_size=size, commit_timeout=0.5) as db:
                    settings(db, size)
                    found = "committed"
                    try:
                        db.transact(partial(create, name="attempt"))
                    except CommitUnknown as unknown:
                        found = unknown.resolve()
                    assert found == outcome
        finally:
            admin.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
            admin.execute("DROP OWNED BY app; DROP ROLE app")
    assert names(url) == ["attempt", "attempt"]


def test_after_a_crash_the_next_lost_commit_is_resolved_again(url: str) -> None:
    with open_proxy(url) as proxy:
        with Database.connect(proxy.url, max_size=2) as db:
            settings(db, 2)
            blocking(partial(crash, url))
            db.transact(partial(create, name="after the crash"))
            proxy.fail_at_commit(b"attempt", Way.DROP_REPLY)
            db.transact(partial(create, name="attempt"))
            assert proxy.failures == 1
    assert names(url) == ["after the crash", "attempt"]


def test_what_is_said_to_be_committed_survives_crashes_under_load(db: Database, url: str) -> None:
    committed: list[str] = []
    unknown: list[str] = []
    is_over = False

    def work(worker: int) -> None:
        number = 0
        while not is_over:
            number += 1
            name = f"{worker}, {number}"
            try:
                db.transact(partial(create, name=name))
            except CommitUnknown:
                unknown.append(name)
            else:
                committed.append(name)

    workers = [Started(partial(work, worker)) for worker in range(WORKERS)]
    for _ in range(CRASHES):
        until_longer(committed, len(committed) + 50)
        blocking(partial(crash, url))
    is_over = True
    for worker in workers:
        worker.result()
    found = names(url)
    assert len(found) == len(set(found))
    assert set(committed) <= set(found) <= set(committed) | set(unknown)
    assert not set(committed) & set(unknown)


def until_longer(written: list[str], count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(written) <= count:
        assert time.monotonic() < deadline
        pause(0.002)
