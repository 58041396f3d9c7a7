"""Transactions that conflict: anomalies, retries, and the cost of a known outcome.

Soak: 16 workers run a mix of transactions through `transact`: transfers that must not change the
total, audits of the total, pairs of which one must stay on call, and read-modify-write counters.
The baseline runs the same at READ COMMITTED. It must show anomalies, which proves that the checks
work. At SERIALIZABLE one anomaly fails the run.

Hot row: 32 workers increment one row 30 times each at SERIALIZABLE. They read it, think for up to
1 ms, and write it. Ours is `transact` with its defaults. The baselines are loops around psycopg's
transactions, in threads with a connection each: 3 attempts with waits of 1 and 2 s, which is what
the library replaces, and 12 attempts with full jitter from 10 to 1000 ms. Ours must never give up,
and take at most a fifth of the time of the first loop. That loop does less, because it gives up at
times.

One insert: a transaction of `users.create`, with and without `track_commit`, which asks for the
transaction's id together with BEGIN. The baseline is psycopg's `connection.transaction()` with the
same statement, prepared, by a reused RawCursor on one connection. It is measured as the URL leads
to the server, and over a link that is late by 1 ms each way, as a network is. synchronous_commit is
off, because the wait for a disk would hide the difference.

All run on both faces, in an empty database that is dropped afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from time import perf_counter
from typing import NamedTuple

from psycopg import AsyncConnection, AsyncRawCursor, Connection, RawCursor
from psycopg.conninfo import make_conninfo
from psycopg.rows import tuple_row

from vrooli_data import (
    AsyncDatabase,
    CreateUser,
    Database,
    Isolation,
    User,
)
from vrooli_data._binding import own_queries
from vrooli_data._public_id import new_public_id
from vrooli_data._rows import Row

from ._database import scratch_database
from ._hot_row import SOURCE, WIDE_JITTER, Found, by_async_transact, by_hand, by_transact
from ._link import late_link
from ._measure import Comparison, Effort, Table, Turn, Turns, alternate, compare, in_fresh_process
from ._pinning import pin_backends, pin_client
from ._soak import WORKERS, Soak, soak_tasks, soak_threads

#: So many transactions always show anomalies at READ COMMITTED.
_MANY = 10_000
_HOT_BAR = 0.2
#: The ways to increment the hot row.
_SOURCE = "the source's policy"
_WIDE = "jitter of 10 to 1000 ms"
_SYNC, _ASYNC = "sync", "async"
_ISOLATIONS: tuple[Isolation, Isolation] = ("read committed", "serializable")


_CREATE = own_queries("users").bind("create", User).statement
#: Of a transaction of one insert, as the URL leads, and over a late link.
_DIRECT_BAR, _LATE_BAR = 0.80, 0.70
_LATE = 0.001


class Run(NamedTuple):
    """The result of one fresh process: turns of psycopg, without and with `track_commit`."""

    #: By face.
    measured: dict[str, list[Turns]]
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure all three; *advance* is called for each part."""
    with scratch_database(url, "transactions", copied=False) as scratch_url:
        return [
            _soak_table(scratch_url, effort, advance),
            *_hot_row_tables(scratch_url, effort, advance),
            *_insert_tables(scratch_url, effort, advance),
        ]


def _soak_table(url: str, effort: Effort, advance: Callable[[str], None]) -> Table:
    comparisons, failures, kinds = [], [], []
    for face, soak in (("sync", soak_threads), ("async", soak_tasks)):
        found: dict[Isolation, Soak] = {}
        for isolation in _ISOLATIONS:
            advance(f"transactions, soak, {face}, {isolation}")
            found[isolation] = in_fresh_process(soak, url, isolation, effort.transactions)
        theirs, ours = (found[isolation] for isolation in _ISOLATIONS)
        comparisons.append(_soak_comparison(face, theirs, ours))
        kinds.append(f"{face}: {_by_kind(theirs)}")
        if ours.anomalies.total():
            failures.append(f"{face}, anomalies at SERIALIZABLE: {_by_kind(ours)}")
        if ours.give_ups:
            failures.append(f"{face}, transact gave up {ours.give_ups} times in the soak")
        if effort.transactions >= _MANY and not theirs.anomalies.total():
            failures.append(f"{face}, no anomaly at READ COMMITTED: the checks see nothing")
    note = f"one run each; anomalies at READ COMMITTED, {'; '.join(kinds)}"
    title = f"Soak, {WORKERS} workers: transact at SERIALIZABLE against READ COMMITTED"
    return Table(title, "r. c.", "ours", "µs", comparisons, note, failures)


def _soak_comparison(face: str, theirs: Soak, ours: Soak) -> Comparison:
    return compare(
        face,
        [[theirs.seconds / theirs.transactions]],
        [[ours.seconds / ours.transactions]],
        counts={
            "committed": ours.transactions,
            "retries": ours.retries,
            "anomalies r. c.": theirs.anomalies.total(),
            "anomalies": ours.anomalies.total(),
        },
    )


def _by_kind(soak: Soak) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(soak.anomalies.items()))


def _hot_row_tables(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    ways: dict[str, Callable[[str, Effort], Found]] = {
        _SOURCE: partial(by_hand, SOURCE),
        _WIDE: partial(by_hand, WIDE_JITTER),
        _SYNC: by_transact,
        _ASYNC: by_async_transact,
    }
    found: dict[str, list[Found]] = {way: [] for way in ways}
    for number in range(effort.hot_runs):
        advance(f"transactions, hot row, run {number + 1} of {effort.hot_runs}")
        for way, increment in ways.items():
            found[way].append(increment(url, effort))
    failures = [
        f"hot row, {way}: the row does not hold what was committed"
        for way, results in found.items()
        if not all(each.is_exact for each in results)
    ]
    failures += [
        f"hot row, {way} gave up {give_ups} times"
        for way in (_SYNC, _ASYNC)
        if (give_ups := sum(each.give_ups for each in found[way]))
    ]
    work = f"{effort.hot_workers} workers x {effort.hot_increments} increments"
    note = f"{effort.hot_runs} runs; attempts and give-ups are those of all runs"
    return [
        Table(
            f"Hot row, {work}: transact against {way}",
            "theirs",
            "ours",
            "ms",
            [_hot_comparison(ours, found[way], found[ours], bar) for ours in (_SYNC, _ASYNC)],
            note,
            failures if way == _SOURCE else [],
        )
        for way, bar in ((_SOURCE, _HOT_BAR), (_WIDE, None))
    ]


def _hot_comparison(
    name: str, theirs: Sequence[Found], ours: Sequence[Found], bar: float | None
) -> Comparison:
    return compare(
        name,
        [[each.seconds] for each in theirs],
        [[each.seconds] for each in ours],
        per_unit=1e3,
        bar=bar,
        counts={
            "attempts": sum(each.attempts for each in theirs),
            "give-ups": sum(each.give_ups for each in theirs),
            "our attempts": sum(each.attempts for each in ours),
            "our give-ups": sum(each.give_ups for each in ours),
        },
    )


def _insert_tables(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    no_wait_url = make_conninfo(url, options="-c synchronous_commit=off")
    with late_link(no_wait_url, _LATE) as late_url:
        direct: list[Run] = []
        late: list[Run] = []
        for number in range(effort.runs):
            for runs, where in ((direct, no_wait_url), (late, late_url)):
                advance(f"transactions, one insert, run {number + 1} of {effort.runs}")
                runs.append(in_fresh_process(measure_inserts, where, effort))
    one = "A transaction of one insert"
    theirs = f"{one}: ours with track_commit against psycopg's"
    return [
        _insert_table(f"{one}: with track_commit against without", "without", direct, 1, None),
        _insert_table(theirs, "psycopg", direct, 0, _DIRECT_BAR),
        _insert_table(f"{theirs}, 1 ms each way", "psycopg", late, 0, _LATE_BAR),
    ]


def _insert_table(
    title: str, baseline: str, runs: Sequence[Run], contestant: int, bar: float | None
) -> Table:
    comparisons = [
        compare(
            face,
            [run.measured[face][contestant] for run in runs],
            [run.measured[face][2] for run in runs],
            bar=bar,
        )
        for face in runs[0].measured
    ]
    subject = "with" if baseline == "without" else "ours"
    return Table(title, baseline, subject, "µs", comparisons, runs[0].pinning)


def measure_inserts(url: str, effort: Effort) -> Run:
    """Measure both faces. Runs in a process of its own."""
    pin_client()
    with (
        Database.connect(url, max_size=1) as db,
        Database.connect(url, max_size=1) as other,
        other.connection() as held,
        asyncio.Runner() as loop,
    ):
        stack = AsyncExitStack()
        try:
            bare = held.connection
            async_db = loop.run(stack.enter_async_context(AsyncDatabase.connect(url, max_size=1)))
            async_bare = loop.run(_hold(stack, url))
            with db.transaction() as tx:
                pids = [tx.connection.info.backend_pid]
            pids += [bare.info.backend_pid, async_bare.info.backend_pid]
            pids.append(loop.run(_backend(async_db)))
            pinning = pin_backends(bare.info, pids)
            sync_turns = [
                _bare_turn(bare),
                *(_insert_turn(db, track_commit=tracks) for tracks in (False, True)),
            ]
            async_turns = [
                _async_bare_turn(loop, async_bare),
                *(
                    _async_insert_turn(loop, async_db, track_commit=tracks)
                    for tracks in (False, True)
                ),
            ]
            measured = {
                "sync": alternate(sync_turns, effort.sample, effort),
                "async": alternate(async_turns, effort.sample, effort),
            }
        finally:
            loop.run(stack.aclose())
    return Run(measured, pinning)


async def _hold(stack: AsyncExitStack, url: str) -> AsyncConnection[Row]:
    db = await stack.enter_async_context(AsyncDatabase.connect(url, max_size=1))
    return (await stack.enter_async_context(db.connection())).connection


async def _backend(db: AsyncDatabase) -> int:
    async with db.connection() as held:
        return held.connection.info.backend_pid


def _bare_turn(connection: Connection[Row]) -> Turn:
    cursor = RawCursor(connection, row_factory=tuple_row)

    def turn(places: Sequence[int]) -> float:
        started = perf_counter()
        for _ in places:
            with connection.transaction():
                cursor.execute(_CREATE, _given(), prepare=True, binary=True)
                cursor.fetchall()
        return perf_counter() - started

    return turn


def _async_bare_turn(loop: asyncio.Runner, connection: AsyncConnection[Row]) -> Turn:
    cursor = AsyncRawCursor(connection, row_factory=tuple_row)

    async def take(places: Sequence[int]) -> float:
        started = perf_counter()
        for _ in places:
            async with connection.transaction():
                await cursor.execute(_CREATE, _given(), prepare=True, binary=True)
                await cursor.fetchall()
        return perf_counter() - started

    return lambda places: loop.run(take(places))


def _given() -> tuple[object, ...]:
    """Return the parameters of `users.create`."""
    return new_public_id(), None, "Ada", "ada", None, False, False, ["en"]


def _insert_turn(db: Database, *, track_commit: bool) -> Turn:
    def turn(places: Sequence[int]) -> float:
        started = perf_counter()
        for _ in places:
            with db.transaction(track_commit=track_commit) as tx:
                tx.users.create(CreateUser(name="Ada"))
        return perf_counter() - started

    return turn


def _async_insert_turn(loop: asyncio.Runner, db: AsyncDatabase, *, track_commit: bool) -> Turn:
    async def take(places: Sequence[int]) -> float:
        started = perf_counter()
        for _ in places:
            async with db.transaction(track_commit=track_commit) as tx:
                await tx.users.create(CreateUser(name="Ada"))
        return perf_counter() - started

    return lambda places: loop.run(take(places))
