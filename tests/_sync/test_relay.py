# Generated from tests/_async/test_relay.py by tools/unasync.py. Do not edit.
"""Several relays at once deliver events at least once, and in order per entity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from tests.proxy import Way, open_proxy
from vrooli_data import ChangeEvent, CreateEvent, Database, InvalidInput, InvalidUse
from vrooli_data._relay import RelayOptions
from vrooli_data.records.events import EventHead, EventHeads

from ._compat import Claim, Started, barrier, gather, pause, until
from .horizon import until_shown

STATE = """
SELECT published_at IS NOT NULL, parked_at IS NOT NULL, claimed_by IS NOT NULL, attempts, last_error
FROM change_events
ORDER BY seq
"""
WAITING = (False, False, False, 0, None)
PUBLISHED = (True, False, False, 0, None)
RECORD_MANY = """
INSERT INTO change_events (user_id, event_id, entity_type, entity_id, change_type)
SELECT 1, gen_random_uuid(), 'invoice', 1, 'paid' FROM generate_series(1, %s)
"""
#: From the table and through its indexes.
ROWS_READ = """
SELECT
    (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'change_events')
    + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'change_events')
"""
#: As if the time had passed that a failed event waits.
MAKE_DUE = "UPDATE change_events SET not_before = now() WHERE not_before IS NOT NULL"


def record(db: Database, *entities: int, kind: str = "invoice") -> list[ChangeEvent]:
    """Record an event of each entity, in this order."""
    with db.transaction() as tx:
        return [
            tx.events.record(
                CreateEvent(user_id=1, entity_type=kind, entity_id=each, change_type="paid")
            )
            for each in entities
        ]


def state(admin: Connection[Any]) -> list[tuple[Any, ...]]:
    return admin.execute(STATE).fetchall()


class Seen:
    """A handler that collects its events, and fails for some entities."""

    def __init__(self, *failing: int) -> None:
        self.events: list[ChangeEvent] = []
        self.failing = set(failing)

    def handle(self, event: ChangeEvent) -> None:
        self.events.append(event)
        if event.entity_id in self.failing:
            raise ValueError("the password is S3cr3t")

    def entities(self) -> list[int]:
        """Return the entities of the events since the last call."""
        told, self.events = self.events, []
        return [each.entity_id for each in told]


def test_events_are_delivered_in_order_and_once(db: Database) -> None:
    recorded = record(db, 1, 2, 1, 3, 2, 1)
    seen = Seen()
    relay = db.events.relay(seen.handle)
    assert relay.poll() == 6
    assert seen.events == recorded
    assert relay.poll() == 0
    late = record(db, 2)
    assert relay.poll() == 1
    assert seen.events == [*recorded, *late]


def test_each_poll_continues_with_the_next_entity_and_starts_again_after_the_last(
    db: Database,
) -> None:
    record(db, 3, 1, 2, 1, 3)
    seen = Seen()
    relay = db.events.relay(seen.handle, batch_size=1)
    for _ in range(5):
        assert relay.poll() == 1
    assert seen.entities() == [1, 2, 3, 1, 3]
    assert relay.poll() == 0


def test_an_uncommitted_event_is_not_delivered(db: Database) -> None:
    seen = Seen()
    relay = db.events.relay(seen.handle)
    with pytest.raises(ZeroDivisionError):
        with db.transaction() as tx:
            tx.events.record(
                CreateEvent(user_id=1, entity_type="invoice", entity_id=1, change_type="paid")
            )
            assert Started(relay.poll).result() == 0
            raise ZeroDivisionError
    assert relay.poll() == 0
    assert seen.events == []


def test_several_relays_share_the_work_and_keep_the_order(db: Database) -> None:
    recorded = record(db, *[number % 7 + 1 for number in range(84)])
    told: dict[int, list[int]] = defaultdict(list)
    under_way: set[int] = set()
    start = barrier(3)

    def handle(event: ChangeEvent) -> None:
        assert event.entity_id not in under_way
        under_way.add(event.entity_id)
        told[event.entity_id].append(event.seq)
        pause(0.001)
        under_way.remove(event.entity_id)

    def deliver() -> int:
        relay = db.events.relay(handle, batch_size=5)
        start.wait()
        delivered = 0
        while sum(map(len, told.values())) < len(recorded):
            delivered += relay.poll()
        return delivered

    delivered = gather(deliver, deliver, deliver)
    assert sum(delivered) == 84
    for entity, seqs in told.items():
        assert seqs == [each.seq for each in recorded if each.entity_id == entity]


def test_an_entity_whose_first_event_another_relay_has_is_not_claimed(
    db: Database, admin: Connection[Any]
) -> None:
    first, second = record(db, 1, 1)
    found = EventHeads(1, "invoice", 1, [EventHead("invoice", 1, first.seq)])
    options = RelayOptions(10, 30.0, 1.0, 3, 1.0, 1.0, hold_parked=False)
    with admin.transaction():
        # Locked only, it is passed over without waiting, and its entity with it.
        admin.execute("SELECT FROM change_events WHERE event_id = %s FOR UPDATE", (first.event_id,))
        assert Claim(db.events, options).take(found) == 0
    holder = Claim(db.events, options)
    assert holder.take(found) == 2
    assert Claim(db.events, options).take(found) == 0
    holder.pass_on(first)
    holder.end()
    # What was read before is of no use: the first one is published, and the second is not it.
    assert Claim(db.events, options).take(found) == 0
    later = EventHeads(1, "invoice", 1, [EventHead("invoice", 1, second.seq)])
    assert Claim(db.events, options).take(later) == 1


def test_events_after_one_that_another_session_has_locked_are_not_claimed(
    db: Database, admin: Connection[Any]
) -> None:
    first, second, _, other = record(db, 1, 1, 1, 2)
    heads = [EventHead("invoice", each.entity_id, each.seq) for each in (first, other)]
    options = RelayOptions(10, 30.0, 1.0, 3, 1.0, 1.0, hold_parked=False)
    claim = Claim(db.events, options)
    with admin.transaction():
        admin.execute("SELECT FROM change_events WHERE seq = %s FOR UPDATE", (second.seq,))
        assert claim.take(EventHeads(2, "invoice", 2, heads)) == 2
    assert claim.waiting == [first, other]


def test_a_poll_reads_few_events_even_if_the_statistics_count_none(
    database_url: str, admin: Connection[Any]
) -> None:
    admin.execute("ALTER TABLE change_events SET (autovacuum_enabled = off)")
    admin.execute("VACUUM ANALYZE change_events")
    with Database.connect(database_url, max_size=1) as db:

        def rows_read() -> int:
            with db.connection() as held:
                held.connection.execute("SELECT pg_stat_force_next_flush()")
            admin.execute("SELECT pg_stat_force_next_flush()")
            [(number,)] = admin.execute(ROWS_READ).fetchall()
            return int(number)

        read: list[int] = []

        def handle(_: ChangeEvent) -> None:
            read.append(rows_read())

        relay = db.events.relay(handle, batch_size=10)
        # From now on each plan that is kept is one for a table without rows.
        assert relay.poll() == 0
        admin.execute(RECORD_MANY, (2_000,))
        before = rows_read()
        assert relay.poll() == 10
        # Without the publishing, which reads all of such a small table.
        assert read[0] - before < 200


def test_a_failed_event_blocks_only_its_entity_and_is_parked(
    db: Database, admin: Connection[Any]
) -> None:
    record(db, 1, 2, 1, 2)
    seen = Seen(1)
    relay = db.events.relay(seen.handle, max_attempts=2)
    assert relay.poll() == 2
    assert seen.entities() == [1, 2, 2]
    failed = (False, False, False, 1, "ValueError")
    assert state(admin) == [failed, PUBLISHED, WAITING, PUBLISHED]
    # It waits, and what follows it waits too.
    assert relay.poll() == 0
    admin.execute(MAKE_DUE)
    assert relay.poll() == 0
    assert seen.entities() == [1]
    assert state(admin)[0] == (False, True, False, 2, "ValueError")
    # Parked, it holds nothing up.
    seen.failing.clear()
    assert relay.poll() == 1
    assert seen.entities() == [1]
    assert state(admin)[2] == PUBLISHED


def test_a_parked_event_is_listed_and_sent_again(db: Database, admin: Connection[Any]) -> None:
    events = record(db, 1, 2, 3)
    seen = Seen(1, 2)
    relay = db.events.relay(seen.handle, max_attempts=1)
    assert relay.poll() == 1
    page = db.events.list_parked(limit=1)
    following = db.events.list_parked(limit=1, cursor=page.next_cursor)
    previous = db.events.list_parked(limit=1, cursor=following.previous_cursor)
    assert previous.items == page.items
    parked = [*page, *following]
    assert [each.entity_id for each in parked] == [2, 1]
    assert {each.last_error for each in parked} == {"ValueError"}
    entities = [each.entity_id for each in db.events.iter_parked(batch_size=1)]
    assert entities == [2, 1]
    seen.failing.clear()
    seen.events.clear()
    resent = db.events.resend(1, events[0].event_id)
    assert resent is not None
    assert resent.resent_at is not None
    assert resent.attempts == 0
    assert db.events.resend(1, events[0].event_id) is None
    assert db.events.resend(1, events[2].event_id) is None
    assert relay.poll() == 1
    assert [each.resent_at for each in seen.events] == [resent.resent_at]
    assert [each.entity_id for each in db.events.list_parked()] == [2]


def test_hold_parked_keeps_the_later_events_of_the_entity_back(
    db: Database, admin: Connection[Any]
) -> None:
    first, *_ = record(db, 1, 1, 2)
    seen = Seen(1)
    relay = db.events.relay(seen.handle, max_attempts=1, hold_parked=True)
    assert relay.poll() == 1
    seen.failing.clear()
    seen.events.clear()
    record(db, 2)
    assert relay.poll() == 1
    assert seen.entities() == [2]
    db.events.resend(1, first.event_id)
    assert relay.poll() == 2
    assert seen.entities() == [1, 1]


def test_a_relay_that_lost_its_lease_stops_delivering_that_entity(
    db: Database, admin: Connection[Any]
) -> None:
    recorded = record(db, 1, 1, 2)
    seen = Seen()
    other = db.events.relay(seen.handle)
    told: list[int] = []

    def handle(event: ChangeEvent) -> None:
        told.append(event.seq)
        if event.seq == recorded[0].seq:
            until(admin, "SELECT max(claimed_until) < now() FROM change_events")
            assert other.poll() == 3

    relay = db.events.relay(handle, lease=0.001)
    assert relay.poll() == 1
    assert told == [recorded[0].seq]
    assert seen.events == recorded
    assert state(admin) == [PUBLISHED] * 3


def test_a_lease_is_renewed_between_events(db: Database, admin: Connection[Any]) -> None:
    record(db, 1, 1, 1)
    leases: list[Any] = []

    def handle(_: ChangeEvent) -> None:
        leases.append(admin.execute("SELECT min(claimed_until) FROM change_events").fetchall())

    # Half of it is used up at once.
    assert db.events.relay(handle, lease=0.000_001).poll() == 3
    assert leases == sorted(leases)
    assert len({*map(str, leases)}) == 3
    assert state(admin) == [PUBLISHED] * 3


def test_stop_lets_the_current_event_end_and_releases_the_others(
    db: Database, admin: Connection[Any]
) -> None:
    record(db, 1, 1, 2)
    seen = Seen()

    def handle(event: ChangeEvent) -> None:
        seen.handle(event)
        relay.stop()

    relay = db.events.relay(handle)
    relay.run()
    assert seen.entities() == [1]
    assert state(admin) == [PUBLISHED, WAITING, WAITING]
    assert relay.poll() == 0


class Interruption(BaseException):
    """The exception of a signal handler."""


def test_an_interrupted_relay_publishes_delivered_events_and_releases_the_others(
    db: Database, admin: Connection[Any]
) -> None:
    record(db, 1, 1, 2)
    told: list[int] = []

    def handle(event: ChangeEvent) -> None:
        if told:
            raise Interruption
        told.append(event.entity_id)

    with pytest.raises(Interruption):
        db.events.relay(handle).run()
    assert state(admin) == [PUBLISHED, WAITING, WAITING]


def test_an_interrupted_relay_ends(db: Database, database_url: str) -> None:
    record(db, 1, 2)
    told: list[int] = []

    def handle(event: ChangeEvent) -> None:
        told.append(event.entity_id)
        if len(told) == 2:
            # By now the claims cannot be given back any more.
            raise Interruption
        if len(told) > 2:
            # It went on.
            relay.stop()

    with open_proxy(database_url) as proxy:
        proxy.fail_at(b":events.publish ", Way.CUT_BEFORE)
        with Database.connect(proxy.url) as far:
            relay = far.events.relay(handle, lease=0.3)
            with pytest.raises(Interruption):
                relay.run()
    assert proxy.failures


def test_a_relay_ends_when_its_database_is_closed(database_url: str) -> None:
    with Database.connect(database_url) as db:
        seen = Seen()
        running = Started(db.events.relay(seen.handle, poll_interval=0.01).run)
        record(db, 1)
        while not seen.events:
            pause(0.005)
    with pytest.raises(InvalidUse, match="the database was closed"):
        running.result()


def test_a_handler_may_use_the_database_and_relay_events_itself(
    database_url: str, admin: Connection[Any]
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        record(db, 1, 1, 2)
        inner = Seen()
        polled: list[int] = []

        def handle(_: ChangeEvent) -> None:
            polled.append(db.events.relay(inner.handle).poll())

        assert db.events.relay(handle, batch_size=2).poll() == 2
        # While an event of the first entity is handled, its later ones are nobody else's.
        assert (polled, inner.entities()) == ([0, 0], [])
        assert state(admin) == [PUBLISHED, WAITING, PUBLISHED]


@pytest.mark.parametrize("kind", ["\x01", "é", " ", "'", '"{', "\\", "%s :x", "\U0001f600" * 64])
def test_an_entity_type_may_be_any_text(db: Database, admin: Connection[Any], kind: str) -> None:
    record(db, 1, 2**63 - 1, 1, kind=kind)
    record(db, 1, kind=f"{kind[:63]}z")
    seen = Seen()
    relay = db.events.relay({kind: seen.handle}, batch_size=1)
    assert [relay.poll() for _ in range(4)] == [1, 1, 1, 0]
    assert seen.entities() == [1, 2**63 - 1, 1]
    assert [each[0] for each in state(admin)] == [True, True, True, False]


def test_a_running_relay_delivers_new_events_until_it_is_stopped(
    db: Database, admin: Connection[Any]
) -> None:
    seen = Seen()
    relay = db.events.relay(seen.handle, poll_interval=0.01)
    running = Started(relay.run)
    record(db, 1, 2)
    until(admin, "SELECT count(published_at) = 2 FROM change_events")
    record(db, 3)
    until(admin, "SELECT count(published_at) = 3 FROM change_events")
    relay.stop()
    running.result()
    assert seen.entities() == [1, 2, 3]


def test_a_relay_with_handlers_by_type_does_not_claim_other_types(
    db: Database, admin: Connection[Any]
) -> None:
    record(db, 1, kind="a")
    record(db, 2, kind="b")
    record(db, 3, kind="c")
    record(db, 4, kind="d")
    first, second = Seen(), Seen()
    relay = db.events.relay({"d": first.handle, "b": second.handle})
    assert relay.poll() + relay.poll() == 2
    assert relay.poll() == 0
    assert (first.entities(), second.entities()) == ([4], [2])
    assert state(admin) == [WAITING, PUBLISHED, WAITING, PUBLISHED]


def test_prune_deletes_old_published_events_and_keeps_the_last_position(
    db: Database, admin: Connection[Any]
) -> None:
    record(db, 1, 2, 3)
    last = (record(db, 4))[0]
    assert db.events.relay(Seen().handle).poll() == 4
    record(db, 5)
    assert db.events.prune(timedelta(hours=1)) == 0
    assert admin.execute("SELECT count(*) FROM pruned_events").fetchone() == (0,)
    # Of the latest first: what is kept is the highest all the same.
    admin.execute(
        "UPDATE change_events SET published_at = published_at - entity_id * '1 h'::interval"
    )
    until_shown(admin)
    assert db.events.prune(timedelta(hours=1, seconds=1), batch_size=1) == 3
    _, xid, seq = last.position.split("/")
    kept = admin.execute("SELECT id, xid::text, seq FROM pruned_events").fetchall()
    assert kept == [(1, xid, int(seq))]
    assert db.events.prune(timedelta(0)) == 1
    assert admin.execute("SELECT id, xid::text, seq FROM pruned_events").fetchall() == kept
    assert [row[0] for row in state(admin)] == [False]


def test_prune_keeps_events_that_an_open_transaction_hides_from_listeners(
    db: Database, admin: Connection[Any]
) -> None:
    start = db.events.position()
    with admin.transaction():
        admin.execute("SELECT pg_current_xact_id()")
        record(db, 1)
        assert db.events.relay(Seen().handle).poll() == 1
        assert db.events.prune(timedelta(0)) == 0
    until_shown(admin)
    assert len((db.events.list_after(start)).events) == 1
    assert db.events.prune(timedelta(0)) == 1


BAD: list[tuple[str, dict[str, Any]]] = [
    ("handlers", {"handlers": None}),
    ("handlers", {"handlers": {}}),
    ("handlers", {"handlers": {"": print}}),
    ("handlers", {"handlers": {"invoice": 1}}),
    ("batch_size", {"batch_size": 0}),
    ("lease", {"lease": 0}),
    ("poll_interval", {"poll_interval": -1}),
    ("max_attempts", {"max_attempts": 0}),
    ("wait_initial", {"wait_initial": "1"}),
    ("wait_max", {"wait_max": float("inf")}),
    ("hold_parked", {"hold_parked": 1}),
]


@pytest.mark.parametrize(("field", "given"), BAD)
def test_bad_options_are_refused(unopened: Database, field: str, given: dict[str, Any]) -> None:
    make: Callable[..., object] = unopened.events.relay
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        make(**({"handlers": Seen().handle} | given))
