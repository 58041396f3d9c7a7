# Generated from tests/_async/test_lost_event.py by tools/unasync.py. Do not edit.
"""A lost reply to a change that records its event: the event tells whether it is committed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from tests.proxy import Proxy, Way, open_proxy
from vrooli_data import (
    AlreadyExists,
    CommitUnknown,
    Conflict,
    CreateEvent,
    CreateResource,
    CreateUser,
    Database,
    Transaction,
    Unavailable,
    UpdateResource,
)

from ._compat import PATIENCE
from .recorded import CHANGES, ID, Change
from .whole_pool import check_whole

#: Seconds; as long as a server that answers may need to, on a slow and busy machine.
SHORT = 1.0
SOFT_DELETE = CHANGES[3]
PRIVATE = UpdateResource(is_private=True)
#: In each call of `CHANGES`, and in no other statement.
MARKS = (
    b"resources.create_with_event",
    b"resources.update_with_event",
    b"resources.delete_with_event",
    b"runs.update_status_with_event",
    b"events.record",
)
#: An event takes a moment to be committed.
SLOW_COMMIT = """
CREATE FUNCTION wait_before_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.2);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wait_before_commit AFTER INSERT ON change_events
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_before_commit();
"""
WAYS = [
    pytest.param((Way.DROP_REPLY, False), id="reply dropped"),
    pytest.param((Way.CUT_BEFORE, False), id="cut before"),
    pytest.param((Way.CUT_AFTER, False), id="cut after"),
    pytest.param((Way.CUT_AFTER, True), id="slow commit"),
]


pytestmark = pytest.mark.slow("lost replies to changes with events")


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """Stand between the layer and the server."""
    with open_proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
def db(proxy: Proxy, make: Factory) -> Iterator[Database]:
    """Open the test's database through the proxy, with one row of what is changed."""
    make.user()
    make.resource()
    make.run(1)
    with Database.connect(
        proxy.url, max_size=1, timeout=PATIENCE, commit_timeout=PATIENCE, prepare=False
    ) as database:
        yield database


@pytest.fixture
def hasty(proxy: Proxy, db: Database) -> Iterator[Database]:
    """Open the same, with less time to find an outcome."""
    with Database.connect(proxy.url, commit_timeout=SHORT) as database:
        yield database


def fail_once(proxy: Proxy, way: Way) -> None:
    """Fail at the next call of `CHANGES`."""
    for mark in MARKS:
        proxy.fail_once_at(mark, way)
    # Of two statements.
    proxy.fail_once_at_commit(b"soft_delete_with_event", way)


#: Everything that a call of `CHANGES` writes, without ids and times that it makes.
STATE = """
SELECT
    (SELECT json_agg((is_private, is_deleted, revision) ORDER BY id) FROM resources),
    (SELECT json_agg((status, revision)) FROM runs),
    (SELECT json_agg(resources_deleted) FROM stats_users),
    (SELECT json_agg((user_id, event_id, entity_type, change_type)) FROM change_events)
"""


def named(row: tuple[Any, ...] | None) -> dict[str, Any]:
    """Name the columns of `STATE`."""
    assert row is not None
    return dict(zip(("resources", "runs", "stats", "events"), row, strict=True))


def state(admin: Connection[Any]) -> dict[str, Any]:
    """Return everything that a call of `CHANGES` writes."""
    return named(admin.execute(STATE).fetchone())


@pytest.mark.parametrize("fault", WAYS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_lone_change_is_made_once_and_returned(
    db: Database,
    proxy: Proxy,
    admin: Connection[Any],
    fault: tuple[Way, bool],
    change: Change,
) -> None:
    way, is_slow = fault
    with pytest.raises(ZeroDivisionError):
        with db.transaction() as tx:
            change(tx)
            # What is to be found in the end.
            cursor = tx.connection.execute(STATE)
            expected = named(cursor.fetchone())
            raise ZeroDivisionError
    if is_slow:
        admin.execute(SLOW_COMMIT)
    fail_once(proxy, way)
    returned = change(db)
    assert proxy.failures == 1
    assert state(admin) == expected
    event = db.events.find_by_event_id(1, ID)
    assert event is not None
    if event.entity_type == "resource" and not isinstance(returned, bool):
        assert returned == db.resources.find_by_id(event.entity_id)
    elif event.entity_type == "run":
        assert returned == db.runs.find_by_id(1)
    else:
        assert returned in (True, event)
    check_whole(db, 1)


@pytest.mark.parametrize("way", [Way.DROP_REPLY, Way.CUT_BEFORE])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_on_a_held_connection_is_made_once_and_returned(
    db: Database, proxy: Proxy, admin: Connection[Any], way: Way, change: Change
) -> None:
    fail_once(proxy, way)
    if change is SOFT_DELETE and way is Way.CUT_BEFORE:
        # A transaction is not repeated on a connection that is lost.
        with pytest.raises(Unavailable):
            with db.connection() as held:
                change(held)
        assert state(admin)["events"] is None
        return
    with db.connection() as held:
        assert change(held) is not None
    assert len(state(admin)["events"]) == 1


@pytest.mark.core
def test_a_change_that_was_refused_is_refused_again(
    db: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    fail_once(proxy, Way.DROP_REPLY)
    with pytest.raises(Conflict, match="revision 0, not 5"):
        db.resources.update_with_event(1, PRIVATE, changed_by=1, expected_revision=5)
    fail_once(proxy, Way.CUT_BEFORE)
    assert db.resources.update_with_event(2, PRIVATE, changed_by=1) is None
    assert proxy.failures == 2
    assert state(admin)["events"] is None


@pytest.mark.parametrize("way", [Way.DROP_REPLY, Way.CUT_BEFORE])
def test_the_event_of_another_change_is_no_proof(
    db: Database, proxy: Proxy, admin: Connection[Any], make: Factory, way: Way
) -> None:
    other = make.resource()
    db.resources.update_with_event(other, PRIVATE, changed_by=1, event_id=ID)
    before = state(admin)
    fail_once(proxy, way)
    with pytest.raises(AlreadyExists, match="change_events_pkey"):
        db.resources.update_with_event(1, PRIVATE, changed_by=1, event_id=ID)
    assert proxy.failures == 1
    assert state(admin) == before


def test_a_refusal_that_may_pass_leaves_it_unknown(
    hasty: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    fail_once(proxy, Way.CUT_BEFORE)
    # The creator may be inserted, and the first statement executed behind it.
    with pytest.raises(CommitUnknown, match="its event could not tell") as caught:
        hasty.resources.create_with_event(
            CreateResource(resource_type="Note", created_by_id=9), changed_by=1
        )
    assert caught.value.query == "resources.create_with_event"
    assert caught.value.resolve() == "unknown"
    assert state(admin)["events"] is None


def test_a_server_out_of_reach_leaves_it_unknown_until_it_is_asked_again(
    hasty: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_at(MARKS[1], Way.DROP_REPLY)
    with pytest.raises(CommitUnknown, match="the connection was lost") as caught:
        CHANGES[1](hasty)
    # Each time it was executed again, the event was there.
    assert proxy.failures > 1
    assert (state(admin)["resources"], len(state(admin)["events"])) == (
        [{"f1": True, "f2": False, "f3": 1}],
        1,
    )
    assert caught.value.resolve() == "committed"


def record(tx: Transaction, attempts: list[int], timeline: str = "00000001") -> None:
    """Record an event and write a row beside it, on a server of a certain timeline."""
    attempts.append(len(attempts))
    tx.users.create(CreateUser(name=f"attempt {len(attempts)}"))
    tx.events.record(CreateEvent(user_id=1, entity_type="invoice", entity_id=1, change_type="paid"))
    replace_timeline(tx, timeline)


def replace_timeline(tx: Transaction, timeline: str) -> None:
    """Let the transaction seem to have begun on a server that another has taken over from."""
    opening = tx._runner._opening
    if opening is not None and opening.rows:
        opening.rows[0] = (opening.rows[0][0], timeline)


def names(admin: Connection[Any]) -> list[str]:
    """Return what was written beside the events."""
    found = admin.execute("SELECT name FROM users WHERE name LIKE 'attempt %'").fetchall()
    return [name for (name,) in found]


FIRST = b"attempt 1"


@pytest.mark.core
def test_the_last_event_of_a_transaction_is_its_marker(
    db: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    attempts: list[int] = []
    proxy.fail_at_commit(FIRST, Way.DROP_REPLY)
    # The id is not known, or another server would have to tell.
    db.transact(partial(record, attempts=attempts), track_commit=False)
    db.transact(partial(record, attempts=[0], timeline="00000002"))
    assert (attempts, names(admin)) == ([0], ["attempt 1", "attempt 2"])


def test_a_transaction_whose_event_is_not_on_the_new_server_is_made_again(
    db: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    attempts: list[int] = []
    proxy.fail_at_commit(FIRST, Way.CUT_BEFORE)
    db.transact(partial(record, attempts=attempts, timeline="00000002"))
    assert (attempts, names(admin)) == ([0, 1], ["attempt 2"])
    assert len(state(admin)["events"]) == 1


def test_where_the_old_session_may_commit_yet_an_absent_event_proves_nothing(
    hasty: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    attempts: list[int] = []
    proxy.fail_at_commit(FIRST, Way.CUT_BEFORE)
    with pytest.raises(CommitUnknown):
        hasty.transact(partial(record, attempts=attempts), track_commit=False)
    assert (attempts, names(admin)) == ([0], [])


def test_a_caller_s_marker_comes_first(db: Database, proxy: Proxy, admin: Connection[Any]) -> None:
    asked: list[str] = []

    def marker(tx: Transaction) -> bool:
        asked.append("asked")
        return True

    proxy.fail_at_commit(FIRST, Way.DROP_REPLY)
    db.transact(partial(record, attempts=[]), track_commit=False, marker=marker)
    assert asked == ["asked"]


@pytest.mark.parametrize("is_before", [True, False])
def test_an_event_that_was_undone_is_no_marker(
    hasty: Database, proxy: Proxy, admin: Connection[Any], is_before: bool
) -> None:
    attempts: list[int] = []

    def undo(tx: Transaction) -> None:
        if is_before:
            record(tx, attempts)
        else:
            tx.users.create(CreateUser(name="attempt 1"))
            attempts.append(0)
        with pytest.raises(ZeroDivisionError):
            with tx.savepoint():
                record(tx, [1])
                raise ZeroDivisionError
        tx.try_each([2], partial(record_and_fail, tx), max_failure_ratio=1.0)
        replace_timeline(tx, "00000002")

    proxy.fail_at_commit(FIRST, Way.DROP_REPLY)
    if is_before:
        hasty.transact(undo)
    else:
        # The undone events would tell that nothing is committed.
        with pytest.raises(CommitUnknown):
            hasty.transact(undo)
    assert (attempts, names(admin)) == ([0], ["attempt 1"])


def record_and_fail(tx: Transaction, number: int) -> None:
    """Record an event that is undone."""
    record(tx, [number])
    raise ZeroDivisionError


def test_an_event_that_the_caller_may_have_undone_is_no_marker(
    hasty: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    def undo(tx: Transaction) -> None:
        tx.users.create(CreateUser(name="attempt 1"))
        tx.connection.execute("SAVEPOINT mine")
        record(tx, [1], "00000002")
        tx.connection.execute("ROLLBACK TO mine")

    proxy.fail_at_commit(FIRST, Way.DROP_REPLY)
    with pytest.raises(CommitUnknown):
        hasty.transact(undo)
    assert names(admin) == ["attempt 1"]


def test_a_refused_change_is_no_marker(
    hasty: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    def refuse(tx: Transaction) -> None:
        tx.users.create(CreateUser(name="attempt 1"))
        assert tx.resources.update_with_event(9, PRIVATE, changed_by=1) is None
        with pytest.raises(Conflict):
            tx.resources.update_with_event(1, PRIVATE, changed_by=1, expected_revision=5)
        replace_timeline(tx, "00000002")

    proxy.fail_at_commit(FIRST, Way.DROP_REPLY)
    with pytest.raises(CommitUnknown):
        hasty.transact(refuse)
    assert names(admin) == ["attempt 1"]
