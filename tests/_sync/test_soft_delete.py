# Generated from tests/_async/test_soft_delete.py by tools/unasync.py. Do not edit.
"""Soft deletion: resources, their active runs, and who deleted them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from tests.contents import contents
from tests.factories import Factory
from vrooli_data import (
    CreateRun,
    CreateVersion,
    Database,
    InvalidInput,
    InvalidTransition,
    InvalidUse,
    MissingReference,
    NotFound,
    Resource,
    Run,
    SoftDeletion,
    StartStep,
    UpdateRun,
)

from ._compat import Started, barrier, gather, until_waiting

ACTIVE = ("Scheduled", "InProgress", "Paused")
FINAL = ("Completed", "Failed", "Cancelled")


def stored(db: Database, id: int) -> Resource:
    """Return a resource that is there."""
    resource = db.resources.find_by_id(id)
    assert resource is not None
    return resource


def run_of(db: Database, id: int) -> Run:
    """Return a run that is there."""
    run = db.runs.find_by_id(id)
    assert run is not None
    return run


def deleted_count(admin: Connection[Any], user_id: int) -> int | None:
    """Return how many resources a user's statistics count, of the one day that there is."""
    row = admin.execute(
        "SELECT resources_deleted FROM stats_users WHERE user_id = %s", [user_id]
    ).fetchone()
    return None if row is None else row[0]


def test_resources_and_their_active_runs_end_together(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, owner = make.user(), make.user()
    first, second, other = make.resource(), make.resource(is_private=True), make.resource()
    versions = [make.version(first), make.version(first, version_index=1), make.version(second)]
    active = [
        make.run(owner, resource_version_id=version, status=status)
        for version in versions
        for status in ACTIVE
    ]
    kept = [
        *(make.run(owner, resource_version_id=versions[0], status=status) for status in FINAL),
        make.run(owner, resource_version_id=make.version(other)),
        make.run(owner),
    ]
    before = [run_of(db, id) for id in kept]

    deletion = db.resources.bulk_soft_delete([second, first], user)
    assert deletion == SoftDeletion(deleted=2, already_deleted=0, missing=0, cancelled_runs=9)
    for id in (first, second):
        resource = stored(db, id)
        assert (resource.is_deleted, resource.deleted_by_id) == (True, user)
        assert resource.deleted_at == resource.updated_at > resource.created_at
        assert resource.revision == 1
    for id in active:
        run = run_of(db, id)
        assert (run.status, run.revision) == ("Cancelled", 1)
        assert run.completed_at == run.updated_at > run.created_at
    assert [run_of(db, id) for id in kept] == before
    untouched = stored(db, other)
    assert (untouched.is_deleted, untouched.deleted_at, untouched.revision) == (False, None, 0)


def test_the_day_of_who_deletes_counts_the_resources(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user = make.user()
    run = make.run(user)
    ids = [make.resource() for _ in range(3)]
    db.resources.bulk_soft_delete(ids[:2], user)
    db.runs.start_with_steps(run, [])
    db.resources.soft_delete(ids[2], user)
    rows = admin.execute(
        "SELECT user_id, period_type, period_start, period_end, runs_started, resources_deleted, "
        "updated_at FROM stats_users"
    ).fetchall()
    deleted_at = (stored(db, ids[2])).deleted_at
    assert deleted_at is not None
    day = deleted_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert rows == [(user, "Daily", day, day + timedelta(days=1), 1, 3, deleted_at)]


def test_a_second_call_finds_nothing_to_do(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, another = make.user(), make.user()
    ids = [make.resource(), make.resource()]
    make.run(user, resource_version_id=make.version(ids[0]))
    assert db.resources.bulk_soft_delete(ids, user) == SoftDeletion(2, 0, 0, 1)
    before = contents(admin)
    assert db.resources.bulk_soft_delete(ids, another) == SoftDeletion(0, 2, 0, 0)
    assert db.resources.soft_delete(ids[0], another) is False
    assert contents(admin) == before


def test_every_id_is_counted_once(db: Database, admin: Connection[Any], make: Factory) -> None:
    user = make.user()
    there, gone = make.resource(), make.resource(is_deleted=True)
    absent = gone + 1
    assert db.resources.bulk_soft_delete([absent, gone, there], user) == SoftDeletion(
        deleted=1, already_deleted=1, missing=1, cancelled_runs=0
    )
    assert deleted_count(admin, user) == 1
    assert db.resources.bulk_soft_delete([], user) == SoftDeletion(0, 0, 0, 0)


def test_runs_of_what_something_else_has_deleted_are_cancelled_too(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user = make.user()
    gone = make.resource(is_deleted=True, deleted_at="2026-01-01Z")
    run = make.run(user, resource_version_id=make.version(gone))
    assert db.resources.bulk_soft_delete([gone], user) == SoftDeletion(0, 1, 0, 1)
    assert (run_of(db, run)).status == "Cancelled"
    assert (stored(db, gone)).deleted_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert deleted_count(admin, user) is None


def test_one_resource_is_deleted_and_an_absent_one_is_not_found(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user = make.user()
    id = make.resource()
    run = make.run(user, resource_version_id=make.version(id), status="Paused")
    assert db.resources.soft_delete(id, user) is True
    assert (stored(db, id)).deleted_by_id == user
    assert (run_of(db, run)).status == "Cancelled"
    with pytest.raises(NotFound, match=r"\Aresources\.soft_delete: no such resource\Z"):
        db.resources.soft_delete(id + 1, user)
    assert deleted_count(admin, user) == 1


def test_who_deletes_has_to_be_there(db: Database, admin: Connection[Any], make: Factory) -> None:
    id = make.resource()
    make.run(make.user(), resource_version_id=make.version(id))
    before = contents(admin)
    with pytest.raises(MissingReference) as caught:
        db.resources.bulk_soft_delete([id], 2**62)
    assert caught.value.query == "resources.bulk_soft_delete"
    assert contents(admin) == before


def test_a_transaction_undoes_it_as_a_whole(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user = make.user()
    id = make.resource()
    make.run(user, resource_version_id=make.version(id))
    before = contents(admin)
    with pytest.raises(LookupError):
        with db.transaction() as tx:
            assert tx.resources.bulk_soft_delete([id], user) == SoftDeletion(1, 0, 0, 1)
            raise LookupError
    assert contents(admin) == before


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_transaction_that_would_miss_runs_is_refused_and_continues(
    db: Database, make: Factory, isolation: Any
) -> None:
    user, id = make.user(), make.resource()
    with db.transaction(isolation=isolation) as tx:
        for refused in (
            lambda: tx.resources.bulk_soft_delete([id], user),
            lambda: tx.resources.soft_delete(id, user),
        ):
            with pytest.raises(InvalidUse, match="use isolation='read committed'"):
                refused()
        assert tx.resources.restore(id) is False
    assert (stored(db, id)).is_deleted is False


def test_a_run_that_is_added_meanwhile_is_cancelled(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    version = make.version(id)
    with db.transaction() as tx:
        run = tx.runs.create(CreateRun(user_id=user, name="Run", resource_version_id=version))
        deletion = Started(lambda: db.resources.bulk_soft_delete([id], user))
        until_waiting(admin)
    assert deletion.result() == SoftDeletion(1, 0, 0, 1)
    assert (run_of(db, run.id)).status == "Cancelled"


def test_a_run_of_a_version_that_is_added_meanwhile_is_cancelled(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    with db.transaction() as tx:
        version = tx.resources.add_version(id, CreateVersion(version_label="2.0"))
        tx.runs.create(CreateRun(user_id=user, name="Run", resource_version_id=version.id))
        deletion = Started(lambda: db.resources.bulk_soft_delete([id], user))
        until_waiting(admin)
    assert deletion.result() == SoftDeletion(1, 0, 0, 1)


@pytest.mark.parametrize("names_user", [False, True])
def test_a_run_that_is_started_or_resumed_meanwhile_is_cancelled(
    db: Database, admin: Connection[Any], make: Factory, names_user: bool
) -> None:
    user, id = make.user(), make.resource()
    of_user = user if names_user else None
    version = make.version(id)
    scheduled, paused = (
        make.run(user, resource_version_id=version, status=status)
        for status in ("Scheduled", "Paused")
    )
    with db.transaction() as tx:
        tx.runs.update_status(paused, "InProgress", user_id=of_user)
        tx.runs.start_with_steps(scheduled, [StartStep(name="First")], user_id=of_user)
        deletion = Started(lambda: db.resources.bulk_soft_delete([id], user))
        until_waiting(admin)
    assert deletion.result() == SoftDeletion(1, 0, 0, 2)
    for run_id in (scheduled, paused):
        run = run_of(db, run_id)
        assert (run.status, run.revision) == ("Cancelled", 2)
        assert run.started_at is not None
        assert run.completed_at is not None


def test_a_run_that_is_resumed_between_the_statements_is_cancelled(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    run = make.run(user, resource_version_id=make.version(id), status="Paused")
    with db.transaction() as tx:
        # The resource is free: the deletion waits for the run alone, in its second statement.
        tx.runs.update_status(run, "InProgress")
        deletion = Started(lambda: db.resources.soft_delete(id, user))
        until_waiting(admin)
    assert deletion.result() is True
    assert (run_of(db, run)).status == "Cancelled"


def test_a_run_that_is_completed_meanwhile_stays_completed(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    run = make.run(user, resource_version_id=make.version(id), status="InProgress")
    with db.transaction() as tx:
        tx.runs.update_status(run, "Completed")
        deletion = Started(lambda: db.resources.bulk_soft_delete([id], user))
        until_waiting(admin)
    assert deletion.result() == SoftDeletion(1, 0, 0, 0)
    assert (run_of(db, run)).status == "Completed"
    stats = admin.execute("SELECT runs_completed, resources_deleted FROM stats_users").fetchall()
    assert stats == [(1, 1)]


@pytest.mark.parametrize("names_user", [False, True])
def test_no_run_is_added_started_or_resumed_after_a_deletion(
    db: Database, admin: Connection[Any], make: Factory, names_user: bool
) -> None:
    user, id = make.user(), make.resource()
    of_user = user if names_user else None
    version = make.version(id)
    scheduled, paused = (
        make.run(user, resource_version_id=version, status=status)
        for status in ("Scheduled", "Paused")
    )
    with db.transaction() as tx:
        tx.resources.soft_delete(id, user)
        create = Started(
            lambda: db.runs.create(CreateRun(user_id=user, name="Run", resource_version_id=version))
        )
        start = Started(lambda: db.runs.start_with_steps(scheduled, [], user_id=of_user))
        resume = Started(lambda: db.runs.update_status(paused, "InProgress", user_id=of_user))
        until_waiting(admin, 3)
    with pytest.raises(NotFound):
        create.result()
    with pytest.raises(NotFound):
        start.result()
    with pytest.raises(InvalidTransition, match="a run that is Cancelled cannot become InProgress"):
        resume.result()
    active = admin.execute("SELECT count(*) FROM runs WHERE status <> 'Cancelled'").fetchone()
    assert active == (0,)


def test_of_many_runs_that_are_added_at_once_none_escapes(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    version = make.version(id)
    ready = barrier(4)

    def add() -> int:
        added = 0
        ready.wait()
        for _ in range(10):
            try:
                db.runs.create(CreateRun(user_id=user, name="Run", resource_version_id=version))
            except NotFound:
                break
            added += 1
        return added

    def delete() -> int:
        ready.wait()
        return (db.resources.bulk_soft_delete([id], user)).cancelled_runs

    *added, cancelled = gather(add, add, add, delete)
    assert sum(added) == cancelled
    statuses = admin.execute("SELECT count(*), min(status), max(status) FROM runs").fetchone()
    assert statuses == (cancelled, *[None if cancelled == 0 else "Cancelled"] * 2)


def test_a_second_deletion_waits_and_counts_nothing_twice(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    first, second = make.user(), make.user()
    ids = [make.resource() for _ in range(3)]
    make.run(first, resource_version_id=make.version(ids[0]))
    with db.transaction() as tx:
        assert tx.resources.bulk_soft_delete(ids[:2], first) == SoftDeletion(2, 0, 0, 1)
        waiting = Started(lambda: db.resources.bulk_soft_delete(ids, second))
        until_waiting(admin)
    assert waiting.result() == SoftDeletion(1, 2, 0, 0)
    assert (deleted_count(admin, first), deleted_count(admin, second)) == (2, 1)
    assert [(stored(db, id)).deleted_by_id for id in ids] == [first, first, second]


def test_resources_are_locked_in_the_order_of_their_ids(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    # The table holds them in the order in which they are given.
    user, last, first = make.user(), make.resource(id=2), make.resource(id=1)
    with admin.transaction():
        admin.execute("SELECT FROM resources WHERE id = %s FOR UPDATE", [first])
        deletion = Started(lambda: db.resources.bulk_soft_delete([last, first], user))
        until_waiting(admin)
        # It waits for the first, and so holds none behind it.
        admin.execute("SELECT FROM resources WHERE id = %s FOR UPDATE NOWAIT", [last])
    assert (deletion.result()).deleted == 2


def test_runs_are_locked_in_the_order_of_their_ids(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    version = make.version(id)
    last, first = (make.run(user, id=n, resource_version_id=version) for n in (2, 1))
    with admin.transaction():
        admin.execute("SELECT FROM runs WHERE id = %s FOR UPDATE", [first])
        deletion = Started(lambda: db.resources.bulk_soft_delete([id], user))
        until_waiting(admin)
        admin.execute("SELECT FROM runs WHERE id = %s FOR UPDATE NOWAIT", [last])
    assert (deletion.result()).cancelled_runs == 2


def test_the_statistics_are_counted_after_the_runs(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    run = make.run(user, resource_version_id=make.version(id), status="InProgress")

    def delete() -> SoftDeletion:
        # Once: by itself, it would be tried again behind a deadlock.
        with db.transaction() as another:
            return another.resources.bulk_soft_delete([id], user)

    with db.transaction() as tx:
        tx.runs.update(run, UpdateRun(name="Held"))
        deletion = Started(delete)
        until_waiting(admin)
        # Were they counted already, the two would wait for one another.
        tx.runs.update_status(run, "Completed")
    assert deletion.result() == SoftDeletion(1, 0, 0, 0)
    stats = admin.execute("SELECT runs_completed, resources_deleted FROM stats_users").fetchall()
    assert stats == [(1, 1)]


def test_restoring_undoes_the_deletion_of_the_resource_alone(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    version = make.version(id)
    run = make.run(user, resource_version_id=version)
    db.resources.soft_delete(id, user)
    deleted = stored(db, id)
    assert db.resources.restore(id) is True
    after = stored(db, id)
    assert (after.is_deleted, after.deleted_at, after.deleted_by_id) == (False, None, None)
    assert (deleted.revision, after.revision) == (1, 2)
    assert after.updated_at > deleted.updated_at
    assert (run_of(db, run)).status == "Cancelled"
    assert deleted_count(admin, user) == 1
    new = CreateRun(user_id=user, name="Run", resource_version_id=version)
    assert (db.runs.create(new)).status == "Scheduled"

    assert db.resources.restore(id) is False
    assert stored(db, id) == after
    with pytest.raises(NotFound, match=r"\Aresources\.restore: no such resource\Z"):
        db.resources.restore(id + 1)
    assert db.resources.bulk_soft_delete([id], user) == SoftDeletion(1, 0, 0, 1)
    assert deleted_count(admin, user) == 2


def test_a_restoration_waits_for_the_deletion_and_undoes_it(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    with db.transaction() as tx:
        tx.resources.soft_delete(id, user)
        restoration = Started(lambda: db.resources.restore(id))
        until_waiting(admin)
    assert restoration.result() is True
    resource = stored(db, id)
    assert (resource.is_deleted, resource.revision) == (False, 2)


def test_a_held_connection_deletes_in_one_transaction(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user, id = make.user(), make.resource()
    make.run(user, resource_version_id=make.version(id))
    with db.connection() as held:
        assert held.resources.bulk_soft_delete([id], user) == SoftDeletion(1, 0, 0, 1)
        assert held.resources.restore(id) is True


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    resources = unopened.resources
    with pytest.raises(InvalidInput, match=r"\Aids: must be a list, not int"):
        resources.bulk_soft_delete(1, 1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"\Aids: must have at most 10000 items"):
        resources.bulk_soft_delete(range(1, 10_002), 1)
    with pytest.raises(InvalidInput, match=r"\Aids: must be from 1 to"):
        resources.bulk_soft_delete([1, 0], 1)
    with pytest.raises(InvalidInput, match=r"\Aids\[2\]: must not be the same as ids\[0\]\Z"):
        resources.bulk_soft_delete([7, 8, 7], 1)
    with pytest.raises(InvalidInput, match=r"\Adeleted_by: must be an int, not NoneType"):
        resources.bulk_soft_delete([1], None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"\Adeleted_by: must be from 1"):
        resources.soft_delete(1, 0)
    with pytest.raises(InvalidInput, match=r"\Aid: must be from 1"):
        resources.soft_delete(0, 1)
    with pytest.raises(InvalidInput, match=r"\Aid: must be from 1"):
        resources.restore(0)
