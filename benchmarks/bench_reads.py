"""Every reading pattern compared with bare psycopg.

Ours is a call of the library's method on a held connection, `db.connection()`. It checks its
arguments, executes, builds typed records, decodes nested JSON and makes the cursors of a page.

The baseline is the least work that psycopg 3 can do: one reused RawCursor, `$n` parameters, a
prepared statement, binary results, rows as tuples, and nested JSON as bytes. It runs on the same
connection, so that it has the same backend, prepared statement and caches. It sends the statement
and parameters that were recorded from our method. It runs twice: with the generic plan, as ours
does, and with the defaults of psycopg and PostgreSQL, which plan most listings anew on each call
(*by default*, a column without a bar).

The third contestant is our call through the pool, `db.users.find_by_id(...)`, which borrows a
connection for each call. Its baseline is the held connection.

AsyncDatabase is compared with an AsyncRawCursor in the same way, in one event loop.

Bars: a held call that returns one row takes at most 0.75 of the time of the baseline, and a page of
50 at most 0.95. The pool has no bar, and neither has a pattern that reads a whole table.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from statistics import median
from time import perf_counter
from typing import Any, Final, LiteralString, NamedTuple, TypeAlias

from psycopg import AsyncConnection, AsyncRawCursor, Connection, RawCursor
from psycopg.rows import tuple_row

from vrooli_data import AsyncDatabase, AsyncHeldConnection, Database

from ._measure import Comparison, Effort, Table, Turn, Turns, alternate, compare, in_fresh_process
from ._patterns import Call, Pattern, read_patterns
from ._pinning import pin_backends, pin_client

#: The turns of psycopg, psycopg by default, our held connection and our pool, by pattern.
Measured: TypeAlias = dict[str, list[Turns]]

FACES = ("sync", "async")
APPLICATION = "vrooli_data benchmarks"
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = $1"
_AS_IT_COMES: Final = "SET plan_cache_mode = auto"
_AS_WE_SET_IT: Final = "SET plan_cache_mode = force_generic_plan"


class Run(NamedTuple):
    """The result of one fresh process."""

    measured: Measured
    #: The CPUs of the two sides.
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure every pattern on both faces; *advance* is called for each run."""
    with Database.connect(url) as db, db.connection() as held:
        patterns = read_patterns(held, effort.sample)
    runs: dict[str, list[Run]] = {face: [] for face in FACES}
    for number in range(effort.runs):
        for face, measure_face in zip(FACES, (measure_sync, measure_async), strict=True):
            advance(f"reads, {face}, run {number + 1} of {effort.runs}")
            shuffled = random.Random(number).sample(patterns, len(patterns))
            runs[face].append(in_fresh_process(measure_face, url, shuffled, effort))
    return [table for face in FACES for table in _tables(face, patterns, runs[face])]


def as_it_is(turn: Turn) -> Turn:
    """Return a turn that takes the time on the clock."""
    return turn


def measure_sync(
    url: str,
    patterns: Sequence[Pattern],
    effort: Effort,
    timed: Callable[[Turn], Turn] = as_it_is,
) -> Run:
    """Measure the patterns on the synchronous face. Runs in a process of its own."""
    pin_client()
    with (
        Database.connect(url, max_size=2, application_name=APPLICATION) as db,
        db.connection() as held,
    ):
        # The pool opens its other connection in the background. This call waits for it.
        db.users.find_by_id(1)
        cursor = RawCursor(held.connection)
        pids = [pid for (pid,) in cursor.execute(BACKENDS, (APPLICATION,)).fetchall()]
        pinning = pin_backends(held.connection.info, pids)
        measured = {
            pattern.name: alternate(
                [
                    timed(turn)
                    for turn in (
                        psycopg_turn(held.connection, pattern.calls),
                        by_default_turn(held.connection, pattern.calls),
                        our_turn(held, pattern.calls),
                        our_turn(db, pattern.calls),
                    )
                ],
                len(pattern.calls),
                effort,
            )
            for pattern in patterns
        }
    return Run(measured, pinning)


def measure_async(
    url: str,
    patterns: Sequence[Pattern],
    effort: Effort,
    timed: Callable[[Turn], Turn] = as_it_is,
) -> Run:
    """Measure the patterns on the asynchronous face. Runs in a process of its own."""
    pin_client()
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        try:
            db = loop.run(stack.enter_async_context(_async_database(url)))
            held = loop.run(stack.enter_async_context(db.connection()))
            loop.run(_touch(db))
            connection = loop.run(lent(held))
            pids = loop.run(_backends(connection))
            pinning = pin_backends(connection.info, pids)
            measured = {
                pattern.name: alternate(
                    [
                        timed(turn)
                        for turn in (
                            async_psycopg_turn(loop, connection, pattern.calls),
                            async_by_default_turn(loop, connection, pattern.calls),
                            our_async_turn(loop, held, pattern.calls),
                            our_async_turn(loop, db, pattern.calls),
                        )
                    ],
                    len(pattern.calls),
                    effort,
                )
                for pattern in patterns
            }
        finally:
            loop.run(stack.aclose())
    return Run(measured, pinning)


def our_turn(repositories: object, calls: Sequence[Call]) -> Turn:
    """Return the contestant that calls our methods."""
    bound = [call.on(repositories) for call in calls]

    def turn(places: Sequence[int]) -> float:
        chosen = [bound[place] for place in places]
        started = perf_counter()
        for call in chosen:
            call()
        return perf_counter() - started

    return turn


def psycopg_turn(connection: Connection[Any], calls: Sequence[Call]) -> Turn:
    """Return the contestant that uses psycopg alone."""
    cursor = RawCursor(connection, row_factory=tuple_row)
    sent = [(call.statement, call.parameters) for call in calls]

    def turn(places: Sequence[int]) -> float:
        chosen = [sent[place] for place in places]
        started = perf_counter()
        for statement, parameters in chosen:
            cursor.execute(statement, parameters, prepare=True, binary=True)
            cursor.fetchall()
        return perf_counter() - started

    return turn


def by_default_turn(connection: Connection[Any], calls: Sequence[Call]) -> Turn:
    """Return the contestant that uses psycopg alone, with PostgreSQL's default plan_cache_mode."""
    turn = psycopg_turn(connection, calls)

    def by_default(places: Sequence[int]) -> float:
        connection.execute(_AS_IT_COMES)
        try:
            return turn(places)
        finally:
            connection.execute(_AS_WE_SET_IT)

    return by_default


def our_async_turn(loop: asyncio.Runner, repositories: object, calls: Sequence[Call]) -> Turn:
    """Return the contestant that awaits our methods."""
    bound = [call.on(repositories) for call in calls]

    async def take(chosen: Sequence[Callable[[], Awaitable[object]]]) -> float:
        started = perf_counter()
        for call in chosen:
            await call()
        return perf_counter() - started

    return lambda places: loop.run(take([bound[place] for place in places]))


def async_psycopg_turn(
    loop: asyncio.Runner, connection: AsyncConnection[Any], calls: Sequence[Call]
) -> Turn:
    """Return the contestant that awaits psycopg alone."""
    cursor = AsyncRawCursor(connection, row_factory=tuple_row)
    sent = [(call.statement, call.parameters) for call in calls]

    async def take(chosen: Sequence[tuple[bytes, tuple[Any, ...]]]) -> float:
        started = perf_counter()
        for statement, parameters in chosen:
            await cursor.execute(statement, parameters, prepare=True, binary=True)
            await cursor.fetchall()
        return perf_counter() - started

    return lambda places: loop.run(take([sent[place] for place in places]))


def async_by_default_turn(
    loop: asyncio.Runner, connection: AsyncConnection[Any], calls: Sequence[Call]
) -> Turn:
    """Return the contestant that uses psycopg alone, with PostgreSQL's default plan_cache_mode."""
    turn = async_psycopg_turn(loop, connection, calls)

    async def set_mode(statement: LiteralString) -> None:
        await connection.execute(statement)

    def by_default(places: Sequence[int]) -> float:
        loop.run(set_mode(_AS_IT_COMES))
        try:
            return turn(places)
        finally:
            loop.run(set_mode(_AS_WE_SET_IT))

    return by_default


async def lent(held: AsyncHeldConnection) -> AsyncConnection[Any]:
    """Return psycopg's connection, which is lent only inside its event loop."""
    return held.connection


def _async_database(url: str) -> AsyncDatabase:
    return AsyncDatabase.connect(url, max_size=2, application_name=APPLICATION)


async def _touch(db: AsyncDatabase) -> None:
    """Wait for the pool's other connection, which it opens in the background."""
    await db.users.find_by_id(1)


async def _backends(connection: AsyncConnection[Any]) -> list[int]:
    cursor = AsyncRawCursor(connection)
    await cursor.execute(BACKENDS, (APPLICATION,))
    return [pid for (pid,) in await cursor.fetchall()]


def _tables(face: str, patterns: Sequence[Pattern], runs: Sequence[Run]) -> list[Table]:
    held, pooled = [], []
    for pattern in patterns:
        bare, by_default, ours, through_pool = zip(
            *(run.measured[pattern.name] for run in runs), strict=True
        )
        rows = {"rows": pattern.rows}
        microseconds = round(median(median(turns) for turns in by_default) * 1e6)
        counts = {**rows, "by default, µs": microseconds}
        held.append(compare(pattern.name, bare, ours, bar=pattern.bar, counts=counts))
        pooled.append(compare(pattern.name, ours, through_pool, counts=rows))
    return [
        _table(f"Reads, {face}, on a held connection", "psycopg", "held", held, runs),
        _table(f"Reads, {face}, through the pool", "held", "pool", pooled, runs),
    ]


def _table(
    title: str, baseline: str, subject: str, comparisons: list[Comparison], runs: Sequence[Run]
) -> Table:
    return Table(title, baseline, subject, "µs", comparisons, note=runs[0].pinning)
