"""Running calls at once, on the asynchronous face; ``_sync/_compat.py`` is its twin, by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextvars import Context
from typing import Any, Generic, LiteralString, TypeAlias, TypeVar

from psycopg import AsyncConnection, Connection, IsolationLevel

from vrooli_data._async import pool, relay

T = TypeVar("T")

#: The block in which a connection of the pool is taken.
AsyncLoan: TypeAlias = pool.AsyncLoan
#: The events that one poll has claimed.
AsyncClaim: TypeAlias = relay.AsyncClaim

#: Something to do, whatever it returns.
Call: TypeAlias = Callable[[], Awaitable[object]]
Use: TypeAlias = Callable[[T], Awaitable[object]]
Barrier: TypeAlias = asyncio.Barrier

#: Seconds until a state that a test waits for counts as never reached.
PATIENCE = 60.0
_POLL = 0.005
# Not by pg_stat_activity: within a transaction, it does not show who has connected since.
_WAITING = """
SELECT count(*) >= {}
FROM pg_locks
WHERE NOT granted
    AND pid IN (
        SELECT pid
        FROM pg_locks
        WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
"""


class Started(Generic[T]):
    """A call that runs beside the test."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        async def run() -> T:
            return await call()

        self._task = asyncio.create_task(run())

    async def result(self) -> T:
        """Wait for the call's end; return its result, or raise what it raised."""
        return await asyncio.wait_for(self._task, PATIENCE)


async def gather(*calls: Callable[[], Awaitable[T]]) -> list[T]:
    """Run calls at once and return their results in order."""
    started = [Started(call) for call in calls]
    return [await each.result() for each in started]


async def run_in(context: Context, call: Callable[[], Awaitable[T]]) -> T:
    """Make a call in a context of its own, as a framework may."""

    async def run() -> T:
        return await call()

    # On the same task: it is the context alone that differs.
    return await asyncio.create_task(run(), context=context)


def barrier(parties: int) -> Barrier:
    """Let as many go on at once, when all have come."""
    return asyncio.Barrier(parties)


async def pause(seconds: float) -> None:
    """Let time pass."""
    await asyncio.sleep(seconds)


async def each_of(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield items as this face alone can."""
    for item in items:
        await asyncio.sleep(0)
        yield item


async def finished(result: AsyncIterator[T] | Awaitable[Any]) -> Any:
    """Return what a method returns, or everything that it iterates over."""
    if isinstance(result, AsyncIterator):
        return [item async for item in result]
    return await result


async def blocking(call: Callable[[], T]) -> T:
    """Make a call that waits, and let everybody else go on meanwhile."""
    return await asyncio.to_thread(call)


async def until(admin: Connection[Any], condition: LiteralString, *parameters: object) -> None:
    """Return when a query of one value says so."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if admin.execute(condition, parameters or None).fetchone() == (True,):
            return
        await asyncio.sleep(_POLL)
    raise AssertionError(condition)


async def until_waiting(admin: Connection[Any], count: int = 1) -> None:
    """Return when that many sessions of the database wait for a lock."""
    await until(admin, _WAITING.format(count))


async def set_autocommit(connection: AsyncConnection[Any]) -> None:
    """Turn autocommit off, and begin something."""
    await connection.set_autocommit(False)
    await connection.execute("SELECT 1")


async def set_transactions(connection: AsyncConnection[Any]) -> None:
    """Set what psycopg is to begin transactions with."""
    await connection.set_isolation_level(IsolationLevel.SERIALIZABLE)
    await connection.set_read_only(True)
    await connection.set_deferrable(True)
