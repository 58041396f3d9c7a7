"""Changes of resources and runs with their events: both are there, or neither is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    AsyncTransaction,
    ChangeEvent,
    Conflict,
    CreateResource,
    InvalidInput,
    InvalidTransition,
    InvalidUse,
    MissingReference,
    NotFound,
    Resource,
    RunStatus,
    StillReferenced,
    UpdateResource,
)

from ._compat import Started, until_waiting
from .recorded import CHANGES, ID, row, times


async def event_of(db: AsyncDatabase, user_id: int, event_id: UUID = ID) -> ChangeEvent:
    """Return an event that is there."""
    event = await db.events.find_by_event_id(user_id, event_id)
    assert event is not None
    return event


async def found(db: AsyncDatabase, id: int) -> Resource:
    """Return a resource that is there."""
    resource = await db.resources.find_by_id(id)
    assert resource is not None
    return resource


def events(admin: Connection[Any]) -> list[tuple[str, int, str]]:
    """Return what has happened to which entity, in the order of the events."""
    return admin.execute(
        "SELECT entity_type, entity_id, change_type FROM change_events ORDER BY seq"
    ).fetchall()


async def test_the_event_of_a_creation_has_the_whole_resource(
    db: AsyncDatabase, make: Factory
) -> None:
    user = make.user()
    resource = await db.resources.create_with_event(
        CreateResource(
            resource_type="Note", is_private=True, created_by_id=user, public_id="a" * 12
        ),
        changed_by=user,
        event_id=ID,
    )
    assert await found(db, resource.id) == resource
    assert (resource.resource_type, resource.is_private) == ("Note", True)
    assert (resource.created_by_id, resource.public_id) == (user, "a" * 12)
    event = await event_of(db, user)
    assert (event.entity_type, event.entity_id) == ("resource", resource.id)
    assert (event.change_type, event.changed_fields) == ("created", [])
    assert event.previous_data is None
    assert times(event.new_data) == row(resource)


async def test_the_event_of_an_update_has_the_resource_before_and_after(
    db: AsyncDatabase, make: Factory
) -> None:
    user, id = make.user(), make.resource(score=3)
    before = await found(db, id)
    after = await db.resources.update_with_event(
        id, UpdateResource(is_private=True), changed_by=user, expected_revision=0, event_id=ID
    )
    assert after == await found(db, id)
    assert after is not None
    assert (after.is_private, after.revision) == (True, 1)
    event = await event_of(db, user)
    assert (event.entity_type, event.entity_id) == ("resource", id)
    assert (event.change_type, event.changed_fields) == ("updated", ["is_private"])
    assert times(event.previous_data) == row(before)
    assert times(event.new_data) == row(after)


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        (UpdateResource(resource_type="Code"), ["resource_type"]),
        (UpdateResource(is_private=True), ["is_private"]),
        (UpdateResource(is_private=False), []),
        (UpdateResource(is_private=False, resource_type="Code"), ["resource_type"]),
        (UpdateResource(is_private=True, resource_type="Code"), ["is_private", "resource_type"]),
    ],
)
async def test_only_what_has_another_value_is_a_changed_field(
    db: AsyncDatabase, make: Factory, changes: UpdateResource, changed: list[str]
) -> None:
    id = make.resource(resource_type="Note")
    await db.resources.update_with_event(id, changes, changed_by=1, event_id=ID)
    assert (await event_of(db, 1)).changed_fields == changed


async def test_the_event_of_a_deletion_has_the_deleted_resource(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    id = make.resource()
    make.version(id)
    before = await found(db, id)
    assert await db.resources.delete_with_event(id, changed_by=1, event_id=ID)
    assert await db.resources.find_by_id(id) is None
    event = await event_of(db, 1)
    assert (event.entity_type, event.entity_id) == ("resource", id)
    assert (event.change_type, event.changed_fields) == ("deleted", [])
    assert times(event.previous_data) == row(before)
    assert event.new_data is None
    assert not await db.resources.delete_with_event(id, changed_by=1)
    assert len(events(admin)) == 1


async def test_a_soft_deletion_with_an_event_does_the_same_as_without(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    version = make.version(id)
    active = [
        make.run(user, resource_version_id=version, status=status)
        for status in ("Scheduled", "InProgress", "Paused")
    ]
    completed = make.run(user, resource_version_id=version, status="Completed")
    before = await found(db, id)
    assert await db.resources.soft_delete_with_event(id, user, event_id=ID)
    after = await found(db, id)
    assert (after.is_deleted, after.deleted_by_id, after.revision) == (True, user, 1)
    for each in active:
        run = await db.runs.find_by_id(each)
        assert run is not None
        assert (run.status, run.revision) == ("Cancelled", 1)
        assert run.completed_at == after.deleted_at
    run = await db.runs.find_by_id(completed)
    assert run is not None
    assert run.status == "Completed"
    assert admin.execute("SELECT resources_deleted FROM stats_users").fetchall() == [(1,)]
    event = await event_of(db, user)
    assert (event.entity_type, event.entity_id) == ("resource", id)
    assert event.change_type == "soft_deleted"
    # NULL and a value differ.
    assert event.changed_fields == ["deleted_at", "deleted_by_id", "is_deleted"]
    assert times(event.previous_data) == row(before)
    assert times(event.new_data) == row(after)

    assert not await db.resources.soft_delete_with_event(id, user)
    with pytest.raises(NotFound, match="soft_delete_with_event: no such resource"):
        await db.resources.soft_delete_with_event(id + 1, user)
    with pytest.raises(MissingReference):
        await db.resources.soft_delete_with_event(make.resource(), user + 1)
    assert len(events(admin)) == 1


async def test_a_soft_deletion_refuses_a_snapshot_that_may_lack_runs(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    id, user = make.resource(), make.user()
    with pytest.raises(InvalidUse, match="read committed"):
        async with db.transaction(isolation="repeatable read") as tx:
            await tx.resources.soft_delete_with_event(id, user)
    assert events(admin) == []


async def test_a_run_that_another_session_adds_does_not_escape_a_soft_deletion(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    version = make.version(id)
    async with db.transaction() as tx:
        await tx.connection.execute("SELECT 1 FROM resources WHERE id = %s FOR SHARE", [id])
        deletion = Started(lambda: db.resources.soft_delete_with_event(id, user))
        await until_waiting(admin)
        cursor = await tx.connection.execute(
            "INSERT INTO runs (user_id, name, resource_version_id) VALUES (%s, 'Run', %s) "
            "RETURNING id",
            [user, version],
        )
        ((added,),) = await cursor.fetchall()
    assert await deletion.result()
    run = await db.runs.find_by_id(added)
    assert run is not None
    assert run.status == "Cancelled"


@pytest.mark.parametrize("names_user", [False, True])
async def test_the_event_of_a_run_has_no_data(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, names_user: bool
) -> None:
    user = make.user()
    id = make.run(user, data={"password": "secret"})
    of_user: dict[str, Any] = {"user_id": user} if names_user else {}
    before = await db.runs.find_by_id(id)
    started = await db.runs.update_status_with_event(
        id, "InProgress", changed_by=user, event_id=ID, **of_user
    )
    assert before is not None
    assert started is not None
    assert started == await db.runs.find_by_id(id)
    assert (started.status, started.revision) == ("InProgress", 1)
    event = await event_of(db, user)
    assert (event.entity_type, event.entity_id) == ("run", id)
    assert event.change_type == "status_changed"
    assert event.changed_fields == ["started_at", "status"]
    assert times(event.previous_data) == row(before)
    assert times(event.new_data) == row(started)
    assert "secret" not in json.dumps([event.previous_data, event.new_data])

    other = uuid4()
    ended = await db.runs.update_status_with_event(
        id, "Completed", changed_by=user, time_elapsed=5, event_id=other, **of_user
    )
    assert ended is not None
    assert (ended.status, ended.time_elapsed) == ("Completed", 5)
    event = await event_of(db, user, other)
    assert event.changed_fields == ["completed_at", "status", "time_elapsed"]
    assert admin.execute("SELECT runs_completed FROM stats_users").fetchall() == [(1,)]

    with pytest.raises(InvalidTransition, match="update_status_with_event: a run that is Compl"):
        await db.runs.update_status_with_event(id, "Paused", changed_by=user, **of_user)
    assert (
        await db.runs.update_status_with_event(id + 1, "Paused", changed_by=user, **of_user) is None
    )
    if names_user:
        of_user["user_id"] = user + 1
        assert (
            await db.runs.update_status_with_event(id, "Paused", changed_by=user, **of_user) is None
        )
    assert [kind for _, _, kind in events(admin)] == ["status_changed"] * 2


async def test_a_completed_run_has_its_outputs_and_leaves_no_step_open(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user = make.user()
    id, kept = make.run(user, status="InProgress"), make.run(user, status="InProgress")
    make.run_step(user, id, 1)
    make.run_step(user, kept, 1)
    await db.runs.update_status_with_event(
        id, "Completed", changed_by=user, outputs={"answer": "secret"}, event_id=ID
    )
    await db.runs.update_status_with_event(kept, "Completed", changed_by=user, keep_steps=True)
    statuses = admin.execute("SELECT run_id, status FROM run_steps ORDER BY run_id").fetchall()
    assert statuses == [(id, "Skipped"), (kept, "Scheduled")]
    assert admin.execute("SELECT run_id, key, value FROM run_io").fetchall() == [
        (id, "answer", "secret")
    ]
    event = await event_of(db, user)
    assert "secret" not in json.dumps([event.previous_data, event.new_data])


async def test_a_resumed_run_keeps_its_start_and_a_pause_changes_the_status_alone(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    id = make.run(make.user())
    moves: list[RunStatus] = ["InProgress", "Paused", "InProgress", "Failed"]
    for status in moves:
        await db.runs.update_status_with_event(id, status, changed_by=1)
    found = admin.execute("SELECT changed_fields FROM change_events ORDER BY seq").fetchall()
    assert found == [
        (["started_at", "status"],),
        (["status"],),
        (["status"],),
        (["completed_at", "status"],),
    ]


async def test_what_is_refused_records_nothing(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    make.run(user, resource_version_id=make.version(id))
    changes = UpdateResource(is_private=True)
    assert await db.resources.update_with_event(id + 1, changes, changed_by=user) is None
    with pytest.raises(Conflict, match="update_with_event: the row has revision 0, not 1"):
        await db.resources.update_with_event(id, changes, changed_by=user, expected_revision=1)
    with pytest.raises(StillReferenced):
        await db.resources.delete_with_event(id, changed_by=user)
    with pytest.raises(MissingReference):
        await db.resources.create_with_event(
            CreateResource(resource_type="Note", created_by_id=user + 1), changed_by=user
        )
    assert events(admin) == []
    assert (await found(db, id)).revision == 0


@pytest.fixture
def state(admin: Connection[Any], make: Factory) -> Callable[[], Any]:
    """Make the rows that `CHANGES` change; return what reads everything that they write."""
    make.user()
    make.resource()
    make.run(1)

    def read() -> Any:
        return [
            admin.execute(statement).fetchall()
            for statement in (
                b"SELECT resources::text FROM resources ORDER BY id",
                b"SELECT runs::text FROM runs ORDER BY id",
                b"SELECT stats_users::text FROM stats_users",
                b"SELECT user_id, event_id FROM change_events ORDER BY seq",
            )
        ]

    return read


@pytest.mark.parametrize("change", CHANGES)
async def test_an_event_id_is_taken_once_and_nothing_is_changed_again(
    db: AsyncDatabase, make: Factory, state: Callable[[], Any], change: Any
) -> None:
    make.event(1, event_id=ID)
    before = state()
    with pytest.raises(AlreadyExists, match="change_events_pkey") as caught:
        await change(db)
    assert caught.value.fields == ("user_id", "event_id")
    assert state() == before


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_rolled_back_leaves_no_event(
    db: AsyncDatabase, state: Callable[[], Any], change: Any
) -> None:
    before = state()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await change(tx)
            raise ZeroDivisionError
    assert state() == before
    async with db.connection() as held:
        await change(held)
    assert state() != before
    assert await db.events.find_by_event_id(1, ID) is not None


async def test_events_of_one_resource_are_numbered_in_the_order_of_their_commits(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    id, other = make.resource(), make.resource()
    changes = UpdateResource(is_private=True)
    async with db.transaction() as tx:
        await tx.resources.update_with_event(id, changes, changed_by=1)
        second = Started(lambda: db.resources.delete_with_event(id, changed_by=2))
        await until_waiting(admin)
        # Of another resource, it waits for nobody.
        third = Started(lambda: db.resources.update_with_event(other, changes, changed_by=3))
        await third.result()
        await tx.resources.update_with_event(id, changes, changed_by=4)
    assert await second.result()
    numbered = admin.execute("SELECT user_id FROM change_events ORDER BY seq").fetchall()
    assert numbered == [(1,), (3,), (4,), (2,)]


async def test_moves_of_one_run_are_numbered_in_the_order_of_their_commits(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    id = make.run(make.user())
    async with db.transaction() as tx:
        await tx.runs.update_status_with_event(id, "InProgress", changed_by=1)
        second = Started(lambda: db.runs.update_status_with_event(id, "Paused", changed_by=2))
        await until_waiting(admin)
        await tx.runs.update_status_with_event(id, "Paused", changed_by=3)
        await tx.runs.update_status_with_event(id, "InProgress", changed_by=4)
    paused = await second.result()
    assert paused is not None
    assert paused.status == "Paused"
    numbered = admin.execute("SELECT user_id FROM change_events ORDER BY seq").fetchall()
    assert numbered == [(1,), (3,), (4,), (2,)]


async def test_an_update_that_waits_returns_what_it_changed(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    id = make.resource(resource_type="Note")
    async with db.transaction() as tx:
        await tx.resources.update(id, UpdateResource(is_private=True))
        second = Started(
            lambda: db.resources.update_with_event(
                id, UpdateResource(is_private=True, resource_type="Code"), changed_by=1, event_id=ID
            )
        )
        await until_waiting(admin)
    await second.result()
    event = await event_of(db, 1)
    assert event.changed_fields == ["resource_type"]
    assert isinstance(event.previous_data, dict)
    assert event.previous_data["revision"] == 1


async def test_every_attempt_of_a_transaction_makes_the_same_event_ids(db: AsyncDatabase) -> None:
    made: list[list[UUID]] = []

    async def record(tx: AsyncTransaction) -> None:
        made.append([])
        for _ in range(2):
            resource = await tx.resources.create_with_event(
                CreateResource(resource_type="Note"), changed_by=1
            )
            cursor = await tx.connection.execute(
                "SELECT event_id FROM change_events WHERE entity_id = %s", [resource.id]
            )
            made[-1] += [id for (id,) in await cursor.fetchall()]
        if len(made) == 1:
            await tx.connection.execute("DO 'BEGIN RAISE serialization_failure; END'")

    await db.transact(record)
    assert made[0] == made[1]
    assert len(set(made[0])) == 2
    # Only within the attempts of one piece of work.
    await db.transact(record)
    assert set(made[0]).isdisjoint(made[2])


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    resources, runs = unopened.resources, unopened.runs
    note, private = CreateResource(resource_type="Note"), UpdateResource(is_private=True)
    bad: Any
    for bad in (0, True, "1", 2**63):
        for call in (
            lambda bad=bad: resources.create_with_event(note, changed_by=bad),
            lambda bad=bad: resources.update_with_event(1, private, changed_by=bad),
            lambda bad=bad: resources.delete_with_event(1, changed_by=bad),
            lambda bad=bad: runs.update_status_with_event(1, "Paused", changed_by=bad),
        ):
            with pytest.raises(InvalidInput, match=r"^changed_by: must be"):
                await call()
        with pytest.raises(InvalidInput, match=r"^deleted_by: must be"):
            await resources.soft_delete_with_event(1, bad)
    for bad in ("1", 1, b"1" * 16):
        for call in (
            lambda bad=bad: resources.create_with_event(note, changed_by=1, event_id=bad),
            lambda bad=bad: resources.update_with_event(1, private, changed_by=1, event_id=bad),
            lambda bad=bad: resources.delete_with_event(1, changed_by=1, event_id=bad),
            lambda bad=bad: resources.soft_delete_with_event(1, 1, event_id=bad),
            lambda bad=bad: runs.update_status_with_event(1, "Paused", changed_by=1, event_id=bad),
        ):
            with pytest.raises(InvalidInput, match=r"^event_id: must be a UUID"):
                await call()
    with pytest.raises(InvalidInput, match="changes"):
        await resources.update_with_event(1, UpdateResource(), changed_by=1)
    with pytest.raises(InvalidInput, match=r"^expected_revision"):
        await resources.update_with_event(1, private, changed_by=1, expected_revision=-1)
    with pytest.raises(InvalidInput, match=r"^time_elapsed"):
        await runs.update_status_with_event(1, "Paused", changed_by=1, time_elapsed=1)
