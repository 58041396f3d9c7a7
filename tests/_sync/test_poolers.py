# Generated from tests/_async/test_poolers.py by tools/unasync.py. Do not edit.
"""Behind PgBouncer in transaction mode: every transaction has its settings, and nobody else has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo, sql

from tests.factories import Factory
from tests.pooler import open_pooler
from tests.proxy import Way, open_proxy
from vrooli_data import (
    AlreadyExists,
    CreateEvent,
    CreateUser,
    Database,
    InvalidInput,
    RetryEvent,
    Timeout,
    Transaction,
    Unavailable,
    UpdateResource,
)

from ._compat import PATIENCE, gather

#: Connections of the pooler to the server, fewer than it has clients.
SIZE = 2
CLIENTS = 6
ROUNDS = 12

PRIVATE = UpdateResource(is_private=True)

SETTINGS = (
    "SELECT current_setting('search_path'), current_setting('statement_timeout'), "
    "current_setting('TimeZone'), current_setting('jit'), current_setting('plan_cache_mode')"
)
OURS = ('"public", pg_temp', "7s", "UTC", "off", "force_generic_plan")

#: Opens a database, and reads often enough that psycopg would have prepared something.
ANOTHER_PROCESS = """
import sys
from vrooli_data import Database
with Database.connect(sys.argv[1], max_size=2) as db:
    for _ in range(20):
        db.users.find_by_id(1)
        db.users.find_by_handle("ada")
"""


@pytest.fixture
def pooled_url(database_url: str, admin: Connection[Any]) -> Iterator[str]:
    """Name the test's database as a pooler has it, whose settings are not ours."""
    database = sql.Identifier(admin.info.dbname)
    admin.execute(sql.SQL("ALTER DATABASE {} SET timezone = 'Europe/Zurich'").format(database))
    with open_pooler(database_url, size=SIZE) as url:
        yield url


def use(db: Database, number: int) -> None:
    """Read and write, alone and in transactions, and look at what they run under."""
    for _ in range(ROUNDS):
        user = db.users.create(CreateUser(name=f"client {number}"))
        assert db.users.find_by_id(user.id) is not None
        assert user.created_at.tzinfo is UTC
        with db.transaction() as tx:
            cursor = tx.connection.execute(SETTINGS)
            assert cursor.fetchall() == [OURS]
            tx.users.update_last_active(user.public_id)
        with db.connection() as held:
            assert held.users.find_by_public_id(user.public_id) is not None
            assert held.users.find_with_teams(user.public_id) is not None


def look(url: str, beside: list[Any]) -> None:
    """Look at what another program's statements run under."""
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as plain:
        for _ in range(ROUNDS):
            beside += plain.execute(SETTINGS).fetchall()
            prepared = plain.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
            assert prepared == (0,)


def test_many_clients_share_few_sessions_and_nothing_reaches_another(
    pooled_url: str, admin: Connection[Any]
) -> None:
    retried: list[RetryEvent] = []
    connect = partial(
        Database.connect,
        pooled_url,
        max_size=CLIENTS,
        statement_timeout=7,
        on_retry=retried.append,
    )
    beside: list[Any] = []
    with connect() as one, connect(pooler=True) as another:
        for databases in ((one, another), (another, one)):
            gather(*(partial(use, databases[number % 2], number) for number in range(CLIENTS)))
            look(pooled_url, beside)
    assert retried == []
    plain = ('"$user", public', "0", "Europe/Zurich", "on", "auto")
    assert set(beside) == {plain}
    row = admin.execute("SELECT count(*) FROM users").fetchone()
    assert row == (2 * CLIENTS * ROUNDS,)


def test_a_lone_statement_sends_nothing_behind_its_sync(pooled_url: str) -> None:
    # For a Flush that comes after the reply, PgBouncer takes a server connection from others.
    with open_proxy(pooled_url) as proxy:
        with (
            # No connection is opened beside it.
            Database.connect(proxy.url, min_size=1, max_size=1) as db,
            db.connection() as held,
        ):
            position = held.events.position()
            before = proxy.requests
            assert held.users.find_by_id(1) is None
            assert proxy.requests == before + 1
            held.events.list_after(position)
            assert proxy.requests == before + 2


def test_another_process_opens_behind_the_same_pooler(pooled_url: str) -> None:
    program = [sys.executable, "-W", "error", "-c", ANOTHER_PROCESS, pooled_url]
    with Database.connect(pooled_url) as db:
        for _ in range(20):
            db.users.find_by_id(1)
        done = subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: ASYNC221
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_started_is_never_prepared(pooled_url: str) -> None:
    # Told that there is no pooler, it sets its session; what it opens with still has no name.
    for _ in range(SIZE + 1):
        with Database.connect(pooled_url, pooler=False):
            pass
    with psycopg.connect(pooled_url, prepare_threshold=None) as plain:
        row = plain.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
        assert row == (0,)


def test_a_time_limit_holds_for_a_lone_statement_and_a_transaction(
    pooled_url: str, database_url: str, make: Factory
) -> None:
    user_id = make.user()
    with Database.connect(pooled_url, statement_timeout=0.1) as db:
        with psycopg.connect(database_url) as gate:
            gate.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(Timeout, match=r"users\.find_by_id"):
                db.users.find_by_id(user_id)
            with pytest.raises(Timeout, match=r"users\.find_by_id"):
                with db.transaction(timeout=0.05) as tx:
                    tx.users.find_by_id(user_id)
        assert db.users.find_by_id(user_id) is not None


@pytest.mark.parametrize("way", [Way.DROP_REPLY, Way.CUT_BEFORE], ids=["done", "not done"])
def test_a_lost_reply_to_commit_is_resolved(
    pooled_url: str, admin: Connection[Any], way: Way
) -> None:
    retried: list[RetryEvent] = []
    with open_proxy(pooled_url) as proxy:
        proxy.fail_at_commit(b"the first", way)
        with Database.connect(proxy.url, commit_timeout=PATIENCE, on_retry=retried.append) as db:
            names = iter(["the first", "the second"])

            def work(tx: Transaction) -> None:
                tx.users.create(CreateUser(name=next(names)))

            db.transact(work)
    written = admin.execute("SELECT name FROM users").fetchall()
    assert proxy.failures == 1
    assert written == [("the first" if way is Way.DROP_REPLY else "the second",)]
    assert len(retried) == (way is not Way.DROP_REPLY)


@pytest.mark.parametrize("way", [Way.DROP_REPLY, Way.CUT_BEFORE], ids=["done", "not done"])
@pytest.mark.parametrize("is_lone", [True, False], ids=["lone", "in a transaction"])
def test_a_lost_reply_to_a_change_is_settled_by_its_event(
    pooled_url: str, admin: Connection[Any], make: Factory, way: Way, *, is_lone: bool
) -> None:
    make.user()
    make.resource()
    retried: list[RetryEvent] = []

    def work(tx: Transaction) -> None:
        event = CreateEvent(user_id=1, entity_type="order", entity_id=7, change_type="paid")
        tx.events.record(event)
        tx.resources.update_with_event(1, PRIVATE, changed_by=1)

    with open_proxy(pooled_url) as proxy:
        with Database.connect(
            proxy.url, timeout=PATIENCE, commit_timeout=PATIENCE, on_retry=retried.append
        ) as db:
            if is_lone:
                proxy.fail_once_at(b"resources.update_with_event", way)
                updated = db.resources.update_with_event(1, PRIVATE, changed_by=1)
                assert updated is not None
                assert updated.is_private
            else:
                proxy.fail_once_at_commit(b"resources.update_with_event", way)
                db.transact(work)
    assert proxy.failures == 1
    found = admin.execute("SELECT entity_type FROM change_events ORDER BY seq").fetchall()
    assert found == ([] if is_lone else [("order",)]) + [("resource",)]
    assert admin.execute("SELECT revision, is_private FROM resources").fetchall() == [(1, True)]
    if not is_lone:
        assert len(retried) == (way is not Way.DROP_REPLY)


def test_names_are_looked_up_in_the_given_schema(pooled_url: str, admin: Connection[Any]) -> None:
    admin.execute(
        "CREATE SCHEMA tenant; CREATE TABLE tenant.users (LIKE public.users INCLUDING ALL); "
        "CREATE TABLE tenant.vrooli_data_migrations AS TABLE public.vrooli_data_migrations"
    )
    with (
        Database.connect(pooled_url, schema="tenant") as db,
        Database.connect(pooled_url, schema="public") as other,
    ):
        for name in ("Ada", "Grace"):
            db.users.create(CreateUser(name=name))
            other.users.create(CreateUser(name=f"not {name}"))
    assert admin.execute("SELECT name FROM tenant.users ORDER BY id").fetchall() == [
        ("Ada",),
        ("Grace",),
    ]


def test_a_failed_statement_leaves_its_connection_as_it_was(pooled_url: str) -> None:
    with Database.connect(pooled_url, max_size=1) as db, db.connection() as held:
        ada = held.users.create(CreateUser(name="Ada", handle="ada"))
        for _ in range(3):
            with pytest.raises(AlreadyExists):
                held.users.create(CreateUser(name="Another", handle="ada"))
            assert held.users.find_by_id(ada.id) == ada


def test_a_server_without_a_pooler_keeps_its_prepared_statements(database_url: str) -> None:
    with Database.connect(database_url) as db, db.connection() as held:
        for _ in range(10):
            held.users.find_by_id(1)
        cursor = held.connection.execute(
            "SELECT count(*) > 0 FROM pg_prepared_statements WHERE statement ~ 'find_by_id'"
        )
        assert cursor.fetchall() == [(True,)]


def test_options_in_the_connection_string_are_the_poolers_to_refuse(pooled_url: str) -> None:
    url = conninfo.make_conninfo(pooled_url, options="-c jit=on")
    with pytest.raises(Unavailable, match="unsupported startup parameter"):
        Database.connect(url).open()
    with pytest.raises(InvalidInput, match="pooler"):
        Database.connect(pooled_url, pooler=1)  # type: ignore[arg-type]
