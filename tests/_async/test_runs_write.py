"""Runs: listing, creating, changing and deleting them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    Conflict,
    CreateRun,
    InvalidCursor,
    InvalidInput,
    InvalidTransition,
    MissingReference,
    NotFound,
    Run,
    RunStatus,
    UpdateRun,
)

from ._compat import Started, gather, until_waiting

STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
ALLOWED: dict[RunStatus, set[RunStatus]] = {
    "Scheduled": {"InProgress", "Cancelled"},
    "InProgress": {"Paused", "Completed", "Failed", "Cancelled"},
    "Paused": {"InProgress", "Failed", "Cancelled"},
    "Completed": set(),
    "Failed": set(),
    "Cancelled": set(),
}


async def status_pages(
    db: AsyncDatabase, statuses: list[RunStatus], user_id: int | None, limit: int
) -> list[list[int]]:
    """Return the ids of all pages, forward; the way back must give the same."""
    pages = [await db.runs.find_by_status(statuses, user_id=user_id, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(
            await db.runs.find_by_status(statuses, user_id=user_id, cursor=cursor, limit=limit)
        )
    page = pages[-1]
    for expected in reversed(pages[:-1]):
        page = await db.runs.find_by_status(
            statuses, user_id=user_id, cursor=page.previous_cursor, limit=limit
        )
        assert page == expected
    return [[run.id for run in page.items] for page in pages]


async def test_find_by_status_merges_the_statuses_by_time(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for n in range(40):
        make.run(
            (ada, bob)[n % 3 == 0],
            status=STATUSES[n % 5],
            created_at=start + timedelta(days=n // 7),
        )
    wanted: list[RunStatus] = ["Scheduled", "Completed", "Cancelled"]
    for user_id, limit in product((None, ada), (1, 4, 100)):
        rows = admin.execute(
            "SELECT id FROM runs WHERE status = ANY(%s) AND (%s::bigint IS NULL OR user_id = %s)"
            " ORDER BY created_at DESC, id DESC",
            (wanted, user_id, user_id),
        )
        pages = await status_pages(db, wanted, user_id, limit)
        assert [id for page in pages for id in page] == [id for (id,) in rows]
        assert all(len(page) <= limit for page in pages)


async def test_a_status_given_twice_counts_once(db: AsyncDatabase, make: Factory) -> None:
    run_id = make.run(make.user())
    page = await db.runs.find_by_status(["Scheduled", "Scheduled"])
    assert [run.id for run in page.items] == [run_id]
    assert (await db.runs.find_by_status([])).items == []


async def test_a_cursor_of_all_users_is_none_of_one_user(db: AsyncDatabase, make: Factory) -> None:
    user_id = make.user()
    for _ in range(2):
        make.run(user_id)
    page = await db.runs.find_by_status(["Scheduled"], limit=1)
    with pytest.raises(InvalidCursor):
        await db.runs.find_by_status(["Scheduled"], user_id=user_id, cursor=page.next_cursor)


async def test_active_runs_are_the_scheduled_and_those_in_progress(
    db: AsyncDatabase, make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    runs = {status: make.run(ada, status=status) for status in STATUSES}
    other = make.run(bob)
    found = await db.runs.find_active_runs()
    assert {run.id for run in found.items} == {runs["Scheduled"], runs["InProgress"], other}
    of_bob = await db.runs.find_active_runs(user_id=bob)
    assert [run.id for run in of_bob.items] == [other]


async def test_find_by_user_lists_the_newest_first(db: AsyncDatabase, make: Factory) -> None:
    ada = make.user()
    make.run(make.user())
    expected = [make.run(ada) for _ in range(5)][::-1]
    first = await db.runs.find_by_user(ada, limit=3)
    second = await db.runs.find_by_user(ada, limit=3, cursor=first.next_cursor)
    back = await db.runs.find_by_user(ada, limit=3, cursor=second.previous_cursor)
    assert [run.id for run in first.items + second.items] == expected
    assert back == first


async def test_create_returns_a_scheduled_run(db: AsyncDatabase, make: Factory) -> None:
    user_id = make.user()
    version_id = make.version(make.resource())
    run = await db.runs.create(
        CreateRun(user_id=user_id, name="R", resource_version_id=version_id, data=[None, {"a": 1}])
    )
    assert (run.user_id, run.resource_version_id, run.status) == (user_id, version_id, "Scheduled")
    assert (run.started_at, run.completed_at, run.time_elapsed, run.revision) == (
        None,
        None,
        None,
        0,
    )
    assert await db.runs.find_by_id(run.id) == run
    assert await db.runs.find_by_id(run.id, user_id=user_id) == run
    assert await db.runs.find_by_id(run.id, user_id=user_id + 1) is None
    details = await db.runs.find_with_details(run.id)
    assert details is not None
    assert details.data == [None, {"a": 1}]


async def test_create_for_an_absent_user_or_version_is_an_error(
    db: AsyncDatabase, make: Factory
) -> None:
    user_id = make.user()
    with pytest.raises(NotFound) as missing:
        await db.runs.create(CreateRun(user_id=user_id, name="R", resource_version_id=1))
    assert missing.value.query == "runs.create"
    with pytest.raises(MissingReference) as caught:
        await db.runs.create(CreateRun(user_id=user_id + 1, name="R"))
    assert caught.value.constraint == "runs_user_id_fkey"
    assert caught.value.field == "user_id"


async def test_create_refuses_a_resource_that_is_deleted_while_it_waits(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id, resource_id = make.user(), make.resource()
    version_id = make.version(resource_id)
    with admin.transaction():
        admin.execute("UPDATE resources SET is_deleted = true, deleted_at = now()")
        creation = Started(
            lambda: db.runs.create(
                CreateRun(user_id=user_id, name="R", resource_version_id=version_id)
            )
        )
        await until_waiting(admin)
    with pytest.raises(NotFound):
        await creation.result()
    assert admin.execute("SELECT count(*) FROM runs").fetchone() == (0,)


async def test_update_changes_the_fields_given_alone(db: AsyncDatabase, make: Factory) -> None:
    user_id = make.user()
    run_id = make.run(user_id, data={"old": 1}, time_elapsed=5)
    changes = UpdateRun(data={"new": [1.5]}, completed_complexity=3)
    changed = await db.runs.update(run_id, changes, expected_revision=0)
    assert changed is not None
    assert (changed.name, changed.time_elapsed, changed.completed_complexity) == ("Run", 5, 3)
    assert changed.revision == 1
    cleared = await db.runs.update(run_id, UpdateRun(data=None), user_id=user_id)
    assert cleared is not None
    details = await db.runs.find_with_details(run_id)
    assert details is not None
    assert (details.data, details.revision) == (None, 2)
    with pytest.raises(Conflict):
        await db.runs.update(run_id, changes, user_id=user_id, expected_revision=0)
    assert await db.runs.update(run_id, changes, user_id=user_id + 1) is None
    assert await db.runs.update(run_id + 1, changes) is None


async def test_a_second_update_waits_and_keeps_the_change_of_the_first(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    run_id = make.run(make.user())
    with admin.transaction():
        admin.execute("UPDATE runs SET context_switches = 7, revision = revision + 1")
        second = Started(lambda: db.runs.update(run_id, UpdateRun(name="Second")))
        await until_waiting(admin)
    changed = await second.result()
    assert changed is not None
    assert (changed.name, changed.context_switches, changed.revision) == ("Second", 7, 2)


@pytest.mark.parametrize("current", STATUSES)
async def test_a_status_leads_where_the_table_says_and_nowhere_else(
    db: AsyncDatabase, make: Factory, current: RunStatus
) -> None:
    user_id = make.user()
    for wanted in STATUSES:
        run_id = make.run(user_id, status=current)
        for owner in (None, user_id):
            if wanted in ALLOWED[current]:
                run = await db.runs.update_status(run_id, wanted, user_id=owner)
                assert run is not None
                assert (run.status, run.revision) == (wanted, 1)
                break
            with pytest.raises(InvalidTransition, match=f"{current} cannot become {wanted}") as no:
                await db.runs.update_status(run_id, wanted, user_id=owner)
            assert (no.value.current, no.value.wanted) == (current, wanted)
            unchanged = await db.runs.find_by_id(run_id)
            assert unchanged is not None
            assert (unchanged.status, unchanged.revision) == (current, 0)


async def test_started_at_is_set_once_and_completed_at_by_every_final_status(
    db: AsyncDatabase, make: Factory
) -> None:
    user_id = make.user()

    async def move(run_id: int, status: RunStatus, time_elapsed: int | None = None) -> Run:
        run = await db.runs.update_status(run_id, status, time_elapsed=time_elapsed)
        assert run is not None
        return run

    run_id = make.run(user_id)
    started = await move(run_id, "InProgress")
    assert started.started_at is not None
    await move(run_id, "Paused")
    resumed = await move(run_id, "InProgress")
    assert (resumed.started_at, resumed.completed_at) == (started.started_at, None)
    completed = await move(run_id, "Completed", 1234)
    assert completed.completed_at is not None
    assert completed.completed_at >= started.started_at
    assert (completed.started_at, completed.time_elapsed) == (started.started_at, 1234)
    cancelled = await move(make.run(user_id), "Cancelled")
    assert cancelled.completed_at is not None
    assert cancelled.started_at is None
    failed = await move(make.run(user_id, status="Paused"), "Failed")
    assert failed.completed_at is not None


async def test_completing_runs_counts_them_in_the_day_of_their_user(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    for status in ("Completed", "Failed", "Completed"):
        run_id = make.run(user_id, status="InProgress")
        await db.runs.update_status(run_id, status)
    rows = admin.execute(
        "SELECT runs_completed, period_type, period_end - period_start = interval '24 hours',"
        " extract(hour FROM period_start AT TIME ZONE 'UTC') FROM stats_users"
    ).fetchall()
    assert rows == [(2, "Daily", True, 0)]


async def test_of_two_moves_of_one_run_the_second_sees_the_first(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    run_id = make.run(make.user(), status="InProgress")
    with admin.transaction():
        admin.execute("UPDATE runs SET status = 'Cancelled', completed_at = now()")
        second = Started(lambda: db.runs.update_status(run_id, "Completed"))
        await until_waiting(admin)
    with pytest.raises(InvalidTransition, match="Cancelled cannot become Completed"):
        await second.result()
    assert admin.execute("SELECT count(*) FROM stats_users").fetchone() == (0,)


async def test_of_eight_completions_one_wins_and_is_counted_once(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    run_id = make.run(make.user(), status="InProgress")

    async def complete() -> bool:
        try:
            await db.runs.update_status(run_id, "Completed")
        except InvalidTransition:
            return False
        return True

    assert sorted(await gather(*[complete] * 8)) == [False] * 7 + [True]
    assert admin.execute("SELECT runs_completed FROM stats_users").fetchone() == (1,)


async def test_update_status_of_an_absent_run_is_none(db: AsyncDatabase, make: Factory) -> None:
    user_id = make.user()
    run_id = make.run(user_id)
    assert await db.runs.update_status(run_id + 1, "InProgress") is None
    assert await db.runs.update_status(run_id, "InProgress", user_id=user_id + 1) is None


async def test_delete_takes_steps_and_values_along(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    first, second = make.run(user_id), make.run(user_id)
    make.run_step(user_id, first, 1)
    make.run_io(user_id, first, "input", "a", 1)
    assert await db.runs.delete(first) is True
    assert await db.runs.delete(first) is False
    assert await db.runs.delete(second, user_id=user_id + 1) is False
    assert await db.runs.delete(second, user_id=user_id) is True
    for table in ("runs", "run_steps", "run_io"):
        assert admin.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    runs = unopened.runs
    with pytest.raises(InvalidInput, match="statuses: must be one of Scheduled"):
        await runs.find_by_status(["Scheduled", "Done"])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="statuses: must be a list"):
        await runs.find_by_status("Scheduled")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="status: must be one of"):
        await runs.update_status(1, "Done")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="time_elapsed: must be from 0"):
        await runs.update_status(1, "Completed", time_elapsed=-1)
    with pytest.raises(InvalidInput, match="time_elapsed: goes with"):
        await runs.update_status(1, "Paused", time_elapsed=1)
    with pytest.raises(InvalidInput, match="data: must hold only finite numbers"):
        await runs.create(CreateRun(user_id=1, name="R", data={"x": float("nan")}))
    with pytest.raises(InvalidInput, match="context_switches: must be from 0 to 2147483647"):
        await runs.update(1, UpdateRun(context_switches=2**31))
