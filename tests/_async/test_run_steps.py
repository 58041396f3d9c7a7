"""Steps that start and finish, and the outputs of runs and of their steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

import pytest
from psycopg import Connection

from tests.contents import REFUSED, contents, refuse_writes
from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    CheckFailed,
    FinalStepStatus,
    InvalidInput,
    InvalidTransition,
    JsonValue,
    RunStatus,
    StepStatus,
)
from vrooli_data.inputs import StartStep

from ._compat import Started, gather, until_waiting
from .executed import executed

STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
STEP_STATUSES: tuple[StepStatus, ...] = get_args(StepStatus)
FINAL: tuple[FinalStepStatus, ...] = get_args(FinalStepStatus)
#: Whether the call names the run's user; each way has a query of its own.
BOTH_QUERIES = pytest.mark.parametrize("names_user", [False, True])


def make_run(make: Factory, *statuses: StepStatus, status: RunStatus = "InProgress") -> int:
    """Make a run of a user of its own, with steps of these statuses."""
    user_id = make.user()
    run_id = make.run(user_id, status=status)
    for step, each in enumerate(statuses, 1):
        make.run_step(user_id, run_id, step, status=each)
    return run_id


def owner(admin: Connection[Any], run_id: int, names_user: bool) -> int | None:
    row = admin.execute("SELECT user_id FROM runs WHERE id = %s", (run_id,)).fetchone()
    assert row is not None
    user_id: int = row[0]
    return user_id if names_user else None


async def outputs_of(db: AsyncDatabase, run_id: int) -> dict[tuple[int, str], JsonValue]:
    details = await db.runs.find_with_details(run_id)
    assert details is not None
    return {(each.step, each.key): each.value for each in details.outputs}


async def statuses_of(db: AsyncDatabase, run_id: int) -> list[StepStatus]:
    details = await db.runs.find_with_details(run_id)
    assert details is not None
    return [step.status for step in details.steps]


@BOTH_QUERIES
async def test_a_step_starts_and_finishes_with_its_time_and_outputs(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    run_id = make_run(make, "Scheduled", "Scheduled")
    other = make_run(make, "Scheduled")
    user_id = owner(admin, run_id, names_user)
    before = await db.runs.find_by_id(run_id)
    started = await db.runs.start_step(run_id, 1, user_id=user_id)
    assert started is not None
    assert (started.step, started.status, started.time_elapsed) == (1, "InProgress", None)
    finished = await db.runs.finish_step(
        run_id, 1, "Completed", time_elapsed=5, outputs={"a": [1], "b": None}, user_id=user_id
    )
    assert finished is not None
    assert (finished.status, finished.time_elapsed) == ("Completed", 5)
    details = await db.runs.find_with_details(run_id)
    assert details is not None
    assert details.steps[0] == finished
    assert details.steps[1].status == "Scheduled"
    assert await outputs_of(db, run_id) == {(1, "a"): [1], (1, "b"): None}
    assert await db.runs.find_by_id(run_id) == before
    assert await statuses_of(db, other) == ["Scheduled"]
    moved = admin.execute("SELECT step FROM run_steps WHERE updated_at > created_at").fetchall()
    assert moved == [(1,)]


@BOTH_QUERIES
async def test_a_step_leads_where_the_docs_say_and_nowhere_else(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    for current in STEP_STATUSES:
        run_id = make_run(make, current)
        user_id = owner(admin, run_id, names_user)
        if current == "Scheduled":
            assert await db.runs.start_step(run_id, 1, user_id=user_id) is not None
        else:
            with pytest.raises(InvalidTransition, match=f"a step that is {current} cannot") as no:
                await db.runs.start_step(run_id, 1, user_id=user_id)
            assert (no.value.current, no.value.wanted) == (current, "InProgress")
        for wanted in FINAL:
            run_id = make_run(make, current)
            user_id = owner(admin, run_id, names_user)
            outputs: dict[str, JsonValue] = {"a": 1}
            if current in ("Scheduled", "InProgress"):
                step = await db.runs.finish_step(
                    run_id, 1, wanted, outputs=outputs, user_id=user_id
                )
                assert step is not None
                assert step.status == wanted
                continue
            with pytest.raises(InvalidTransition, match=f"a step that is {current} cannot become"):
                await db.runs.finish_step(run_id, 1, wanted, outputs=outputs, user_id=user_id)
            assert await statuses_of(db, run_id) == [current]
            assert await outputs_of(db, run_id) == {}


@BOTH_QUERIES
async def test_steps_of_a_run_that_is_not_in_progress_stay(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    for status in STATUSES:
        if status == "InProgress":
            continue
        run_id = make_run(make, "Scheduled", status=status)
        user_id = owner(admin, run_id, names_user)
        before = contents(admin)
        told = f"a step of a run that is {status} cannot become"
        with pytest.raises(InvalidTransition, match=f"{told} InProgress"):
            await db.runs.start_step(run_id, 1, user_id=user_id)
        with pytest.raises(InvalidTransition, match=f"{told} Failed") as caught:
            await db.runs.finish_step(run_id, 1, "Failed", outputs={"a": 1}, user_id=user_id)
        assert (caught.value.current, caught.value.wanted) == (status, "Failed")
        assert contents(admin) == before


async def test_an_absent_run_or_step_is_none_and_writes_nothing(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    run_id = make_run(make, "Scheduled")
    stranger = make.user()
    before = contents(admin)
    for absent, step, user_id in ((run_id + 1, 1, None), (run_id, 2, None), (run_id, 1, stranger)):
        assert await db.runs.start_step(absent, step, user_id=user_id) is None
        finished = await db.runs.finish_step(
            absent, step, "Completed", outputs={"a": 1}, user_id=user_id
        )
        assert finished is None
        assert await db.runs.add_outputs(absent, {"a": 1}, step=step, user_id=user_id) is False
    assert await db.runs.add_outputs(run_id + 1, {"a": 1}) is False
    assert contents(admin) == before


async def test_a_time_that_is_not_given_stays(db: AsyncDatabase, make: Factory) -> None:
    user_id = make.user()
    run_id = make.run(user_id, status="InProgress")
    make.run_step(user_id, run_id, 1, time_elapsed=7)
    finished = await db.runs.finish_step(run_id, 1, "Skipped")
    assert finished is not None
    assert finished.time_elapsed == 7


@BOTH_QUERIES
async def test_an_output_that_is_there_gets_the_new_value(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    run_id = make_run(make, "Scheduled", "InProgress")
    user_id = owner(admin, run_id, names_user)
    runs = db.runs
    before = await runs.find_by_id(run_id)
    assert await runs.add_outputs(run_id, {"a": 1, "b": {"c": None}}, user_id=user_id) is True
    assert await runs.add_outputs(run_id, {"a": "step"}, step=2, user_id=user_id) is True
    assert await runs.add_outputs(run_id, {"a": 2, "n": None}, user_id=user_id) is True
    assert await runs.add_outputs(run_id, {}, user_id=user_id) is True
    assert await runs.finish_step(run_id, 2, "Failed", outputs={"a": "late"}, user_id=user_id)
    assert await outputs_of(db, run_id) == {
        (0, "a"): 2,
        (0, "b"): {"c": None},
        (0, "n"): None,
        (2, "a"): "late",
    }
    assert await runs.find_by_id(run_id) == before
    sides = admin.execute("SELECT DISTINCT side FROM run_io").fetchall()
    assert sides == [("output",)]
    moved = admin.execute(
        "SELECT step, key FROM run_io WHERE updated_at > created_at ORDER BY step"
    ).fetchall()
    assert moved == [(0, "a"), (2, "a")]


async def test_an_input_of_the_same_key_stays(db: AsyncDatabase, make: Factory) -> None:
    user_id = make.user()
    run_id = make.run(user_id, status="Completed")
    make.run_io(user_id, run_id, "input", "a", 1, step=0)
    assert await db.runs.add_outputs(run_id, {"a": 2})
    details = await db.runs.find_with_details(run_id)
    assert details is not None
    assert [each.value for each in details.inputs + details.outputs] == [1, 2]


@BOTH_QUERIES
async def test_a_completed_run_skips_what_it_has_not_finished(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    run_id = make_run(make, *STEP_STATUSES)
    other = make_run(make, *STEP_STATUSES)
    user_id = owner(admin, run_id, names_user)
    await db.runs.add_outputs(run_id, {"a": 1, "b": 1})
    run = await db.runs.update_status(
        run_id, "Completed", time_elapsed=3, outputs={"b": 2, "c": None}, user_id=user_id
    )
    assert run is not None
    assert (run.status, run.revision, run.time_elapsed) == ("Completed", 1, 3)
    expected = ["Skipped", "Skipped", "Completed", "Skipped", "Failed"]
    assert await statuses_of(db, run_id) == expected
    assert await statuses_of(db, other) == list(STEP_STATUSES)
    assert await outputs_of(db, run_id) == {(0, "a"): 1, (0, "b"): 2, (0, "c"): None}
    assert await outputs_of(db, other) == {}


@BOTH_QUERIES
async def test_steps_are_kept_with_keep_steps_and_if_the_run_is_not_completed(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    kept = make_run(make, *STEP_STATUSES)
    user_id = owner(admin, kept, names_user)
    assert await db.runs.update_status(kept, "Completed", keep_steps=True, user_id=user_id)
    assert await statuses_of(db, kept) == list(STEP_STATUSES)
    for status in ("Failed", "Cancelled", "Paused"):
        run_id = make_run(make, *STEP_STATUSES)
        user_id = owner(admin, run_id, names_user)
        outputs: dict[str, JsonValue] | None = None if status == "Paused" else {"a": status}
        assert await db.runs.update_status(run_id, status, outputs=outputs, user_id=user_id)
        assert await statuses_of(db, run_id) == list(STEP_STATUSES)
        written = {} if status == "Paused" else {(0, "a"): status}
        assert await outputs_of(db, run_id) == written


async def test_a_move_that_is_refused_writes_no_outputs_and_skips_nothing(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    run_id = make_run(make, "Scheduled", status="Paused")
    before = contents(admin)
    with pytest.raises(InvalidTransition, match="Paused cannot become Completed"):
        await db.runs.update_status(run_id, "Completed", outputs={"a": 1})
    assert contents(admin) == before


@pytest.mark.parametrize("table", ["runs", "run_steps", "run_io", "stats_users"])
async def test_a_completion_is_whole_or_not_at_all(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, table: str
) -> None:
    run_id = make_run(make, "Scheduled")
    refuse_writes(admin, table)
    before = contents(admin)
    with pytest.raises(CheckFailed) as caught:
        await db.runs.update_status(run_id, "Completed", outputs={"a": 1})
    assert caught.value.constraint == REFUSED
    assert contents(admin) == before


async def test_each_call_is_one_statement_at_the_server(db: AsyncDatabase, make: Factory) -> None:
    run_id = make_run(make, "Scheduled", "Scheduled")
    async with db.connection() as held, executed(held.connection) as statements:
        await held.runs.start_step(run_id, 1)
        await held.runs.finish_step(run_id, 1, "Completed", outputs={"a": 1})
        await held.runs.update_status(run_id, "Completed", outputs={"a": 1})
        await held.runs.add_outputs(run_id, {"b": 1})
    names = ("start_step", "finish_step", "update_status", "add_outputs")
    assert len(statements) == len(names)
    for name, statement in zip(names, statements, strict=True):
        assert f"/* vrooli_data:runs.{name} */" in statement


async def test_of_eight_finishes_of_one_step_one_wins_and_its_outputs_stay(
    db: AsyncDatabase, make: Factory
) -> None:
    run_id = make_run(make, "InProgress")
    places = iter(range(8))

    async def finish() -> int | None:
        place = next(places)
        try:
            await db.runs.finish_step(run_id, 1, "Completed", outputs={"who": place})
        except InvalidTransition:
            return None
        return place

    won = [each for each in await gather(*[finish] * 8) if each is not None]
    assert len(won) == 1
    assert await outputs_of(db, run_id) == {(1, "who"): won[0]}


@BOTH_QUERIES
async def test_a_step_cannot_finish_in_a_run_that_ends_while_it_waits(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    run_id = make_run(make, "InProgress")
    user_id = owner(admin, run_id, names_user)
    async with db.transaction() as tx:
        await tx.runs.update_status(run_id, "Completed")
        late = Started(lambda: db.runs.finish_step(run_id, 1, "Completed", user_id=user_id))
        await until_waiting(admin)
    with pytest.raises(InvalidTransition, match="a step of a run that is Completed"):
        await late.result()
    assert await statuses_of(db, run_id) == ["Skipped"]


@BOTH_QUERIES
async def test_a_completion_that_waits_for_a_step_does_not_skip_it(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    run_id = make_run(make, "InProgress", "Scheduled")
    user_id = owner(admin, run_id, names_user)
    async with db.transaction() as tx:
        await tx.runs.finish_step(run_id, 1, "Completed")
        await tx.runs.start_step(run_id, 2)
        completion = Started(lambda: db.runs.update_status(run_id, "Completed", user_id=user_id))
        await until_waiting(admin)
    assert await completion.result() is not None
    assert await statuses_of(db, run_id) == ["Completed", "Skipped"]


@BOTH_QUERIES
async def test_a_run_whose_start_was_not_committed_yet_is_not_completed(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    run_id = make.run(make.user())
    user_id = owner(admin, run_id, names_user)
    async with db.transaction() as tx:
        await tx.runs.start_with_steps(run_id, [StartStep(name="Step")])
        early = Started(lambda: db.runs.update_status(run_id, "Completed", user_id=user_id))
        await until_waiting(admin)
    with pytest.raises(InvalidTransition, match="a run that is Scheduled cannot become Completed"):
        await early.result()
    assert await statuses_of(db, run_id) == ["Scheduled"]
    assert await db.runs.update_status(run_id, "Completed", user_id=user_id) is not None
    assert await statuses_of(db, run_id) == ["Skipped"]


@BOTH_QUERIES
async def test_outputs_of_two_sessions_wait_for_each_other(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, *, names_user: bool
) -> None:
    run_id = make_run(make)
    user_id = owner(admin, run_id, names_user)
    async with db.transaction() as tx:
        await tx.runs.add_outputs(run_id, {"a": "first", "b": "first"})
        second = Started(
            lambda: db.runs.add_outputs(run_id, {"b": "second", "c": "second"}, user_id=user_id)
        )
        await until_waiting(admin)
    assert await second.result() is True
    assert await outputs_of(db, run_id) == {
        (0, "a"): "first",
        (0, "b"): "second",
        (0, "c"): "second",
    }


async def test_times_of_steps_move(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    run_id = make_run(make, "Scheduled", "Completed")
    await db.runs.update_status(run_id, "Completed")
    rows: list[tuple[datetime, datetime]] = admin.execute(
        "SELECT created_at, updated_at FROM run_steps ORDER BY step"
    ).fetchall()
    assert rows[0][1] > rows[0][0]
    assert rows[1][1] == rows[1][0]


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    runs = unopened.runs
    with pytest.raises(InvalidInput, match="run_id: must be from 1"):
        await runs.start_step(0, 1)
    with pytest.raises(InvalidInput, match="step: must be from 1 to 2147483647"):
        await runs.start_step(1, 0)
    with pytest.raises(InvalidInput, match="user_id: must be an int, not str"):
        await runs.start_step(1, 1, user_id="1")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="step: must be an int, not bool"):
        await runs.finish_step(1, True, "Completed")
    for status in ("Scheduled", "InProgress", "Done"):
        with pytest.raises(InvalidInput, match="status: must be one of Completed, Skipped, Failed"):
            await runs.finish_step(1, 1, status)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="time_elapsed: must be from 0"):
        await runs.finish_step(1, 1, "Completed", time_elapsed=-1)
    with pytest.raises(InvalidInput, match="outputs: must be a dict, not list"):
        await runs.finish_step(1, 1, "Completed", outputs=[])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="step: must be from 1"):
        await runs.add_outputs(1, {"a": 1}, step=0)
    for key in ("", "k" * 256):
        with pytest.raises(InvalidInput, match="outputs: must have keys of 1 to 255 characters"):
            await runs.add_outputs(1, {key: 1})
    with pytest.raises(InvalidInput, match="outputs: must hold only finite numbers"):
        await runs.update_status(1, "Completed", outputs={"x": float("nan")})
    with pytest.raises(InvalidInput, match="outputs: goes with Completed, Failed or Cancelled"):
        await runs.update_status(1, "Paused", outputs={})
    with pytest.raises(InvalidInput, match="keep_steps: goes with Completed alone"):
        await runs.update_status(1, "Failed", keep_steps=True)
    with pytest.raises(InvalidInput, match="keep_steps: must be a bool, not int"):
        await runs.update_status(1, "Completed", keep_steps=1)  # type: ignore[arg-type]
