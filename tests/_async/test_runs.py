"""Runs: details and statistics."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    CreateRun,
    ExecutionStats,
    InvalidInput,
    RunStatus,
    RunValue,
)


async def test_find_by_public_id_finds_the_run_of_that_user_alone(
    db: AsyncDatabase, make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    run_id = make.run(ada, public_id="firstrun0000")
    make.run(ada)
    found = await db.runs.find_by_public_id("firstrun0000")
    assert found is not None
    assert (found.id, found.public_id) == (run_id, "firstrun0000")
    assert await db.runs.find_by_public_id("firstrun0000", user_id=ada) == found
    assert await db.runs.find_by_public_id("firstrun0000", user_id=bob) is None
    assert await db.runs.find_by_public_id("nosuchrun000") is None


async def test_a_run_is_created_with_the_public_id_given_or_a_new_one(
    db: AsyncDatabase, make: Factory
) -> None:
    user_id = make.user()
    given = CreateRun(user_id=user_id, name="Run", public_id="firstrun0000")
    assert (await db.runs.create(given)).public_id == "firstrun0000"
    with pytest.raises(AlreadyExists) as caught:
        await db.runs.create(given)
    assert caught.value.constraint == "runs_public_id_key"
    run = CreateRun(user_id=user_id, name="Run")
    made = {(await db.runs.create(run)).public_id for _ in range(3)}
    assert len(made) == 3
    with pytest.raises(InvalidInput, match="public_id"):
        await db.runs.create(CreateRun(user_id=user_id, name="Run", public_id="FIRSTRUN0000"))


async def test_find_with_details_returns_version_user_steps_and_values(
    db: AsyncDatabase, make: Factory
) -> None:
    user_id = make.user(public_id="adaadaadaada", handle="ada")
    resource_id = make.resource(public_id="resourceroot", resource_type="Api")
    version_id = make.version(resource_id, public_id="versionfirst", version_label="2.1")
    run_id = make.run(
        user_id, resource_version_id=version_id, data={"seed": 7}, status="InProgress"
    )
    make.run_step(user_id, run_id, 2, status="Completed", time_elapsed=1500)
    make.run_step(user_id, run_id, 1)
    make.run_io(user_id, run_id, "output", "answer", [42], step=2)
    make.run_io(user_id, run_id, "input", "b", None)
    make.run_io(user_id, run_id, "input", "a", {"deep": [True]})
    run = await db.runs.find_with_details(run_id)
    assert run is not None
    assert (run.user_id, run.id, run.status, run.data) == (
        user_id,
        run_id,
        "InProgress",
        {"seed": 7},
    )
    assert run.user.handle == "ada"
    assert run.resource_version is not None
    assert (run.resource_version.public_id, run.resource_version.version_label) == (
        "versionfirst",
        "2.1",
    )
    assert run.resource_version.resource.resource_type == "Api"
    assert [(step.step, step.status, step.time_elapsed) for step in run.steps] == [
        (1, "Scheduled", None),
        (2, "Completed", 1500),
    ]
    assert run.inputs == [RunValue(0, "a", {"deep": [True]}), RunValue(0, "b", None)]
    assert run.outputs == [RunValue(2, "answer", [42])]


async def test_find_with_details_of_a_bare_run_has_empty_parts(
    db: AsyncDatabase, make: Factory
) -> None:
    run_id = make.run(make.user())
    run = await db.runs.find_with_details(run_id)
    assert run is not None
    assert run.resource_version is None
    assert (run.data, run.steps, run.inputs, run.outputs) == (None, [], [], [])


async def test_find_with_details_of_a_user_finds_that_users_run_alone(
    db: AsyncDatabase, make: Factory
) -> None:
    owner, other = make.user(), make.user()
    run_id = make.run(owner)
    assert await db.runs.find_with_details(run_id, user_id=owner) == (
        await db.runs.find_with_details(run_id)
    )
    assert await db.runs.find_with_details(run_id, user_id=other) is None
    assert await db.runs.find_with_details(run_id + 1) is None


async def test_execution_stats_count_every_status_and_average_completed_runs(
    db: AsyncDatabase, make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    make.run(ada, status="Completed", time_elapsed=1000)
    make.run(ada, status="Completed", time_elapsed=2000)
    make.run(ada, status="Completed")
    make.run(ada, status="Failed", time_elapsed=9999)
    make.run(bob, status="Paused")
    of_ada = await db.runs.get_execution_stats(user_id=ada)
    assert (of_ada.total, of_ada.average_time_elapsed) == (4, 1500.0)
    assert of_ada.by_status == {
        "Scheduled": 0,
        "InProgress": 0,
        "Paused": 0,
        "Completed": 3,
        "Failed": 1,
        "Cancelled": 0,
    }
    of_all = await db.runs.get_execution_stats()
    assert (of_all.total, of_all.by_status["Paused"]) == (5, 1)
    assert of_all.average_time_elapsed == 1500.0


async def test_execution_stats_without_runs_are_all_zero(db: AsyncDatabase) -> None:
    empty = ExecutionStats(0, dict.fromkeys(get_args(RunStatus), 0), None)
    assert await db.runs.get_execution_stats() == empty
    assert await db.runs.get_execution_stats(user_id=1) == empty


@pytest.mark.parametrize("id", [0, 2**63, True, 1.5])
async def test_what_is_no_id_is_refused(unopened: AsyncDatabase, id: int) -> None:
    with pytest.raises(InvalidInput, match=r"\Aid: "):
        await unopened.runs.find_with_details(id)
    with pytest.raises(InvalidInput, match=r"\Auser_id: "):
        await unopened.runs.find_with_details(1, user_id=id)
    with pytest.raises(InvalidInput, match=r"\Auser_id: "):
        await unopened.runs.get_execution_stats(user_id=id)
