"""Notifications of events: they wake listeners after the commit, and harm nobody."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.factories import Factory
from tests.proxy import Proxy, Way, open_proxy
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    AsyncTransaction,
    CommittedButCallbackFailed,
    CreateResource,
    CreateUser,
    QueryEvent,
    UpdateResource,
)

from ._compat import PATIENCE
from .recorded import CHANGES, ID, Change

CHANNEL = "vrooli_data_events"
NEVER = float("inf")


@pytest.fixture(autouse=True)
def rows(make: Factory) -> None:
    """Make one row of what is changed."""
    make.user()
    make.resource()
    make.run(1)


@pytest.fixture
def listener(database_url: str) -> Iterator[Connection[Any]]:
    """Listen on the channel."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        yield connection


def received(listener: Connection[Any], admin: Connection[Any]) -> list[str]:
    """Return the payloads of what was sent until now."""
    admin.execute("SELECT pg_notify(%s, 'the end')", [CHANNEL])
    payloads: list[str] = []
    for each in listener.notifies(timeout=PATIENCE):
        if each.payload == "the end":
            return payloads
        payloads.append(each.payload)
    raise AssertionError("nothing was received")


def make_due(db: AsyncDatabase, at: float = 0.0) -> None:
    """Let the next notification be due at a time."""
    db._connector.settings.notifications._next = at


@pytest.mark.parametrize("change", CHANGES)
async def test_listeners_are_notified_of_each_change_once_it_is_committed(
    db: AsyncDatabase, listener: Connection[Any], admin: Connection[Any], change: Change
) -> None:
    await change(db)
    assert received(listener, admin) == [""]
    make_due(db)
    with pytest.raises(AlreadyExists):
        await CHANGES[0](db)
    assert received(listener, admin) == []


async def test_a_transaction_notifies_once_after_its_commit(
    db: AsyncDatabase, listener: Connection[Any], admin: Connection[Any]
) -> None:
    async with db.transaction() as tx:
        for _ in range(2):
            await tx.resources.create_with_event(CreateResource(resource_type="Note"), changed_by=1)
        assert received(listener, admin) == []
    assert received(listener, admin) == [""]


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_rolled_back_notifies_nobody(
    db: AsyncDatabase, listener: Connection[Any], admin: Connection[Any], change: Change
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await change(tx)
            raise ZeroDivisionError
    async with db.transaction() as tx:
        with pytest.raises(ZeroDivisionError):
            async with tx.savepoint():
                await change(tx)
                raise ZeroDivisionError
    async with db.connection() as held:
        await held.connection.execute("BEGIN")
        await change(held)
        await held.connection.execute("ROLLBACK")
    assert received(listener, admin) == []
    async with db.connection() as held:
        await change(held)
    assert received(listener, admin) == [""]


async def test_what_changes_nothing_notifies_nobody(
    db: AsyncDatabase, listener: Connection[Any], admin: Connection[Any]
) -> None:
    changes = UpdateResource(is_private=True)
    assert await db.resources.update_with_event(2, changes, changed_by=1) is None
    async with db.transaction() as tx:
        await tx.users.create(CreateUser(name="Eve"))
        assert await tx.resources.update_with_event(2, changes, changed_by=1) is None
    assert received(listener, admin) == []


async def test_who_was_notified_a_moment_ago_is_not_notified_again(
    db: AsyncDatabase, listener: Connection[Any], admin: Connection[Any]
) -> None:
    make_due(db, NEVER)
    await CHANGES[1](db)
    async with db.transaction() as tx:
        await tx.resources.delete_with_event(1, changed_by=1)
    assert received(listener, admin) == []


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """Stand between the layer and the server."""
    with open_proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def one(proxy: Proxy) -> AsyncIterator[AsyncDatabase]:
    """Open the test's database through the proxy, with one connection."""
    async with AsyncDatabase.connect(proxy.url, max_size=1, timeout=PATIENCE) as database:
        yield database


@pytest.mark.parametrize(
    "way",
    [
        Way.CUT_BEFORE,
        Way.DROP_REPLY,
        pytest.param(Way.SILENT, marks=pytest.mark.slow("time limits")),
    ],
)
async def test_a_notification_that_fails_is_logged_and_harms_nobody(
    one: AsyncDatabase,
    proxy: Proxy,
    admin: Connection[Any],
    caplog: pytest.LogCaptureFixture,
    way: Way,
) -> None:
    caplog.set_level(logging.WARNING, "vrooli_data")
    proxy.fail_at(b"events.notify", way)
    called: list[str] = []

    async def callback() -> None:
        called.append("committed")

    assert await CHANGES[1](one) is not None
    make_due(one)
    async with one.transaction() as tx:
        await tx.resources.create_with_event(CreateResource(resource_type="Note"), changed_by=1)
        tx.on_commit(callback)
    make_due(one)
    async with one.connection() as held:
        await held.resources.delete_with_event(1, changed_by=1)
    make_due(one)
    async with one.connection() as held:
        await held.resources.soft_delete_with_event(2, 1)
    assert proxy.failures == 4
    assert called == ["committed"]
    assert admin.execute("SELECT count(*) FROM change_events").fetchone() == (4,)
    warnings = [each.getMessage() for each in caplog.records if each.name == "vrooli_data"]
    assert len([each for each in warnings if "listeners were not notified" in each]) == 4


async def test_it_is_a_statement_that_is_reported_like_any_other(database_url: str) -> None:
    seen: list[QueryEvent] = []
    async with AsyncDatabase.connect(database_url, on_query=seen.append) as db:
        await CHANGES[1](db)
    assert [event.name for event in seen][-2:] == ["resources.update_with_event", "events.notify"]


async def test_an_error_of_a_callback_comes_after_the_notification(
    db: AsyncDatabase, listener: Connection[Any], admin: Connection[Any]
) -> None:
    async def callback() -> None:
        raise ZeroDivisionError

    async def work(tx: AsyncTransaction) -> None:
        await tx.resources.delete_with_event(1, changed_by=1, event_id=ID)
        tx.on_commit(callback)

    with pytest.raises(CommittedButCallbackFailed):
        await db.transact(work)
    assert received(listener, admin) == [""]
