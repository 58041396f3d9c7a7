# Generated from tests/_async/test_iterate.py by tools/unasync.py. Do not edit.
"""Iterations over a listing: what is read when, what is held meanwhile, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import Database, InvalidInput, InvalidUse, QueryEvent, Resource

from .whole_pool import check_whole

#: The connections of the pool.
SIZE = 2


@pytest.fixture
def events() -> list[QueryEvent]:
    return []


@pytest.fixture
def db(database_url: str, events: list[QueryEvent]) -> Iterator[Database]:
    with Database.connect(database_url, max_size=SIZE, on_query=events.append) as database:
        # Opening it has asked for the migrations.
        events.clear()
        yield database


def add_resources(make: Factory, count: int) -> list[int]:
    """Insert resources, and return their ids in the order of the listing."""
    return [make.resource(score=score) for score in range(count)][::-1]


def ids(rows: Iterator[Resource]) -> list[int]:
    return [row.id for row in rows]


def names(events: list[QueryEvent]) -> list[str]:
    return [event.name.removeprefix("resources.find_by_type__") for event in events]


def test_nothing_is_read_before_the_first_row_is_asked_for(
    db: Database, make: Factory, events: list[QueryEvent]
) -> None:
    rows = db.resources.iter_by_type("Routine")
    assert events == []
    assert ids(rows) == []
    assert names(events) == ["created_at"]


@pytest.mark.parametrize(
    ("count", "batches"), [(0, [0]), (1, [1]), (2, [2, 0]), (3, [2, 1]), (4, [2, 2, 0])]
)
def test_a_batch_that_is_not_full_is_the_last(
    db: Database, make: Factory, events: list[QueryEvent], count: int, batches: list[int]
) -> None:
    expected = add_resources(make, count)
    rows = db.resources.iter_by_type("Routine", order_by="score", batch_size=2)
    assert ids(rows) == expected
    assert [event.rows for event in events] == batches
    assert names(events) == ["score", *["score_after"] * (len(batches) - 1)]


def test_a_batch_is_read_when_the_one_before_is_used_up(
    db: Database, make: Factory, events: list[QueryEvent]
) -> None:
    add_resources(make, 5)
    rows = db.resources.iter_by_type("Routine", batch_size=2)
    read = [len(events) for _ in rows]
    assert read == [1, 1, 2, 2, 3]


def test_no_connection_is_held_between_two_batches(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    add_resources(make, 3)
    for row in db.resources.iter_by_type("Routine", batch_size=1):
        # All of them are there for others, and none has a transaction open.
        check_whole(db, SIZE)
        db.resources.increment_views(row.public_id)
    assert admin.execute("SELECT sum(views)::int FROM resources").fetchone() == (3,)


def test_an_iteration_that_is_left_leaves_nothing_behind(
    db: Database, make: Factory, events: list[QueryEvent]
) -> None:
    add_resources(make, 5)
    kept = []
    for _ in range(3 * SIZE):
        rows = db.resources.iter_by_type("Routine", batch_size=2)
        kept.append(rows)
        with pytest.raises(ZeroDivisionError):
            for _ in rows:
                raise ZeroDivisionError
    for _ in db.resources.iter_by_type("Routine", batch_size=2):
        break
    check_whole(db, SIZE)
    assert names(events) == ["created_at"] * (3 * SIZE + 1)


def test_two_iterations_go_on_independently(db: Database, make: Factory) -> None:
    expected = add_resources(make, 3)
    one = db.resources.iter_by_type("Routine", order_by="score", batch_size=1)
    other = db.resources.iter_by_type("Routine", order_by="score", batch_size=2)
    assert [(next(one)).id for _ in range(2)] == expected[:2]
    assert ids(other) == expected
    assert ids(one) == expected[2:]
    # What has ended stays so.
    assert ids(one) == []


def test_a_row_that_moves_on_comes_again_and_one_that_moves_back_is_missed(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    five, four, three, two, one, zero = add_resources(make, 6)
    rows = db.resources.iter_by_type("Routine", order_by="score", batch_size=2)
    met = [(next(rows)).id]
    move = "UPDATE resources SET score = %s WHERE id = %s"
    # A row of the batch that was read is given as it was, wherever it is now.
    for score, id in ((-1, five), (9, four), (8, two)):
        admin.execute(move, (score, id))
    admin.execute("DELETE FROM resources WHERE id = %s", (one,))
    make.resource(score=7)
    last = make.resource(score=-2)
    met += ids(rows)
    assert met == [five, four, three, zero, five, last]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_snapshot_shows_every_batch_the_same(
    db: Database, admin: Connection[Any], make: Factory, isolation: Any
) -> None:
    expected = add_resources(make, 4)
    with db.transaction(isolation=isolation) as tx:
        rows = tx.resources.iter_by_type("Routine", order_by="score", batch_size=2)
        assert (next(rows)).id == expected[0]
        admin.execute("UPDATE resources SET score = 10 - score")
        make.resource(score=0)
        shown = [(row.id, row.score) for row in rows]
    assert shown == list(zip(expected[1:], (2, 1, 0), strict=True))


def test_an_iteration_sees_what_its_own_transaction_has_changed(
    db: Database, make: Factory
) -> None:
    expected = add_resources(make, 3)
    with db.transaction() as tx:
        met = []
        for row in tx.resources.iter_by_type("Routine", order_by="score", batch_size=1):
            met.append(row.id)
            assert tx.resources.delete(row.id)
            assert len(met) <= 3
    assert met == expected


def test_a_connection_that_is_lost_between_two_batches_is_replaced(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    expected = add_resources(make, 3)
    met = []
    for row in db.resources.iter_by_type("Routine", order_by="score", batch_size=1):
        met.append(row.id)
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert met == expected


def test_an_iteration_over_a_closed_database_is_refused(database_url: str, make: Factory) -> None:
    add_resources(make, 3)
    with Database.connect(database_url, max_size=1) as db:
        begun = db.resources.iter_by_type("Routine", batch_size=2)
        next(begun)
        not_begun = db.resources.iter_by_type("Routine")
    with pytest.raises(InvalidUse, match="closed"):
        next(not_begun)
    # What was read is given, and more cannot be read.
    next(begun)
    with pytest.raises(InvalidUse, match="closed"):
        next(begun)


def test_an_iteration_in_a_transaction_that_has_ended_is_refused(
    db: Database, make: Factory
) -> None:
    add_resources(make, 3)
    with db.transaction() as tx:
        begun = tx.resources.iter_by_type("Routine", batch_size=2)
        next(begun)
        not_begun = tx.resources.iter_by_type("Routine")
    with db.connection() as held:
        of_held = held.resources.iter_by_type("Routine")
    with pytest.raises(InvalidUse, match="was given back"):
        next(of_held)
    with pytest.raises(InvalidUse, match="is over"):
        next(not_begun)
    next(begun)
    with pytest.raises(InvalidUse, match="is over"):
        next(begun)
    check_whole(db, SIZE)


@pytest.mark.parametrize("size", [0, 10_001, -1, True, "2", None, 1.0])
def test_a_size_of_a_batch_is_checked_when_the_iteration_is_made(
    unopened: Database, size: Any
) -> None:
    with pytest.raises(InvalidInput, match="batch_size"):
        unopened.resources.iter_by_type("Routine", batch_size=size)
    unopened.resources.iter_by_type("Routine", batch_size=10_000)


def test_other_arguments_are_checked_when_the_iteration_is_made(unopened: Database) -> None:
    nobody: Any = 0
    with pytest.raises(InvalidInput, match="user_id"):
        unopened.runs.iter_by_user(nobody)
    with pytest.raises(InvalidInput, match="order_by"):
        unopened.resources.iter_by_type("Routine", order_by=nobody)
    with pytest.raises(InvalidInput, match="statuses"):
        unopened.runs.iter_by_status(nobody)


def test_each_listing_has_its_iteration(db: Database, make: Factory) -> None:
    user, team, chat, resource = make.user(), make.team(), make.chat(), make.resource()
    run = make.run(user)
    version = make.version(resource)
    make.run(user, status="Completed")
    make.member(team, user)
    make.participant(chat, user)
    make.bookmark(user, resource)
    assert [row.id for row in db.users.iter_many(batch_size=1)] == [user]
    assert [row.id for row in db.teams.iter_many(batch_size=1)] == [team]
    assert [row.id for row in db.chats.iter_many(batch_size=1)] == [chat]
    assert [row.id for row in db.chats.iter_by_user(user, batch_size=1)] == [chat]
    of_chat = db.chats.iter_participants(chat, batch_size=1)
    assert [row.user_id for row in of_chat] == [user]
    assert [row.user_id for row in db.members.iter_by_team(team, batch_size=1)] == [user]
    assert [row.team_id for row in db.members.iter_by_user(user, batch_size=1)] == [team]
    of_resource = db.resources.iter_versions(resource, batch_size=1)
    assert [row.id for row in of_resource] == [version]
    of_user = db.bookmarks.iter_by_user(user, batch_size=1)
    assert [row.resource_id for row in of_user] == [resource]
    of_user_too = db.runs.iter_by_user(user, batch_size=1)
    assert {row.status for row in of_user_too} == {"Scheduled", "Completed"}
    scheduled = db.runs.iter_by_status(["Scheduled"], batch_size=1)
    assert [row.id for row in scheduled] == [run]
    active = db.runs.iter_active_runs(user_id=user, batch_size=1)
    assert [row.id for row in active] == [run]
