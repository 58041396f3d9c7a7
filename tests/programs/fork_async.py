"""An event loop whose process forks with all open: the child is refused, and the loop goes on."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from psycopg import AsyncConnection

from vrooli_data import AsyncDatabase, AsyncViewBuffer, CreateResource, CreateUser, InvalidUse

REFUSED = "connect after the fork"


async def refused(calls: dict[str, Callable[[], Awaitable[object]]]) -> None:
    """Make each call, which has to be refused in words that say what to do."""
    for name, call in calls.items():
        with pytest.raises(InvalidUse, match=REFUSED):
            await call()
            raise AssertionError(name)


async def property_of(get: Callable[[], object]) -> object:
    """Read a property."""
    return get()


async def sleep_in(connection: AsyncConnection[Any]) -> None:
    """Run a statement that takes its time."""
    await connection.execute("SELECT pg_sleep(0.5)")


async def nothing(_: object = None) -> None:
    """Do nothing."""


async def check_buffer(db: AsyncDatabase, buffer: AsyncViewBuffer) -> None:
    """End the block of a buffer that holds one view of a resource; look for that view."""
    note = await db.resources.create(CreateResource(resource_type="Note", public_id="a" * 12))
    await buffer.__aexit__(None, None, None)
    found = await db.resources.find_by_id(note.id)
    assert found is not None
    assert found.views == 1


async def main() -> None:
    """Open, fork, go on."""
    db = AsyncDatabase.connect(max_size=4)
    await db.open()
    holding = db.connection()
    held = await holding.__aenter__()
    attempts = db.retrying()
    attempt = await attempts.__anext__()
    block = db.transaction()
    tx = await block.__aenter__()
    ada = await tx.users.create(CreateUser(name="Ada"))
    backend = tx.connection.info.backend_pid
    users = db.users.iter_many()
    # Suspended in the middle of a statement, with the connection's socket in the event loop.
    connection = held.connection
    # This one waits for nothing, and its socket is in the event loop all the same.
    idle = tx.connection
    assert tx._runner._session.connection._loop is asyncio.get_running_loop()
    asleep = asyncio.create_task(sleep_in(connection))
    buffer = AsyncViewBuffer(db, interval=1_000.0)
    await buffer.__aenter__()
    buffer.add("a" * 12)
    # A batch of merged reads that is still open.
    reading = asyncio.create_task(db.users.find_by_id(ada.id))
    await asyncio.sleep(0)

    async def in_the_child() -> None:
        await refused(
            {
                "db.open": db.open,
                "db.pool_stats": lambda: property_of(db.pool_stats),
                "db.retrying": lambda: property_of(db.retrying),
                "db.transact": lambda: db.transact(nothing),
                "db.transaction": lambda: db.transaction().__aenter__(),
                "db.serializable": lambda: db.serializable().__aenter__(),
                "db.connection": lambda: db.connection().__aenter__(),
                "db, a merged read": lambda: db.users.find_by_id(ada.id),
                "db, a listing": db.users.find_many,
                "db, an iteration": lambda: anext(users),
                "db, a write": lambda: db.users.create(CreateUser(name="Lost")),
                "db, several statements": lambda: db.users.delete(1),
                "a view": lambda: property_of(lambda: buffer.add("a" * 12)),
                "views that are written": buffer.flush,
                "held.connection": lambda: property_of(lambda: held.connection),
                "held, a read": lambda: held.users.find_by_id(1),
                "held, a write": lambda: held.users.create(CreateUser(name="Lost")),
                "held, several statements": lambda: held.users.delete(1),
                "tx.connection": lambda: property_of(lambda: tx.connection),
                "tx.savepoint": lambda: tx.savepoint().__aenter__(),
                "tx.on_commit": lambda: property_of(lambda: tx.on_commit(nothing)),
                "tx.try_each": lambda: tx.try_each([], nothing),
                "tx, a read": lambda: tx.users.find_by_id(1),
                "tx, a write": lambda: tx.users.create(CreateUser(name="Lost")),
                "tx, several statements": lambda: tx.users.delete(1),
                "the end of the transaction": lambda: block.__aexit__(None, None, None),
                "an attempt": attempt.__aenter__,
                "the next attempt": attempts.__anext__,
            }
        )
        assert repr(db)
        await buffer.__aexit__(None, None, None)
        await idle.close()
        await db.close()
        async with AsyncDatabase.connect(max_size=1) as own:
            await own.users.create(CreateUser(name="Bea"))

    child = os.fork()
    if child == 0:
        connection.cancel()
        asyncio.run(in_the_child())
        gc.collect()
        # An ordinary end would close the event loop, and that is its parent's as well.
        os._exit(0)

    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    await asleep
    assert await reading is None
    assert await tx.users.find_by_id(ada.id) == ada
    assert tx.connection.info.backend_pid == backend
    await block.__aexit__(None, None, None)
    await held.users.create(CreateUser(name="Cleo"))
    await holding.__aexit__(None, None, None)
    await check_buffer(db, buffer)
    assert [user.name for user in (await db.users.find_many()).items] == ["Cleo", "Bea", "Ada"]
    await db.close()


asyncio.run(main())
