"""Concurrent reads that share connections: each has its own rows, its own error and its own end."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.pq import Format

from tests._async._compat import PATIENCE, until, until_waiting
from tests._async.whole_pool import check_whole
from tests.factories import Factory
from tests.loops import each_loop
from tests.pooler import open_pooler
from tests.proxy import Proxy, Way, open_proxy
from tests.tls import open_tls
from vrooli_data import (
    AsyncDatabase,
    AsyncRepository,
    CreateUser,
    DatabaseError,
    InvalidInput,
    InvalidUse,
    PipelinePolicy,
    QueryEvent,
    RetryEvent,
    RetryPolicy,
    Timeout,
    Unavailable,
    UpdateUser,
    queries,
)
from vrooli_data._async import pipeline

anyio_backend = each_loop

#: So many reads are cancelled at moments that nobody has chosen.
STORM = 1000
#: Each test has its own database, and so its own locks.
LOCK = 7
#: Seconds, longer than what a query in a pipeline may take.
FAR = 0.01
READERS, ROUNDS = 8, 20
ONE = PipelinePolicy(connections=1, longest=PATIENCE)
GONE = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"
#: What a request to cancel a statement holds in place of a version of the protocol.
CANCEL = bytes.fromhex("04d2162e")
NOBODY_WAITS = """
SELECT NOT EXISTS (
    SELECT FROM pg_locks
    WHERE NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""

SQL = """
-- name: echo(value)^
-- Return a value, and the process that serves the read.
-- Record: Echo
-- Index:  none
-- Locks:  none
SELECT
    :value::text AS value,
    pg_backend_pid() AS process;

-- name: wait(value)^
-- Return a value once nobody has the lock.
-- Record: Echo
-- Index:  none
-- Locks:  none
SELECT
    :value::text AS value,
    pg_backend_pid() AS process
FROM pg_advisory_xact_lock_shared(7);

-- name: divide(by)^
-- Divide one by a number.
-- Record: Quotient
-- Index:  none
-- Locks:  none
SELECT 1 / :by::integer AS value;

-- name: nap(seconds)^
-- Return after a while.
-- Record: Quotient
-- Index:  none
-- Locks:  none
SELECT 1 AS value
FROM pg_sleep(:seconds::float);

-- name: absent()^
-- Read a table that there is not.
-- Record: Quotient
-- Index:  none
-- Locks:  none
SELECT value
FROM absent;

-- name: boxed(value)^
-- Return a value of a type that the layer does not use.
-- Record: Box
-- Index:  none
-- Locks:  none
SELECT :value::box AS value;

-- name: repeated(value, times)
-- Return a value many times.
-- Record: Quotient
-- Index:  none
-- Locks:  none
SELECT :value::integer AS value
FROM generate_series(1, :times::integer)
ORDER BY 1
LIMIT 1000000;
"""


class Echo(Struct, frozen=True, gc=False):
    value: str
    process: int


class Quotient(Struct, frozen=True, gc=False):
    value: int


class Box(Struct, frozen=True, gc=False):
    value: str


class Reads(AsyncRepository):
    """The reads of these tests."""

    def __init__(self, db: AsyncDatabase, folder: Path) -> None:
        super().__init__(db)
        sql = queries(folder)
        self._echo = sql.bind("echo", Echo)
        self._wait = sql.bind("wait", Echo)
        self._divide = sql.bind("divide", Quotient)
        self._nap = sql.bind("nap", Quotient)
        self._absent = sql.bind("absent", Quotient)
        self._boxed = sql.bind("boxed", Box)
        self._repeated = sql.bind("repeated", Quotient)

    async def echo(self, value: str) -> Echo:
        return await self.get_one(self._echo, value)

    async def wait(self, value: str) -> Echo:
        return await self.get_one(self._wait, value)

    async def divide(self, by: int) -> int:
        return (await self.get_one(self._divide, by)).value

    async def nap(self, seconds: float) -> int:
        return (await self.get_one(self._nap, seconds)).value

    async def absent(self) -> int:
        return (await self.get_one(self._absent)).value

    async def boxed(self, value: str) -> str:
        return (await self.get_one(self._boxed, value)).value

    async def repeated(self, value: int, times: int) -> list[int]:
        return [row.value for row in await self.find_all(self._repeated, value, times)]

    async def learn(self) -> None:
        """Have it known how long each read takes."""
        await self.echo("")
        await self.wait("")
        await self.divide(1)
        await self.nap(0)
        await self.repeated(1, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "reads"
    folder.mkdir()
    (folder / "reads.sql").write_text(SQL.lstrip())
    return folder


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    with open_proxy(database_url) as proxy:
        yield proxy


@asynccontextmanager
async def opened(url: str, folder: Path, **settings: Any) -> AsyncIterator[tuple[Any, Reads]]:
    """Open a database, and have it known how long the reads take."""
    settings = dict[str, Any](pipeline=ONE, max_size=4) | settings
    async with AsyncDatabase.connect(url, **settings) as db:
        # To open a connection may take longer than a test allows for taking one.
        await db._pool.wait()
        reads = Reads(db, folder)
        await reads.learn()
        yield db, reads


@contextmanager
def locked(admin: Connection[Any]) -> Iterator[Callable[[], None]]:
    """Have `wait` wait until the end of the block, or until what it yields is called."""
    admin.execute("SELECT pg_advisory_lock(%s)", (LOCK,))

    def unlock() -> None:
        admin.execute("SELECT pg_advisory_unlock_all()")

    try:
        yield unlock
    finally:
        unlock()


def started(*calls: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(call) for call in calls]


async def finished(tasks: list[asyncio.Task[Any]]) -> list[Any]:
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), PATIENCE)


def process_of(db: AsyncDatabase) -> int:
    """Return the process that serves the only pipeline."""
    runner: Any = db._runner
    (pipe,) = runner._pipelines._pipes
    process: int = pipe._pgconn.backend_pid
    return process


async def a_turn() -> None:
    """Let every call be sent that can be."""
    for _ in range(20):
        await asyncio.sleep(0)


async def pipelined(
    admin: Connection[Any], reads: Reads, *calls: Coroutine[Any, Any, Any]
) -> list[Any]:
    """Start calls behind a read that waits for the lock, all but the first in one pipeline.

    The first read of all has a connection of its own: no other is under way yet.
    """
    alone = started(reads.wait("alone"))
    await until_waiting(admin, 1)
    first = started(reads.wait("first"))
    await until_waiting(admin, 2)
    behind = started(*calls)
    await a_turn()
    return [*alone, *first, *behind]


async def test_concurrent_reads_share_a_connection(database_url: str, folder: Path) -> None:
    async with opened(database_url, folder, max_size=10) as (_, reads):
        found = await asyncio.gather(*(reads.echo(str(n)) for n in range(100)))
        assert [echo.value for echo in found] == [str(n) for n in range(100)]
        # One for the first read, which found no other under way, and one for all others.
        assert len({echo.process for echo in found}) <= 2


async def test_nothing_is_left_when_the_reads_have_ended(database_url: str, folder: Path) -> None:
    async with opened(database_url, folder) as (db, reads):
        await asyncio.gather(*(reads.echo(str(n)) for n in range(100)))
        pipelines = db._runner._pipelines

        def is_at_rest() -> bool:
            stats = db.pool_stats()
            # A connection that is being opened counts as one of the pool's.
            return not pipelines._pipes and stats["pool_available"] == stats["pool_size"]

        await asyncio.wait_for(_reached(is_at_rest), PATIENCE)
        assert not pipelines._waiting


async def test_a_lone_read_enters_no_pipeline(database_url: str, folder: Path) -> None:
    events: list[QueryEvent] = []
    async with opened(database_url, folder, on_query=events.append) as (_, reads):
        events.clear()
        await reads.echo("a")
    assert [event.queued for event in events] == [0.0]


async def test_without_pipelines_each_read_has_a_connection(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder, pipeline=False) as (_, reads):
        with locked(admin):
            tasks = started(*(reads.wait(str(n)) for n in range(4)))
            await until_waiting(admin, 4)
        assert len({echo.process for echo in await finished(tasks)}) == 4


async def test_an_error_is_that_of_its_own_read(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder) as (_, reads):
        with locked(admin):
            tasks = await pipelined(
                admin, reads, reads.divide(1), reads.divide(0), reads.echo("a"), reads.divide(-1)
            )
        _, first, one, failure, echo, minus = await finished(tasks)
        assert isinstance(failure, DatabaseError)
        assert failure.sqlstate == "22012"
        assert (one, echo.value, minus) == (1, "a", -1)
        assert echo.process == first.process


async def test_each_read_is_a_transaction_of_its_own(
    database_url: str, folder: Path, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Before")
    async with opened(database_url, folder, merge_reads=False) as (db, reads):
        await db.users.find_by_id(user_id)
        with locked(admin):
            tasks = await pipelined(admin, reads, db.users.find_by_id(user_id))
            # Sent already, but it has no snapshot yet.
            admin.execute("UPDATE users SET name = 'After'")
        *_, user = await finished(tasks)
        assert user.name == "After"


async def test_a_read_sees_every_write_that_was_acknowledged_before(
    database_url: str, folder: Path, make: Factory
) -> None:
    user_ids = [make.user(name="0") for _ in range(8)]
    async with opened(database_url, folder, merge_reads=False) as (db, _):

        async def write_and_read(id: int) -> None:
            for n in range(30):
                await db.users.update(id, UpdateUser(name=str(n)))
                user = await db.users.find_by_id(id)
                assert user is not None
                assert user.name == str(n)

        await asyncio.gather(*(write_and_read(id) for id in user_ids))


async def test_what_is_not_prepared_yet_takes_nothing_from_its_neighbours(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder) as (db, reads):
        await db._pool.drain()
        with locked(admin):
            # A new connection, on which only the first of them is prepared.
            calls = [
                call
                for n in range(1, 5)
                for call in (reads.echo(str(n)), reads.repeated(n, 3), reads.divide(n))
            ]
            tasks = await pipelined(admin, reads, *calls)
        _, first, *found = await finished(tasks)
        for n in range(1, 5):
            echo, repeated, quotient = found[3 * n - 3 : 3 * n]
            assert (echo.value, echo.process) == (str(n), first.process)
            assert repeated == [n] * 3
            assert quotient == 1 // n


async def test_what_cannot_be_prepared_fails_alone(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder) as (db, reads):
        admin.execute("CREATE TABLE absent AS SELECT 1 AS value")
        await reads.absent()
        admin.execute("DROP TABLE absent")
        await db._pool.drain()
        with locked(admin):
            tasks = await pipelined(
                admin, reads, reads.absent(), reads.absent(), reads.echo("a"), reads.absent()
            )
        *failures, echo, failure = (await finished(tasks))[2:]
        assert [each.sqlstate for each in (*failures, failure)] == ["42P01"] * 3
        assert echo.value == "a"
        admin.execute("CREATE TABLE absent AS SELECT 2 AS value")
        assert await reads.absent() == 2
        found = await asyncio.gather(*(reads.absent() for _ in range(5)))
        assert found == [2] * 5


async def test_a_changed_table_is_read_anew(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    admin.execute("CREATE TABLE absent AS SELECT 1 AS value")
    events: list[QueryEvent] = []
    async with opened(database_url, folder, on_query=events.append) as (_, reads):
        assert await asyncio.gather(*(reads.absent() for _ in range(10))) == [1] * 10
        admin.execute("ALTER TABLE absent ALTER COLUMN value TYPE bigint")
        admin.execute("UPDATE absent SET value = 2 ^ 40")
        for _ in range(3):
            events.clear()
            found = await asyncio.gather(*(reads.absent() for _ in range(10)))
            assert found == [2**40] * 10
        # They share a connection as before.
        assert sum(event.queued > 0 for event in events) >= 9


async def test_statements_that_an_application_dropped_are_prepared_anew(
    database_url: str, folder: Path
) -> None:
    async with opened(database_url, folder, max_size=1) as (db, reads):
        await asyncio.gather(*(reads.echo(str(n)) for n in range(10)))
        async with db.connection() as held:
            await held.connection.execute("DEALLOCATE ALL")
        found = await asyncio.gather(*(reads.echo(str(n)) for n in range(10)))
        assert [echo.value for echo in found] == [str(n) for n in range(10)]


async def test_one_connection_is_enough_and_nobody_starves(database_url: str, folder: Path) -> None:
    async with opened(database_url, folder, max_size=1, timeout=PATIENCE) as (db, reads):
        is_over = False
        count, before = 0, list[int]()

        async def read() -> None:
            nonlocal count
            while not is_over:
                await reads.echo("a")
                count += 1

        readers = started(*(read() for _ in range(20)))
        for n in range(20):
            before.append(count)
            async with db.transaction() as tx:
                await tx.users.create(CreateUser(name=str(n)))
            await asyncio.wait_for(_reached(lambda: count > before[-1]), PATIENCE)
        is_over = True
        await finished(readers)
        assert await db.users.find_many() is not None
        assert db.pool_stats()["pool_size"] == 1
        await check_whole(db, 1)


async def _reached(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 (nothing tells it)
        await asyncio.sleep(0)


async def test_pipelines_stay_within_the_pool_and_their_number(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    policy = PipelinePolicy(connections=2, depth=8, longest=PATIENCE)
    async with opened(database_url, folder, pipeline=policy) as (db, reads):
        with locked(admin):
            tasks = started(*(reads.wait(str(n)) for n in range(40)))
            # One alone, and the first of each pipeline.
            await until_waiting(admin, 3)
            await a_turn()
            assert db.pool_stats()["pool_size"] <= 3
        found = await finished(tasks)
        assert [echo.value for echo in found] == [str(n) for n in range(40)]
        assert len({echo.process for echo in found}) <= 3
        await check_whole(db, 4)


async def test_a_drained_or_expired_connection_is_used_no_more(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, reads.echo("sent"))
            await db._pool.drain()
            later = started(reads.echo("later"))
            await a_turn()
        _, first, sent = await finished(tasks)
        (after,) = await finished(later)
        assert sent.process == first.process
        assert after.process != first.process

        async def read_often() -> set[int]:
            return {(await reads.echo("a")).process for _ in range(50)}

        for connection in list(db._pool._pool):
            connection._expire_at = 0.0
        old = {connection.info.backend_pid for connection in db._pool._pool}
        await asyncio.gather(*(read_often() for _ in range(4)))
        processes = set.union(*await asyncio.gather(*(read_often() for _ in range(4))))
        assert not processes & old


async def test_a_server_that_is_far_away_makes_no_query_slow(
    database_url: str, folder: Path
) -> None:
    link = pytest.importorskip("benchmarks._link", reason="the wheel brings no benchmarks")
    # Reads are begun at all times, also while the answers to others are on their way.
    policy = PipelinePolicy(connections=1)
    events: list[QueryEvent] = []
    with link.late_link(database_url, FAR) as far:
        async with opened(far, folder, pipeline=policy, on_query=events.append) as (_, reads):
            events.clear()

            async def read() -> None:
                for number in range(ROUNDS):
                    await reads.echo(str(number))
                    await asyncio.sleep(random.uniform(0, FAR / 2))

            await asyncio.gather(*(read() for _ in range(READERS)))
    assert len(events) == READERS * ROUNDS
    # A read that finds no other under way has a connection for itself.
    assert sum(event.queued > 0 for event in events) > len(events) / 2


async def test_a_slow_query_does_not_join(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    # A read behind a slow one would wait for longer than this test does.
    policy = PipelinePolicy(connections=1, longest=PATIENCE / 6)
    async with opened(database_url, folder, pipeline=policy) as (db, reads):
        # The latest of many executions count.
        for _ in range(200):
            db._runner._pipelines.ran_alone(reads._wait, PATIENCE)
        with locked(admin):
            slow = started(reads.wait("a"), reads.wait("b"))
            await until_waiting(admin, 2)
            found = await finished(started(*(reads.echo(str(n)) for n in range(20))))
            assert [echo.value for echo in found] == [str(n) for n in range(20)]
        one, two = await finished(slow)
        assert one.process != two.process


async def test_a_read_that_waits_for_a_lock_holds_up_nobody(
    database_url: str, folder: Path, admin: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # At the next look.
    monkeypatch.setattr("vrooli_data._async.pipeline._HELD_UP", 0)
    async with opened(database_url, folder, max_size=6) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, reads.echo("a"), reads.divide(0))
            echo, failure = await finished(tasks[2:])
            assert echo.value == "a"
            assert isinstance(failure, DatabaseError)
            # The next ones have connections of their own, and so they hold up nobody either.
            tasks += started(reads.wait("second"), reads.wait("third"))
            await until_waiting(admin, 4)
            found = await asyncio.gather(*(reads.echo(str(n)) for n in range(20)))
            assert [echo.value for echo in found] == [str(n) for n in range(20)]
        alone, first, _, _, second, third = await finished(tasks)
        assert [each.value for each in (alone, first, second, third)] == [
            "alone",
            "first",
            "second",
            "third",
        ]
        await check_whole(db, 6)


async def test_a_query_whose_duration_is_unknown_does_not_join(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=4, pipeline=ONE) as db:
        reads = Reads(db, folder)
        with locked(admin):
            tasks = started(*(reads.wait(str(n)) for n in range(4)))
            await until_waiting(admin, 4)
        assert len({echo.process for echo in await finished(tasks)}) == 4


async def test_a_read_waits_for_a_place_as_long_as_for_a_connection(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    policy = PipelinePolicy(connections=1, depth=1, longest=PATIENCE)
    settings = {"timeout": 0.1, "retry": RetryPolicy(attempts=1), "pipeline": policy}
    async with opened(database_url, folder, min_size=4, **settings) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, reads.echo("a"))
            failure = (await finished(tasks[2:]))[0]
        assert isinstance(failure, Unavailable)
        assert failure.query == "reads.echo"
        assert [echo.value for echo in await finished(tasks[:2])] == ["alone", "first"]
        await check_whole(db, 4)


async def test_on_query_tells_waiting_from_running(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    events: list[QueryEvent] = []
    async with opened(database_url, folder, on_query=events.append) as (_, reads):
        with locked(admin) as unlock:
            tasks = await pipelined(admin, reads, reads.echo("a"), reads.divide(0))
            events.clear()
            asked = time.monotonic()
            tasks += started(reads.repeated(1, 3))
            await a_turn()
            held = time.monotonic() - asked
            unlock()
            await finished(tasks)
    by_name = {event.name: event for event in events}
    assert by_name["reads.repeated"].queued >= held
    assert by_name["reads.repeated"].rows == 3
    assert by_name["reads.divide"].sqlstate == "22012"
    assert not by_name["reads.divide"].succeeded
    first = max(event.duration for event in events if event.name == "reads.wait")
    assert first >= held


async def test_a_read_that_was_not_sent_is_dropped(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    policy = PipelinePolicy(connections=1, depth=1, longest=PATIENCE)
    events: list[QueryEvent] = []
    settings = {"pipeline": policy, "on_query": events.append}
    async with opened(database_url, folder, **settings) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, reads.echo("a"), reads.divide(1))
            events.clear()
            tasks[2].cancel()
        *_, cancelled, one = await finished(tasks)
        assert isinstance(cancelled, asyncio.CancelledError)
        assert one == 1
        assert "reads.echo" not in {event.name for event in events}
        await check_whole(db, 4)


async def test_the_only_read_under_way_is_cancelled_at_the_server(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads)
            for task in tasks:
                task.cancel()
            await until(admin, NOBODY_WAITS)
        failures = await finished(tasks)
        assert [type(each) for each in failures] == [asyncio.CancelledError] * 2
        await check_whole(db, 4)


async def test_a_cancelled_read_among_others_runs_out(
    proxy: Proxy, folder: Path, admin: Connection[Any]
) -> None:
    proxy.fail_at(CANCEL, Way.CUT_BEFORE)
    async with opened(proxy.url, folder) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, reads.wait("a"), reads.echo("b"))
            tasks[1].cancel()
            tasks[2].cancel()
            await a_turn()
            # The server still executes it.
            assert admin.execute(NOBODY_WAITS).fetchone() == (False,)
        alone, first, second, echo = await finished(tasks)
        assert alone.value == "alone"
        assert isinstance(first, asyncio.CancelledError)
        assert isinstance(second, asyncio.CancelledError)
        assert echo.value == "b"
        # The server might have cancelled the next one.
        assert proxy.failures == 0
        await check_whole(db, 4)


async def test_a_cancelled_read_is_cancelled_at_the_server_once_it_is_alone(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads)
            await finished([tasks.pop(0)] if tasks[0].cancel() else [])
            tasks += started(reads.echo("behind"))
            await a_turn()
            # First the one behind is left, and then the first: nobody wants anything any more.
            tasks[1].cancel()
            tasks[0].cancel()
            await finished(tasks)
        await check_whole(db, 4)


async def test_reads_that_nobody_waits_for_are_cancelled_at_the_server(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, reads.wait("a"), reads.echo("b"))
            for task in tasks:
                task.cancel()
            await until(admin, NOBODY_WAITS)
        assert {type(each) for each in await finished(tasks)} == {asyncio.CancelledError}
        await check_whole(db, 4)


async def test_a_read_is_cancelled_once_a_second_where_that_fails(
    proxy: Proxy, folder: Path, admin: Connection[Any]
) -> None:
    proxy.fail_at(CANCEL, Way.CUT_BEFORE)
    async with opened(proxy.url, folder) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads)
            asked = time.monotonic()
            tasks[1].cancel()
            pipe = db._runner._pipelines._pipes[0]
            await a_turn()
            await asyncio.wait_for(_reached(lambda: not pipe._is_cancelling), PATIENCE)
            # It takes reads again.
            tasks += started(reads.echo("behind"))
            await a_turn()
            assert proxy.failures <= 1 + (time.monotonic() - asked)
        *_, behind = await finished(tasks)
        assert behind.value == "behind"
        await check_whole(db, 4)


async def test_closed_reads_are_cancelled_too_and_their_errors_are_nobodys(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    async with opened(database_url, folder) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads)
            closed = reads.divide(0)
            closed.send(None)
            closed.close()
        await finished(tasks)
        # Otherwise the next read may share the connection, too.
        await check_whole(db, 4)
        with locked(admin):
            alone = started(reads.wait("alone"))
            await until_waiting(admin, 1)
            first = reads.wait("first")
            first.send(None)
            await until_waiting(admin, 2)
            first.close()
            alone[0].cancel()
            await until(admin, NOBODY_WAITS)
        await finished(alone)
        await check_whole(db, 4)
    del closed
    gc.collect()
    assert not reported


@pytest.mark.slow("cancellation")
async def test_a_storm_of_cancellations_confuses_no_rows(database_url: str, folder: Path) -> None:
    policy = PipelinePolicy(connections=2, depth=8, longest=PATIENCE)
    async with opened(database_url, folder, max_size=3, pipeline=policy) as (db, reads):
        chance = random.Random(1)
        cancelled = read = 0
        while cancelled < STORM:
            values = [str(chance.random()) for _ in range(chance.randint(1, 12))]
            tasks = started(*(reads.echo(value) for value in values))
            for _ in range(chance.randint(0, 6)):
                await asyncio.sleep(chance.choice((0, 0, 0.0003)))
            for task in chance.sample(tasks, chance.randint(0, len(tasks))):
                task.cancel()
            for value, found in zip(values, await finished(tasks), strict=True):
                if isinstance(found, asyncio.CancelledError):
                    cancelled += 1
                else:
                    assert found.value == value
                    read += 1
        assert read
        await check_whole(db, 3)


async def test_a_lost_connection_repeats_its_reads_and_charges_the_first(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    retries: list[RetryEvent] = []
    async with opened(database_url, folder, on_retry=retries.append) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, *(reads.echo(str(n)) for n in range(10)))
            process = process_of(db)
            admin.execute("SELECT pg_terminate_backend(%s)", (process,))
            await until(admin, GONE, process)
        alone, first, *found = await finished(tasks)
        assert (alone.value, first.value) == ("alone", "first")
        assert [echo.value for echo in found] == [str(n) for n in range(10)]
        assert [event.reason for event in retries] == ["lost"]
        await check_whole(db, 4)


async def test_an_attempt_is_charged_to_the_first_alone(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    settings = {"retry": RetryPolicy(attempts=1)}
    async with opened(database_url, folder, **settings) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, reads.echo("a"), reads.echo("b"))
            process = process_of(db)
            admin.execute("SELECT pg_terminate_backend(%s)", (process,))
            found = await finished(tasks[1:])
        failure, *echoes = found
        assert isinstance(failure, Unavailable)
        assert [echo.value for echo in echoes] == ["a", "b"]
        await finished(tasks)


@pytest.mark.slow("time limits")
async def test_a_reply_that_does_not_come_ends_the_connection(
    proxy: Proxy, folder: Path, admin: Connection[Any]
) -> None:
    # The client gives up a second later than the server.
    async with opened(proxy.url, folder, statement_timeout=0.5) as (_, reads):
        proxy.fail_once_at(b"silence", Way.SILENT)
        with locked(admin) as unlock:
            alone = started(reads.wait("alone"))
            await until_waiting(admin, 1)
            tasks = started(reads.echo("silence"), reads.echo("behind"))
            unlock()
        failure, behind = await finished(tasks)
        assert isinstance(failure, Timeout)
        assert behind.value == "behind"
        await finished(alone)
        assert proxy.failures == 1


async def test_a_pause_of_the_event_loop_is_not_the_servers(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder) as (db, reads):
        with locked(admin) as unlock:
            tasks = await pipelined(admin, reads)
            runner: Any = db._runner
            limit = 3 * pipeline._INTERVAL
            runner._pipelines._pipes[0]._connection.limit = limit

            loop = asyncio.get_running_loop()

            def pause() -> None:
                unlock()
                time.sleep(2 * limit)

            def pause_before_the_look() -> None:
                # Until it is due. Callbacks that are due are called in the order of their times.
                time.sleep(pipeline._INTERVAL)
                loop.call_at(0, pause)

            loop.call_soon(pause_before_the_look)
            found = await finished(tasks)
        assert [echo.value for echo in found] == ["alone", "first"]


@pytest.mark.slow("time limits")
async def test_the_limit_counts_from_when_a_read_is_the_first(
    database_url: str, folder: Path
) -> None:
    # Together they take longer than the server or the client allows one of them.
    async with opened(database_url, folder, statement_timeout=1.0) as (_, reads):
        tasks = started(*(reads.nap(0.25) for _ in range(11)))
        assert await finished(tasks) == [1] * 11


async def test_the_statement_timeout_ends_one_read(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    async with opened(database_url, folder, statement_timeout=0.2) as (_, reads):
        with locked(admin):
            alone = started(reads.wait("alone"))
            await until_waiting(admin, 1)
            tasks = started(reads.wait("first"), reads.echo("a"))
            failure, echo = await finished(tasks)
        assert isinstance(failure, Timeout)
        assert failure.sqlstate == "57014"
        assert echo.value == "a"
        await finished(alone)


async def test_a_large_parameter_is_sent_to_its_end(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    large = "x" * 30_000_000
    async with opened(database_url, folder) as (_, reads):
        with locked(admin):
            tasks = await pipelined(
                admin, reads, reads.echo("a"), reads.echo(large), reads.echo("b")
            )
        *_, one, two, three = await finished(tasks)
        assert (one.value, three.value) == ("a", "b")
        assert two.value == large


async def test_one_large_parameter_is_on_its_way_at_a_time(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    large = [str(n) * 5_000_000 for n in range(4)]
    async with opened(database_url, folder) as (db, reads):
        with locked(admin):
            # The server receives nothing meanwhile.
            tasks = await pipelined(admin, reads, *(reads.echo(value) for value in large))
            assert len(db._runner._pipelines._waiting) == 3
        found = await finished(tasks[2:])
        assert [echo.value for echo in found] == large


async def test_the_error_of_a_loader_is_that_of_its_read(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    class Failing(Loader):
        format = Format.BINARY

        def load(self, data: Buffer) -> str:
            if bytes(data[:1]) != b"\0":
                raise LookupError
            return "box"

    retries: list[RetryEvent] = []
    settings = {"pipeline": ONE, "on_retry": retries.append}
    db = AsyncDatabase.connect(database_url, **settings)  # type: ignore[arg-type]
    adapters = AdaptersMap(db._connector.parameters["context"].adapters)
    adapters.register_loader("box", Failing)
    db._connector.parameters["context"] = adapters
    async with db:
        reads = Reads(db, folder)
        await reads.learn()
        assert await reads.boxed("(0,0),(0,0)") == "box"
        with locked(admin):
            tasks = await pipelined(
                admin, reads, reads.echo("a"), reads.boxed("(1,1),(1,1)"), reads.echo("b")
            )
        _, first, one, failure, two = await finished(tasks)
        assert isinstance(failure, LookupError)
        assert (one.value, two.value) == ("a", "b")
        assert one.process == first.process == two.process
        assert not retries


async def test_what_cannot_be_sent_is_refused_and_hurts_nobody(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    bad: Any = object()
    async with opened(database_url, folder) as (_, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, reads.echo(bad), reads.echo("b"))
        *_, failure, echo = await finished(tasks)
        assert isinstance(failure, InvalidInput)
        assert failure.field == "value"
        assert echo.value == "b"


async def test_closing_lets_the_reads_end_that_were_sent(
    database_url: str, folder: Path, admin: Connection[Any]
) -> None:
    policy = PipelinePolicy(connections=1, depth=2, longest=PATIENCE)
    async with opened(database_url, folder, pipeline=policy) as (db, reads):
        with locked(admin):
            tasks = await pipelined(admin, reads, reads.echo("sent"), reads.echo("waiting"))
            await db.close()
        _, first, sent, waiting = await finished(tasks)
        assert (first.value, sent.value) == ("first", "sent")
        assert isinstance(waiting, InvalidUse)
        with pytest.raises(InvalidUse):
            await reads.echo("a")


@pytest.mark.slow("poolers")
async def test_there_are_none_behind_a_pooler_unless_asked_for(
    database_url: str, folder: Path
) -> None:
    with open_pooler(database_url, size=4) as url:
        for pipeline, is_shared in ((None, False), (True, True)):
            events: list[QueryEvent] = []
            settings = {"pipeline": pipeline, "schema": "public", "on_query": events.append}
            async with opened(url, folder, **settings) as (_, reads):
                for _ in range(20):
                    await reads.learn()
                events.clear()
                for _ in range(10):
                    found = await asyncio.gather(*(reads.echo(str(n)) for n in range(20)))
                    assert [echo.value for echo in found] == [str(n) for n in range(20)]
            assert (max(event.queued for event in events) > 0) is is_shared


@pytest.mark.slow("TLS")
async def test_bursts_do_not_stall_behind_tls(
    database_url: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is left behind must not be found by the next look, a tenth of a second later.
    monkeypatch.setattr(pipeline, "_INTERVAL", 10 * PATIENCE)
    chance = random.Random(1)
    with open_tls(database_url, tmp_path) as url:
        # What libpq makes room for depends on what a connection has read.
        for _ in range(20):
            async with opened(url, folder) as (db, reads):
                async with db.connection() as held:
                    assert held.connection.pgconn.ssl_in_use
                for n in range(20):
                    times = [chance.choice((1, 10, 3_000)) for _ in range(5)]
                    values = [chance.choice("ab") * chance.randrange(12_000) for _ in range(5)]
                    numbers, echoes = await asyncio.wait_for(
                        asyncio.gather(
                            asyncio.gather(*(reads.repeated(n, each) for each in times)),
                            asyncio.gather(*(reads.echo(each) for each in values)),
                        ),
                        PATIENCE,
                    )
                    assert numbers == [[n] * each for each in times]
                    assert [echo.value for echo in echoes] == values


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("connections", 0),
        ("connections", True),
        ("depth", 0),
        ("depth", 10_001),
        ("longest", 0),
        ("longest", float("inf")),
    ],
)
def test_a_policy_refuses_a_bad_value(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        PipelinePolicy(**{field: value})
    assert caught.value.field == field
