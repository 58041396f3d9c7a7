"""Relays, backends and a server are killed: committed events are delivered, in order per entity.

``python -m tests.test_relay_killed SECONDS`` runs it for longer, and prints what it counted.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from tests.cli import ENVIRONMENT
from tests.embedded_folders import open_folder
from tests.factories import Factory
from tests.test_import_killed import SETTINGS, kill_server, until_served
from vrooli_data import ChangeEvent, CreateEvent, Database, VrooliDataError, embedded, migrate

pytestmark = pytest.mark.slow("killed relays")

SECONDS = 6.0
WRITERS = 8
RELAYS = 3
ENTITIES = 40
#: Each line is written at once, so that the lines of all relays are in the order of the deliveries.
PROGRAM = """
import os, signal, sys, time
from vrooli_data import Database, Unavailable

file = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def deliver(event):
    os.write(file, f"{event.entity_id} {event.seq} {event.event_id}\\n".encode())
    time.sleep(0.003)

def connect():
    # A server that is out of reach when a process starts is an error, which a supervisor answers.
    while True:
        try:
            return db.open()
        except Unavailable:
            time.sleep(0.1)

db = Database.connect(sys.argv[1], max_size=1, application_name="relay")
relay = db.events.relay(
    deliver, batch_size=20, lease=1.0, poll_interval=0.02
)
signal.signal(signal.SIGTERM, lambda *_: relay.stop())
connect()
relay.run()
db.close()
"""
#: Is killed when all that it claimed is handed over, and before it publishes any of it.
KILLED = """
import os, signal, sys
from vrooli_data import Database
from vrooli_data._sync.relay import Claim

Claim.publish = lambda claim: os.kill(os.getpid(), signal.SIGKILL)

with Database.connect(sys.argv[1], max_size=1) as db:
    relay = db.events.relay(lambda event: print(event.event_id, flush=True), lease=1_000.0)
    relay.poll()
"""
#: Sessions of the writers, one of three at a time.
TERMINATE = """
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE application_name = ANY (ARRAY['relay', 'writer']) AND random() < 0.3
"""


class RollBack(Exception):
    """The error that rolls a transaction back."""


class Counts(NamedTuple):
    """The numbers of one run."""

    committed: int
    rolled_back: int
    in_doubt: int
    deliveries: int
    duplicates: int
    killed_relays: int
    terminated: int


class Writer(threading.Thread):
    """Records events, and rolls some back, until it is stopped."""

    def __init__(self, db: Database, number: int, stop: threading.Event) -> None:
        super().__init__()
        self.db, self.stop, self.chance = db, stop, random.Random(number)
        self.committed: set[UUID] = set()
        self.rolled_back: set[UUID] = set()
        self.in_doubt: set[UUID] = set()

    def roll_back_some(self) -> None:
        if self.chance.random() < 0.2:
            raise RollBack

    def run(self) -> None:
        while not self.stop.is_set():
            event = CreateEvent(
                user_id=1,
                entity_type="thing",
                entity_id=self.chance.randint(1, ENTITIES),
                change_type="changed",
                event_id=uuid4(),
            )
            assert isinstance(event.event_id, UUID)
            try:
                with self.db.transaction() as tx:
                    tx.events.record(event)
                    self.roll_back_some()
            except RollBack:
                self.rolled_back.add(event.event_id)
            except VrooliDataError:
                self.in_doubt.add(event.event_id)
            else:
                self.committed.add(event.event_id)
            self.stop.wait(0.002)


def start_relay(url: str, file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, file], env=ENVIRONMENT, stderr=subprocess.DEVNULL
    )


def run(folder: Path, file: Path, seconds: float) -> Counts:
    """Record and deliver events while processes are killed; check and count the delivered ones."""
    url = make_conninfo(embedded.start(folder, settings=SETTINGS))
    migrate(url)
    chance = random.Random(1)
    stop = threading.Event()
    killed = terminated = 0
    with Database.connect(url, max_size=WRITERS, application_name="writer", timeout=2) as db:
        writers = [Writer(db, number, stop) for number in range(WRITERS)]
        relays = [start_relay(url, file) for _ in range(RELAYS)]
        try:
            for writer in writers:
                writer.start()
            begun = time.monotonic()
            is_server_killed = False
            while (passed := time.monotonic() - begun) < seconds:
                time.sleep(chance.uniform(0.2, 0.6))
                if passed > seconds / 2 and not is_server_killed:
                    is_server_killed = True
                    kill_server(folder)
                    until_served(url)
                elif chance.random() < 0.5:
                    number = chance.randrange(RELAYS)
                    relays[number].kill()
                    relays[number].wait(60)
                    relays[number] = start_relay(url, file)
                    killed += 1
                else:
                    with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as admin:
                        terminated += len(admin.execute(TERMINATE).fetchall())
            stop.set()
            for writer in writers:
                writer.join(120)
            rows = wait_until_published(url, relays)
        finally:
            stop.set()
            for relay in relays:
                relay.terminate()
            statuses = [relay.wait(60) for relay in relays]
    assert statuses == [0] * RELAYS
    return check(writers, rows, file.read_text().splitlines(), killed, terminated)


def wait_until_published(url: str, relays: list[subprocess.Popen[bytes]]) -> list[tuple[Any, ...]]:
    """Wait until all events are published, and return them."""
    deadline = time.monotonic() + 120
    with psycopg.connect(url, autocommit=True) as admin:
        while admin.execute(
            "SELECT count(*) FROM change_events WHERE published_at IS NULL"
        ).fetchone() != (0,):
            assert time.monotonic() < deadline
            assert all(relay.poll() is None for relay in relays)
            time.sleep(0.05)
        return admin.execute("SELECT event_id, entity_id, seq FROM change_events").fetchall()


def check(
    writers: list[Writer],
    rows: list[tuple[Any, ...]],
    lines: list[str],
    killed: int,
    terminated: int,
) -> Counts:
    there = {event_id for event_id, _, _ in rows}
    committed = set[UUID]().union(*(writer.committed for writer in writers))
    rolled_back = set[UUID]().union(*(writer.rolled_back for writer in writers))
    in_doubt = set[UUID]().union(*(writer.in_doubt for writer in writers))
    assert committed <= there
    assert not rolled_back & there
    delivered: set[UUID] = set()
    first: dict[int, list[int]] = defaultdict(list)
    for line in lines:
        entity, seq, event_id = line.split()
        if UUID(event_id) not in delivered:
            delivered.add(UUID(event_id))
            first[int(entity)].append(int(seq))
    assert delivered == there
    for seqs in first.values():
        assert seqs == sorted(seqs)
    return Counts(
        len(there),
        len(rolled_back),
        len(in_doubt),
        len(lines),
        len(lines) - len(delivered),
        killed,
        terminated,
    )


@pytest.mark.core
def test_a_relay_that_is_killed_before_it_publishes_leaves_its_events_until_the_lease_ends(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    recorded = [make.event(1, entity_id=entity) for entity in (1, 2, 1, 2, 1)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, database_url],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout.split() == [str(each) for each in recorded]
    # One more that nobody has claimed waits behind those of its entity.
    recorded.append(make.event(1, entity_id=1))
    delivered: list[ChangeEvent] = []
    with Database.connect(database_url, max_size=1) as db:
        relay = db.events.relay(delivered.append)
        assert relay.poll() == 0
        admin.execute("UPDATE change_events SET claimed_until = now() WHERE claimed_by IS NOT NULL")
        while relay.poll():
            pass
    assert sorted(each.event_id for each in delivered) == sorted(recorded)
    for entity in (1, 2):
        seqs = [each.seq for each in delivered if each.entity_id == entity]
        assert seqs == sorted(seqs)
    assert admin.execute(
        "SELECT count(*) FROM change_events WHERE published_at IS NULL"
    ).fetchone() == (0,)


def test_every_committed_event_is_delivered_in_order_whatever_is_killed(tmp_path: Path) -> None:
    with open_folder() as folder:
        counts = run(folder, tmp_path / "deliveries", SECONDS)
    assert counts.committed
    assert counts.killed_relays
    assert counts.terminated


if __name__ == "__main__":
    with open_folder() as own_folder:
        print(run(own_folder, own_folder / "deliveries", float(sys.argv[1])))  # noqa: T201
