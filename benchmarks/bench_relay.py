"""Relays and a listener: events per second, and their lags.

Relays: `db.events.relay`, one and three at once, delivers events of many entities that wait. The
baseline is a plain queue of the same rows, with as many consumers: each locks the first 100 that no
other has (SKIP LOCKED), hands them over, and marks them, in one transaction. It keeps no order per
entity, and holds its locks while it hands over. Events that come twice, not at all, or to a relay
in another order than that of their entity, are wrong results.

The lag of a relay: 8 writers record events while one relay delivers them. The baseline is the plain
queue, into which as many writers insert the same rows, with one consumer. Both look again after 50
ms where they found nothing. The lag is the time from the return of the write to the handler.

Listener: 8 writers record events while `db.events.listen` hands them out. The baseline is the time
of the writers themselves, of the same run. The lag is the time from the return of `record` to the
loop, at the median and the 99th percentile. A missing or doubled event, or another order than that
of the positions, is a wrong result.

Relays, consumers and writers are threads of one process. An empty database is used, and dropped
afterwards. synchronous_commit is off, because the wait for a disk would hide the difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from threading import Event
from time import perf_counter, sleep
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from vrooli_data import ChangeEvent, CreateEvent, Database

from ._database import scratch_database
from ._measure import Effort, Table, compare, in_fresh_process
from ._steps import in_threads

_ENTITIES: Final = 1_000
#: Events of each entity, at least: with one, none can come in another order.
_EVENTS_OF_EACH: Final = 10
#: Seconds between two looks that find nothing.
_POLL_INTERVAL: Final = 0.05
_WRITERS: Final = 8
_BATCH: Final = 100
_RELAYS: Final = (1, 3)

_EMPTY: Final = "DROP TABLE IF EXISTS plain_queue; TRUNCATE change_events"
_FILL: Final = """
INSERT INTO change_events (user_id, event_id, entity_type, entity_id, change_type, new_data)
SELECT 1, gen_random_uuid(), 'note', 1 + number %% %s, 'updated', '{"name": "A note"}'
FROM generate_series(0, %s - 1) AS number
ORDER BY number
"""
_COPY: Final = """
CREATE TABLE plain_queue AS TABLE change_events;
ALTER TABLE plain_queue ADD PRIMARY KEY (seq);
CREATE INDEX plain_queue_waiting ON plain_queue (seq) WHERE published_at IS NULL;
"""
_CREATE: Final = """
CREATE TABLE plain_queue (LIKE change_events INCLUDING DEFAULTS INCLUDING IDENTITY);
ALTER TABLE plain_queue ADD PRIMARY KEY (seq);
CREATE INDEX plain_queue_waiting ON plain_queue (seq) WHERE published_at IS NULL;
"""
_INSERT: Final = """
INSERT INTO plain_queue (user_id, event_id, entity_type, entity_id, change_type)
VALUES (1, %s, 'note', %s, 'updated')
"""
_ANALYZE: Final = ("VACUUM ANALYZE change_events", "VACUUM ANALYZE plain_queue")
_TAKE: Final = """
SELECT seq, user_id, event_id, entity_type, entity_id, change_type, changed_fields, new_data
FROM plain_queue
WHERE published_at IS NULL
ORDER BY seq
LIMIT %s
FOR UPDATE SKIP LOCKED
"""
_MARK: Final = "UPDATE plain_queue SET published_at = now() WHERE seq = ANY(%s)"
_WAITING: Final = """
SELECT
    (SELECT count(*) FROM change_events WHERE published_at IS NULL),
    (SELECT count(*) FROM plain_queue WHERE published_at IS NULL)
"""


class Drained(NamedTuple):
    """The result of one fresh process: the seconds of consumers and of relays."""

    plain: float
    ours: float
    failures: list[str]


class Lagged(NamedTuple):
    """The result of one fresh process: seconds until all is handed over, and lags."""

    plain: float
    ours: float
    plain_lags: list[float]
    our_lags: list[float]
    failures: list[str]


class Listened(NamedTuple):
    """The result of one fresh process: seconds until all are written and seen, and lags."""

    written: float
    seen: float
    lags: list[float]
    failures: list[str]


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure relays and a listener; *advance* is called for each run."""
    with scratch_database(url, "relay", copied=False) as scratch_url:
        own_url = make_conninfo(scratch_url, options="-c synchronous_commit=off")
        return [
            _relay_table(own_url, effort, advance),
            _lag_table(own_url, effort, advance),
            _listener_table(own_url, effort, advance),
        ]


def _relay_table(url: str, effort: Effort, advance: Callable[[str], None]) -> Table:
    events = effort.bulk_rows
    comparisons, failures = [], []
    for relays in _RELAYS:
        name = f"{relays} relay{'' if relays == 1 else 's'}"
        runs: list[Drained] = []
        for number in range(effort.hot_runs):
            advance(f"relay, {name}, run {number + 1} of {effort.hot_runs}")
            runs.append(in_fresh_process(measure_relays, url, number, relays, events))
        comparisons.append(
            compare(
                name,
                [[run.plain / events] for run in runs],
                [[run.ours / events] for run in runs],
                counts={
                    "plain, 1/s": round(events / min(run.plain for run in runs)),
                    "relay, 1/s": round(events / min(run.ours for run in runs)),
                },
            )
        )
        failures += [f"{name}: {failure}" for run in runs for failure in run.failures]
    title = "Events that wait: relays against a plain queue with SKIP LOCKED"
    note = f"{events:,} events of {_entities(events):,} entities; rates are those of the best run"
    return Table(title, "plain", "relay", "µs", comparisons, note, failures)


def measure_relays(url: str, number: int, relays: int, events: int) -> Drained:
    """Let consumers and relays deliver the same events. Runs in a process of its own."""
    with (
        psycopg.connect(url, autocommit=True) as admin,
        Database.connect(url, min_size=relays, max_size=relays) as db,
    ):
        admin.execute(_EMPTY)
        admin.execute(_FILL, (_entities(events), events))
        admin.execute(_COPY)
        for statement in _ANALYZE:
            admin.execute(statement)
        failures: list[str] = []
        plain = ours = 0.0
        # Each run begins with the other one.
        for is_ours in (number % 2 == 0, number % 2 == 1):
            if is_ours:
                ours, found = _relay(db, relays)
            else:
                plain, found = _consume(url, relays)
            failures += _judge(found, events, "relays" if is_ours else "consumers", ordered=is_ours)
        [waiting] = admin.execute(_WAITING).fetchall()
        if waiting != (0, 0):
            failures.append(f"{waiting} events still wait")
    return Drained(plain, ours, failures)


def _relay(db: Database, relays: int) -> tuple[float, list[tuple[int, int]]]:
    """Return the seconds, and the entity and number of each event, as they were handed over."""
    found: list[tuple[int, int]] = []

    def handle(event: ChangeEvent) -> None:
        found.append((event.entity_id, event.seq))

    def work(_: int) -> None:
        relay = db.events.relay(handle, batch_size=_BATCH)
        while relay.poll():
            pass

    started = perf_counter()
    in_threads(work, relays)
    return perf_counter() - started, found


def _consume(url: str, consumers: int) -> tuple[float, list[tuple[int, int]]]:
    """Do the same from the plain queue."""
    found: list[tuple[int, int]] = []

    def work(connection: Connection[Any]) -> None:
        while True:
            with connection.transaction():
                rows = connection.execute(_TAKE, (_BATCH,)).fetchall()
                if not rows:
                    return
                for seq, _, _, _, entity_id, *_ in rows:
                    found.append((entity_id, seq))
                connection.execute(_MARK, ([row[0] for row in rows],))

    connections = [psycopg.connect(url, autocommit=True) for _ in range(consumers)]
    try:
        started = perf_counter()
        in_threads(lambda worker: work(connections[worker]), consumers)
        return perf_counter() - started, found
    finally:
        for connection in connections:
            connection.close()


def _entities(events: int) -> int:
    return min(_ENTITIES, events // _EVENTS_OF_EACH)


def _lag_table(url: str, effort: Effort, advance: Callable[[str], None]) -> Table:
    each = effort.bulk_rows // _WRITERS
    events = each * _WRITERS
    runs: list[Lagged] = []
    for number in range(effort.hot_runs):
        advance(f"relay, lag, run {number + 1} of {effort.hot_runs}")
        runs.append(in_fresh_process(measure_lags, url, number, each))
    plain = quantiles([lag for run in runs for lag in run.plain_lags], n=100)
    ours = quantiles([lag for run in runs for lag in run.our_lags], n=100)
    comparison = compare(
        f"{events:,} events",
        [[run.plain / events] for run in runs],
        [[run.ours / events] for run in runs],
        counts={
            "plain lag p50, ms": round(1e3 * plain[49]),
            "plain lag p99, ms": round(1e3 * plain[98]),
            "relay lag p50, ms": round(1e3 * ours[49]),
            "relay lag p99, ms": round(1e3 * ours[98]),
        },
    )
    return Table(
        f"A relay beside {_WRITERS} writers against a plain queue: until all is handed over",
        "plain",
        "relay",
        "µs",
        [comparison],
        failures=[failure for run in runs for failure in run.failures],
    )


def measure_lags(url: str, number: int, each: int) -> Lagged:
    """Deliver while the writers write, both ways. Runs in a process of its own."""
    with (
        psycopg.connect(url, autocommit=True) as admin,
        Database.connect(url, min_size=_WRITERS + 1, max_size=_WRITERS + 1) as db,
    ):
        admin.execute(_EMPTY)
        admin.execute(_CREATE)
        ways = {
            "plain": lambda: _lags_of_queue(url, each),
            "ours": lambda: _lags_of_relay(db, each),
        }
        names = ("plain", "ours") if number % 2 else ("ours", "plain")
        found = {name: ways[name]() for name in names}
        [waiting] = admin.execute(_WAITING).fetchall()
    failures = [] if waiting == (0, 0) else [f"{waiting} events still wait"]
    failures += [
        f"{name}: {len(lags)} events were handed over"
        for name, (_, lags) in found.items()
        if len(lags) != each * _WRITERS
    ]
    return Lagged(
        found["plain"][0], found["ours"][0], found["plain"][1], found["ours"][1], failures
    )


def _lags_of_relay(db: Database, each: int) -> tuple[float, list[float]]:
    handed: dict[UUID, float] = {}

    def handle(event: ChangeEvent) -> None:
        handed[event.event_id] = perf_counter()
        if len(handed) == each * _WRITERS:
            relay.stop()

    def write(worker: int, event_id: UUID) -> None:
        db.events.record(_event(1 + worker, event_id))

    relay = db.events.relay(handle, batch_size=_BATCH, poll_interval=_POLL_INTERVAL)
    return _lags(relay.run, write, handed, each)


def _lags_of_queue(url: str, each: int) -> tuple[float, list[float]]:
    handed: dict[UUID, float] = {}
    connections = [psycopg.connect(url, autocommit=True) for _ in range(_WRITERS + 1)]

    def write(worker: int, event_id: UUID) -> None:
        connections[worker].execute(_INSERT, (event_id, 1 + worker))

    def consume() -> None:
        connection = connections[_WRITERS]
        while len(handed) < each * _WRITERS:
            with connection.transaction():
                rows = connection.execute(_TAKE, (_BATCH,)).fetchall()
                for _, _, event_id, *_ in rows:
                    handed[event_id] = perf_counter()
                connection.execute(_MARK, ([row[0] for row in rows],))
            if not rows:
                sleep(_POLL_INTERVAL)

    try:
        return _lags(consume, write, handed, each)
    finally:
        for connection in connections:
            connection.close()


def _lags(
    deliver: Callable[[], object],
    write: Callable[[int, UUID], None],
    handed: dict[UUID, float],
    each: int,
) -> tuple[float, list[float]]:
    """Return the seconds until all is handed over, and the lag of each event."""
    written: dict[UUID, float] = {}

    def write_all(worker: int) -> None:
        for _ in range(each):
            event_id = uuid4()
            write(worker, event_id)
            written[event_id] = perf_counter()

    with ThreadPoolExecutor(1) as threads:
        started = perf_counter()
        delivering = threads.submit(deliver)
        in_threads(write_all, _WRITERS)
        delivering.result(120)
        seconds = perf_counter() - started
    return seconds, [max(0.0, at - written[event_id]) for event_id, at in handed.items()]


def _judge(found: list[tuple[int, int]], events: int, who: str, *, ordered: bool) -> list[str]:
    failures = []
    if (len(found), len(set(found))) != (events, events):
        failures.append(f"the {who} delivered {len(set(found))} events {len(found)} times")
    by_entity: dict[int, list[int]] = defaultdict(list)
    for entity_id, seq in found:
        by_entity[entity_id].append(seq)
    if ordered and any(seqs != sorted(seqs) for seqs in by_entity.values()):
        failures.append(f"the {who} delivered events in another order than that of their entity")
    return failures


def _listener_table(url: str, effort: Effort, advance: Callable[[str], None]) -> Table:
    each = effort.bulk_rows // _WRITERS
    events = each * _WRITERS
    runs: list[Listened] = []
    for number in range(effort.hot_runs):
        advance(f"relay, listener, run {number + 1} of {effort.hot_runs}")
        runs.append(in_fresh_process(measure_listener, url, each))
    lags = quantiles([lag for run in runs for lag in run.lags], n=100)
    comparison = compare(
        f"{events:,} events",
        [[run.written / events] for run in runs],
        [[run.seen / events] for run in runs],
        counts={
            "seen, 1/s": round(events / min(run.seen for run in runs)),
            "lag p50, ms": round(1e3 * lags[49]),
            "lag p99, ms": round(1e3 * lags[98]),
        },
    )
    return Table(
        f"A listener beside {_WRITERS} writers: until all is seen against until all is written",
        "written",
        "seen",
        "µs",
        [comparison],
        failures=[failure for run in runs for failure in run.failures],
    )


def measure_listener(url: str, each: int) -> Listened:
    """Listen while the writers record. Runs in a process of its own."""
    seen: list[tuple[ChangeEvent, float]] = []
    committed: dict[UUID, float] = {}
    begun = Event()
    events = each * _WRITERS
    with (
        psycopg.connect(url, autocommit=True) as admin,
        Database.connect(url, min_size=_WRITERS, max_size=_WRITERS) as db,
        ThreadPoolExecutor(1) as threads,
    ):
        admin.execute(_EMPTY)
        listener = db.events.listen(db.events.position())

        def listen() -> None:
            for event in listener:
                if not begun.is_set():
                    begun.set()
                    continue
                seen.append((event, perf_counter()))
                if len(seen) == events:
                    return

        def write(worker: int) -> None:
            for _ in range(each):
                event = db.events.record(_event(1 + worker))
                committed[event.event_id] = perf_counter()

        listening = threads.submit(listen)
        try:
            # The first event shows that the listener is connected.
            db.events.record(_event(1))
            begun.wait(60)
            started = perf_counter()
            in_threads(write, _WRITERS)
            written = perf_counter() - started
            listening.result(60)
        finally:
            listener.stop()
    failures = []
    if {event.event_id for event, _ in seen} != set(committed) or len(seen) != events:
        failures.append("the events that the listener saw are not those that were recorded")
    places = [tuple(map(int, event.position.split("/")[1:])) for event, _ in seen]
    if places != sorted(places):
        failures.append("the listener saw events in another order than that of their positions")
    lags = [max(0.0, at - committed[event.event_id]) for event, at in seen]
    return Listened(written, seen[-1][1] - started, lags, failures)


def _event(entity_id: int, event_id: UUID | None = None) -> CreateEvent:
    return CreateEvent(
        user_id=1,
        entity_type="note",
        entity_id=entity_id,
        change_type="updated",
        event_id=event_id,
    )
