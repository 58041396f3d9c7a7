"""The reply to COMMIT is lost: the reported outcome is the one in the database."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, Connection

from tests.proxy import Proxy, Way, open_proxy
from vrooli_data import (
    AsyncDatabase,
    AsyncTransaction,
    CommitUnknown,
    CreateUser,
    DatabaseError,
    RetryEvent,
    Unavailable,
)

from ._compat import PATIENCE, gather
from .whole_pool import check_whole

TRANSACTIONS = 100
#: Seconds; as long as a server that answers may need to, on a slow and busy machine.
SHORT = 1.0
#: What the first attempt at each piece of work sends, and so the proxy's mark.
FIRST = b", attempt 1"
#: COMMIT takes between 50 and 300 ms.
SLOW_COMMIT = """
CREATE FUNCTION wait_before_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.05 + random() * 0.25);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wait_before_commit AFTER INSERT ON users
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_before_commit();
"""
#: What waits for a time limit.
WAITS = pytest.mark.slow("time limits")
WAYS = [
    pytest.param(Way.DROP_REPLY, False, id="reply dropped"),
    pytest.param(Way.CUT_BEFORE, False, id="cut before"),
    pytest.param(Way.CUT_AFTER, False, id="cut after"),
    pytest.param(Way.CUT_AFTER, True, id="slow commit", marks=WAITS),
]


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """Start a proxy between the layer and the server."""
    with open_proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def db(proxy: Proxy) -> AsyncIterator[AsyncDatabase]:
    """Open the test's database through the proxy."""
    async with AsyncDatabase.connect(
        proxy.url, max_size=20, timeout=PATIENCE, commit_timeout=PATIENCE
    ) as database:
        yield database


def names(admin: Connection[Any]) -> list[str]:
    return sorted(name for (name,) in admin.execute("SELECT name FROM users"))


async def create(tx: AsyncTransaction, number: int, attempts: list[int]) -> str:
    """Write one row with the number of the work and of the attempt."""
    attempts.append(number)
    name = f"work {number}, attempt {len(attempts)}"
    await tx.users.create(CreateUser(name=name))
    return name


async def retry_without_the_layer(url: str, number: int) -> None:
    """Run a write again whenever the connection breaks, as a loop without this layer does."""
    for attempt in range(1, 4):
        try:
            async with await AsyncConnection.connect(url) as connection:
                await connection.execute(
                    "INSERT INTO users (public_id, name) VALUES (%s, %s)",
                    (f"{number:010d}{attempt:02d}", f"work {number}, attempt {attempt}"),
                )
            return
        except psycopg.OperationalError:
            continue


@pytest.mark.parametrize(("way", "is_slow"), WAYS)
async def test_the_reported_outcome_is_the_one_in_the_database(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any], way: Way, is_slow: bool
) -> None:
    if is_slow:
        admin.execute(SLOW_COMMIT)
    proxy.fail_at_commit(FIRST, way)
    reported = await gather(
        *(
            partial(db.transact, partial(create, number=number, attempts=[]))
            for number in range(TRANSACTIONS)
        )
    )
    assert proxy.failures == TRANSACTIONS
    # An attempt that was run again is reported as aborted; what was returned, as committed.
    assert names(admin) == sorted(reported)
    runs = {name.rpartition(" ")[2] for name in reported}
    if way is Way.DROP_REPLY:
        assert runs == {"1"}
    if way is Way.CUT_BEFORE:
        assert runs == {"2"}
    await check_whole(db, 20)


@pytest.mark.parametrize("way", [Way.DROP_REPLY, Way.CUT_AFTER])
async def test_retrying_every_failure_writes_rows_twice(
    proxy: Proxy, admin: Connection[Any], way: Way
) -> None:
    proxy.fail_at_commit(FIRST, way)
    await gather(*(partial(retry_without_the_layer, proxy.url, number) for number in range(10)))
    assert proxy.failures == 10
    assert len(names(admin)) > 10


async def test_a_transaction_returns_if_it_turns_out_to_be_committed(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_at_commit(b"Ada", Way.DROP_REPLY)
    called: list[str] = []

    async def callback() -> None:
        called.append("committed")

    async with db.transaction() as tx:
        await tx.users.create(CreateUser(name="Ada"))
        tx.on_commit(callback)
    assert (names(admin), called) == (["Ada"], ["committed"])


async def test_a_transaction_raises_if_it_turns_out_to_be_rolled_back(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_at_commit(b"Ada", Way.CUT_BEFORE)
    called: list[str] = []

    async def callback() -> None:
        called.append("committed")

    with pytest.raises(Unavailable, match="nothing was committed"):
        async with db.transaction() as tx:
            await tx.users.create(CreateUser(name="Ada"))
            tx.on_commit(callback)
    assert (names(admin), called) == ([], [])


@pytest.mark.parametrize("way", [Way.DROP_REPLY, Way.CUT_BEFORE])
async def test_the_outcome_of_an_untracked_transaction_is_unknown_and_it_is_not_retried(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any], way: Way
) -> None:
    proxy.fail_at_commit(FIRST, way)
    attempts: list[int] = []
    with pytest.raises(CommitUnknown, match="reply to COMMIT was lost") as caught:
        await db.transact(partial(create, number=1, attempts=attempts), track_commit=False)
    assert attempts == [1]
    assert caught.value.xid is None
    assert await caught.value.resolve() == "unknown"
    assert len(names(admin)) == (way is Way.DROP_REPLY)


async def test_a_read_only_transaction_succeeds_if_its_commit_is_lost(
    db: AsyncDatabase, proxy: Proxy
) -> None:
    proxy.fail_at_commit(b"users.find_by_handle", Way.DROP_REPLY)
    async with db.transaction(read_only=True) as tx:
        assert await tx.users.find_by_handle("ada") is None
    assert proxy.failures == 1


async def test_the_outcome_is_unknown_on_a_server_of_another_timeline(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_at_commit(FIRST, Way.DROP_REPLY)
    attempts: list[int] = []

    async def create_elsewhere(tx: AsyncTransaction) -> None:
        await create(tx, 1, attempts)
        opening = tx._runner._opening
        assert opening is not None
        xid, timeline = opening.rows[0]
        assert timeline == "00000001"
        opening.rows[0] = (xid, "00000002")

    with pytest.raises(CommitUnknown) as caught:
        await db.transact(create_elsewhere)
    assert attempts == [1]
    assert await caught.value.resolve() == "unknown"
    assert len(names(admin)) == 1


@pytest.mark.parametrize("way", [Way.DROP_REPLY, Way.CUT_BEFORE])
async def test_an_existing_marker_proves_the_commit_if_the_id_is_not_known(
    proxy: Proxy, admin: Connection[Any], way: Way
) -> None:
    async def marker(tx: AsyncTransaction) -> bool:
        with pytest.raises(DatabaseError, match="only reads"):
            async with tx.savepoint():
                await tx.users.create(CreateUser(name="Bea"))
        return len(await tx.users.search("work 1, attempt")) > 0

    attempts: list[int] = []
    async with AsyncDatabase.connect(proxy.url, commit_timeout=SHORT) as db:
        proxy.fail_at_commit(FIRST, way)
        body = partial(create, number=1, attempts=attempts)
        if way is Way.DROP_REPLY:
            await db.transact(body, track_commit=False, marker=marker)
        else:
            # The session that was cut may commit yet, for all that the marker knows.
            with pytest.raises(CommitUnknown) as caught:
                await db.transact(body, track_commit=False, marker=marker)
            assert await caught.value.resolve() == "unknown"
    assert attempts == [1]


async def test_the_outcome_is_unknown_if_the_marker_fails(
    proxy: Proxy, admin: Connection[Any]
) -> None:
    async def marker(tx: AsyncTransaction) -> bool:
        await tx.connection.execute("SELECT 1 FROM no_such_table")
        raise AssertionError

    async with AsyncDatabase.connect(proxy.url, commit_timeout=SHORT) as db:
        proxy.fail_at_commit(FIRST, Way.DROP_REPLY)
        with pytest.raises(CommitUnknown):
            await db.transact(
                partial(create, number=1, attempts=[]), track_commit=False, marker=marker
            )
    assert len(names(admin)) == 1


async def test_a_commit_that_the_server_does_not_answer_ends_at_its_time_limit(
    proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_at_commit(FIRST, Way.SILENT)
    attempts: list[int] = []
    async with AsyncDatabase.connect(proxy.url, commit_timeout=SHORT) as db:
        started = time.monotonic()
        name = await db.transact(partial(create, number=1, attempts=attempts))
        assert SHORT <= time.monotonic() - started < PATIENCE
        await check_whole(db, 10)
    assert names(admin) == [name]


@pytest.mark.parametrize(
    "marker",
    [
        b"vrooli_data:transactions.find_outcome",
        pytest.param(b"vrooli_data:set_session", marks=WAITS),
    ],
)
async def test_the_outcome_is_unknown_in_time_if_the_server_never_answers(
    proxy: Proxy, admin: Connection[Any], marker: bytes
) -> None:
    attempts: list[int] = []
    async with AsyncDatabase.connect(proxy.url, commit_timeout=SHORT) as db:
        assert await db.users.find_by_handle("ada") is None
        proxy.fail_at_commit(FIRST, Way.SILENT)
        proxy.fail_at(marker, Way.SILENT)
        started = time.monotonic()
        with pytest.raises(CommitUnknown) as caught:
            await db.transact(partial(create, number=1, attempts=attempts))
        assert time.monotonic() - started < PATIENCE
        proxy.fail_no_more()
        assert await caught.value.resolve() == "committed"
        await check_whole(db, 10)
    assert len(names(admin)) == len(attempts) == 1


@pytest.mark.parametrize("way", [Way.DROP_REPLY, Way.CUT_BEFORE, Way.CUT_AFTER])
async def test_a_lone_write_with_a_lost_reply_is_unknown_and_runs_once(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any], way: Way
) -> None:
    await db.users.create(CreateUser(name="Eve"))
    proxy.fail_at(b"Ada", way)
    with pytest.raises(CommitUnknown, match=r"users\.create") as caught:
        await db.users.create(CreateUser(name="Ada"))
    assert proxy.failures == 1
    assert await caught.value.resolve() == "unknown"
    await check_whole(db, 20)
    if way is not Way.CUT_AFTER:
        assert names(admin) == (["Ada", "Eve"] if way is Way.DROP_REPLY else ["Eve"])


async def test_a_lone_write_on_a_held_connection_with_a_lost_reply_is_unknown_and_runs_once(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_at(b"Ada", Way.DROP_REPLY)
    with pytest.raises(CommitUnknown, match=r"users\.create"):
        async for attempt in db.retrying():
            async with attempt, db.connection() as held:
                await held.users.create(CreateUser(name="Ada"))
    assert proxy.failures == 1
    assert names(admin) == ["Ada"]


@pytest.mark.parametrize("way", [Way.DROP_REPLY, Way.CUT_BEFORE, Way.CUT_AFTER])
async def test_a_lone_read_with_a_lost_reply_is_repeated(
    proxy: Proxy, admin: Connection[Any], way: Way
) -> None:
    retried: list[RetryEvent] = []

    def on_retry(event: RetryEvent) -> None:
        retried.append(event)
        proxy.fail_no_more()

    async with AsyncDatabase.connect(proxy.url, on_retry=on_retry) as db:
        ada = await db.users.create(CreateUser(name="Ada", handle="ada"))
        proxy.fail_at(b"users.find_by_handle", way)
        assert await db.users.find_by_handle("ada") == ada
    assert proxy.failures == 1
    assert [(event.reason, event.wait) for event in retried] == [("lost", 0.0)]
