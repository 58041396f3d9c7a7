"""A coroutine that is closed at any of its waits leaves no connection taken, and no transaction."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import suppress
from typing import Any, TypeAlias

import pytest
from psycopg import Connection

from tests._async._compat import PATIENCE
from tests._async.whole_pool import check_whole
from vrooli_data import AsyncDatabase, CommitUnknown, CreateUser

Work: TypeAlias = Callable[[AsyncDatabase], Coroutine[Any, Any, object]]

#: More waits than any of the work has.
MOST = 50


class UntilWait:
    """Runs a coroutine up to one of its waits and closes it there."""

    def __init__(self, work: Coroutine[Any, Any, object], number: int) -> None:
        self._work = work
        self._left = number
        self.is_closed = False

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait for what it waits for, except at the last."""
        waiting = self._work.__await__()
        with suppress(StopIteration):
            while True:
                awaited = next(waiting)
                self._left -= 1
                if not self._left:
                    break
                yield awaited
            self.is_closed = True
            if awaited is not None:
                # Its task would have taken note of it.
                awaited._asyncio_future_blocking = False
            # What is closed can neither wait for a rollback nor say that it was not able to.
            with suppress(RuntimeError, CommitUnknown):
                self._work.close()


@pytest.fixture
def young_garbage() -> Iterator[None]:
    """Have a collection look at the objects of the test alone: it is quick."""
    gc.freeze()
    yield
    gc.unfreeze()


async def read(db: AsyncDatabase) -> None:
    await db.users.find_by_handle("ada")


async def read_with_others(db: AsyncDatabase) -> None:
    await asyncio.gather(*map(db.users.find_by_id, range(1, 4)))


async def iterate(db: AsyncDatabase) -> None:
    async for _ in db.users.iter_many(batch_size=1):
        pass


async def hold(db: AsyncDatabase) -> None:
    async with db.connection() as held:
        await held.connection.execute("SET statement_timeout = 12345")
        await held.users.find_by_id(1)


async def undo(db: AsyncDatabase) -> None:
    with suppress(ZeroDivisionError):
        async with db.transaction() as tx, tx.savepoint():
            await tx.users.create(CreateUser(name="Lost"))
            raise ZeroDivisionError


async def write(db: AsyncDatabase) -> None:
    await db.users.create(CreateUser(name="Ada"))


async def write_in_attempts(db: AsyncDatabase) -> None:
    await db.transact(lambda tx: tx.users.create(CreateUser(name="Ada")), timeout=60)


async def load(db: AsyncDatabase) -> None:
    await db.users.bulk_create([CreateUser(name="Ada")])


async def several(db: AsyncDatabase) -> None:
    await db.users.delete(2**62)


@pytest.mark.slow("closed coroutines")
@pytest.mark.usefixtures("young_garbage")
@pytest.mark.parametrize(
    "work",
    [
        read,
        read_with_others,
        pytest.param(iterate, marks=pytest.mark.core),
        pytest.param(hold, marks=pytest.mark.core),
        undo,
        write,
        write_in_attempts,
        load,
        several,
    ],
)
async def test_a_coroutine_that_is_closed_at_any_wait_leaves_the_pool_whole(
    database_url: str, admin: Connection[Any], monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    # Python reports what could not wait any more; before 3.13 asyncio does, too.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    for number in range(1, MOST):
        # The first wait is for the pool's first connection.
        async with AsyncDatabase.connect(database_url, max_size=1) as db:
            until = UntilWait(work(db), number)
            await asyncio.create_task(_run(until))
            is_closed = until.is_closed
            del until
            async with asyncio.timeout(PATIENCE):
                # What was closed in a handler is in a cycle. A generator is tried to end first.
                while not db.pool_stats()["pool_available"]:
                    await asyncio.sleep(0.001)
                    gc.collect()
                await check_whole(db, 1)
        if not is_closed:
            break
    assert 1 < number < MOST - 1
    assert ("Lost",) not in admin.execute("SELECT name FROM users").fetchall()


async def _run(until: UntilWait) -> None:
    await until
