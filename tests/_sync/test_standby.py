# Generated from tests/_async/test_standby.py by tools/unasync.py. Do not edit.
"""A standby: what can be done there, and how work finds its way to the primary again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.embedded_folders import FAST, ask, open_folder
from tests.proxy import Proxy, open_proxy
from vrooli_data import (
    CreateUser,
    Database,
    DatabaseError,
    InvalidUse,
    Isolation,
    QueryEvent,
    RetryEvent,
    Transaction,
    UpdateUser,
    embedded,
    migrate,
)

from ._compat import until
from .whole_pool import check_whole, settings

pytestmark = pytest.mark.slow("servers that stop")

SIZE = 3
CAUGHT_UP = "SELECT count(*) = 1 FROM users"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[str, str]]:
    """Start a primary with one user, and a standby that follows it."""
    with open_folder() as folder:
        primary = embedded.start(folder / "primary", settings=FAST)
        migrate(primary)
        copy_data(primary, folder / "primary" / "pgdata", folder / "standby" / "pgdata")
        standby = embedded.start(folder / "standby", settings=FAST)
        with psycopg.connect(primary) as connection:
            connection.execute("INSERT INTO users (public_id, name) VALUES ('adaadaadaada', 'Ada')")
        yield primary, standby


def copy_data(url: str, source: Path, target: Path) -> None:
    """Copy a running server's data, for the user that it runs as."""
    programs = Path(ask(url, "SELECT setting FROM pg_config WHERE name = 'BINDIR'"))
    target.parent.mkdir()
    options = ("-D", target, "-d", url, "-R", "--no-sync", "-c", "fast")
    subprocess.run([programs / "pg_basebackup", *options], check=True)
    owner = source.stat()
    for path in (target, *target.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)


@pytest.fixture
def admin(servers: tuple[str, str]) -> Iterator[Connection[Any]]:
    """Connect to the standby beside the layer."""
    with psycopg.connect(servers[1], autocommit=True) as connection:
        yield connection


@pytest.fixture
def address(servers: tuple[str, str]) -> Iterator[Proxy]:
    """Stand before the standby, until it leads elsewhere."""
    with open_proxy(servers[1]) as proxy:
        yield proxy


@pytest.fixture
def db(address: Proxy, admin: Connection[Any]) -> Iterator[Database]:
    """Open the standby's database, with a whole pool of connections to it."""
    until(admin, CAUGHT_UP)
    with Database.connect(address.url, min_size=SIZE, max_size=SIZE) as database:
        settings(database, SIZE)
        yield database


def create_and_undo(tx: Transaction, attempts: list[int]) -> None:
    attempts.append(1)
    user = tx.users.create(CreateUser(name="Bea"))
    tx.users.delete(user.id)


def test_a_standby_reads_and_says_what_it_cannot(db: Database) -> None:
    with db.transaction(isolation="repeatable read", read_only=True) as tx:
        assert tx.users.find_by_public_id("adaadaadaada") is not None
    with pytest.raises(DatabaseError, match="only reads") as caught:
        db.users.create(CreateUser(name="Bea"))
    assert caught.value.sqlstate == "25006"
    with pytest.raises(InvalidUse, match="a standby cannot serialize"):
        db.transact(partial(create_and_undo, attempts=[]))
    with pytest.raises(InvalidUse, match="a standby cannot write"):
        with db.transaction(read_only=False):
            pass
    assert db.users.find_by_public_id("adaadaadaada") is not None


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
@pytest.mark.parametrize("read_only", [None, False])
def test_work_follows_an_address_that_leads_to_the_primary_now(
    db: Database,
    address: Proxy,
    servers: tuple[str, str],
    isolation: Isolation,
    read_only: bool | None,
) -> None:
    address.lead_to(servers[0])
    attempts: list[int] = []
    for _ in range(2 * SIZE):
        db.transact(
            partial(create_and_undo, attempts=attempts), isolation=isolation, read_only=read_only
        )
    assert len(attempts) in (2 * SIZE, 2 * SIZE + 1)
    check_whole(db, SIZE)


def test_lone_writes_follow_it_as_well_and_all_connections_are_replaced_at_once(
    address: Proxy, servers: tuple[str, str], admin: Connection[Any]
) -> None:
    until(admin, CAUGHT_UP)
    retried: list[RetryEvent] = []
    with Database.connect(address.url, min_size=SIZE, max_size=SIZE, on_retry=retried.append) as db:
        settings(db, SIZE)
        address.lead_to(servers[0])
        for _ in range(2 * SIZE):
            assert not db.users.delete(2**62)
            assert db.users.update(2**62, UpdateUser(name="Bea")) is None
        check_whole(db, SIZE)
    assert [(event.reason, event.sqlstate) for event in retried] == [("read only", "25006")]


def test_a_server_that_stays_a_standby_is_asked_twice(servers: tuple[str, str]) -> None:
    events: list[QueryEvent] = []
    with Database.connect(servers[1], on_query=events.append) as db:
        events.clear()
        with pytest.raises(DatabaseError, match="only reads"):
            db.users.create(CreateUser(name="Bea"))
    assert [event.name for event in events] == ["users.create"] * 2
