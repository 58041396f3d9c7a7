"""Views counted on one hot row and on many: direct, buffered, and in a side table.

8 workers count the same views: all of one resource, or spread evenly over many. Direct is
`resources.increment_views`, which moves the entries of the indexes that listings are sorted by. A
`ViewBuffer` sums up in the process, and writes at the end of its block. The side tables belong to
the benchmark: a ledger, which is given a row for each view, and a row for each resource, updated
without an index entry (HOT). Psycopg writes to them, which is less work than our methods do. A
statement at the end moves their sums into `resources.views`. Prisma's update with an increment is
the source's own way: a process of Node with as many connections, which `npm install` in `prisma/`
makes ready.

The time of each contestant ends when all views are in `resources.views`, where they are added up. A
wrong sum is a wrong result. synchronous_commit is on: waiting for the disk while a row is locked is
a part of what a hot row costs. Rounds are interleaved, and each begins with another contestant.

An empty database is used, and dropped afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from time import perf_counter
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import Connection

from vrooli_data import CreateResource, Database, HeldConnection, ViewBuffer

from . import _prisma
from ._database import scratch_database
from ._measure import Effort, Table, compare, in_fresh_process
from ._steps import in_threads

_WORKERS: Final = 8
_WARM_UP: Final = 20
_DIRECT, _BUFFERED, _HOT, _LEDGER = "direct", "buffered", "a HOT row each", "ledger"
_PRISMA: Final = "Prisma's update"

_SIDE_TABLES: Final = """
CREATE TABLE view_sums (public_id text PRIMARY KEY, views bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE view_ledger (public_id text NOT NULL);
INSERT INTO view_sums SELECT public_id, 0 FROM resources ORDER BY public_id;
"""
_PREPARE: Final[tuple[LiteralString, ...]] = (
    "UPDATE resources SET views = 0 WHERE views > 0",
    "VACUUM ANALYZE resources",
    "VACUUM ANALYZE view_sums",
    "VACUUM ANALYZE view_ledger",
)
_SUM: Final = "SELECT sum(views)::bigint, count(*) FILTER (WHERE views > 0) FROM resources"
_ADD_TO_SUM: Final = "UPDATE view_sums SET views = views + 1 WHERE public_id = %s"
_ADD_TO_LEDGER: Final = "INSERT INTO view_ledger VALUES (%s)"
_MOVE_SUMS: Final = """
WITH cur AS (
    SELECT public_id, views FROM view_sums WHERE views > 0 ORDER BY public_id FOR UPDATE
), moved AS (
    UPDATE view_sums SET views = 0 FROM cur WHERE view_sums.public_id = cur.public_id
)
UPDATE resources SET views = resources.views + cur.views
FROM cur
WHERE resources.public_id = cur.public_id
"""
_MOVE_LEDGER: Final = """
WITH taken AS (
    DELETE FROM view_ledger RETURNING public_id
), cur AS (
    SELECT public_id, count(*) AS views FROM taken GROUP BY public_id
)
UPDATE resources SET views = resources.views + cur.views
FROM cur
WHERE resources.public_id = cur.public_id
"""


class Run(NamedTuple):
    """The result of one fresh process: seconds by contestant."""

    seconds: dict[str, float]
    failures: list[str]


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure one hot row and many rows; *advance* is called for each run."""
    views = effort.bulk_rows
    tables = []
    with scratch_database(url, "counters", copied=False) as own_url:
        _fill(own_url, effort.bulk_rows)
        for rows in (1, effort.bulk_rows):
            runs: list[Run] = []
            for number in range(effort.hot_runs):
                advance(f"counters, {rows:,} rows, run {number + 1} of {effort.hot_runs}")
                runs.append(in_fresh_process(measure_views, own_url, number, rows, views))
            tables.append(_table(rows, views, runs))
    return tables


def _table(rows: int, views: int, runs: list[Run]) -> Table:
    absence = _prisma.absence()
    direct = [[run.seconds[_DIRECT] / views] for run in runs]
    comparisons = [
        compare(
            subject,
            direct,
            [[run.seconds[subject] / views] for run in runs],
            counts={
                f"{name}, 1/s": round(views / min(run.seconds[key] for run in runs))
                for name, key in (("direct", _DIRECT), ("other", subject))
            },
        )
        for subject in (_BUFFERED, _HOT, _LEDGER, *(() if absence else (_PRISMA,)))
    ]
    where = "one hot row" if rows == 1 else f"{rows:,} rows"
    title = f"Views on {where}, {_WORKERS} workers: others against increment_views"
    failures = [f"{where}, {failure}" for run in runs for failure in run.failures]
    note = "; ".join(filter(None, (f"{views:,} views a run", absence)))
    return Table(title, "direct", "other", "µs", comparisons, note, failures)


def _fill(url: str, rows: int) -> None:
    with Database.connect(url) as db:
        db.resources.bulk_create(
            CreateResource(public_id=_public_id(place), resource_type="Note")
            for place in range(rows)
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SIDE_TABLES)


def measure_views(url: str, number: int, rows: int, views: int) -> Run:
    """Let each contestant count the views once. Runs in a process of its own."""
    seconds: dict[str, float] = {}
    failures: list[str] = []
    each = [
        [_public_id(place * rows // views) for place in range(worker, views, _WORKERS)]
        for worker in range(_WORKERS)
    ]
    counted = len({public_id for viewed in each for public_id in viewed})
    with (
        psycopg.connect(url, autocommit=True) as admin,
        Database.connect(url, min_size=_WORKERS, max_size=_WORKERS) as db,
        nullcontext() if _prisma.absence() else _prisma.peer(url, _WORKERS) as prisma,
    ):
        contestants: list[tuple[str, Callable[[], object]]] = [
            (_DIRECT, partial(_in_workers, db, _count_directly, each)),
            (_BUFFERED, partial(_count_buffered, db, each)),
            (_HOT, partial(_count_beside, db, admin, _ADD_TO_SUM, _MOVE_SUMS, each)),
            (_LEDGER, partial(_count_beside, db, admin, _ADD_TO_LEDGER, _MOVE_LEDGER, each)),
        ]
        if prisma is not None:
            # Its connections are opened here, as those of the pool were.
            prisma.view([viewed[:_WARM_UP] for viewed in each])
            contestants.append((_PRISMA, partial(prisma.view, each)))
        count = len(contestants)
        # Each run starts with another one.
        for name, contestant in (contestants * 2)[number % count :][:count]:
            for statement in _PREPARE:
                admin.execute(statement)
            started = perf_counter()
            contestant()
            seconds[name] = perf_counter() - started
            [found] = admin.execute(_SUM).fetchall()
            if found != (views, counted):
                failures.append(f"{name}: views and rows are {found}, not {(views, counted)}")
    return Run(seconds, failures)


def _in_workers(
    db: Database, count: Callable[[HeldConnection, list[str]], object], each: list[list[str]]
) -> None:
    def work(worker: int) -> None:
        with db.connection() as held:
            count(held, each[worker])

    in_threads(work, _WORKERS)


def _count_directly(held: HeldConnection, viewed: list[str]) -> None:
    for public_id in viewed:
        held.resources.increment_views(public_id)


def _count_buffered(db: Database, each: list[list[str]]) -> None:
    def count(worker: int) -> None:
        for public_id in each[worker]:
            buffer.add(public_id)

    with ViewBuffer(db) as buffer:
        in_threads(count, _WORKERS)


def _count_beside(
    db: Database,
    admin: Connection[Any],
    add: LiteralString,
    move: LiteralString,
    each: list[list[str]],
) -> None:
    def count(held: HeldConnection, viewed: list[str]) -> None:
        for public_id in viewed:
            held.connection.execute(add, (public_id,))

    _in_workers(db, count, each)
    admin.execute(move)


def _public_id(place: int) -> str:
    return f"{place:012}"
