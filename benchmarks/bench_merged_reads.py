"""Concurrent reads by id, merged into one statement, compared with asyncpg and with unmerged reads.

One client process has one event loop, whose tasks call `AsyncDatabase.users.find_by_id` again and
again: with `merge_reads`, which is the default, and without. Tasks of asyncpg call `Pool.fetchrow`
with the same statement. Each read asks for another user, in random order, so that no row is read
twice. Every contestant has a pool of 8 open connections.

asyncpg is set up for speed. Its cache of prepared statements is on, as by default. Its pool sends
no query to reset a connection, because our pool sends none either. asyncpg returns its Record, and
ours returns a User.

Bars: 0.15 of asyncpg's time with 64 at once, and 1.6 times as many reads per second with 8. A lone
read waits one turn of the event loop for others. It takes at most 1.1 times as long as an
unmerged read; its turns are short, with one read at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from random import Random
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import asyncpg
import msgspec
import psycopg
from psycopg import Connection

from vrooli_data import AsyncDatabase
from vrooli_data._binding import own_queries
from vrooli_data._rows import Row
from vrooli_data.records import User

from ._measure import Comparison, Effort, Table, Turn, Turns, alternate, compare, in_fresh_process
from ._pinning import pin_backends, pin_client

_CONCURRENCIES = (8, 64, 256)
#: The highest ratio of our time to asyncpg's, by concurrency.
_BARS = {8: 1 / 1.6, 64: 0.15}
_LONE_BAR = 1.1
POOL = 8
_APPLICATION = "vrooli_data benchmarks"
_STATEMENT = own_queries("users").bind("find_by_id", User).source.sql
#: Turns of each contestant in a run: two in each order.
_ROUNDS = 12
_MOST_IDS = 2000

#: Reads one record, in the form of the contestant.
Read: TypeAlias = Callable[[int], Awaitable[object]]


class Run(NamedTuple):
    """The result of one fresh process: the turns of asyncpg, of unmerged and of merged reads."""

    #: By concurrency.
    measured: dict[int, list[Turns]]
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure every concurrency; *advance* is called for each run."""
    runs: list[dict[int, list[Turns]]] = []
    pinning = ""
    for number in range(effort.runs):
        advance(f"merged_reads, run {number + 1} of {effort.runs}")
        alone = in_fresh_process(measure_alone, url, number, effort)
        at_once = in_fresh_process(measure_at_once, url, number, effort)
        runs.append(alone.measured | at_once.measured)
        pinning = alone.pinning
    against_asyncpg, against_unmerged = [], []
    for concurrency in (1, *_CONCURRENCIES):
        theirs, unmerged, merged = zip(*(run[concurrency] for run in runs), strict=True)
        bar = _BARS.get(concurrency)
        against_asyncpg.append(_comparison(concurrency, "asyncpg", theirs, merged, bar))
        bar = _LONE_BAR if concurrency == 1 else None
        against_unmerged.append(_comparison(concurrency, "unmerged", unmerged, merged, bar))
    title = "users.find_by_id, so many at once: merged"
    note = f"µs: the time of all reads by their number; a lone read: {pinning}, else not pinned"
    return [
        Table(f"{title} against asyncpg", "asyncpg", "merged", "µs", against_asyncpg, note),
        Table(f"{title} against unmerged", "unmerged", "merged", "µs", against_unmerged, note),
    ]


def _comparison(
    concurrency: int,
    baseline: str,
    theirs: Sequence[Turns],
    ours: Sequence[Turns],
    bar: float | None,
) -> Comparison:
    found = compare(f"{concurrency} at once", theirs, ours, bar=bar)
    rates = {f"{baseline}, 1/s": found.baseline, "merged, 1/s": found.subject}
    counts = {name: round(1e6 / time.median) for name, time in rates.items()}
    return msgspec.structs.replace(found, counts=counts)


def measure_alone(url: str, seed: int, effort: Effort) -> Run:
    """Measure reads one after the other. Runs in a process of its own."""
    pin_client()
    with _contestants(url) as (loop, reads), psycopg.connect(url) as connection:
        pinning = _pin_backends(connection)
        ids = choose_ids(connection, seed)
        measured = alternate([_lone(loop, read, ids) for read in reads], len(ids), effort)
    return Run({1: measured}, pinning)


def measure_at_once(url: str, seed: int, effort: Effort) -> Run:
    """Measure concurrent reads. Runs in a process of its own.

    Nothing is pinned, because throughput includes how client and backends share the CPUs.
    """
    effort = effort._replace(turn_seconds=effort.load_seconds, rounds=_ROUNDS)
    with _contestants(url) as (loop, reads), psycopg.connect(url) as connection:
        ids = choose_ids(connection, seed)
        measured = {
            concurrency: alternate(
                [at_once(loop, read, ids, concurrency) for read in reads], len(ids), effort
            )
            for concurrency in _CONCURRENCIES
        }
    return Run(measured, "not pinned")


def choose_ids(connection: Connection[Row], seed: int) -> list[int]:
    """Return the ids of users, in random order."""
    ids = [id for (id,) in connection.execute("SELECT id FROM users ORDER BY id")]
    return Random(seed).sample(ids, min(len(ids), _MOST_IDS))


@contextmanager
def _contestants(url: str) -> Iterator[tuple[asyncio.Runner, list[Read]]]:
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        try:
            reads = [
                loop.run(_asyncpg_read(stack, url)),
                loop.run(_our_read(stack, url, merge_reads=False)),
                loop.run(_our_read(stack, url, merge_reads=True)),
            ]
            yield loop, reads
        finally:
            loop.run(stack.aclose())


def _pin_backends(connection: Connection[Row]) -> str:
    backends = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = %s", (_APPLICATION,)
    )
    return pin_backends(connection.info, [pid for (pid,) in backends])


async def _our_read(stack: AsyncExitStack, url: str, *, merge_reads: bool) -> Read:
    db = AsyncDatabase.connect(
        url,
        min_size=POOL,
        max_size=POOL,
        application_name=_APPLICATION,
        merge_reads=merge_reads,
        # Without either, each read has a connection for itself.
        pipeline=merge_reads,
    )
    await stack.enter_async_context(db)
    await db._pool.wait()
    return db.users.find_by_id


async def _asyncpg_read(stack: AsyncExitStack, url: str) -> Read:
    pool = await asyncpg_pool(stack, url)

    async def read(id: int) -> object:
        return await pool.fetchrow(_STATEMENT, id)

    return read


async def asyncpg_pool(stack: AsyncExitStack, url: str) -> Any:
    """Open a pool of asyncpg, until *stack* ends."""
    with psycopg.connect(url) as connection:
        pool = asyncpg.create_pool(
            host=connection.info.host,
            port=connection.info.port,
            user=connection.info.user,
            password=connection.info.password or None,
            database=connection.info.dbname,
            min_size=POOL,
            max_size=POOL,
            server_settings={"application_name": _APPLICATION},
            reset=_leave_as_it_is,
        )
    return await stack.enter_async_context(pool)


async def _leave_as_it_is(connection: object) -> None:
    """Send nothing, because reads do not change the session."""


def _lone(loop: asyncio.Runner, read: Read, ids: Sequence[int]) -> Turn:
    """Return the contestant that reads one at a time."""

    async def take(chosen: Sequence[int]) -> float:
        started = perf_counter()
        for id in chosen:
            await read(id)
        return perf_counter() - started

    return lambda places: loop.run(take([ids[place] for place in places]))


def at_once(loop: asyncio.Runner, read: Read, ids: Sequence[int], concurrency: int) -> Turn:
    """Return the contestant that keeps *concurrency* reads under way until none is left."""

    async def take(chosen: Sequence[int]) -> float:
        left = iter(chosen)

        async def work() -> None:
            for id in left:
                await read(id)

        started = perf_counter()
        await asyncio.gather(*[work() for _ in range(concurrency)])
        return perf_counter() - started

    return lambda places: loop.run(take([ids[place] for place in places]))
