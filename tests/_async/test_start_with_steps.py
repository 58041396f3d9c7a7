"""Runs that are started with their steps and inputs by one statement."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.contents import REFUSED, contents, refuse_writes
from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    CheckFailed,
    InvalidInput,
    InvalidTransition,
    JsonValue,
    NotFound,
    RunStatus,
)
from vrooli_data.inputs import StartStep

from .executed import executed

STEPS = [
    StartStep(name="First", inputs={"a": 1, "b": None}),
    StartStep(name="Second"),
    StartStep(name="Third", inputs={"a": "x"}),
]
#: Whether the call names the run's user; each way has a query of its own.
BOTH_QUERIES = pytest.mark.parametrize("names_user", [False, True])


@BOTH_QUERIES
async def test_a_run_is_started_with_its_steps_and_inputs(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    user_id = make.user()
    run_id = make.run(user_id, resource_version_id=make.version(make.resource()))
    make.run(user_id)
    started = await db.runs.start_with_steps(run_id, STEPS, user_id=user_id if names_user else None)
    assert (started.run.id, started.run.status, started.run.revision) == (run_id, "InProgress", 1)
    assert started.run.started_at == started.run.updated_at
    assert [(step.step, step.name, step.status) for step in started.steps] == [
        (1, "First", "Scheduled"),
        (2, "Second", "Scheduled"),
        (3, "Third", "Scheduled"),
    ]
    assert started.input_count == 3
    assert await db.runs.find_by_id(run_id) == started.run
    details = await db.runs.find_with_details(run_id)
    assert details is not None
    assert details.steps == started.steps
    assert [(given.step, given.key, given.value) for given in details.inputs] == [
        (1, "a", 1),
        (1, "b", None),
        (3, "a", "x"),
    ]
    assert details.outputs == []
    assert admin.execute("SELECT DISTINCT side FROM run_io").fetchall() == [("input",)]
    assert admin.execute("SELECT count(*) FROM runs WHERE status = 'Scheduled'").fetchone() == (1,)


async def test_a_run_of_no_resource_version_starts_and_needs_no_steps(
    db: AsyncDatabase, make: Factory
) -> None:
    started = await db.runs.start_with_steps(make.run(make.user()), [])
    assert (started.run.status, started.steps, started.input_count) == ("InProgress", [], 0)


async def test_inputs_are_stored_as_they_are_given(db: AsyncDatabase, make: Factory) -> None:
    inputs: dict[str, JsonValue] = {
        "null": None,
        "false": False,
        "text": "null",
        "empty": "",
        "é\u2028😀": {"": [None, {"nested": None}]},
        "float": -1.5e-300,
        "integer": 2**63 - 1,
        " ": [],
        "k" * 255: {},
    }
    run_id = make.run(make.user())
    started = await db.runs.start_with_steps(run_id, [StartStep(name="Step", inputs=inputs)])
    assert started.input_count == len(inputs)
    details = await db.runs.find_with_details(run_id)
    assert details is not None
    assert {given.key: given.value for given in details.inputs} == inputs


async def test_starting_runs_counts_them_in_the_day_of_their_user(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    runs = [make.run(user_id) for _ in range(3)]
    for run_id in runs:
        await db.runs.start_with_steps(run_id, STEPS)
    await db.runs.update_status(runs[0], "Completed")
    with pytest.raises(InvalidTransition):
        await db.runs.start_with_steps(runs[1], STEPS)
    rows = admin.execute(
        "SELECT runs_started, runs_completed, period_type,"
        " period_start = date_trunc('day', created_at, 'UTC'),"
        " period_end - period_start = interval '24 hours' FROM stats_users"
    ).fetchall()
    assert rows == [(3, 1, "Daily", True, True)]


async def test_as_many_steps_as_are_allowed_keep_their_order(
    db: AsyncDatabase, make: Factory
) -> None:
    run_id = make.run(make.user())
    steps = [StartStep(name=f"Step {n}", inputs={"n": n}) for n in range(1, 10_001)]
    started = await db.runs.start_with_steps(run_id, steps)
    assert started.input_count == 10_000
    assert [(step.step, step.name) for step in started.steps] == [
        (n, f"Step {n}") for n in range(1, 10_001)
    ]


@BOTH_QUERIES
async def test_it_is_one_statement_at_the_server(
    db: AsyncDatabase, make: Factory, *, names_user: bool
) -> None:
    user_id = make.user()
    run_id = make.run(user_id, resource_version_id=make.version(make.resource()))
    async with db.connection() as held, executed(held.connection) as statements:
        await held.runs.start_with_steps(run_id, STEPS, user_id=user_id if names_user else None)
    assert len(statements) == 1
    query = "start_with_steps__of_user" if names_user else "start_with_steps"
    assert f"/* vrooli_data:runs.{query} */" in statements[0]


@BOTH_QUERIES
@pytest.mark.parametrize("status", ["InProgress", "Paused", "Completed", "Failed", "Cancelled"])
async def test_a_run_that_is_not_scheduled_is_refused_and_unchanged(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, status: RunStatus, *, names_user: bool
) -> None:
    user_id = make.user()
    run_id = make.run(user_id, status=status)
    before = contents(admin)
    with pytest.raises(InvalidTransition, match=f"{status} cannot become InProgress") as caught:
        await db.runs.start_with_steps(run_id, STEPS, user_id=user_id if names_user else None)
    assert (caught.value.current, caught.value.wanted) == (status, "InProgress")
    assert contents(admin) == before


@BOTH_QUERIES
async def test_an_absent_run_or_one_of_a_deleted_resource_is_not_found(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    user_id = make.user()
    deleted = make.resource(is_deleted=True)
    run_id = make.run(user_id, resource_version_id=make.version(deleted))
    before = contents(admin)
    for absent in (run_id, run_id + 1):
        with pytest.raises(NotFound, match="no such run, or its resource is deleted"):
            await db.runs.start_with_steps(absent, STEPS, user_id=user_id if names_user else None)
    assert contents(admin) == before


async def test_a_run_of_another_user_is_not_found(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    run_id = make.run(make.user())
    before = contents(admin)
    with pytest.raises(NotFound) as caught:
        await db.runs.start_with_steps(run_id, STEPS, user_id=make.user())
    assert caught.value.query == "runs.start_with_steps"
    assert contents(admin) == before | {"users": contents(admin)["users"]}


@BOTH_QUERIES
@pytest.mark.parametrize("table", ["runs", "run_steps", "run_io", "stats_users"])
async def test_nothing_is_changed_when_one_table_refuses_its_rows(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, table: str, *, names_user: bool
) -> None:
    user_id = make.user()
    run_id = make.run(user_id)
    refuse_writes(admin, table)
    before = contents(admin)
    with pytest.raises(CheckFailed) as caught:
        await db.runs.start_with_steps(run_id, STEPS, user_id=user_id if names_user else None)
    assert caught.value.constraint == REFUSED
    assert contents(admin) == before


@pytest.mark.parametrize("table", ["run_steps", "run_io"])
async def test_a_step_or_input_that_the_run_has_already_exists(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, table: str
) -> None:
    user_id = make.user()
    run_id = make.run(user_id)
    if table == "run_steps":
        make.run_step(user_id, run_id, 3)
    else:
        make.run_io(user_id, run_id, "input", "a", 0, step=3)
    before = contents(admin)
    with pytest.raises(AlreadyExists) as caught:
        await db.runs.start_with_steps(run_id, STEPS)
    assert caught.value.constraint == f"{table}_pkey"
    assert contents(admin) == before


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    start = unopened.runs.start_with_steps
    with pytest.raises(InvalidInput, match="id: must be from 1"):
        await start(0, STEPS)
    with pytest.raises(InvalidInput, match="user_id: must be an int, not str"):
        await start(1, STEPS, user_id="1")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="steps: must be a list, not dict"):
        await start(1, {1: STEPS[0]})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="steps: must have at most 10000 items"):
        await start(1, [StartStep(name="Step")] * 10_001)
    with pytest.raises(InvalidInput, match=r"steps\[1\]: must be a StartStep, not dict"):
        await start(1, [STEPS[0], {"name": "Step"}])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match=r"steps\[1\]\.name: must have at least 1") as caught:
        await start(1, [STEPS[0], StartStep(name="")])
    assert caught.value.field == "steps[1].name"
    with pytest.raises(InvalidInput, match=r"steps\[0\]\.inputs: must be a dict, not list"):
        await start(1, [StartStep(name="Step", inputs=[])])  # type: ignore[arg-type]
    for key in ("", "k" * 256):
        with pytest.raises(InvalidInput, match=r"inputs: must have keys of 1 to 255 characters"):
            await start(1, [StartStep(name="Step", inputs={key: 1})])
    with pytest.raises(InvalidInput, match=r"inputs: must have str as keys"):
        await start(1, [StartStep(name="Step", inputs={1: 1})])  # type: ignore[dict-item]
    with pytest.raises(InvalidInput, match=r"inputs: must hold only finite numbers"):
        await start(1, [StartStep(name="Step", inputs={"x": float("nan")})])
    with pytest.raises(InvalidInput, match=r"inputs: must not hold the character NUL"):
        await start(1, [StartStep(name="Step", inputs={"a\0": 1})])
    large = StartStep(name="Step", inputs={"x": "y" * (9 * 2**20)})
    with pytest.raises(InvalidInput, match="steps: must take at most 16777216 bytes"):
        await start(1, [large, large])
