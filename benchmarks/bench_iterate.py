"""All rows of a listing: `resources.iter_by_type` against cursors of psycopg.

Ours reads keyset batches of 1 000 rows on a held connection, each by a statement of its own. The
baselines read the same rows in the same order, and build the same records. One is a cursor of the
server, by fetchmany of 1 000 in a transaction. The other is `stream()`, which reads the result as
it comes, in chunks of 1 000 where libpq can.

All read the same resources of a database that has no others. Each reads them three times in a run.

There is no bar: a cursor of the server keeps one scan open, and a batch begins a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import starmap
from time import perf_counter
from typing import Any, Final, NamedTuple, TypeAlias

import psycopg
from psycopg import Connection, RawCursor, RawServerCursor, capabilities

from vrooli_data import Database, HeldConnection, Resource
from vrooli_data._binding import own_queries
from vrooli_data._rows import Row

from ._database import scratch_database
from ._measure import Effort, Table, compare, in_fresh_process
from ._pinning import pin_backends, pin_client

_OURS, _CURSOR, _STREAM = "iter_by_type", "a cursor of the server", "stream of psycopg"
_TURNS: Final = 3
_SIZE: Final = 1_000
_STATEMENT, *_ = (
    own_queries("resources").listing("find_by_type__created_at", Resource, key="created_at").queries
)
_EVERY: Final = 2**31 - 1
_INSERT: Final = """
INSERT INTO resources (public_id, resource_type, has_complete_version, created_at)
SELECT lpad(number::text, 12, '0'), 'Note', TRUE, now() - number * interval '1 second'
FROM generate_series(1, %s) AS number
"""

#: Reads the rows, and returns how many.
Contestant: TypeAlias = Callable[[], int]


class Run(NamedTuple):
    """The result of one fresh process: the seconds of each turn, and the rows, by contestant."""

    measured: dict[str, tuple[list[float], int]]
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure every contestant; *advance* is told of each run."""
    with scratch_database(url, "iterate", copied=False) as own_url:
        add_resources(own_url, effort.bulk_rows)
        runs: list[Run] = []
        for number in range(effort.hot_runs):
            advance(f"iterate, run {number + 1} of {effort.hot_runs}")
            runs.append(in_fresh_process(measure_iterations, own_url, number))
    failures = [
        f"{contestant} read {rows} of {effort.bulk_rows} resources"
        for run in runs
        for contestant, (_, rows) in run.measured.items()
        if rows != effort.bulk_rows
    ]
    return [
        Table(
            "All rows of a listing: iter_by_type against others",
            "theirs",
            "ours",
            "ms",
            [
                compare(
                    f"{effort.bulk_rows:,} resources / {baseline}",
                    [run.measured[baseline][0] for run in runs],
                    [run.measured[_OURS][0] for run in runs],
                    per_unit=1e3,
                )
                for baseline in (_CURSOR, _STREAM)
            ],
            runs[0].pinning,
            failures,
        )
    ]


def add_resources(url: str, count: int) -> None:
    """Insert listed resources, the newest first, and gather statistics."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_INSERT, (count,))
        connection.execute("VACUUM ANALYZE resources")


def measure_iterations(url: str, number: int) -> Run:
    """Let each contestant read the rows in turn. Runs in a process of its own."""
    pin_client()
    with (
        Database.connect(url) as db,
        db.connection() as held,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        pids = [held.connection.info.backend_pid, connection.info.backend_pid]
        pinning = pin_backends(connection.info, pids)
        contestants: list[tuple[str, Contestant]] = [
            (_OURS, partial(_iterate, held)),
            (_CURSOR, partial(_fetch, connection)),
            (_STREAM, partial(_stream, connection)),
        ]
        count = len(contestants)
        measured: dict[str, tuple[list[float], int]] = {name: ([], 0) for name, _ in contestants}
        for turn in range(number, number + _TURNS):
            # Each turn starts with another one.
            for name, contestant in (contestants * 2)[turn % count :][:count]:
                started = perf_counter()
                rows = contestant()
                seconds, _ = measured[name]
                measured[name] = ([*seconds, perf_counter() - started], rows)
    return Run(measured, pinning)


def _iterate(held: HeldConnection) -> int:
    return sum(1 for _ in held.resources.iter_by_type("Note", batch_size=_SIZE))


def _fetch(connection: Connection[Row]) -> int:
    count = 0
    with connection.transaction(), RawServerCursor(connection, "listing") as cursor:
        cursor.execute(_STATEMENT.statement, ("Note", _EVERY), binary=True)
        while rows := cursor.fetchmany(_SIZE):
            count += sum(1 for _ in starmap(Resource, rows))
    return count


def _stream(connection: Connection[Row]) -> int:
    size = _SIZE if capabilities.has_stream_chunked() else 1
    parameters: tuple[Any, ...] = ("Note", _EVERY)
    with RawCursor(connection) as cursor:
        rows = cursor.stream(_STATEMENT.statement, parameters, binary=True, size=size)
        return sum(1 for _ in starmap(Resource, rows))
