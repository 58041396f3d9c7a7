"""Events: the cost of recording them.

Recording: `resources.update_with_event` against `resources.update`, of the same resources, on one
connection. Ours writes two rows, and both of them whole into one, and computes the changed fields.
synchronous_commit is off, because the wait for a disk would hide the difference. The notifications
after commits are included. An empty database is used, and dropped afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from time import perf_counter
from typing import NamedTuple

from psycopg.conninfo import make_conninfo

from vrooli_data import AsyncDatabase, CreateResource, Database, UpdateResource

from ._database import scratch_database
from ._measure import Effort, Table, Turn, Turns, alternate, compare, in_fresh_process
from ._pinning import pin_backends, pin_client

_BAR = 1.9
_CHANGES = UpdateResource(is_private=True)


class Run(NamedTuple):
    """The result of one fresh process: turns without and with the event, by face."""

    measured: dict[str, list[Turns]]
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure the recording; *advance* is called for each run."""
    with scratch_database(url, "events", copied=False) as scratch_url:
        return [_recording_table(scratch_url, effort, advance)]


def _recording_table(url: str, effort: Effort, advance: Callable[[str], None]) -> Table:
    no_wait_url = make_conninfo(url, options="-c synchronous_commit=off")
    runs: list[Run] = []
    for number in range(effort.runs):
        advance(f"events, recording, run {number + 1} of {effort.runs}")
        runs.append(in_fresh_process(measure_recording, no_wait_url, effort))
    comparisons = [
        compare(
            face,
            [run.measured[face][0] for run in runs],
            [run.measured[face][1] for run in runs],
            bar=_BAR,
        )
        for face in runs[0].measured
    ]
    title = "An update of a resource: with its event against without"
    return Table(title, "without", "with", "µs", comparisons, runs[0].pinning)


def measure_recording(url: str, effort: Effort) -> Run:
    """Measure both faces. Runs in a process of its own."""
    pin_client()
    with Database.connect(url, max_size=1) as db, asyncio.Runner() as loop:
        ids = [
            db.resources.create(CreateResource(resource_type="Note")).id
            for _ in range(effort.sample)
        ]
        stack = AsyncExitStack()
        try:
            async_db = loop.run(stack.enter_async_context(AsyncDatabase.connect(url, max_size=1)))
            with db.connection() as held:
                pids = [held.connection.info.backend_pid, loop.run(_backend(async_db))]
                pinning = pin_backends(held.connection.info, pids)
            measured = {
                "sync": alternate(
                    [_turn(db, ids, records=records) for records in (False, True)],
                    effort.sample,
                    effort,
                ),
                "async": alternate(
                    [_async_turn(loop, async_db, ids, records=each) for each in (False, True)],
                    effort.sample,
                    effort,
                ),
            }
        finally:
            loop.run(stack.aclose())
    return Run(measured, pinning)


async def _backend(db: AsyncDatabase) -> int:
    async with db.connection() as held:
        return held.connection.info.backend_pid


def _turn(db: Database, ids: Sequence[int], *, records: bool) -> Turn:
    def turn(places: Sequence[int]) -> float:
        started = perf_counter()
        for place in places:
            if records:
                db.resources.update_with_event(ids[place], _CHANGES, changed_by=1)
            else:
                db.resources.update(ids[place], _CHANGES)
        return perf_counter() - started

    return turn


def _async_turn(
    loop: asyncio.Runner, db: AsyncDatabase, ids: Sequence[int], *, records: bool
) -> Turn:
    async def take(places: Sequence[int]) -> float:
        started = perf_counter()
        for place in places:
            if records:
                await db.resources.update_with_event(ids[place], _CHANGES, changed_by=1)
            else:
                await db.resources.update(ids[place], _CHANGES)
        return perf_counter() - started

    return lambda places: loop.run(take(places))
