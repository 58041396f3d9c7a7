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
from vrooli_data import AsyncDatabase, CreateUser, RetryPolicy, Timeout, Unavailable

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
    call: Use[AsyncDatabase]
    #: The name of the error.
    error: str | None
    #: How many users are there afterwards.
    users: int = 0


async def read(db: Any) -> None:
    await db.users.find_by_handle("ada")


async def read_a_page(db: Any) -> None:
    await db.users.find_many(limit=5)


async def read_by_id(db: Any) -> None:
    await db.users.find_by_id(1)


async def write(db: Any) -> None:
    await db.users.create(CreateUser(name="Ada"))


async def write_by_several(db: Any) -> None:
    await db.users.delete(1)


async def read_held(db: AsyncDatabase) -> None:
    async with db.connection() as held:
        await read(held)


async def write_held(db: AsyncDatabase) -> None:
    async with db.connection() as held:
        await write(held)


async def fail(tx: Any) -> None:
    await write(tx)
    raise ZeroDivisionError


async def save(tx: Any) -> None:
    await write(tx)
    async with tx.savepoint():
        await read(tx)


async def fail_to_save(tx: Any) -> None:
    await write(tx)
    async with tx.savepoint():
        raise ZeroDivisionError


async def read_by_psycopg(tx: Any) -> None:
    await tx.connection.execute("SELECT 'by psycopg'")


def transact(body: Use[Any], **options: Any) -> Use[AsyncDatabase]:
    async def call(db: AsyncDatabase) -> None:
        attempts: list[int] = []

        async def attempt(tx: Any) -> None:
            attempts.append(1)
            await body(tx)

        try:
            await db.transact(attempt, **options)
        finally:
            assert len(attempts) < 2

    return call


def transactions(**options: Any) -> dict[str, Case]:
    """Return the cases of transactions, which are opened with some options."""

    def make(body: Use[Any]) -> Use[AsyncDatabase]:
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


async def outcome(url: str, case: Case, **options: Any) -> str | None:
    """Return the name of the error that a call on a server that falls silent raises."""
    with open_proxy(url) as proxy:
        async with AsyncDatabase.connect(proxy.url, **OPTIONS, **options) as db:
            proxy.fail_at(case.marker, Way.SILENT)
            raised = None
            started = time.monotonic()
            try:
                await case.call(db)
            except Exception as error:  # noqa: BLE001 (it is what is asked for)
                raised = type(error).__name__
            took = time.monotonic() - started
            assert proxy.failures > 0
            assert took < TOLD
            proxy.fail_no_more()
            await gather(*[partial(db.users.find_by_email, "ada@example.org")] * 4)
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
async def test_a_silent_server_is_given_up_at_the_callers_limit(
    database_url: str, admin: Connection[Any], cases: dict[str, Case], options: dict[str, Any]
) -> None:
    calls = [partial(outcome, database_url, case, **options) for case in cases.values()]
    found = dict(zip(cases, await gather(*calls), strict=True))
    assert found == {name: case.error for name, case in cases.items()}
    written = admin.execute("SELECT count(*) FROM users").fetchone()
    assert written == (sum(case.users for case in cases.values()),)


@pytest.mark.slow("servers that stop")
@pytest.mark.parametrize("marker", [b"set_session", b"list_applied_migrations"])
async def test_opening_a_silent_server_ends(database_url: str, marker: bytes) -> None:
    with open_proxy(database_url) as proxy:
        proxy.fail_at(marker, Way.SILENT)
        started = time.monotonic()
        with pytest.raises(Unavailable, match="did not answer in time"):
            await AsyncDatabase.connect(f"{proxy.url} connect_timeout=2").open()
        assert time.monotonic() - started < TOLD


async def test_a_call_waits_for_a_silent_pool_no_longer_than_its_timeout(
    database_url: str, admin: Connection[Any]
) -> None:
    with open_proxy(database_url) as proxy:
        retry = RetryPolicy(attempts=1)
        options: dict[str, Any] = {"timeout": 0.3, "max_size": 1, "retry": retry}
        async with AsyncDatabase.connect(f"{proxy.url} connect_timeout=2", **options) as db:
            proxy.fail_at(b"set_session", Way.SILENT)
            # Its only connection ends, and the one in its place does not come.
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'vrooli_data'"
            )
            for _ in range(2):
                started = time.monotonic()
                with pytest.raises(Unavailable):
                    await read(db)
                # Less than a connection may take to come.
                assert time.monotonic() - started < 2.0
            proxy.fail_no_more()


async def test_a_frozen_server_is_given_up_at_the_callers_limit(
    database_url: str, admin: Connection[Any]
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1, statement_timeout=LIMIT) as db:
        async with db.connection() as held:
            pid = held.connection.info.backend_pid
        try:
            os.kill(pid, signal.SIGSTOP)
        except (PermissionError, ProcessLookupError):
            pytest.skip("the server is another user's, or on another machine")
        try:
            started = time.monotonic()
            with pytest.raises(Timeout, match=r"users\.find_by_handle: the server did not answer"):
                await read(db)
            assert time.monotonic() - started < TOLD
            # Another connection is taken for the next.
            await read(db)
        finally:
            os.kill(pid, signal.SIGCONT)
