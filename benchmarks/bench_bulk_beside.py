"""A bulk load beside 8 writers of the same table: how long they wait, and that nothing is lost.

`resources.bulk_create` updates what is there already, in batches of 1 000. Each writer makes, again
and again, a resource of its own, one that the load brings too, and a transaction that counts views
of two resources of the load, in any order. So writers wait for batches, batches for writers, and
some of them for one another.

The table compares the longest write of a run with that of writers who are alone. It is a failure
where a row or a view is lost, or where anything but a refusal that is expected reaches the caller,
such as a deadlock.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import perf_counter
from typing import Final, NamedTuple

import psycopg

from vrooli_data import AlreadyExists, CreateResource, Database, NotFound, Transaction

from ._database import scratch_database
from ._measure import Effort, Table, compare, in_fresh_process

_WRITERS: Final = 8
_BATCH: Final = 1_000
#: Rounds of each writer who is alone.
_ROUNDS: Final = 100
_COUNTS: Final = "SELECT count(*), sum(views)::bigint FROM resources"


class Written(NamedTuple):
    """What one writer did."""

    #: Seconds of each write.
    seconds: list[float]
    #: Rows that it has inserted, and views that it has counted.
    rows: int
    views: int


class Run(NamedTuple):
    """The result of one fresh process."""

    longest_alone: float
    longest_beside: float
    writes: int
    load_seconds: float
    failures: list[str]


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure the writers, alone and beside a load; *advance* is told of each run."""
    rows = 10 * effort.bulk_rows
    runs: list[Run] = []
    for number in range(effort.hot_runs):
        advance(f"bulk_beside, run {number + 1} of {effort.hot_runs}")
        with scratch_database(url, "beside", copied=False) as own_url:
            runs.append(in_fresh_process(measure_writers, own_url, rows, number))
    return [
        Table(
            f"The longest write of {_WRITERS} writers: beside a load against alone",
            "alone",
            "beside",
            "ms",
            [
                compare(
                    f"bulk_create of {rows:,} resources",
                    [[run.longest_alone] for run in runs],
                    [[run.longest_beside] for run in runs],
                    per_unit=1e3,
                    counts={
                        "load, ms": round(1e3 * max(run.load_seconds for run in runs)),
                        "writes": sum(run.writes for run in runs),
                    },
                )
            ],
            "of all runs: the longest load, and the writes beside it",
            [failure for run in runs for failure in run.failures],
        )
    ]


def measure_writers(url: str, rows: int, number: int) -> Run:
    """Let the writers write alone, and beside the load. Runs in a process of its own."""
    ended = Event()
    with (
        Database.connect(url, max_size=_WRITERS + 1) as db,
        ThreadPoolExecutor(_WRITERS) as threads,
    ):
        alone = [
            threads.submit(_write, db, rows, 100 * number + writer, ended, _ROUNDS)
            for writer in range(_WRITERS)
        ]
        before = [writer.result() for writer in alone]
        writers = [
            threads.submit(_write, db, rows, 100 * number + writer, ended, None)
            for writer in range(_WRITERS, 2 * _WRITERS)
        ]
        started = perf_counter()
        try:
            result = db.resources.bulk_create(
                (
                    CreateResource(public_id=_public_id(place), resource_type="Note")
                    for place in range(rows)
                ),
                on_duplicate="update",
                batch_size=_BATCH,
            )
            load_seconds = perf_counter() - started
        finally:
            ended.set()
        beside = [writer.result() for writer in writers]
    with psycopg.connect(url) as connection:
        [found] = connection.execute(_COUNTS).fetchall()
    written = [*before, *beside]
    expected = (
        result.inserted + sum(each.rows for each in written),
        sum(each.views for each in written),
    )
    failures = []
    if found != expected:
        failures.append(f"the rows and views are {found}, not {expected}")
    if (result.inserted + result.updated, result.failures) != (rows, []):
        failures.append(f"{rows - result.inserted - result.updated} rows were not loaded")
    return Run(
        max(second for each in before for second in each.seconds),
        max(second for each in beside for second in each.seconds),
        sum(len(each.seconds) for each in beside),
        load_seconds,
        failures,
    )


def _write(db: Database, rows: int, seed: int, ended: Event, rounds: int | None) -> Written:
    """Write for some rounds, or until the load has ended."""
    choose = random.Random(seed)
    seconds: list[float] = []
    inserted = views = place = 0

    def create(public_id: str | None) -> int:
        try:
            db.resources.create(CreateResource(public_id=public_id, resource_type="Api"))
        except AlreadyExists:
            return 0
        return 1

    def count_two() -> int:
        wanted = [_public_id(choose.randrange(rows)) for _ in range(2)]

        def body(tx: Transaction) -> None:
            for public_id in wanted:
                tx.resources.increment_views(public_id)

        try:
            db.transact(body, isolation="read committed")
        except NotFound:
            # The load has not come to it yet.
            return 0
        return 2

    while place < rounds if rounds is not None else not ended.is_set():
        place += 1
        started = perf_counter()
        inserted += create(None)
        created = perf_counter()
        inserted += create(_public_id(choose.randrange(rows)))
        created_too = perf_counter()
        views += count_two()
        counted = perf_counter()
        seconds += [created - started, created_too - created, counted - created_too]
    return Written(seconds, inserted, views)


def _public_id(place: int) -> str:
    return f"{place:012}"
