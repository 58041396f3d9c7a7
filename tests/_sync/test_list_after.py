# Generated from tests/_async/test_list_after.py by tools/unasync.py. Do not edit.
"""list_after reads the events after a position, and reports events that it cannot read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import CreateEvent, Database, EventsMissed, InvalidInput, OtherServer

from ._compat import Started, until, until_waiting
from .horizon import until_shown

#: An xid that no server of these tests comes near, such as a restore from an old server brings.
FUTURE = 2**60


def event(entity_id: int, entity_type: str = "invoice") -> CreateEvent:
    return CreateEvent(user_id=1, entity_type=entity_type, entity_id=entity_id, change_type="paid")


def entities(db: Database, position: str, **options: Any) -> list[int]:
    batch = db.events.list_after(position, **options)
    return [each.entity_id for each in batch.events]


def test_events_are_listed_in_batches_in_their_order(db: Database, admin: Connection[Any]) -> None:
    start = db.events.position()
    recorded = [db.events.record(event(number)) for number in range(1, 6)]
    until_shown(admin)
    first = db.events.list_after(start, batch_size=3)
    assert first.events == recorded[:3]
    assert (first.position, first.is_full) == (recorded[2].position, True)
    second = db.events.list_after(first.position, batch_size=3)
    assert (second.events, second.is_full) == (recorded[3:], False)
    third = db.events.list_after(second.position)
    assert (third.events, third.position, third.is_full) == ([], second.position, False)
    assert db.events.position() == recorded[-1].position


def test_the_position_moves_past_the_events_of_other_entities(
    db: Database, admin: Connection[Any]
) -> None:
    start = db.events.position()
    db.events.record(event(1, "order"))
    last = db.events.record(event(2))
    until_shown(admin)
    batch = db.events.list_after(start, entity_types=["order"])
    assert [each.entity_id for each in batch.events] == [1]
    assert batch.position == last.position
    assert entities(db, start, entity_types=["order", "invoice"]) == [1, 2]
    assert entities(db, start, entity_types=[]) == []


def test_a_late_commit_is_not_lost(db: Database, admin: Connection[Any], make: Factory) -> None:
    start = db.events.position()
    with db.transaction() as tx:
        tx.events.record(event(1))
        # It draws the later seq, and is committed first: who goes by seq alone loses the other.
        make.event(1, entity_id=2)
        batch = db.events.list_after(start)
        assert batch.events == []
        assert (db.events.lag()).hidden == 1
    until_shown(admin)
    assert entities(db, batch.position) == [1, 2]


def test_a_position_before_pruned_events_is_refused(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    start = db.events.position()
    for number in (1, 2, 3):
        make.event(1, entity_id=number)
    until_shown(admin)
    events = (db.events.list_after(start)).events
    admin.execute(
        "WITH pruned AS (DELETE FROM change_events WHERE entity_id < 3 RETURNING xid, seq) "
        "INSERT INTO pruned_events (xid, seq) SELECT xid, seq FROM pruned ORDER BY xid DESC LIMIT 1"
    )
    for position in (start, events[0].position):
        with pytest.raises(
            EventsMissed, match=r"list_after: events .* pruned.*position\(\)"
        ) as caught:
            db.events.list_after(position)
        assert caught.value.position == position
    assert entities(db, events[1].position) == [3]
    admin.execute("DELETE FROM change_events")
    assert db.events.position() == events[1].position


def test_a_position_whose_event_the_server_lost_is_refused(
    db: Database, admin: Connection[Any]
) -> None:
    lost = db.events.record(event(1))
    admin.execute("DELETE FROM change_events")
    with pytest.raises(EventsMissed, match="no event at the position"):
        db.events.list_after(lost.position)


def test_a_position_of_another_server_is_refused(db: Database) -> None:
    _, _, rest = (db.events.position()).partition("/")
    with pytest.raises(OtherServer, match="of another server") as caught:
        db.events.list_after(f"1/{rest}")
    assert caught.value.position == f"1/{rest}"


def test_an_invalid_position_is_refused_before_any_statement(
    unopened: Database,
) -> None:
    bad: list[tuple[str, dict[str, Any]]] = [
        *(
            ("position", {"position": each})
            for each in ("", "1/2", "1/2/3/4", "01/2/3", "1/-2/3", "1/2/ 3", "1/2/3\n", 1, None)
        ),
        ("position", {"position": f"1/{2**64}/1"}),
        ("position", {"position": f"1/1/{2**63}"}),
        ("position", {"position": f"{-(2**63) - 1}/1/1"}),
        ("entity_types", {"entity_types": "invoice"}),
        (r"entity_types", {"entity_types": [1]}),
        ("batch_size", {"batch_size": 0}),
        ("batch_size", {"batch_size": 10_001}),
    ]
    for field, given in bad:
        with pytest.raises(InvalidInput, match=f"^{field}: "):
            unopened.events.list_after(**({"position": "1/2/3"} | given))
    with pytest.raises(InvalidInput, match=r"^batch_size: "):
        unopened.events.restamp(batch_size=True)


def test_restamped_events_are_listed_in_their_order(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    start = db.events.position()
    # Restored in any order, as rows of a dump come.
    for number in (3, 1, 5, 2, 4):
        make.event(1, entity_id=number, xid=str(FUTURE + number))
    admin.execute("INSERT INTO pruned_events (xid, seq) VALUES (%s, 1)", [str(FUTURE)])
    make.event(1, entity_id=0)
    wait_until_listed(admin, FUTURE)
    assert entities(db, start) == [0]
    assert (db.events.lag()).restored == 5
    assert db.events.restamp(batch_size=2) == 5
    assert (db.events.lag()).restored == 0
    until_shown(admin)
    # A batch has one xid, and so the order of seq.
    assert entities(db, start) == [0, 1, 2, 3, 4, 5]
    assert admin.execute("SELECT count(*) FROM pruned_events").fetchone() == (0,)
    assert db.events.restamp() == 0


def test_a_transaction_does_not_restamp_its_own_events(db: Database) -> None:
    with db.transaction() as tx:
        recorded = tx.events.record(event(1))
        assert tx.events.restamp(batch_size=1) == 0
    assert db.events.find_by_event_id(1, recorded.event_id) == recorded


def test_events_that_another_session_restamped_are_not_restamped_again(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    for number in (1, 2):
        make.event(1, entity_id=number, xid=str(FUTURE + number))
    with db.transaction() as tx:
        assert tx.events.restamp() == 2
        # It waits for the rows. To its snapshot, their new xid is of the future as well.
        other = Started(db.events.restamp)
        until_waiting(admin)
    assert other.result() == 0


def test_a_reader_is_told_of_events_pruned_before_a_restamp(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    start = db.events.position()
    for number in (1, 2):
        make.event(1, entity_id=number, published_at="2026-01-01Z")
    admin.execute("INSERT INTO pruned_events (xid, seq) VALUES (%s, 1)", [str(FUTURE)])
    until_shown(admin)
    assert db.events.prune(timedelta(0), batch_size=1) == 2
    for _ in range(2):
        with pytest.raises(EventsMissed):
            db.events.list_after(start)
        assert db.events.restamp() == 0


def wait_until_listed(admin: Connection[Any], xid: int) -> None:
    until(
        admin,
        "SELECT pg_snapshot_xmin(pg_current_snapshot()) > max(xid) FROM change_events "
        "WHERE xid < %s::text::xid8",
        str(xid),
    )
