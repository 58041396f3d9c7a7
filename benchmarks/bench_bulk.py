r"""Rows created in bulk: `resources.bulk_create` against a plain COPY and two usual inserts.

The first baseline is the limit: the COPY of a text that is ready, as `\copy` of psql sends a file.
It makes no public ids, checks nothing, and ends at the first bad row. The others are SQLAlchemy's
insert of many rows and psycopg's executemany, each in one transaction, and Prisma's createMany with
skipDuplicates, 100 rows each, as a process of Node that `npm install` in `prisma/` makes ready.

All insert the same resources, with the same public ids, into the same table. The table is
emptied and vacuumed before each turn. It is in a copy of the seeded database, so that the rows have
a user to refer to, and its other tables are empty. synchronous_commit is off, because all wait for
the disk once, and equally long.

The bar says that 0.45 of the rate of the COPY is reached, which is 2.22 of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from time import perf_counter
from typing import Any, Final, NamedTuple, TypeAlias

import psycopg
import sqlalchemy
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from sqlalchemy.pool import NullPool

from vrooli_data import CreateResource, Database, HeldConnection
from vrooli_data._rows import Row

from . import _prisma
from ._database import scratch_database
from ._measure import Effort, Table, compare, in_fresh_process
from ._pinning import pin_backends, pin_client

_OURS, _COPY, _MANY, _LOOP = "bulk_create", "COPY", "executemany of psycopg", "SQLAlchemy"
_PRISMA: Final = "Prisma"
#: Of the time, for 0.45 of the rate.
_BAR: Final = 2.22
_WARM_UP: Final = 2_000

_COPY_TEXT: Final = (
    "COPY resources (public_id, resource_type, is_private, created_by_id) FROM STDIN"
)
_INSERT: Final = """
INSERT INTO resources (public_id, resource_type, is_private, created_by_id)
VALUES (%s, %s, %s, %s)
"""
_RESOURCES = sqlalchemy.table(
    "resources",
    sqlalchemy.column("public_id", sqlalchemy.Text),
    sqlalchemy.column("resource_type", sqlalchemy.Text),
    sqlalchemy.column("is_private", sqlalchemy.Boolean),
    sqlalchemy.column("created_by_id", sqlalchemy.BigInteger),
)

#: By the id of a user and the number of rows: inserts them.
Contestant: TypeAlias = Callable[[int, int], object]


class Run(NamedTuple):
    """The result of one fresh process: the seconds and the rows, by contestant."""

    measured: dict[str, tuple[float, int]]
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure every contestant; *advance* is told of each run."""
    with scratch_database(url, "bulk", copied=True) as copy_url:
        no_wait_url = make_conninfo(copy_url, options="-c synchronous_commit=off")
        runs: list[Run] = []
        for number in range(effort.hot_runs):
            advance(f"bulk, run {number + 1} of {effort.hot_runs}")
            runs.append(in_fresh_process(measure_inserts, no_wait_url, number, effort.bulk_rows))
    failures = [
        f"{contestant} inserted {rows} of {effort.bulk_rows} resources"
        for run in runs
        for contestant, (_, rows) in run.measured.items()
        if rows != effort.bulk_rows
    ]
    absence = _prisma.absence()
    return [
        Table(
            "Resources created in bulk: bulk_create against others",
            "theirs",
            "ours",
            "ms",
            [
                compare(
                    f"{effort.bulk_rows:,} resources / {baseline}",
                    [[run.measured[baseline][0]] for run in runs],
                    [[run.measured[_OURS][0]] for run in runs],
                    per_unit=1e3,
                    bar=_BAR if baseline == _COPY else None,
                )
                for baseline in (_COPY, _LOOP, _MANY, *(() if absence else (_PRISMA,)))
            ],
            "; ".join(filter(None, (runs[0].pinning, absence))),
            failures,
        )
    ]


def measure_inserts(url: str, number: int, rows: int) -> Run:
    """Let each contestant insert the rows once. Runs in a process of its own."""
    pin_client()
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    )
    with (
        Database.connect(url) as db,
        db.connection() as held,
        psycopg.connect(url, autocommit=True) as connection,
        engine.connect() as theirs,
        nullcontext() if _prisma.absence() else _prisma.peer(url) as prisma,
    ):
        with theirs.begin():
            their_pid = int(theirs.execute(sqlalchemy.text("SELECT pg_backend_pid()")).scalar_one())
        pids = [held.connection.info.backend_pid, connection.info.backend_pid, their_pid]
        if prisma is not None:
            # Warm, as nobody else has to be: the table is emptied before each turn.
            prisma.create(None, _WARM_UP)
            pids.append(prisma.backend)
        pinning = pin_backends(connection.info, pids)
        contestants: list[tuple[str, Contestant]] = [
            (_OURS, partial(_create, held)),
            (_COPY, partial(_copy, connection)),
            (_LOOP, partial(_insert_by_sqlalchemy, theirs)),
            (_MANY, partial(_insert_many, connection)),
        ]
        if prisma is not None:
            contestants.append((_PRISMA, prisma.create))
        count = len(contestants)
        # Each run starts with another one.
        measured = {
            name: _turn(connection, contestant, rows)
            for name, contestant in (contestants * 2)[number % count :][:count]
        }
    return Run(measured, pinning)


def _turn(connection: Connection[Row], contestant: Contestant, count: int) -> tuple[float, int]:
    """Return the seconds and the number of rows."""
    connection.execute("TRUNCATE resources CASCADE")
    connection.execute("VACUUM resources")
    ((user_id,),) = connection.execute("SELECT min(id) FROM users").fetchall()
    started = perf_counter()
    contestant(user_id, count)
    seconds = perf_counter() - started
    ((rows,),) = connection.execute("SELECT count(*) FROM resources").fetchall()
    return seconds, rows


def _values(user_id: int, count: int) -> Iterator[tuple[Any, ...]]:
    return ((f"{number:012}", "Note", False, user_id) for number in range(count))


def _create(held: HeldConnection, user_id: int, count: int) -> None:
    held.resources.bulk_create(
        CreateResource(public_id=public_id, resource_type="Note", created_by_id=user_id)
        for public_id, _, _, user_id in _values(user_id, count)
    )


def _copy(connection: Connection[Row], user_id: int, count: int) -> None:
    text = "".join(f"{number:012}\tNote\tf\t{user_id}\n" for number in range(count))
    with connection.cursor().copy(_COPY_TEXT) as copy:
        copy.write(text)


def _insert_by_sqlalchemy(connection: sqlalchemy.Connection, user_id: int, count: int) -> None:
    names = ("public_id", "resource_type", "is_private", "created_by_id")
    rows = [dict(zip(names, row, strict=True)) for row in _values(user_id, count)]
    with connection.begin():
        connection.execute(_RESOURCES.insert(), rows)


def _insert_many(connection: Connection[Row], user_id: int, count: int) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(_INSERT, _values(user_id, count))
