"""Concurrent reads in pipelines, compared with asyncpg and with a connection for each read.

One client process has one event loop, whose tasks read again and again: one user by id, a page of
20 resources, and one user with teams. Nothing is merged. Contestants are tasks of asyncpg, which
call `Pool.fetch` with the same statement, ours with `pipeline=False`, and ours as it is by default.
asyncpg is set up as in `bench_merged_reads`, and has a pool of 8 open connections, as both of ours.
Each read has other arguments, in random order.

Bars: at most 0.60 of asyncpg's time with 8 at once, and 0.50 with 64.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from random import Random
from typing import Any, NamedTuple

import psycopg

from vrooli_data import AsyncDatabase
from vrooli_data._async.repositories import resources, users
from vrooli_data._bound import BoundQuery

from ._measure import Comparison, Effort, Table, Turns, alternate, compare, in_fresh_process
from .bench_merged_reads import Read, asyncpg_pool, at_once

_CONCURRENCIES = (8, 64)
#: The highest ratio of our time to asyncpg's, by concurrency.
_BARS = {8: 0.60, 64: 0.50}
_POOL = 8
#: Turns of each contestant in a run: one in each order.
_ROUNDS = 6
_MOST_USERS = 2000
_PAGE = 20


class _Pattern(NamedTuple):
    """One reading pattern: its statement, and the call of ours."""

    query: BoundQuery[..., Any]
    #: The parameters of the statement, for the number and the public id of a user.
    parameters: Callable[[int, str], tuple[Any, ...]]
    call: Callable[[AsyncDatabase, int, str], Any]


_PATTERNS = (
    _Pattern(
        users._FIND_BY_ID,
        lambda id, _: (id,),
        lambda db, id, _: db.users.find_by_id(id),
    ),
    _Pattern(
        resources._FIND_BY_TYPE["score"]._first,
        lambda *_: ("Routine", _PAGE + 1),
        lambda db, *_: db.resources.find_by_type("Routine", order_by="score", limit=_PAGE),
    ),
    _Pattern(
        users._FIND_WITH_TEAMS,
        lambda _, public_id: (public_id,),
        lambda db, _, public_id: db.users.find_with_teams(public_id),
    ),
)

#: By the name of the query and the concurrency: the turns of asyncpg, and of ours without and with.
_Run = dict[tuple[str, int], list[Turns]]


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure every pattern and concurrency; *advance* is called for each run."""
    runs: list[_Run] = []
    for number in range(effort.runs):
        advance(f"pipelines, run {number + 1} of {effort.runs}")
        runs.append(in_fresh_process(measure_run, url, number, effort))
    against_asyncpg: list[Comparison] = []
    against_off: list[Comparison] = []
    for key in runs[0]:
        name, concurrency = key
        theirs, off, ours = zip(*(run[key] for run in runs), strict=True)
        label = f"{name}, {concurrency} at once"
        against_asyncpg.append(compare(label, theirs, ours, bar=_BARS[concurrency]))
        against_off.append(compare(label, off, ours))
    note = "µs: the time of all reads by their number; not pinned"
    return [
        Table("Pipelines against asyncpg", "asyncpg", "ours", "µs", against_asyncpg, note),
        Table("Pipelines against none", "none", "ours", "µs", against_off, note),
    ]


def measure_run(url: str, seed: int, effort: Effort) -> _Run:
    """Measure one run. Runs in a process of its own."""
    effort = effort._replace(turn_seconds=effort.load_seconds, rounds=_ROUNDS)
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT id, public_id FROM users ORDER BY id").fetchall()
    keys = Random(seed).sample(found, min(len(found), _MOST_USERS))
    measured: _Run = {}
    with _contestants(url) as (loop, pool, off, ours):
        for pattern in _PATTERNS:
            reads = [
                _theirs(pool, pattern, keys),
                *(_ours(db, pattern, keys) for db in (off, ours)),
            ]
            places = range(len(keys))
            for concurrency in _CONCURRENCIES:
                turns = [at_once(loop, read, places, concurrency) for read in reads]
                measured[pattern.query.name, concurrency] = alternate(turns, len(keys), effort)
    return measured


@contextmanager
def _contestants(
    url: str,
) -> Iterator[tuple[asyncio.Runner, Any, AsyncDatabase, AsyncDatabase]]:
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        try:
            yield (
                loop,
                loop.run(asyncpg_pool(stack, url)),
                loop.run(_database(stack, url, pipeline=False)),
                loop.run(_database(stack, url, pipeline=True)),
            )
        finally:
            loop.run(stack.aclose())


async def _database(stack: AsyncExitStack, url: str, *, pipeline: bool) -> AsyncDatabase:
    db = AsyncDatabase.connect(
        url, min_size=_POOL, max_size=_POOL, merge_reads=False, pipeline=pipeline
    )
    await stack.enter_async_context(db)
    await db._pool.wait()
    return db


def _theirs(pool: Any, pattern: _Pattern, keys: Sequence[tuple[int, str]]) -> Read:
    statement = pattern.query.statement.decode()

    async def read(place: int) -> object:
        return await pool.fetch(statement, *pattern.parameters(*keys[place]))

    return read


def _ours(db: AsyncDatabase, pattern: _Pattern, keys: Sequence[tuple[int, str]]) -> Read:
    async def read(place: int) -> object:
        return await pattern.call(db, *keys[place])

    return read
