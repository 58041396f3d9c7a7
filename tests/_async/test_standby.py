"""A standby: what can be done there, and how work finds its way to the primary again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.embedded_folders import FAST, ask, open_folder
from tests.proxy import Proxy, open_proxy
from vrooli_data import (
    AsyncDatabase,
    AsyncTransaction,
    CreateUser,
    DatabaseError,
    InvalidUse,
    Isolation,
    QueryEvent,
    RetryEvent,
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
async def db(address: Proxy, admin: Connection[Any]) -> AsyncIterator[AsyncDatabase]:
    """Open the standby's database, with a whole pool of connections to it."""
    await until(admin, CAUGHT_UP)
    async with AsyncDatabase.connect(address.url, min_size=SIZE, max_size=SIZE) as database:
        await settings(database, SIZE)
        yield database


async def create_and_undo(tx: AsyncTransaction, attempts: list[int]) -> None:
    attempts.append(1)
    user = await tx.users.create(CreateUser(name="Bea"))
    await tx.users.delete(user.id)


async def test_a_standby_reads_and_says_what_it_cannot(db: AsyncDatabase) -> None:
    async with db.transaction(isolation="repeatable read", read_only=True) as tx:
        assert await tx.users.find_by_public_id("adaadaadaada") is not None
    with pytest.raises(DatabaseError, match="only reads") as caught:
        await db.users.create(CreateUser(name="Bea"))
    assert caught.value.sqlstate == "25006"
    with pytest.raises(InvalidUse, match="a standby cannot serialize"):
        await db.transact(partial(create_and_undo, attempts=[]))
    with pytest.raises(InvalidUse, match="a standby cannot write"):
        async with db.transaction(read_only=False):
            pass
    assert await db.users.find_by_public_id("adaadaadaada") is not None


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
@pytest.mark.parametrize("read_only", [None, False])
async def test_work_follows_an_address_that_leads_to_the_primary_now(
    db: AsyncDatabase,
    address: Proxy,
    servers: tuple[str, str],
    isolation: Isolation,
    read_only: bool | None,
) -> None:
    address.lead_to(servers[0])
    attempts: list[int] = []
    for _ in range(2 * SIZE):
        await db.transact(
            partial(create_and_undo, attempts=attempts), isolation=isolation, read_only=read_only
        )
    assert len(attempts) in (2 * SIZE, 2 * SIZE + 1)
    await check_whole(db, SIZE)


async def test_lone_writes_follow_it_as_well_and_all_connections_are_replaced_at_once(
    address: Proxy, servers: tuple[str, str], admin: Connection[Any]
) -> None:
    await until(admin, CAUGHT_UP)
    retried: list[RetryEvent] = []
    async with AsyncDatabase.connect(
        address.url, min_size=SIZE, max_size=SIZE, on_retry=retried.append
    ) as db:
        await settings(db, SIZE)
        address.lead_to(servers[0])
        for _ in range(2 * SIZE):
            assert not await db.users.delete(2**62)
            assert await db.users.update(2**62, UpdateUser(name="Bea")) is None
        await check_whole(db, SIZE)
    assert [(event.reason, event.sqlstate) for event in retried] == [("read only", "25006")]


async def test_a_server_that_stays_a_standby_is_asked_twice(servers: tuple[str, str]) -> None:
    events: list[QueryEvent] = []
    async with AsyncDatabase.connect(servers[1], on_query=events.append) as db:
        events.clear()
        with pytest.raises(DatabaseError, match="only reads"):
            await db.users.create(CreateUser(name="Bea"))
    assert [event.name for event in events] == ["users.create"] * 2
