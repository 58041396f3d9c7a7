"""Waiting at the event loop: a socket stays registered for as long as that harms nobody."""

from __future__ import annotations

import asyncio
import gc
import random
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from psycopg import Connection, Notify, waiting

from tests._async._compat import PATIENCE, until, until_waiting
from tests._async.whole_pool import check_whole
from tests.factories import Factory
from tests.loops import each_loop
from vrooli_data import (
    AsyncDatabase,
    AsyncHeldConnection,
    CreateUser,
    VrooliDataError,
)
from vrooli_data._async.connection import AsyncLendingConnection
from vrooli_data._transactions import COMMITTED, NOT_COMMITTED

anyio_backend = each_loop

SIZE = 2
#: So many calls are interrupted at moments that nobody has chosen.
STORM = 1000
#: More than the numbers of sockets that may be free.
MANY = 100
GONE = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {})"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[AsyncDatabase]:
    async with AsyncDatabase.connect(database_url, max_size=SIZE, merge_reads=False) as database:
        yield database


def connection_of(held: AsyncHeldConnection) -> AsyncLendingConnection:
    """Return the layer's own connection."""
    connection: AsyncLendingConnection = held._runner._session.connection
    return connection


def backend_of(held: AsyncHeldConnection) -> int:
    return connection_of(held).info.backend_pid


def terminate(admin: Connection[Any], held: AsyncHeldConnection) -> None:
    """Have the server end a connection."""
    admin.execute("SELECT pg_terminate_backend(%s)", (backend_of(held),))


async def prepare(held: AsyncHeldConnection, id: int = 1) -> None:
    """Read until the query is prepared."""
    for _ in range(3):
        await held.users.find_by_id(id)


@contextmanager
def registrations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """List the sockets that anybody registers at the event loop."""
    loop, registered = asyncio.get_running_loop(), list[int]()
    add_reader = loop.add_reader

    def recorded(descriptor: int, *call: Any) -> None:
        registered.append(descriptor)
        add_reader(descriptor, *call)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "add_reader", recorded)
        yield registered


def reports() -> list[dict[str, Any]]:
    """List what the event loop reports of errors that nobody has caught."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reported.append(report))
    return reported


async def turns_of_the_loop(times: int = 3) -> None:
    """Let the event loop look at its sockets."""
    for _ in range(times):
        await asyncio.sleep(0)


async def readable(descriptor: int) -> None:
    """Wait in the kernel, not in the event loop, until a socket can be read from."""
    await asyncio.to_thread(select.select, [descriptor], [], [], PATIENCE)
    await turns_of_the_loop()


async def check_next_owner_is_woken(descriptor: int) -> None:
    """Open sockets until one has a number that another had, and have it woken."""
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        for _ in range(MANY):
            near, far = socket.socketpair()
            stack.enter_context(near)
            stack.enter_context(far)
            if descriptor in (near.fileno(), far.fileno()):
                break
        else:
            pytest.fail(f"socket {descriptor} was not closed")
        if far.fileno() == descriptor:
            near, far = far, near
        woken = asyncio.Event()
        loop.add_reader(near, woken.set)
        try:
            far.send(b"x")
            await asyncio.wait_for(woken.wait(), PATIENCE)
        finally:
            loop.remove_reader(near)


async def test_a_socket_is_registered_once_for_many_replies(
    db: AsyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.connection() as held:
        await prepare(held)
        # The pool may still open its other connection, by a wait of psycopg.
        async with db.transaction() as tx:
            await tx.users.find_by_id(1)
        with registrations(monkeypatch) as registered:
            for id in range(1, 20):
                await held.users.find_by_id(id)
                async with db.transaction() as tx:
                    await tx.users.find_by_id(id)
    assert len(registered) <= 1


async def test_replies_come_after_everything_that_psycopg_waits_for(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async with asyncio.timeout(PATIENCE), db.connection() as held:
        connection = held.connection
        for number in range(40):
            user = await held.users.create(CreateUser(name=f"user {number}"))
            assert await held.users.find_by_id(user.id) == user
            cursor = await connection.execute("SELECT 1")
            assert await cursor.fetchall() == [(1,)]
            assert await held.users.find_by_id(user.id) == user
            async with db.transaction() as tx:
                await tx.users.bulk_create([CreateUser(name="copied")])
                assert await tx.users.find_by_id(user.id) == user
            async with connection.pipeline():
                await connection.execute("SELECT 2")
            assert await held.users.find_by_id(user.id) == user
    assert admin.execute("SELECT count(*) FROM users").fetchone() == (80,)


async def test_an_idle_connection_that_the_server_ends_does_not_keep_the_loop_busy(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    loop = asyncio.get_running_loop()
    async with db.connection() as held:
        await prepare(held)
        connection = connection_of(held)
        terminate(admin, held)
        await until(admin, GONE.format(backend_of(held)))
        await readable(connection.fileno())
        assert not loop.remove_reader(connection.fileno())
        with pytest.raises(VrooliDataError):
            await held.users.create(CreateUser(name="Ada"))
    await check_whole(db, SIZE)


async def test_what_an_idle_connection_is_notified_of_comes_with_the_next_reply(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    heard: list[Notify] = []
    loop = asyncio.get_running_loop()
    async with db.connection() as held:
        await held.connection.execute("LISTEN news")
        held.connection.add_notify_handler(heard.append)
        await prepare(held)
        for payload in ("first", "second"):
            admin.execute("SELECT pg_notify('news', %s)", (payload,))
            await readable(held.connection.fileno())
            assert not loop.remove_reader(held.connection.fileno())
            await held.users.find_by_id(1)
    assert [notify.payload for notify in heard] == ["first", "second"]


async def closed_by_its_user(held: AsyncHeldConnection, _: Connection[Any]) -> None:
    await held.connection.close()


async def closed_as_too_late(held: AsyncHeldConnection, _: Connection[Any]) -> None:
    connection_of(held).gave_up()


async def closed_while_a_task_waits(held: AsyncHeldConnection, admin: Connection[Any]) -> None:
    with admin.transaction():
        admin.execute("LOCK TABLE users")
        waiting = asyncio.create_task(held.users.find_by_id(1))
        await until_waiting(admin)
        await connection_of(held).close()
        with pytest.raises(VrooliDataError):
            await waiting


async def closed_while_it_cancels(held: AsyncHeldConnection, admin: Connection[Any]) -> None:
    with admin.transaction():
        admin.execute("LOCK TABLE users")
        waiting = asyncio.create_task(held.users.find_by_id(1))
        await until_waiting(admin)
        waiting.cancel()
        await asyncio.sleep(0)
        # psycopg is asking the server to cancel, and closes the connection now.
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert connection_of(held).closed


async def closed_as_its_server_ends(held: AsyncHeldConnection, admin: Connection[Any]) -> None:
    with admin.transaction():
        admin.execute("LOCK TABLE users")
        waiting = asyncio.create_task(held.users.create(CreateUser(name="Ada")))
        await until_waiting(admin)
        terminate(admin, held)
        with pytest.raises(VrooliDataError):
            await waiting


async def closed_as_it_is_found_dead(held: AsyncHeldConnection, admin: Connection[Any]) -> None:
    terminate(admin, held)
    connection = connection_of(held)
    # Its message may come before its end. Not in the event loop, which would notice.
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLRDHUP)
    assert poll.poll(PATIENCE * 1000)
    assert held._runner._session.is_ended()


@pytest.mark.parametrize(
    "close",
    [
        closed_as_its_server_ends,
        closed_as_it_is_found_dead,
        closed_by_its_user,
        closed_as_too_late,
        closed_while_a_task_waits,
        closed_while_it_cancels,
    ],
)
async def test_whoever_gets_the_number_of_a_closed_socket_is_woken(
    db: AsyncDatabase,
    admin: Connection[Any],
    close: Callable[[AsyncHeldConnection, Connection[Any]], Awaitable[None]],
) -> None:
    async with db.connection() as held:
        await prepare(held)
        descriptor = connection_of(held).fileno()
        await close(held, admin)
        gc.collect()
        await check_next_owner_is_woken(descriptor)
    await check_whole(db, SIZE)


async def test_a_coroutine_that_is_closed_in_a_pipeline_leaves_no_socket_registered(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async with db.connection() as held:
        # Planned anew, and so sent in a pipeline.
        reading = held.events.list_after(await held.events.position())
        descriptor = connection_of(held).fileno()
        with admin.transaction():
            admin.execute("LOCK TABLE change_events")
            reading.send(None)
            await until_waiting(admin)
            reading.close()
        assert connection_of(held).closed
        assert not asyncio.get_running_loop().remove_reader(descriptor)
    await check_whole(db, SIZE)


async def test_a_connection_of_an_event_loop_that_has_ended_waits_in_the_next(
    database_url: str,
) -> None:
    async def select_in(connection: AsyncLendingConnection) -> None:
        for _ in range(3):
            cursor = await connection.execute("SELECT 1")
            assert await cursor.fetchall() == [(1,)]

    async def connected() -> AsyncLendingConnection:
        connection = await AsyncLendingConnection.connect(database_url, autocommit=True)
        await select_in(connection)
        return connection

    async def ended(connection: AsyncLendingConnection) -> None:
        await select_in(connection)
        await connection.close()

    def both() -> None:
        asyncio.run(ended(asyncio.run(connected())))

    await asyncio.to_thread(both)


async def test_a_connection_of_its_own_is_closed_though_the_end_of_its_block_is_cancelled(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await AsyncLendingConnection.connect(database_url, autocommit=True)

    async def use() -> None:
        async with connection:
            # psycopg's next wait lets other tasks run.
            monkeypatch.setattr(waiting, "_last_yield", 0.0)
            current = asyncio.current_task()
            assert current is not None
            current.cancel()

    using = asyncio.create_task(use())
    await asyncio.wait([using])
    assert connection.closed


async def test_an_error_that_comes_together_with_a_cancellation_is_not_reported(
    db: AsyncDatabase,
) -> None:
    reported = reports()
    async with db.connection() as held:
        for handle in ("ada", "bob", "cleo"):
            await held.users.create(CreateUser(name="A user", handle=handle))
        connection = connection_of(held)
        failing = asyncio.create_task(held.users.create(CreateUser(name="Another", handle="ada")))
        while connection._reply is None or not connection._reply.done():  # noqa: ASYNC110 (a moment between two steps)
            await asyncio.sleep(0)
        failing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await failing
        gc.collect()
        assert not connection.closed
        assert await held.users.find_by_handle("bob") is not None
    assert reported == []


async def storm(
    call: Callable[[int], Awaitable[object]], check: Callable[[], Awaitable[None]]
) -> dict[str, list[int]]:
    """Interrupt calls at any moment; return their numbers by how they ended."""
    ends: dict[str, list[int]] = {}
    reported = reports()
    chance = random.Random(1)

    async def run(number: int) -> None:
        await call(number)

    for number in range(STORM):
        task = asyncio.create_task(run(number))
        await turns_of_the_loop(chance.randrange(60))
        task.cancel()
        try:
            async with asyncio.timeout(PATIENCE):
                await task
        except asyncio.CancelledError as cancelled:
            end = ", ".join(getattr(cancelled, "__notes__", []))
        else:
            end = COMMITTED
        ends.setdefault(end, []).append(number)
        await check()
    assert reported == []
    return ends


@pytest.mark.slow("interruptions at any moment")
async def test_reads_interrupted_at_any_moment_leave_no_reply_to_the_next(
    db: AsyncDatabase, make: Factory
) -> None:
    one, another = make.user(), make.user()
    async with db.connection() as held:
        await prepare(held)

        async def check() -> None:
            user = await held.users.find_by_id(another)
            assert user is not None
            assert user.id == another

        ends = await storm(lambda _: held.users.find_by_id(one), check)
    assert len(ends) > 1, "none was interrupted, or each"
    await check_whole(db, SIZE)


@pytest.mark.slow("interruptions at any moment")
@pytest.mark.parametrize("in_transaction", [False, True])
async def test_writes_interrupted_at_any_moment_tell_what_became_of_them(
    db: AsyncDatabase, admin: Connection[Any], in_transaction: bool
) -> None:
    async def in_a_transaction(number: int) -> None:
        await db.transact(lambda tx: tx.users.create(CreateUser(name=f"{number:04}")))

    async with db.connection() as held:
        await prepare(held)

        async def alone(number: int) -> None:
            await held.users.create(CreateUser(name=f"{number:04}"))

        async def check() -> None:
            assert await held.users.find_by_id(2**62) is None

        ends = await storm(in_a_transaction if in_transaction else alone, check)
    await check_whole(db, SIZE)
    rows = admin.execute("SELECT name FROM users WHERE name < '9' ORDER BY name").fetchall()
    written = {int(name) for (name,) in rows}
    assert written.issuperset(ends.get(COMMITTED, []))
    assert written.isdisjoint(ends.get(NOT_COMMITTED, []))
    assert len(ends) > 1, "none was interrupted, or each"
