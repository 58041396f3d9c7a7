"""Reads on uvloop, compared with the same reads on asyncio's own event loop.

One client process has both event loops, which take turns, each with databases of its own. One user
is read by id: one read at a time on a held connection, and 8 and 64 at once through a pool of 8
open connections, in pipelines (`merge_reads=False`) and merged. Each read asks for another user, in
random order. Nothing is pinned, as in `bench_merged_reads`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from importlib.util import find_spec
from typing import TypeAlias

import psycopg

from vrooli_data import AsyncDatabase

from ._measure import Effort, Table, Turns, alternate, compare, in_fresh_process
from .bench_merged_reads import POOL, Read, at_once, choose_ids

#: How reads are made, with so many at once.
_CASES = (("held", 1), ("pipelines", 8), ("pipelines", 64), ("merged", 8), ("merged", 64))
#: Turns of each contestant in a run.
_ROUNDS = 12

#: The turns on asyncio and on uvloop, by case.
_Run: TypeAlias = dict[tuple[str, int], list[Turns]]


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure every case; *advance* is called for each run."""
    title = "users.find_by_id, so many at once: uvloop against asyncio"
    note = "µs: the time of all reads by their number; not pinned"
    if find_spec("uvloop") is None:
        return [Table(title, "asyncio", "uvloop", "µs", [], "left out: there is no uvloop")]
    effort = effort._replace(turn_seconds=effort.load_seconds, rounds=_ROUNDS)
    runs: list[_Run] = []
    for number in range(effort.runs):
        advance(f"loops, run {number + 1} of {effort.runs}")
        runs.append(in_fresh_process(_measure_run, url, number, effort))
    comparisons = [
        compare(
            f"{how}, {concurrency} at once",
            *zip(*(run[how, concurrency] for run in runs), strict=True),
        )
        for how, concurrency in _CASES
    ]
    return [Table(title, "asyncio", "uvloop", "µs", comparisons, note)]


def _measure_run(url: str, seed: int, effort: Effort) -> _Run:
    """Measure one run. Runs in a process of its own."""
    import uvloop  # noqa: PLC0415 (an extra; there is none for Windows)

    with psycopg.connect(url) as connection:
        ids = choose_ids(connection, seed)
    with (
        asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as standard,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as faster,
        _reads(standard, url) as on_standard,
        _reads(faster, url) as on_faster,
    ):
        return {
            (how, concurrency): alternate(
                [
                    at_once(loop, reads[how], ids, concurrency)
                    for loop, reads in ((standard, on_standard), (faster, on_faster))
                ],
                len(ids),
                effort,
            )
            for how, concurrency in _CASES
        }


@contextmanager
def _reads(loop: asyncio.Runner, url: str) -> Iterator[dict[str, Read]]:
    """Yield the ways to read one user, in an event loop."""
    stack = AsyncExitStack()
    try:
        yield loop.run(_open(stack, url))
    finally:
        loop.run(stack.aclose())


async def _open(stack: AsyncExitStack, url: str) -> dict[str, Read]:
    merged, piped = (
        AsyncDatabase.connect(url, min_size=POOL, max_size=POOL, merge_reads=is_merged)
        for is_merged in (True, False)
    )
    lone = AsyncDatabase.connect(url, max_size=1)
    for db in (merged, piped, lone):
        await stack.enter_async_context(db)
        await db._pool.wait()
    held = await stack.enter_async_context(lone.connection())
    return {
        "held": held.users.find_by_id,
        "pipelines": piped.users.find_by_id,
        "merged": merged.users.find_by_id,
    }
