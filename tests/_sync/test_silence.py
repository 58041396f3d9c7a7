# Generated from tests/_async/test_silence.py by tools/unasync.py. Do not edit.
"""A server that falls silent: whoever gave a limit waits no longer, and hears what became of it."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import Any, NamedTuple

import pytest
from psycopg import Connection

from tests.proxy import Way, open_proxy
from vrooli_data import CreateUser, Database, RetryPolicy, Timeout, Unavailable

from ._compat import Use, gather

#: Seconds, as callers give them.
LIMIT = 1.0
#: Seconds after which each has to be told: machines are slow and busy.
TOLD = 8.0
OPTIONS: dict[str, Any] = {"commit_timeout": 5.0, "max_size": 2}


class Case(NamedTuple):
    """What is called when the server falls silent."""

    #: What the request holds that is not answered.
    marker: bytes
    call: Use[Database]
    #: The name of the error.
    error: str | None
    #: How many users are there afterwards.
    users: int = 0


def read(db: Any) -> None:
    db.users.find_by_handle("ada")


def read_a_page(db: Any) -> None:
    db.users.find_many(limit=5)


def read_by_id(db: Any) -> None:
    db.users.find_by_id(1)


def write(db: Any) -> None:
    db.users.create(CreateUser(name="Ada"))


def write_by_several(db: Any) -> None:
    db.users.delete(1)


def read_held(db: Database) -> None:
    with db.connection() as held:
        read(held)


def write_held(db: Database) -> None:
    with db.connection() as held:
        write(held)


def fail(tx: Any) -> None:
    write(tx)
    raise ZeroDivisionError


def save(tx: Any) -> None:
    write(tx)
    with tx.savepoint():
        read(tx)


def fail_to_save(tx: Any) -> None:
    write(tx)
    with tx.savepoint():
        raise ZeroDivisionError


def read_by_psycopg(tx: Any) -> None:
    tx.connection.execute("SELECT 'by psycopg'")


def transact(body: Use[Any], **options: Any) -> Use[Database]:
    def call(db: Database) -> None:
        attempts: list[int] = []

        def attempt(tx: Any) -> None:
            attempts.append(1)
            body(tx)

        try:
            db.transact(attempt, **options)
        finally:
            assert len(attempts) < 2

    return call


def transactions(**options: Any) -> dict[str, Case]:
    """Return the cases of transactions, which are opened with some options."""

    def make(body: Use[Any]) -> Use[Database]:
        return transact(body, **options)

    return {
        "begin": Case(b"BEGIN", make(write), "Timeout"),
        "read in it": Case(b"users.find_by_handle", make(read), "Timeout"),
        "write in it": Case(b"users.create", make(write), "Timeout"),
        "savepoint": Case(b'SAVEPOINT "', make(save), "Timeout"),
        "release": Case(b"RELEASE", make(save), "Timeout"),
        "rollback to": Case(b"ROLLBACK TO", make(fail_to_save), "ZeroDivisionError"),
        "rollback": Case(b"ROLLBACK", make(fail), "ZeroDivisionError"),
        # The server has done it, and says so on another connection.
        "commit": Case(b"COMMIT", make(write), None, users=1),
    }


BY_STATEMENT = {
    "read": Case(b"users.find_by_handle", read, "Timeout"),
    "page": Case(b"users.find_many", read_a_page, "Timeout"),
    "by id": Case(b"users.find_by_id", read_by_id, "Timeout"),
    # The server was asked to prepare it. Whether it was asked for more, nobody here can tell.
    "write": Case(b"users.create", write, "CommitUnknown"),
    "several": Case(b"users.delete", write_by_several, "Timeout"),
    "read held": Case(b"users.find_by_handle", read_held, "Timeout"),
    "write held": Case(b"users.create", write_held, "CommitUnknown"),
    **transactions(),
}
BY_TRANSACTION = {
    "limits": Case(
        b"idle_in_transaction_session_timeout", transact(write, timeout=LIMIT), "Timeout"
    ),
    "by psycopg": Case(b"by psycopg", transact(read_by_psycopg, timeout=LIMIT), "OperationalError"),
    **transactions(timeout=LIMIT),
}


def outcome(url: str, case: Case, **options: Any) -> str | None:
    """Return the name of the error that a call on a server that falls silent raises."""
    with open_proxy(url) as proxy:
        with Database.connect(proxy.url, **OPTIONS, **options) as db:
            proxy.fail_at(case.marker, Way.SILENT)
            raised = None
            started = time.monotonic()
            try:
                case.call(db)
            except Exception as error:  # noqa: BLE001 (it is what is asked for)
                raised = type(error).__name__
            took = time.monotonic() - started
            assert proxy.failures > 0
            assert took < TOLD
            proxy.fail_no_more()
            gather(*[partial(db.users.find_by_email, "ada@example.org")] * 4)
    return raised


@pytest.mark.parametrize(
    ("cases", "options"),
    [
        pytest.param(BY_STATEMENT, {"statement_timeout": LIMIT}, id="a limit of statements"),
        pytest.param(
            BY_TRANSACTION,
            {},
            id="a limit of transactions",
            marks=pytest.mark.slow("time limits"),
        ),
    ],
)
def test_a_silent_server_is_given_up_at_the_callers_limit(
    database_url: str, admin: Connection[Any], cases: dict[str, Case], options: dict[str, Any]
) -> None:
    calls = [partial(outcome, database_url, case, **options) for case in cases.values()]
    found = dict(zip(cases, gather(*calls), strict=True))
    assert found == {name: case.error for name, case in cases.items()}
    written = admin.execute("SELECT count(*) FROM users").fetchone()
    assert written == (sum(case.users for case in cases.values()),)


@pytest.mark.slow("servers that stop")
@pytest.mark.parametrize("marker", [b"set_session", b"list_applied_migrations"])
def test_opening_a_silent_server_ends(database_url: str, marker: bytes) -> None:
    with open_proxy(database_url) as proxy:
        proxy.fail_at(marker, Way.SILENT)
        started = time.monotonic()
        with pytest.raises(Unavailable, match="did not answer in time"):
            Database.connect(f"{proxy.url} connect_timeout=2").open()
        assert time.monotonic() - started < TOLD


def test_a_call_waits_for_a_silent_pool_no_longer_than_its_timeout(
    database_url: str, admin: Connection[Any]
) -> None:
    with open_proxy(database_url) as proxy:
        retry = RetryPolicy(attempts=1)
        options: dict[str, Any] = {"timeout": 0.3, "max_size": 1, "retry": retry}
        with Database.connect(f"{proxy.url} connect_timeout=2", **options) as db:
            proxy.fail_at(b"set_session", Way.SILENT)
            # Its only connection ends, and the one in its place does not come.
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'vrooli_data'"
            )
            for _ in range(2):
                started = time.monotonic()
                with pytest.raises(Unavailable):
                    read(db)
                # Less than a connection may take to come.
                assert time.monotonic() - started < 2.0
            proxy.fail_no_more()


def test_a_frozen_server_is_given_up_at_the_callers_limit(
    database_url: str, admin: Connection[Any]
) -> None:
    with Database.connect(database_url, max_size=1, statement_timeout=LIMIT) as db:
        with db.connection() as held:
            pid = held.connection.info.backend_pid
        try:
            os.kill(pid, signal.SIGSTOP)
        except (PermissionError, ProcessLookupError):
            pytest.skip("the server is another user's, or on another machine")
        try:
            started = time.monotonic()
            with pytest.raises(Timeout, match=r"users\.find_by_handle: the server did not answer"):
                read(db)
            assert time.monotonic() - started < TOLD
            # Another connection is taken for the next.
            read(db)
        finally:
            os.kill(pid, signal.SIGCONT)
