"""Event loops: a database belongs to the one it was opened in, and lets it end in any case."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from psycopg import Connection

from tests._async._compat import PATIENCE
from tests._async.whole_pool import check_whole
from tests._sync._compat import until
from vrooli_data import AsyncDatabase, CreateUser, InvalidUse

T = TypeVar("T")

SIZE = 2
OPEN_AND_FAIL = """
import asyncio
from vrooli_data import AsyncDatabase, CreateUser

async def main():
    db = AsyncDatabase.connect(min_size=3, max_size=6)
    await db.open()
    {more}
    raise ZeroDivisionError

try:
    asyncio.run(main())
except ZeroDivisionError:
    print("ended")
"""


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """An event loop that cannot wait for a socket of others, as the default one of Windows."""

    add_reader = asyncio.AbstractEventLoop.add_reader


@contextmanager
def running_loop() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Run an event loop in a thread; what is given has it run something and return the result."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE)

    try:
        yield run
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def nothing(_: object = None) -> None:
    """Do nothing."""


async def made_by(make: Callable[[], Any]) -> Any:
    """Call what does not have to be awaited."""
    return make()


@pytest.mark.slow("kinds of processes")
@pytest.mark.parametrize(
    "more",
    [
        "pass",
        "await db.users.find_by_id(1)",
        "await db.users.create(CreateUser(name='Ada')); await db.connection().__aenter__()",
        (
            "block = db.transaction(); tx = await block.__aenter__();"
            " await tx.users.create(CreateUser(name='Lost'))"
        ),
        "asyncio.create_task(db.users.find_by_id(1)); await asyncio.sleep(0)",
    ],
)
def test_a_program_that_fails_with_an_open_database_ends(
    database_url: str, admin: Connection[Any], more: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", OPEN_AND_FAIL.format(more=more)],
        env=os.environ | {"DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * PATIENCE,
    )
    assert (done.returncode, done.stdout) == (0, "ended\n")
    assert "Traceback" not in done.stderr
    assert admin.execute("SELECT count(*) FROM users WHERE name = 'Lost'").fetchone() == (0,)


def test_the_connections_of_an_open_database_end_with_its_loop(
    database_url: str, admin: Connection[Any]
) -> None:
    async def leave_open() -> AsyncDatabase:
        db = AsyncDatabase.connect(database_url, max_size=SIZE, application_name="left open")
        await db.open()
        await check_whole(db, SIZE)
        return db

    db = asyncio.run(leave_open())
    until(
        admin,
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'left open'"
        " AND datname = current_database()",
    )
    with pytest.raises(InvalidUse, match="event loop"):
        asyncio.run(db.close())


def calls_of(db: AsyncDatabase) -> dict[str, Callable[[], Awaitable[object]]]:
    """Return a call of every method of a database."""
    return {
        "open": db.open,
        "close": db.close,
        "pool_stats": lambda: made_by(db.pool_stats),
        "retrying": lambda: made_by(db.retrying),
        "transact": lambda: db.transact(nothing),
        "transaction": lambda: db.transaction().__aenter__(),
        "serializable": lambda: db.serializable().__aenter__(),
        "connection": lambda: db.connection().__aenter__(),
        "a merged read": lambda: db.users.find_by_id(1),
        "a listing": db.users.find_many,
        "a write": lambda: db.users.create(CreateUser(name="Lost")),
        "several statements": lambda: db.users.delete(1),
    }


async def refused(calls: dict[str, Callable[[], Awaitable[object]]], match: str) -> None:
    for name, call in calls.items():
        with pytest.raises(InvalidUse, match=match):
            await call()
            pytest.fail(name)


def test_a_database_is_refused_in_another_loop_and_still_works_in_its_own(
    database_url: str,
) -> None:
    db = AsyncDatabase.connect(database_url, max_size=SIZE)
    with running_loop() as run:
        run(db.open())
        asyncio.run(refused(calls_of(db), "belongs to the event loop"))
        run(check_whole(db, SIZE))
        run(db.close())
        run(db.close())


def test_what_is_open_is_refused_in_another_loop_and_undone_when_it_is_left_there(
    database_url: str, admin: Connection[Any]
) -> None:
    db = AsyncDatabase.connect(database_url, max_size=SIZE)
    with running_loop() as run:
        run(db.open())
        block, holding = db.transaction(), db.connection()
        tx, held = run(block.__aenter__()), run(holding.__aenter__())
        run(tx.users.create(CreateUser(name="Lost")))
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "tx, a read": lambda: tx.users.find_by_id(1),
            "tx, a write": lambda: tx.users.create(CreateUser(name="Lost")),
            "tx.connection": lambda: made_by(lambda: tx.connection),
            "tx.savepoint": lambda: tx.savepoint().__aenter__(),
            "tx.try_each": lambda: tx.try_each([], nothing),
            "tx.on_commit": lambda: made_by(lambda: tx.on_commit(nothing)),
            "held, a read": lambda: held.users.find_by_id(1),
            "held, several statements": lambda: held.users.delete(1),
            "held.connection": lambda: made_by(lambda: held.connection),
            "the end of the block": lambda: block.__aexit__(None, None, None),
        }
        asyncio.run(refused(calls, "belongs to the event loop"))
        asyncio.run(holding.__aexit__(None, None, None))
        run(check_whole(db, SIZE))
        run(db.close())
    assert admin.execute("SELECT count(*) FROM users").fetchone() == (0,)


async def test_a_database_is_refused_before_it_is_open_and_after_it_was_closed(
    database_url: str,
) -> None:
    db = AsyncDatabase.connect(database_url, max_size=SIZE)
    calls = calls_of(db)
    for name in ("open", "close", "pool_stats"):
        del calls[name]
    await db.close()
    await refused(calls, r"not open: use it in a with block, or call open\(\)")
    await db.open()
    await check_whole(db, SIZE)
    await db.close()
    await db.close()
    await refused({**calls, "open": db.open}, "was closed, and stays closed: connect anew")


async def test_a_call_that_waits_for_a_connection_hears_of_the_close(database_url: str) -> None:
    db = AsyncDatabase.connect(database_url, max_size=1)
    await db.open()
    async with db.connection():
        waiting = asyncio.create_task(db.users.find_many())
        while not db.pool_stats()["requests_waiting"]:  # noqa: ASYNC110 (the pool tells nobody)
            await asyncio.sleep(0)
        await db.close()
        with pytest.raises(InvalidUse, match="was closed while a call waited"):
            await waiting


def test_a_loop_that_psycopg_cannot_wait_in_is_refused(database_url: str) -> None:
    async def use() -> None:
        async with AsyncDatabase.connect(database_url):
            pytest.fail("it is open")

    with (
        asyncio.Runner(loop_factory=LoopWithoutReaders) as runner,
        pytest.raises(
            InvalidUse, match=r"^LoopWithoutReaders has no add_reader.*SelectorEventLoop"
        ),
    ):
        runner.run(use())
