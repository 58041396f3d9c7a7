"""Workers that add and remove bookmarks while counters are compared and corrected.

``python -m tests.counters_soak URL [OPERATIONS]`` runs it on a migrated database, and empties that.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from threading import Barrier, Event, Thread
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import Database

WORKERS = 16
WATCHED = 50
#: Resources whose counters are put wrong meanwhile.
_SPOILED = 10
_USERS = 20
#: Counter and count of one snapshot.
_WRONG = """
SELECT count(*) FILTER (
    WHERE resources.bookmarks <> (
        SELECT count(*) FROM bookmarks WHERE bookmarks.resource_id = resources.id
    )
)
FROM resources
WHERE resources.id = ANY(%s)
"""

Operation = Callable[[Database, int, int, bool], None]


class Found(NamedTuple):
    """What the checker saw, and how it ended."""

    snapshots: int
    wrong_snapshots: int
    operations: int
    corrected: int
    wrong_at_end: int
    seconds: float


def in_one_statement(db: Database, user_id: int, resource_id: int, adds: bool) -> None:
    """Add or remove a bookmark as the package does."""
    (db.bookmarks.add if adds else db.bookmarks.remove)(user_id, resource_id)


def count_then_update(db: Database, user_id: int, resource_id: int, adds: bool) -> None:
    """Write the row, count the rows, and write the count: three statements."""
    key = (user_id, resource_id)
    with db.connection() as held:
        held.connection.execute(
            "INSERT INTO bookmarks (user_id, resource_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"
            if adds
            else "DELETE FROM bookmarks WHERE user_id = %s AND resource_id = %s",
            key,
        )
        found = held.connection.execute(
            "SELECT count(*) FROM bookmarks WHERE resource_id = %s", (resource_id,)
        ).fetchone()
        held.connection.execute(
            "UPDATE resources SET bookmarks = %s WHERE id = %s", (*(found or ()), resource_id)
        )


def soak(url: str, operations: int, operation: Operation = in_one_statement) -> Found:
    """Let each worker do so many operations; compare, correct and check all along."""
    with (
        psycopg.connect(url, autocommit=True) as admin,
        Database.connect(url, min_size=WORKERS + 1, max_size=WORKERS + 1) as db,
    ):
        admin.execute("TRUNCATE users, resources, counter_reconciliations CASCADE")
        make = Factory(admin)
        users = [make.user() for _ in range(_USERS)]
        resources = [make.resource() for _ in range(WATCHED + _SPOILED)]
        over, start = Event(), Barrier(WORKERS + 1)
        snapshots: list[int] = []
        corrected: list[int] = []

        def work(chance: random.Random) -> None:
            start.wait()
            for _ in range(operations):
                user_id, resource_id = chance.choice(users), chance.choice(resources)
                operation(db, user_id, resource_id, chance.random() < 0.5)

        threads = [Thread(target=work, args=(random.Random(seed),)) for seed in range(WORKERS)]
        others = [
            Thread(target=_check, args=(url, resources[:WATCHED], over, snapshots)),
            Thread(target=_reconcile, args=(db, over, corrected)),
            Thread(target=_spoil, args=(url, resources[WATCHED:], over)),
        ]
        for each in (*threads, *others):
            each.start()
        start.wait()
        begun = time.perf_counter()
        for each in threads:
            each.join()
        seconds = time.perf_counter() - begun
        over.set()
        for each in others:
            each.join()
        while (last := db.counters.reconcile()).checked:
            corrected.append(last.wrong)
        return Found(
            len(snapshots),
            sum(count > 0 for count in snapshots),
            WORKERS * operations,
            sum(corrected),
            _wrong(admin, resources),
            seconds,
        )


def _check(url: str, resources: list[int], over: Event, snapshots: list[int]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while not over.is_set():
            snapshots.append(_wrong(connection, resources))


def _wrong(connection: Connection[Any], resources: list[int]) -> int:
    found = connection.execute(_WRONG, (resources,)).fetchone()
    assert found is not None
    return int(found[0])


def _reconcile(db: Database, over: Event, corrected: list[int]) -> None:
    while not over.is_set():
        db.counters.request_all()
        corrected.append(db.counters.reconcile(batch_size=20).wrong)


def _spoil(url: str, resources: list[int], over: Event) -> None:
    """Put counters wrong, both ways, as another program might."""
    chance = random.Random(0)
    with psycopg.connect(url, autocommit=True) as connection:
        while not over.wait(0.005):
            connection.execute(
                "UPDATE resources SET bookmarks = greatest(bookmarks + %s, 0) WHERE id = %s",
                (chance.choice([-3, 3]), chance.choice(resources)),
            )
        for resource_id in resources:
            connection.execute(
                "UPDATE resources SET bookmarks = bookmarks + 5 WHERE id = %s", (resource_id,)
            )
        connection.execute(
            "INSERT INTO counter_reconciliations (entity_type, entity_id, counter) "
            "SELECT 'resource', id, 'bookmarks' FROM unnest(%s::bigint[]) AS given (id) "
            "ON CONFLICT DO NOTHING",
            (resources,),
        )


if __name__ == "__main__":
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    for each in (in_one_statement, count_then_update):
        sys.stdout.write(f"{each.__name__}: {soak(sys.argv[1], count, each)}\n")
