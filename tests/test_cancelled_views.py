"""A buffer of views whose tasks are cancelled: no view is lost, and none is counted twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Generator
from typing import Any

import pytest
from psycopg import Connection

from tests._async._compat import PATIENCE, until_waiting
from tests.factories import Factory
from vrooli_data import AsyncDatabase, AsyncViewBuffer, CommitUnknown

RESOURCE = "a" * 12
#: Seconds after which no test looks.
NEVER = 100_000.0
#: Makes COMMIT wait for who holds the lock.
SLOW_COMMIT = """
CREATE FUNCTION wait_before_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wait_before_commit AFTER UPDATE ON resources
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_before_commit();
"""


@pytest.fixture
async def db(database_url: str, make: Factory) -> AsyncIterator[AsyncDatabase]:
    make.resource(public_id=RESOURCE)
    async with AsyncDatabase.connect(database_url, max_size=2) as database:
        yield database


def views(admin: Connection[Any]) -> int:
    ((count,),) = admin.execute("SELECT views FROM resources")
    return int(count)


class CancelledAt:
    """Awaits something, and has its task cancelled where it waits for the *number*th time."""

    def __init__(self, work: Awaitable[object], number: int) -> None:
        self._work = work
        self.left = number

    def __await__(self) -> Generator[Any, Any, None]:
        waits = self._work.__await__()
        result: Any = None
        while True:
            try:
                waited_for = waits.send(result)
            except StopIteration:
                return
            self.left -= 1
            if self.left == 0:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                result = yield waited_for
            except BaseException as error:  # noqa: BLE001 (whatever it is, it goes to the work)
                try:
                    waited_for = waits.throw(error)
                except StopIteration:
                    return
                result = yield waited_for


async def run(work: CancelledAt) -> None:
    await work


async def test_a_flush_that_is_cancelled_anywhere_loses_and_doubles_nothing(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    buffer = AsyncViewBuffer(db)
    number = 0
    while True:
        number += 1
        buffer.add(RESOURCE)
        work = CancelledAt(buffer.flush(), number)
        task = asyncio.create_task(run(work))
        await asyncio.wait([task], timeout=PATIENCE)
        if work.left > 0:
            break
        assert task.cancelled() or isinstance(task.exception(), CommitUnknown)
        await buffer.flush()
        assert views(admin) == number
    assert views(admin) == number
    # BEGIN, the statement and COMMIT at least.
    assert number > 3


async def test_a_flush_that_is_cancelled_in_its_commit(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    admin.execute(SLOW_COMMIT)
    buffer = AsyncViewBuffer(db)
    buffer.add(RESOURCE)
    with admin.transaction():
        admin.execute("SELECT pg_advisory_xact_lock(1)")
        task = asyncio.create_task(buffer.flush())
        await until_waiting(admin)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, PATIENCE)
    assert views(admin) == 0
    await buffer.flush()
    assert views(admin) == 1


async def test_a_cancelled_question_for_an_outcome_is_asked_again(
    db: AsyncDatabase, admin: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def ask() -> str:
        if asked.is_set():
            return "aborted"
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def lose(*_: object, **__: object) -> None:
        raise CommitUnknown("the reply was lost", ask=ask)

    buffer = AsyncViewBuffer(db)
    buffer.add(RESOURCE)
    with monkeypatch.context() as patched:
        patched.setattr(db, "transact", lose)
        with pytest.raises(CommitUnknown):
            await buffer.flush()
    task = asyncio.create_task(buffer.flush())
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await buffer.flush()
    assert views(admin) == 1


async def test_a_block_whose_timer_was_cancelled_writes_at_its_end(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    before = asyncio.all_tasks()
    async with AsyncViewBuffer(db, interval=NEVER) as buffer:
        buffer.add(RESOURCE)
        (timer,) = asyncio.all_tasks() - before
        # As the end of an event loop cancels every task at once.
        timer.cancel()
    assert views(admin) == 1


async def test_a_block_that_is_left_while_it_writes_beside_waits_for_that(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async def count() -> None:
        async with AsyncViewBuffer(db, interval=NEVER, max_views=1) as buffer:
            buffer.add(RESOURCE)
            await until_waiting(admin)
            is_written_beside.set()
            await asyncio.Event().wait()

    is_written_beside = asyncio.Event()
    with admin.transaction():
        admin.execute("UPDATE resources SET views = 10")
        task = asyncio.create_task(count())
        await is_written_beside.wait()
        task.cancel()
        # It waits in the end of its block now.
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE)
    assert views(admin) == 11
