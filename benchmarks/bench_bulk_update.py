"""Optimistic updates of many resources: one statement against one for each.

Ours is `bulk_update` on a held connection. The baselines send one UPDATE for each resource, by its
id and the revision that was read, in one transaction. One is a loop of SQLAlchemy that reads the
row count of each, as a careful program does, and so is one of Prisma's updateMany, in a process of
Node that `npm install` in `prisma/` makes ready. The other is psycopg's executemany, which sends a
pipeline and returns only the total row count.

All change the same resources, in random order, in a copy of the seeded database that is dropped
afterwards. The table is vacuumed before each turn. synchronous_commit is off, because all wait for
the disk once, and equally long.

The bar: a thirtieth of the time of Prisma's loop.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from time import perf_counter
from typing import Final, NamedTuple, TypeAlias

import psycopg
import sqlalchemy
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from sqlalchemy.pool import NullPool

from vrooli_data import BulkUpdateResource, Database, HeldConnection
from vrooli_data._rows import Row

from . import _prisma
from ._database import scratch_database
from ._measure import Effort, Table, compare, in_fresh_process
from ._pinning import pin_backends, pin_client

_SIZES = (300, 10_000)
_OURS, _LOOP, _MANY = "bulk_update", "a loop of SQLAlchemy", "executemany of psycopg"
_PRISMA: Final = "a loop of Prisma"
_BAR: Final = 1 / 30

_FIND = "SELECT id, revision, NOT is_private FROM resources ORDER BY public_id LIMIT %s"
_UPDATE = """
UPDATE resources
SET is_private = %s, revision = revision + 1, updated_at = now()
WHERE id = %s AND revision = %s
"""
_RESOURCES = sqlalchemy.table(
    "resources",
    sqlalchemy.column("id", sqlalchemy.BigInteger),
    sqlalchemy.column("is_private", sqlalchemy.Boolean),
    sqlalchemy.column("revision", sqlalchemy.Integer),
    sqlalchemy.column("updated_at", sqlalchemy.DateTime(timezone=True)),
)
_UPDATE_ONE = (
    _RESOURCES.update()
    .where(
        _RESOURCES.c.id == sqlalchemy.bindparam("resource_id"),
        _RESOURCES.c.revision == sqlalchemy.bindparam("expected_revision"),
    )
    .values(
        is_private=sqlalchemy.bindparam("becomes_private"),
        revision=_RESOURCES.c.revision + 1,
        updated_at=sqlalchemy.func.now(),
    )
)
#: More than the five executions after which psycopg prepares a statement.
_WARM_UP = 20


class Change(NamedTuple):
    """One resource to change, with its revision and its new values."""

    resource_id: int
    expected_revision: int
    becomes_private: bool


#: Makes the changes, and returns the number of changed rows.
Contestant: TypeAlias = Callable[[list[Change]], int]


class Run(NamedTuple):
    """The result of one fresh process: the seconds and the changed rows, by size and contestant."""

    measured: dict[int, dict[str, tuple[float, int]]]
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure both sizes; *advance* is told of each run."""
    with scratch_database(url, "bulk_update", copied=True) as copy_url:
        no_wait_url = make_conninfo(copy_url, options="-c synchronous_commit=off")
        runs: list[Run] = []
        for number in range(effort.hot_runs):
            advance(f"bulk_update, run {number + 1} of {effort.hot_runs}")
            runs.append(in_fresh_process(measure_updates, no_wait_url, number))
    failures = [
        f"{contestant} changed {changed} of {size} resources"
        for run in runs
        for size, found in run.measured.items()
        for contestant, (_, changed) in found.items()
        if changed != size
    ]
    absence = _prisma.absence()
    return [
        Table(
            f"Optimistic updates of many resources: bulk_update against {baseline}",
            "theirs",
            "ours",
            "ms",
            [
                compare(
                    f"{size:,} resources",
                    [[run.measured[size][baseline][0]] for run in runs],
                    [[run.measured[size][_OURS][0]] for run in runs],
                    per_unit=1e3,
                    bar=_BAR if baseline == _PRISMA else None,
                )
                for size in runs[0].measured
            ],
            "; ".join(filter(None, (runs[0].pinning, absence))),
            failures if baseline == _LOOP else [],
        )
        for baseline in (_LOOP, _MANY, *(() if absence else (_PRISMA,)))
    ]


def measure_updates(url: str, number: int) -> Run:
    """Let each contestant make the changes once for each size. Runs in a process of its own."""
    pin_client()
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    )
    measured: dict[int, dict[str, tuple[float, int]]] = {}
    with (
        Database.connect(url) as db,
        db.connection() as held,
        psycopg.connect(url, autocommit=True) as connection,
        engine.connect() as theirs,
        nullcontext() if _prisma.absence() else _prisma.peer(url) as prisma,
    ):
        pids = [held.connection.info.backend_pid, connection.info.backend_pid, _backend(theirs)]
        if prisma is not None:
            pids.append(prisma.backend)
        pinning = pin_backends(connection.info, pids)
        contestants: list[tuple[str, Contestant]] = [
            (_OURS, partial(_update_by_one, held)),
            (_LOOP, partial(_update_in_a_loop, theirs)),
            (_MANY, partial(_update_many, connection)),
        ]
        if prisma is not None:
            contestants.append((_PRISMA, prisma.update))
        count = len(contestants)
        for size in _SIZES:
            # Each run starts with another one.
            found = {
                name: _turn(connection, contestant, size)
                for name, contestant in (contestants * 2)[number % count :][:count]
            }
            rows = connection.execute("SELECT count(*) FROM resources").fetchall()
            measured[min(size, rows[0][0])] = found
    return Run(measured, pinning)


def _turn(connection: Connection[Row], contestant: Contestant, size: int) -> tuple[float, int]:
    """Return the seconds and the number of changed rows."""
    contestant(_changes(connection, _WARM_UP))
    connection.execute("VACUUM resources")
    changes = _changes(connection, size)
    started = perf_counter()
    changed = contestant(changes)
    return perf_counter() - started, changed


def _changes(connection: Connection[Row], size: int) -> list[Change]:
    return [Change(*row) for row in connection.execute(_FIND, (size,))]


def _backend(connection: sqlalchemy.Connection) -> int:
    with connection.begin():
        return int(connection.execute(sqlalchemy.text("SELECT pg_backend_pid()")).scalar_one())


def _update_by_one(held: HeldConnection, changes: list[Change]) -> int:
    return held.resources.bulk_update(
        [
            BulkUpdateResource(id=id, expected_revision=revision, is_private=is_private)
            for id, revision, is_private in changes
        ]
    ).updated


def _update_in_a_loop(connection: sqlalchemy.Connection, changes: list[Change]) -> int:
    with connection.begin():
        return sum(connection.execute(_UPDATE_ONE, change._asdict()).rowcount for change in changes)


def _update_many(connection: Connection[Row], changes: list[Change]) -> int:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            _UPDATE, [(is_private, id, revision) for id, revision, is_private in changes]
        )
        return cursor.rowcount
