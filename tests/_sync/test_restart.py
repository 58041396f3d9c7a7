# Generated from tests/_async/test_restart.py by tools/unasync.py. Do not edit.
"""A server that is restarted under load: nobody notices more than a wait."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.embedded_folders import FAST, open_folder
from vrooli_data import (
    CreateUser,
    Database,
    RetryPolicy,
    Transaction,
    Unavailable,
    embedded,
    migrate,
)

from ._compat import PATIENCE, Started, blocking, pause
from .whole_pool import check_whole

logger = logging.getLogger(__name__)

WORKERS = 6
#: Seconds; a pool left to itself tries again after 7 of them, and then after 15.
OUTAGES = (0.0, 8.0)
#: Seconds from the server's start to the first answer: some ms, and more on a busy machine.
AT_ONCE = 4.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """Start a server that is this test's alone."""
    with open_folder() as folder:
        migrate(embedded.start(folder, settings=FAST))
        yield folder


class Load:
    """Work that goes on until it is told to stop."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.is_over = False
        self.latest = 0.0
        self.written: list[str] = []

    def run(self, worker: int) -> None:
        """Read and write in turn; the first error ends it."""
        number = 0
        while not self.is_over:
            number += 1
            name = f"{worker}, {number}"
            self.db.transact(partial(create, name=name))
            self.written.append(name)
            self.db.users.find_by_handle("ada")
            self.latest = time.monotonic()


def create(tx: Transaction, name: str) -> None:
    tx.users.create(CreateUser(name=name))


@pytest.mark.slow("servers that stop")
def test_a_restarted_server_is_served_again_at_once_and_nothing_is_lost_or_doubled(
    folder: Path,
) -> None:
    url = embedded.start(folder)
    patient = RetryPolicy(timeout=PATIENCE)
    with Database.connect(url, min_size=4, max_size=4, retry=patient) as db:
        load = Load(db)
        workers = [Started(partial(load.run, worker)) for worker in range(WORKERS)]
        for outage in OUTAGES:
            until_served(load, time.monotonic())
            blocking(partial(embedded.stop, folder))
            pause(outage)
            blocking(partial(embedded.start, folder, settings=FAST))
            up = time.monotonic()
            until_served(load, up)
            logger.info("served %.3f s after an outage of %.1f s", load.latest - up, outage)
            assert load.latest - up < AT_ONCE
        load.is_over = True
        for worker in workers:
            worker.result()
        check_whole(db, 4)
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT name FROM users").fetchall()
    assert sorted(name for (name,) in rows) == sorted(load.written)


@pytest.mark.slow("servers that stop")
def test_a_server_that_is_down_is_named_with_the_reason(folder: Path) -> None:
    once = RetryPolicy(attempts=1)
    with Database.connect(embedded.start(folder), timeout=1.0, retry=once) as db:
        blocking(partial(embedded.stop, folder))
        # The first finds the connection that it has to be dead, and the pool tries to connect.
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"socket.*(No such file|refused)"):
                db.users.find_by_handle("ada")


def until_served(load: Load, since: float) -> None:
    deadline = since + PATIENCE
    while load.latest <= since:
        assert time.monotonic() < deadline
        pause(0.002)
