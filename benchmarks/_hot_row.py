"""Many workers increment one row: each reads it, thinks, and writes it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

import psycopg
from psycopg import Connection, IsolationLevel

from vrooli_data import AsyncDatabase, Database, RetryEvent
from vrooli_data._rows import Row

from ._measure import Effort
from ._soak import GAVE_UP, increment, prepare
from ._steps import in_tasks, in_threads, take, take_async

#: The most seconds between the read and the write.
_THINK = 0.001
_ROW = 0


class Policy(NamedTuple):
    """How a loop around a transaction repeats it after a serialization failure."""

    attempts: int
    #: Seconds to wait after a number of failures.
    wait: Callable[[int], float]


#: What the library replaces: 3 attempts, with waits of 1 and 2 s.
SOURCE = Policy(3, lambda failures: 2.0 ** (failures - 1))
#: The best of the policies with a loop by hand.
WIDE_JITTER = Policy(
    12, lambda failures: random.uniform(0.0, min(1.0, 0.01 * 2.0 ** (failures - 1)))
)


class Found(NamedTuple):
    """The result of one contestant."""

    seconds: float
    attempts: int
    give_ups: int
    #: Whether the row holds the number of committed increments.
    is_exact: bool


class _Tally:
    def __init__(self) -> None:
        #: Lists, because threads may append to them at the same time.
        self.committed: list[int] = []
        self.give_ups: list[int] = []
        #: Failed attempts.
        self.failures: list[object] = []

    def found(self, seconds: float, connection: Connection[Row]) -> Found:
        rows = connection.execute("SELECT value FROM counters WHERE id = %s", (_ROW,)).fetchall()
        return Found(
            seconds,
            len(self.committed) + len(self.failures),
            len(self.give_ups),
            rows == [(len(self.committed),)],
        )


def by_hand(policy: Policy, url: str, effort: Effort) -> Found:
    """Increment through psycopg alone. Each worker is a thread with its own connection."""
    tally = _Tally()

    def attempt(connection: Connection[Row], row: int) -> None:
        with connection.transaction():
            take(connection, increment(row, random.uniform(0.0, _THINK)))

    def work(connections: list[Connection[Row]], worker: int) -> None:
        for _ in range(effort.hot_increments):
            for failures in range(1, policy.attempts + 1):
                try:
                    attempt(connections[worker], _ROW)
                except psycopg.errors.SerializationFailure:
                    tally.failures.append(worker)
                    if failures == policy.attempts:
                        tally.give_ups.append(worker)
                    else:
                        time.sleep(policy.wait(failures))
                else:
                    tally.committed.append(worker)
                    break

    with _prepared(url) as admin, ExitStack() as stack:
        connections = [
            stack.enter_context(psycopg.connect(url, autocommit=True))
            for _ in range(effort.hot_workers)
        ]
        for worker, connection in enumerate(connections):
            connection.isolation_level = IsolationLevel.SERIALIZABLE
            attempt(connection, _ROW + 1 + worker)
        started = time.perf_counter()
        in_threads(partial(work, connections), effort.hot_workers)
        return tally.found(time.perf_counter() - started, admin)


def by_transact(url: str, effort: Effort) -> Found:
    """Increment through `Database.transact` with its defaults. Each worker is a thread."""
    tally = _Tally()

    def attempt(row: int) -> None:
        db.transact(lambda tx: take(tx.connection, increment(row, random.uniform(0.0, _THINK))))

    def work(worker: int) -> None:
        for _ in range(effort.hot_increments):
            try:
                attempt(_ROW)
            except GAVE_UP:
                tally.give_ups.append(worker)
                tally.failures.append(worker)
            else:
                tally.committed.append(worker)

    def note(event: RetryEvent) -> None:
        tally.failures.append(event)

    with (
        _prepared(url) as admin,
        Database.connect(
            url, min_size=effort.hot_workers, max_size=effort.hot_workers, on_retry=note
        ) as db,
    ):
        in_threads(lambda worker: attempt(_ROW + 1 + worker), effort.hot_workers)
        tally.failures.clear()
        started = time.perf_counter()
        in_threads(work, effort.hot_workers)
        return tally.found(time.perf_counter() - started, admin)


def by_async_transact(url: str, effort: Effort) -> Found:
    """Increment through `AsyncDatabase.transact` with its defaults. Each worker is a task."""
    return asyncio.run(_by_async_transact(url, effort))


async def _by_async_transact(url: str, effort: Effort) -> Found:
    tally = _Tally()

    async def attempt(row: int) -> None:
        await db.transact(
            lambda tx: take_async(tx.connection, increment(row, random.uniform(0.0, _THINK)))
        )

    async def work(worker: int) -> None:
        for _ in range(effort.hot_increments):
            try:
                await attempt(_ROW)
            except GAVE_UP:
                tally.give_ups.append(worker)
                tally.failures.append(worker)
            else:
                tally.committed.append(worker)

    with _prepared(url) as admin:
        async with AsyncDatabase.connect(
            url,
            min_size=effort.hot_workers,
            max_size=effort.hot_workers,
            on_retry=tally.failures.append,
        ) as db:
            await in_tasks(lambda worker: attempt(_ROW + 1 + worker), effort.hot_workers)
            tally.failures.clear()
            started = time.perf_counter()
            await in_tasks(work, effort.hot_workers)
            return tally.found(time.perf_counter() - started, admin)


@contextmanager
def _prepared(url: str) -> Iterator[Connection[Row]]:
    """Recreate the tables, and yield a connection that no worker uses."""
    with psycopg.connect(url, autocommit=True) as connection:
        prepare(connection)
        yield connection
