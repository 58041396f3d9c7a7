"""A relay's claim where many events wait: at most 50 ms of a poll, of one or of many entities.

100 000 events wait for delivery: of 1, of 100 and of 100 000 entities, all of them free or all of
them claimed by other relays. The statistics of the table are those of a time without any of them,
as after an outage of all relays. A poll of a new relay is timed from its call to that of its first
handler, or to its end where nothing is free. Then the other claims are given back.

The baseline is the round trip of `SELECT 1` on the connection of the relay. The bar is a time, not
a ratio, so a slower poll is reported as a wrong result, except in a smoke run, which has few
events. The oldest event must be handed over first.

An empty database is used, and dropped afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Final, NamedTuple

import psycopg

from vrooli_data import ChangeEvent, Database

from ._database import scratch_database
from ._measure import FULL, Effort, Table, compare, in_fresh_process

#: Of the median poll, in seconds.
_BAR: Final = 0.05
_POLLS: Final = 20
#: Events for each row of bulk work.
_EVENTS: Final = 10

_EMPTY: Final = "TRUNCATE change_events"
#: Statistics that do not know of the events, for as long as they are measured.
_ANALYZE: Final = "VACUUM ANALYZE change_events"
_KEEP_STATISTICS: Final = "ALTER TABLE change_events SET (autovacuum_enabled = off)"
_FILL: Final = """
INSERT INTO change_events
    (user_id, event_id, entity_type, entity_id, change_type, new_data, claimed_by, claimed_until)
SELECT
    1, gen_random_uuid(), 'note', 1 + number %% %s, 'updated', '{"name": "A note"}',
    CASE WHEN %s THEN gen_random_uuid() END, CASE WHEN %s THEN now() + interval '1 day' END
FROM generate_series(0, %s - 1) AS number
ORDER BY number
"""
#: The entities take turns, so that the oldest event is the first of its entity, and of the walk.
_OLDEST: Final = "SELECT min(seq) FROM change_events WHERE published_at IS NULL"


class Run(NamedTuple):
    """The result of one fresh process."""

    trips: list[float]
    polls: list[float]
    failures: list[str]


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure polls of each number of entities; *advance* is called for each of them."""
    events = _EVENTS * effort.bulk_rows
    comparisons, failures = [], []
    with scratch_database(url, "claim", copied=False) as own_url:
        for entities in (1, 100, events):
            for is_claimed in (False, True):
                state = "claimed" if is_claimed else "free"
                name = f"{entities:,} entit{'y' if entities == 1 else 'ies'}, {state}"
                runs: list[Run] = []
                for number in range(effort.hot_runs):
                    advance(f"claim, {name}, run {number + 1} of {effort.hot_runs}")
                    runs.append(
                        in_fresh_process(measure_polls, own_url, events, entities, is_claimed)
                    )
                comparisons.append(
                    compare(
                        name,
                        [run.trips for run in runs],
                        [run.polls for run in runs],
                        per_unit=1e3,
                        counts={"longest, ms": round(1e3 * max(max(run.polls) for run in runs))},
                    )
                )
                failures += [f"{name}: {failure}" for run in runs for failure in run.failures]
                typical = median(median(run.polls) for run in runs)
                if events == _EVENTS * FULL.bulk_rows and typical > _BAR:
                    failures.append(
                        f"{name}: a poll takes {1e3 * typical:.0f} ms; the bar is "
                        f"{1e3 * _BAR:.0f} ms"
                    )
    title = f"The claim of a poll where {events:,} events wait: against SELECT 1"
    return [Table(title, "SELECT 1", "claim", "ms", comparisons, f"{_POLLS} polls a run", failures)]


def measure_polls(url: str, events: int, entities: int, is_claimed: bool) -> Run:
    """Time the polls of new relays, each with a round trip before. Runs in a process of its own."""
    trips: list[float] = []
    polls: list[float] = []
    failures: list[str] = []
    with (
        psycopg.connect(url, autocommit=True) as admin,
        Database.connect(url, min_size=1, max_size=1) as db,
    ):
        for statement in (_EMPTY, _KEEP_STATISTICS, _ANALYZE):
            admin.execute(statement)
        admin.execute(_FILL, (entities, is_claimed, is_claimed, events))
        _poll(db)
        for _ in range(_POLLS):
            [(oldest,)] = admin.execute(_OLDEST).fetchall()
            with db.connection() as held:
                started = perf_counter()
                held.connection.execute("SELECT 1")
                trips.append(perf_counter() - started)
            seconds, event = _poll(db)
            polls.append(seconds)
            wanted = None if is_claimed else oldest
            if (found := event and event.seq) != wanted:
                failures.append(f"a poll hands over event {found} first, not {wanted}")
    return Run(trips, polls, failures)


def _poll(db: Database) -> tuple[float, ChangeEvent | None]:
    """Return the seconds until the first event is handed over, or nothing is found; the event."""
    seen: list[tuple[float, ChangeEvent]] = []

    def handle(event: ChangeEvent) -> None:
        seen.append((perf_counter() - started, event))
        relay.stop()

    relay = db.events.relay(handle)
    started = perf_counter()
    relay.poll()
    return seen[0] if seen else (perf_counter() - started, None)
