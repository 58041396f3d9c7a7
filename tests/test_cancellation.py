"""Cancelled calls: nothing half-written, no connection lost, and the outcome is reported."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from psycopg import Connection

from tests._async._compat import PATIENCE, until, until_waiting
from tests._async.whole_pool import check_whole
from tests._sync._compat import until as until_in_thread
from tests._sync.whole_pool import check_whole as check_whole_in_thread
from tests.pooler import open_pooler
from tests.proxy import Proxy, Way, open_proxy
from vrooli_data import (
    AsyncDatabase,
    AsyncTransaction,
    ChangeEvent,
    CommitUnknown,
    CreateEvent,
    CreateUser,
    Database,
    TransactionAborted,
)
from vrooli_data._transactions import COMMITTED, NOT_COMMITTED, NOT_KNOWN

SIZE = 4
#: Makes COMMIT sleep for as long as the new user's name says.
SLOW_COMMIT = """
CREATE FUNCTION wait_before_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(NEW.name::float);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wait_before_commit AFTER INSERT ON users
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_before_commit();
"""
ASLEEP = """
SELECT count(*) = 1 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event = 'PgSleep' AND query ^@ '{}'
"""
#: What a request to cancel a statement holds in place of a version of the protocol.
CANCEL = bytes.fromhex("04d2162e")
LONG = str(PATIENCE)
STORM = 1_000


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[AsyncDatabase]:
    async with AsyncDatabase.connect(database_url, max_size=SIZE) as database:
        yield database


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    with open_proxy(database_url) as proxy:
        yield proxy


def names(admin: Connection[Any]) -> list[str]:
    return [name for (name,) in admin.execute("SELECT name FROM users ORDER BY name")]


async def create(tx: AsyncTransaction, name: str = LONG) -> None:
    await tx.users.create(CreateUser(name=name))


async def create_and_wait(tx: AsyncTransaction) -> None:
    await create(tx)
    await tx.connection.execute("SELECT pg_sleep(60)")


async def cancelled(task: asyncio.Task[Any]) -> list[str]:
    """Cancel a task; return the notes on the error it ends with."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await asyncio.wait_for(task, PATIENCE)
    return getattr(caught.value, "__notes__", [])


async def test_a_transaction_that_still_waits_for_a_connection(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async with db.connection(), db.connection(), db.connection(), db.connection():
        task = asyncio.create_task(db.transact(create))
        while not db.pool_stats()["requests_waiting"]:  # noqa: ASYNC110 (the pool tells nobody)
            await asyncio.sleep(0)
        assert await cancelled(task) == []
    await check_whole(db, SIZE)
    assert names(admin) == []


async def test_a_transaction_cancelled_in_its_block_is_undone(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    task = asyncio.create_task(db.transact(create_and_wait))
    await until(admin, ASLEEP.format("SELECT pg_sleep"))
    assert await cancelled(task) == []
    await check_whole(db, SIZE)
    assert names(admin) == []


async def test_a_handler_that_awaits_what_is_cancelled_has_failed(db: AsyncDatabase) -> None:
    async def handle(event: ChangeEvent) -> None:
        if event.entity_id == 1:
            other = asyncio.create_task(asyncio.Event().wait())
            other.cancel()
            await other

    for number in (1, 2):
        await db.events.record(
            CreateEvent(user_id=1, entity_type="thing", entity_id=number, change_type="changed")
        )
    relay = db.events.relay(handle, max_attempts=1)
    assert await relay.poll() == 1
    parked = await db.events.list_parked()
    assert [event.last_error for event in parked] == ["asyncio.exceptions.CancelledError"]


async def test_a_timeout_around_a_transaction_undoes_it(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await db.transact(create_and_wait)
    await check_whole(db, SIZE)
    assert names(admin) == []


async def test_a_timeout_caught_inside_the_block_leaves_nothing_to_commit(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    with pytest.raises(TransactionAborted, match="caught there"):
        async with db.transaction() as tx:
            await create(tx)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await tx.connection.execute("SELECT pg_sleep(60)")
    await check_whole(db, SIZE)
    assert names(admin) == []


async def test_a_cancelled_commit_has_a_note_that_nothing_was_committed(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    admin.execute(SLOW_COMMIT)
    task = asyncio.create_task(db.transact(create))
    await until(admin, ASLEEP.format("COMMIT"))
    assert await cancelled(task) == [NOT_COMMITTED]
    await check_whole(db, SIZE)
    assert names(admin) == []


async def test_a_timeout_during_commit_stays_a_timeout(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    admin.execute(SLOW_COMMIT)

    async def time_out(limit: asyncio.Timeout) -> None:
        await until(admin, ASLEEP.format("COMMIT"))
        limit.reschedule(asyncio.get_running_loop().time())

    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(None) as limit:
            timing_out = asyncio.create_task(time_out(limit))
            await db.transact(create)
    await timing_out
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert caught.value.__cause__.__notes__ == [NOT_COMMITTED]
    await check_whole(db, SIZE)
    assert names(admin) == []


@pytest.mark.slow("time limits")
async def test_a_commit_cancelled_too_late_has_a_note_that_it_is_done(
    proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_at_commit(b"0.001", Way.SILENT)
    async with AsyncDatabase.connect(proxy.url, max_size=SIZE, commit_timeout=1.0) as db:
        task = asyncio.create_task(db.transact(lambda tx: create(tx, "0.001")))
        await until(admin, "SELECT count(*) = 1 FROM users")
        assert await cancelled(task) == [COMMITTED]
        await check_whole(db, SIZE)
    assert names(admin) == ["0.001"]


async def test_a_cancelled_callback_has_a_note_that_the_transaction_is_committed(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    reached = asyncio.Event()

    async def callback() -> None:
        reached.set()
        await asyncio.sleep(PATIENCE)

    async def body(tx: AsyncTransaction) -> None:
        await create(tx, "0.001")
        tx.on_commit(callback)

    task = asyncio.create_task(db.transact(body))
    await reached.wait()
    assert await cancelled(task) == [COMMITTED]
    assert names(admin) == ["0.001"]


@pytest.mark.slow("storms of cancellations")
async def test_what_a_cancelled_call_began_does_not_swallow_the_next(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    """A write of several queries, cancelled at any moment, leaves no transaction open behind it."""
    created = []
    chance = random.Random(1)
    for _ in range(STORM):
        async with db.connection() as held:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chance.uniform(0, 0.001)):
                    await held.users.delete(2**62)
            created.append((await held.users.create(CreateUser(name="0.001"))).id)
    found = admin.execute("SELECT id FROM users").fetchall()
    assert sorted(id for (id,) in found) == sorted(created)
    await check_whole(db, SIZE)


async def test_a_cancelled_commit_that_was_not_tracked_is_unknown(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    admin.execute(SLOW_COMMIT)
    task = asyncio.create_task(db.transact(create, track_commit=False))
    await until(admin, ASLEEP.format("COMMIT"))
    task.cancel()
    with pytest.raises(CommitUnknown):
        await task
    await check_whole(db, SIZE)


async def test_a_connection_on_its_way_back_to_the_pool_is_not_lost(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    written, may_leave = asyncio.Event(), asyncio.Event()

    async def create_and_stay(tx: AsyncTransaction) -> None:
        await create(tx)
        written.set()
        await may_leave.wait()

    task = asyncio.create_task(db.transact(create_and_stay))
    await written.wait()
    # The pool's lock is taken like this while it hands another connection over.
    async with db._pool._lock:
        may_leave.set()
        # The pool's own workers may wait for the lock as well, and sooner.
        await until(admin, "SELECT count(*) = 1 FROM users")
        await asyncio.sleep(0.1)
        while not db._pool._lock._waiters:  # noqa: ASYNC110 (a lock tells nobody)
            await asyncio.sleep(0)
        assert await cancelled(task) == [COMMITTED]
    await check_whole(db, SIZE)
    assert names(admin) == [LONG]


@pytest.mark.slow("storms of cancellations")
@pytest.mark.parametrize("lends", [False, True])
async def test_cancellations_at_any_moment_write_all_or_nothing_and_lose_no_connection(
    db: AsyncDatabase, admin: Connection[Any], lends: bool
) -> None:
    admin.execute(SLOW_COMMIT)
    chance = random.Random(5)
    more_than_the_pool_has = asyncio.Semaphore(SIZE + 2)
    told: dict[str, set[str]] = {}

    async def write_twice(name: str) -> None:
        try:
            async with db.transaction() as tx:
                if lends:
                    await tx.connection.execute("SELECT 1")
                await create(tx, name)
                await create(tx, name)
            told[name] = {COMMITTED}
        except asyncio.CancelledError as cancellation:
            told[name] = set(getattr(cancellation, "__notes__", []))
            raise

    async def write_and_cancel(number: int) -> None:
        async with more_than_the_pool_has:
            task = asyncio.create_task(write_twice(f"0.00{1000 + number}"))
            for _ in range(chance.choice((1, 1, 2, 3))):
                await asyncio.sleep(chance.uniform(0.0, 0.02) / chance.choice((1, 4, 10)))
                task.cancel()
            await asyncio.wait([task])

    await asyncio.gather(*map(write_and_cancel, range(STORM)))
    await check_whole(db, SIZE)
    written = Counter(names(admin))
    assert 0 < len(written) < STORM
    for name, notes in told.items():
        if NOT_KNOWN not in notes:
            assert written[name] == (2 if COMMITTED in notes else 0)
        assert written[name] in (0, 2)


async def resolving(proxy: Proxy, db: AsyncDatabase, way: Way) -> asyncio.Task[None]:
    """Lose the reply to a COMMIT; return when what became of it is being asked, in vain."""
    proxy.fail_at_commit(b"0.001", way)
    proxy.fail_at(b"vrooli_data:transactions.find_", Way.CUT_BEFORE)
    task = asyncio.create_task(db.transact(lambda tx: create(tx, "0.001")))
    deadline = time.monotonic() + PATIENCE
    while proxy.failures < 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    return task


@pytest.mark.parametrize(
    ("way", "note"), [(Way.DROP_REPLY, COMMITTED), (Way.CUT_BEFORE, NOT_COMMITTED)]
)
async def test_a_cancellation_while_a_lost_commit_is_resolved_reports_the_outcome(
    proxy: Proxy, admin: Connection[Any], way: Way, note: str
) -> None:
    async with AsyncDatabase.connect(proxy.url, max_size=SIZE) as db:
        task = await resolving(proxy, db, way)
        proxy.fail_no_more()
        assert await cancelled(task) == [note]
        await check_whole(db, SIZE)
    assert names(admin) == ["0.001"] * (way is Way.DROP_REPLY)


async def test_a_cancellation_without_a_known_outcome_is_commit_unknown(
    proxy: Proxy, admin: Connection[Any]
) -> None:
    async with AsyncDatabase.connect(proxy.url, max_size=SIZE, commit_timeout=0.5) as db:
        task = await resolving(proxy, db, Way.DROP_REPLY)
        task.cancel()
        with pytest.raises(CommitUnknown) as caught:
            await asyncio.wait_for(task, PATIENCE)
        proxy.fail_no_more()
        assert await caught.value.resolve() == "committed"
        await check_whole(db, SIZE)


async def test_a_second_cancellation_ends_the_waiting_and_says_that_nothing_is_known(
    proxy: Proxy, admin: Connection[Any]
) -> None:
    async with AsyncDatabase.connect(proxy.url, max_size=SIZE, commit_timeout=PATIENCE) as db:
        task = await resolving(proxy, db, Way.DROP_REPLY)
        task.cancel()
        asked = proxy.failures
        while proxy.failures < asked + 2:  # noqa: ASYNC110 (a proxy tells nobody)
            await asyncio.sleep(0.005)
        assert await cancelled(task) == [NOT_KNOWN]
        proxy.fail_no_more()
        await check_whole(db, SIZE)


async def test_a_third_cancellation_while_the_connection_is_given_back_says_so_as_well(
    proxy: Proxy, admin: Connection[Any]
) -> None:
    async with AsyncDatabase.connect(proxy.url, max_size=SIZE, commit_timeout=PATIENCE) as db:
        task = await resolving(proxy, db, Way.DROP_REPLY)
        task.cancel()
        asked = proxy.failures
        while proxy.failures < asked + 2:  # noqa: ASYNC110 (a proxy tells nobody)
            await asyncio.sleep(0.005)
        lock = db._pool._lock
        async with lock:
            task.cancel()
            while not lock._waiters:  # noqa: ASYNC110 (nor does a lock)
                await asyncio.sleep(0)
            assert await cancelled(task) == [NOT_KNOWN]
        proxy.fail_no_more()
        await check_whole(db, SIZE)


async def lone_write(db: AsyncDatabase, held: bool, name: str) -> None:
    if held:
        async with db.connection() as connection:
            await connection.users.create(CreateUser(name=name))
    else:
        await db.users.create(CreateUser(name=name))


@pytest.mark.parametrize("held", [False, True])
async def test_a_lone_write_that_the_server_cancelled_is_reported_as_not_committed(
    db: AsyncDatabase, admin: Connection[Any], held: bool
) -> None:
    admin.execute(SLOW_COMMIT)
    task = asyncio.create_task(lone_write(db, held, LONG))
    await until(admin, ASLEEP.format("/* vrooli_data:users.create"))
    assert await cancelled(task) == [NOT_COMMITTED]
    await check_whole(db, SIZE)
    assert names(admin) == []


async def test_a_lone_write_that_the_server_cancelled_behind_a_pooler_is_reported_too(
    database_url: str, admin: Connection[Any]
) -> None:
    admin.execute(SLOW_COMMIT)
    with open_pooler(database_url) as url:
        async with AsyncDatabase.connect(url, max_size=SIZE) as db:
            task = asyncio.create_task(lone_write(db, held=False, name=LONG))
            await until(admin, ASLEEP.format("/* vrooli_data:users.create"))
            assert await cancelled(task) == [NOT_COMMITTED]
            assert await db.users.find_by_id(1) is None
    assert names(admin) == []


async def test_a_lone_write_cancelled_on_its_way_back_is_reported_as_committed(
    db: AsyncDatabase, admin: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, may_go_on = asyncio.Event(), asyncio.Event()
    put_back = db._pool.put

    async def put_back_later(loan: Any) -> None:
        reached.set()
        await may_go_on.wait()
        await put_back(loan)

    monkeypatch.setattr(db._pool, "put", put_back_later)
    task = asyncio.create_task(lone_write(db, held=False, name="0.001"))
    await asyncio.wait_for(reached.wait(), PATIENCE)
    assert await cancelled(task) == [COMMITTED]
    may_go_on.set()
    await check_whole(db, SIZE)
    assert names(admin) == ["0.001"]


async def test_a_load_cancelled_on_its_way_back_reports_its_batch_as_committed(
    db: AsyncDatabase, admin: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, may_go_on = asyncio.Event(), asyncio.Event()
    put_back = db._pool.put

    async def put_back_later(loan: Any) -> None:
        reached.set()
        await may_go_on.wait()
        await put_back(loan)

    monkeypatch.setattr(db._pool, "put", put_back_later)
    given = [CreateUser(name="Ada"), CreateUser(name="Bea")]
    task = asyncio.create_task(load(db, given))
    await asyncio.wait_for(reached.wait(), PATIENCE)
    first, second = await cancelled(task)
    assert first == COMMITTED
    assert second.endswith("; rows of the batch from index 0 to 9999 are committed too")
    may_go_on.set()
    await check_whole(db, SIZE)
    assert names(admin) == ["Ada", "Bea"]


async def load(db: AsyncDatabase, given: list[CreateUser]) -> None:
    await db.users.bulk_create(given)


@pytest.mark.parametrize("held", [False, True])
async def test_a_lone_write_whose_end_nobody_has_seen_is_commit_unknown(
    proxy: Proxy, admin: Connection[Any], held: bool
) -> None:
    proxy.fail_at(b"0.001", Way.SILENT)
    async with AsyncDatabase.connect(proxy.url, max_size=SIZE) as db:
        task = asyncio.create_task(lone_write(db, held, "0.001"))
        await until(admin, "SELECT count(*) = 1 FROM users")
        task.cancel()
        await asyncio.sleep(0.05)
        # psycopg waits for the server to have cancelled the statement, until it is told again.
        task.cancel()
        with pytest.raises(
            CommitUnknown, match=r"users\.create: the call was interrupted"
        ) as caught:
            await asyncio.wait_for(task, PATIENCE)
        assert await caught.value.resolve() == "unknown"
        await check_whole(db, SIZE)


@pytest.mark.parametrize("lends", [False, True])
async def test_a_transaction_cancelled_before_the_reply_to_its_begin_is_undone(
    proxy: Proxy, admin: Connection[Any], lends: bool
) -> None:
    async def body(tx: AsyncTransaction) -> None:
        assert not lends or not tx.connection.closed
        await create(tx, "Lost")

    async with AsyncDatabase.connect(proxy.url, max_size=1) as db:
        await db.transact(lambda tx: create(tx, "0.001"))
        proxy.fail_once_at(b"BEGIN" if lends else b"Lost", Way.SILENT)
        task = asyncio.create_task(db.transact(body))
        while not proxy.failures:  # noqa: ASYNC110 (a proxy tells nobody)
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.sleep(0.05)
        # psycopg waits for the server to have cancelled the statement, until it is told again.
        assert await cancelled(task) == []
        await check_whole(db, 1)
    assert names(admin) == ["0.001"]


@pytest.mark.slow("storms of cancellations")
@pytest.mark.parametrize("held", [False, True])
async def test_lone_writes_cancelled_at_any_moment_report_their_outcome(
    db: AsyncDatabase, admin: Connection[Any], held: bool
) -> None:
    chance = random.Random(7)
    at_once = asyncio.Semaphore(SIZE)
    told: dict[str, str | None] = {}
    cancelled_once: set[str] = set()

    async def write(name: str) -> None:
        try:
            if held:
                async with db.connection() as connection:
                    await connection.users.create(CreateUser(name=name))
                    told[name] = COMMITTED
            else:
                await db.users.create(CreateUser(name=name))
                told[name] = COMMITTED
        except asyncio.CancelledError as cancellation:
            (note,) = getattr(cancellation, "__notes__", [None])
            told.setdefault(name, note)
            raise
        except CommitUnknown:
            told[name] = NOT_KNOWN

    async def write_and_cancel(number: int) -> None:
        name = f"write {number}"
        async with at_once:
            task = asyncio.create_task(write(name))
            times = chance.choice((1, 1, 2))
            if times == 1:
                cancelled_once.add(name)
            for _ in range(times):
                await asyncio.sleep(chance.uniform(0.0, 0.003))
                task.cancel()
            await asyncio.wait([task])

    await asyncio.gather(*map(write_and_cancel, range(2 * STORM)))
    await check_whole(db, SIZE)
    written = set(names(admin))
    assert 0 < len(written) < 2 * STORM
    for name, note in told.items():
        if note != NOT_KNOWN:
            assert (name in written) == (note == COMMITTED), note
        else:
            # Told a second time, psycopg gives up the connection without having seen the end.
            assert name not in cancelled_once


async def test_a_write_cancelled_while_it_waits_for_psycopg_is_not_written(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async with db.connection() as held:
        connection = held.connection
        async with connection.lock:
            writing = asyncio.create_task(held.users.create(CreateUser(name="Ada")))
            await asyncio.sleep(0)
            assert await cancelled(writing) == [NOT_COMMITTED]
        assert (await held.users.create(CreateUser(name="Bea"))).name == "Bea"
    assert names(admin) == ["Bea"]


async def test_a_call_that_is_cancelled_on_a_silent_server_ends(database_url: str) -> None:
    with open_proxy(database_url) as proxy:
        async with AsyncDatabase.connect(proxy.url, max_size=1) as db:
            for marker in (b"users.find_by_handle", CANCEL):
                proxy.fail_at(marker, Way.SILENT)
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await db.users.find_by_handle("ada")
            assert proxy.failures == 2
            # It was 10 seconds.
            assert time.monotonic() - started < 5.0
            proxy.fail_no_more()
            await check_whole(db, 1)


@pytest.mark.parametrize("query", ["SELECT pg_sleep", "COMMIT"])
def test_ctrl_c_in_a_transaction_undoes_it(
    database_url: str, admin: Connection[Any], query: str
) -> None:
    admin.execute(SLOW_COMMIT)
    with Database.connect(database_url, max_size=SIZE) as db:
        stop = threading.Thread(target=interrupt_when_asleep, args=(admin, query))
        with pytest.raises(KeyboardInterrupt) as caught, db.transaction() as tx:
            tx.users.create(CreateUser(name=LONG))
            stop.start()
            if query != "COMMIT":
                tx.connection.execute("SELECT pg_sleep(60)")
        stop.join()
        check_whole_in_thread(db, SIZE)
    if query == "COMMIT":
        assert caught.value.__notes__ == [NOT_COMMITTED]
    assert names(admin) == []


@pytest.mark.parametrize("held", [False, True])
def test_ctrl_c_in_a_lone_write_tells_what_became_of_it(
    database_url: str, admin: Connection[Any], held: bool
) -> None:
    admin.execute(SLOW_COMMIT)
    with Database.connect(database_url, max_size=SIZE) as db, ExitStack() as stack:
        users = stack.enter_context(db.connection()).users if held else db.users
        stop = threading.Thread(
            target=interrupt_when_asleep, args=(admin, "/* vrooli_data:users.create")
        )
        stop.start()
        with pytest.raises(KeyboardInterrupt) as caught:
            users.create(CreateUser(name=LONG))
        stop.join()
    assert caught.value.__notes__ == [NOT_COMMITTED]
    assert names(admin) == []


def interrupt_when_asleep(admin: Connection[Any], query: str) -> None:
    # Each look lets the main thread go on, which may not have come to its wait at the first. Of a
    # call that is interrupted before that, it is not known what became.
    for _ in range(20):
        until_in_thread(admin, ASLEEP.format(query))
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


async def test_an_iteration_that_is_cancelled_in_a_batch_leaves_the_pool_whole(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    for name in ("Ada", "Bob"):
        await db.users.create(CreateUser(name=name))
    rows = db.users.iter_many(batch_size=1)
    assert (await anext(rows)).name == "Bob"

    async def go_on() -> None:
        await anext(rows)

    with admin.transaction():
        admin.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        task = asyncio.create_task(go_on())
        await until_waiting(admin)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await check_whole(db, SIZE)
    # It has ended, as a generator does.
    assert [row async for row in rows] == []
    assert [row.name async for row in db.users.iter_many(batch_size=1)] == ["Bob", "Ada"]
