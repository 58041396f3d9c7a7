"""Runs: the methods of the attribute ``runs``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, get_args
from uuid import UUID

from msgspec import Struct, convert

from ..._domain import own_queries
from ..._domain.fields import check_values
from ...engine import (
    AsyncInputs,
    AsyncRepository,
    BulkResult,
    OnDuplicate,
    Page,
    Recording,
    Update,
    checked_event_id,
    json_text,
    new_public_id,
)
from ...errors import InvalidInput, InvalidTransition, NotFound
from ...inputs import CreateRun, StartStep, UpdateRun
from ...records import (
    ChangeEvent,
    ExecutionStats,
    FinalStepStatus,
    JsonValue,
    Run,
    RunDetails,
    RunStatus,
    RunStepDetails,
    StartedRun,
    StepStatus,
)
from ...records.runs import RunStart, StatusUpdate, StepUpdate
from ...records.shared import RowId
from ...validation import (
    MAX_BIGINT,
    MAX_INTEGER,
    MAX_MANY,
    MAX_SIZE,
    check_choice,
    check_flag,
    check_id,
    check_int,
    check_key,
    check_list,
    checked,
    checked_changes,
    checked_items,
)

_SQL = own_queries("runs")

# Each query has a variant for callers who name the user: it filters by the user first.
_FIND_BY_ID = _SQL.bind("find_by_id", Run)
_FIND_BY_ID_OF_USER = _SQL.bind("find_by_id__of_user", Run)
_FIND_BY_PUBLIC_ID = _SQL.bind("find_by_public_id", Run)
_FIND_BY_PUBLIC_ID_OF_USER = _SQL.bind("find_by_public_id__of_user", Run)
_FIND_WITH_DETAILS = _SQL.bind("find_with_details", RunDetails)
_FIND_WITH_DETAILS_OF_USER = _SQL.bind("find_with_details__of_user", RunDetails)
_FIND_BY_USER = _SQL.listing("find_by_user__created_at", Run, key="created_at")
_FIND_BY_STATUS = _SQL.listing("find_by_status__created_at", Run, key="created_at")
_FIND_BY_STATUS_OF_USER = _SQL.listing("find_by_status__of_user__created_at", Run, key="created_at")
_GET_EXECUTION_STATS = _SQL.bind("get_execution_stats", ExecutionStats)
_GET_EXECUTION_STATS_OF_USER = _SQL.bind("get_execution_stats__of_user", ExecutionStats)
_CREATE = _SQL.bind("create", Run)
_UPDATE = _SQL.bind("update", Update[Run])
_UPDATE_OF_USER = _SQL.bind("update__of_user", Update[Run])
_UPDATE_BY_PUBLIC_ID = _SQL.bind("update_by_public_id", Update[Run])
_UPDATE_BY_PUBLIC_ID_OF_USER = _SQL.bind("update_by_public_id__of_user", Update[Run])
_UPDATE_STATUS = _SQL.bind("update_status", StatusUpdate)
_UPDATE_STATUS_OF_USER = _SQL.bind("update_status__of_user", StatusUpdate)
_UPDATE_STATUS_WITH_EVENT = _SQL.bind("update_status_with_event", StatusUpdate)
_UPDATE_STATUS_WITH_EVENT_OF_USER = _SQL.bind("update_status_with_event__of_user", StatusUpdate)
_START_WITH_STEPS = _SQL.bind("start_with_steps", RunStart)
_START_WITH_STEPS_OF_USER = _SQL.bind("start_with_steps__of_user", RunStart)
_START_STEP = _SQL.bind("start_step", StepUpdate)
_START_STEP_OF_USER = _SQL.bind("start_step__of_user", StepUpdate)
_FINISH_STEP = _SQL.bind("finish_step", StepUpdate)
_FINISH_STEP_OF_USER = _SQL.bind("finish_step__of_user", StepUpdate)
_ADD_OUTPUTS = _SQL.bind("add_outputs", RowId)
_ADD_OUTPUTS_OF_USER = _SQL.bind("add_outputs__of_user", RowId)
_DELETE = _SQL.bind("delete", RowId)
_DELETE_OF_USER = _SQL.bind("delete__of_user", RowId)

_STATUSES = get_args(RunStatus)
_ACTIVE: list[RunStatus] = ["Scheduled", "InProgress"]
_FINAL = frozenset({"Completed", "Failed", "Cancelled"})
_FINAL_OF_STEPS = get_args(FinalStepStatus)


class _StagedRun(Struct, gc=False):
    """A run as it is staged."""

    user_id: int
    public_id: str
    resource_version_id: int | None
    name: str
    is_private: bool
    data: JsonValue | None


def _staged(run: CreateRun) -> _StagedRun:
    values = checked("run", run, CreateRun)
    return _StagedRun(
        values["user_id"],
        values["public_id"] or new_public_id(),
        values["resource_version_id"],
        values["name"],
        values["is_private"],
        values["data"],
    )


_BULK_CREATE = _SQL.load("bulk_create", _StagedRun)


class AsyncRunRepository(AsyncRepository):
    """Runs with their steps and values (sql/runs).

    A method that takes *user_id* finds only the runs of that user. On a sharded database, only one
    shard is queried then.
    """

    async def find_by_id(self, id: int, *, user_id: int | None = None) -> Run | None:
        """Fetch one run by id (sql/runs/read.sql)."""
        check_id("id", id)
        if user_id is None:
            return await self.find_one(_FIND_BY_ID, id)
        check_id("user_id", user_id)
        return await self.find_one(_FIND_BY_ID_OF_USER, id, user_id)

    async def find_by_public_id(self, public_id: str, *, user_id: int | None = None) -> Run | None:
        """Fetch one run by public id (sql/runs/read.sql)."""
        check_key("public_id", public_id)
        if user_id is None:
            return await self.find_one(_FIND_BY_PUBLIC_ID, public_id)
        check_id("user_id", user_id)
        return await self.find_one(_FIND_BY_PUBLIC_ID_OF_USER, public_id, user_id)

    async def find_with_details(self, id: int, *, user_id: int | None = None) -> RunDetails | None:
        """Fetch one run with its version, user, steps, inputs and outputs (sql/runs/read.sql)."""
        check_id("id", id)
        if user_id is None:
            return await self.find_one(_FIND_WITH_DETAILS, id)
        check_id("user_id", user_id)
        return await self.find_one(_FIND_WITH_DETAILS_OF_USER, id, user_id)

    async def find_by_user(
        self, user_id: int, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Run]:
        """List the runs of one user, newest first (sql/runs/find_by_user.sql).

        *limit* is from 1 to 500.
        """
        check_id("user_id", user_id)
        return await self.page(_FIND_BY_USER, user_id, cursor=cursor, limit=limit)

    async def find_by_status(
        self,
        statuses: Sequence[RunStatus],
        *,
        user_id: int | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page[Run]:
        """List the runs that have one of several statuses, newest first.

        Queries: sql/runs/find_by_status.sql. A status given twice counts once. A cursor is valid
        for the same statuses and user only. *limit* is from 1 to 500.
        """
        wanted = _wanted(statuses)
        if user_id is None:
            return await self.page(_FIND_BY_STATUS, wanted, cursor=cursor, limit=limit)
        check_id("user_id", user_id)
        return await self.page(_FIND_BY_STATUS_OF_USER, user_id, wanted, cursor=cursor, limit=limit)

    async def find_many(
        self,
        *,
        user_id: int | None = None,
        statuses: Sequence[RunStatus] | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page[Run]:
        """List runs, newest first, of one user or of all, and of some statuses or of any.

        Queries: sql/runs/find_by_user.sql, and sql/runs/find_by_status.sql, which merges the
        statuses where no user is given. A cursor is valid for the same filters only. *limit* is
        from 1 to 500.
        """
        if user_id is not None and statuses is None:
            return await self.find_by_user(user_id, cursor=cursor, limit=limit)
        wanted = _STATUSES if statuses is None else statuses
        return await self.find_by_status(wanted, user_id=user_id, cursor=cursor, limit=limit)

    def iter_many(
        self,
        *,
        user_id: int | None = None,
        statuses: Sequence[RunStatus] | None = None,
        batch_size: int = 1_000,
    ) -> AsyncIterator[Run]:
        """Go through runs, newest first, of one user or of all, and of some statuses or of any.

        Queries: sql/runs/find_by_user.sql and sql/runs/find_by_status.sql. *batch_size* is from 1
        to 10 000; see `find_many` and `iterate`.
        """
        if user_id is not None and statuses is None:
            return self.iter_by_user(user_id, batch_size=batch_size)
        wanted = _STATUSES if statuses is None else statuses
        return self.iter_by_status(wanted, user_id=user_id, batch_size=batch_size)

    async def find_active_runs(
        self, *, user_id: int | None = None, cursor: str | None = None, limit: int = 20
    ) -> Page[Run]:
        """List the runs that are Scheduled or InProgress, newest first.

        Queries: sql/runs/find_by_status.sql. *limit* is from 1 to 500.
        """
        return await self.find_by_status(_ACTIVE, user_id=user_id, cursor=cursor, limit=limit)

    def iter_by_user(self, user_id: int, *, batch_size: int = 1_000) -> AsyncIterator[Run]:
        """Go through the runs of one user, newest first (sql/runs/find_by_user.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        check_id("user_id", user_id)
        return self.iterate(_FIND_BY_USER, user_id, batch_size=batch_size)

    def iter_by_status(
        self,
        statuses: Sequence[RunStatus],
        *,
        user_id: int | None = None,
        batch_size: int = 1_000,
    ) -> AsyncIterator[Run]:
        """Go through the runs that have one of several statuses, newest first.

        Queries: sql/runs/find_by_status.sql. A status given twice counts once. *batch_size* is from
        1 to 10 000; see `iterate`.
        """
        wanted = _wanted(statuses)
        if user_id is None:
            return self.iterate(_FIND_BY_STATUS, wanted, batch_size=batch_size)
        check_id("user_id", user_id)
        return self.iterate(_FIND_BY_STATUS_OF_USER, user_id, wanted, batch_size=batch_size)

    def iter_active_runs(
        self, *, user_id: int | None = None, batch_size: int = 1_000
    ) -> AsyncIterator[Run]:
        """Go through the runs that are Scheduled or InProgress, newest first.

        Queries: sql/runs/find_by_status.sql. *batch_size* is from 1 to 10 000; see `iterate`.
        """
        return self.iter_by_status(_ACTIVE, user_id=user_id, batch_size=batch_size)

    async def get_execution_stats(self, *, user_id: int | None = None) -> ExecutionStats:
        """Count runs by status and average the completed ones, in milliseconds.

        Queries: sql/runs/read.sql. Without *user_id*, every run is read.
        """
        if user_id is None:
            return await self.get_one(_GET_EXECUTION_STATS)
        check_id("user_id", user_id)
        return await self.get_one(_GET_EXECUTION_STATS_OF_USER, user_id)

    async def create(self, run: CreateRun) -> Run:
        """Insert one Scheduled run (sql/runs/write.sql).

        Raises `NotFound` where the resource version is absent or its resource deleted, and
        `MissingReference` where the user is absent.
        """
        values = checked("run", run, CreateRun)
        data = values["data"]
        created = await self.find_one(
            _CREATE,
            values["user_id"],
            values["public_id"] or new_public_id(),
            values["resource_version_id"],
            values["name"],
            values["is_private"],
            None if data is None else json_text(data),
        )
        if created is None:
            raise NotFound(
                "runs.create: no such resource version, or its resource is deleted",
                query=_CREATE.name,
            )
        return created

    async def bulk_create(
        self,
        runs: AsyncInputs[CreateRun],
        *,
        on_duplicate: OnDuplicate = "skip",
        batch_size: int = 10_000,
        all_or_nothing: bool = False,
        progress: Callable[[int], object] | None = None,
        on_inserted: Callable[[list[int]], object] | None = None,
    ) -> BulkResult:
        """Insert Scheduled runs in bulk (sql/runs/bulk_create.sql).

        Runs of one user and public id are duplicates; an update changes name, privacy and data
        alone. Those of a user or resource version that is absent, of a deleted resource, and those
        whose public id another user's run has, are failures; see docs/bulk.md.
        """
        return await self.load(
            _BULK_CREATE,
            runs,
            stage=_staged,
            on_duplicate=on_duplicate,
            batch_size=batch_size,
            all_or_nothing=all_or_nothing,
            progress=progress,
            on_inserted=on_inserted,
        )

    async def update(
        self,
        id: int,
        changes: UpdateRun,
        *,
        user_id: int | None = None,
        expected_revision: int | None = None,
    ) -> Run | None:
        """Update the given fields of one run; None when absent (sql/runs/write.sql).

        Raises `Conflict` where the run has another revision than the expected one.
        """
        check_id("id", id)
        values = checked_changes(changes, UpdateRun)
        if user_id is None:
            return await self.update_one(
                _UPDATE, id, changes=values, expected_revision=expected_revision
            )
        check_id("user_id", user_id)
        return await self.update_one(
            _UPDATE_OF_USER, id, user_id, changes=values, expected_revision=expected_revision
        )

    async def update_by_public_id(
        self,
        public_id: str,
        changes: UpdateRun,
        *,
        user_id: int | None = None,
        expected_revision: int | None = None,
    ) -> Run | None:
        """Update the given fields of one run by public id; None when absent.

        Query: sql/runs/write.sql. Raises what `update` raises.
        """
        check_key("public_id", public_id)
        values = checked_changes(changes, UpdateRun)
        if user_id is None:
            return await self.update_one(
                _UPDATE_BY_PUBLIC_ID,
                public_id,
                changes=values,
                expected_revision=expected_revision,
            )
        check_id("user_id", user_id)
        return await self.update_one(
            _UPDATE_BY_PUBLIC_ID_OF_USER,
            public_id,
            user_id,
            changes=values,
            expected_revision=expected_revision,
        )

    async def update_status(
        self,
        id: int,
        status: RunStatus,
        *,
        time_elapsed: int | None = None,
        outputs: dict[str, JsonValue] | None = None,
        keep_steps: bool = False,
        user_id: int | None = None,
    ) -> Run | None:
        """Move one run to another status; None when absent (sql/runs/update_status.sql).

        Scheduled leads to InProgress and Cancelled; InProgress to Paused, Completed, Failed and
        Cancelled; Paused to InProgress, Failed and Cancelled; any other move raises
        `InvalidTransition`. The first start sets started_at; Completed, Failed and Cancelled set
        completed_at and may bring *time_elapsed*, in milliseconds, and *outputs* of the run, which
        are written as by `add_outputs`. The steps that a Completed run has not finished become
        Skipped; *keep_steps* leaves them as they are.
        """
        written = _checked_move(id, status, time_elapsed, outputs, keep_steps=keep_steps)
        if user_id is None:
            change = await self.find_one(
                _UPDATE_STATUS, id, status, time_elapsed, written, keep_steps
            )
        else:
            check_id("user_id", user_id)
            change = await self.find_one(
                _UPDATE_STATUS_OF_USER, id, user_id, status, time_elapsed, written, keep_steps
            )
        return _moved_run(_UPDATE_STATUS.name, change, status)

    async def update_status_with_event(
        self,
        id: int,
        status: RunStatus,
        *,
        changed_by: int,
        time_elapsed: int | None = None,
        outputs: dict[str, JsonValue] | None = None,
        keep_steps: bool = False,
        user_id: int | None = None,
        event_id: UUID | None = None,
    ) -> Run | None:
        """Move one run to another status as `update_status` does; record ``status_changed``.

        Query: sql/runs/with_event.sql. None when absent. *changed_by* is the id of the user who
        makes the change. The event holds the run without its data, outputs and steps. Raises what
        `update_status` raises, and `AlreadyExists` where the user has an event with this id; then
        nothing is changed or recorded.
        """
        written = _checked_move(id, status, time_elapsed, outputs, keep_steps=keep_steps)
        check_id("changed_by", changed_by)
        recording = Recording(changed_by, checked_event_id(event_id), "run", id, "status_changed")
        given = (status, time_elapsed, written, keep_steps, *recording.key)
        if user_id is None:
            change = await self.find_recorded(
                _UPDATE_STATUS_WITH_EVENT,
                id,
                *given,
                recording=recording,
                from_event=_move_from_event,
            )
        else:
            check_id("user_id", user_id)
            change = await self.find_recorded(
                _UPDATE_STATUS_WITH_EVENT_OF_USER,
                id,
                user_id,
                *given,
                recording=recording,
                from_event=_move_from_event,
            )
        return _moved_run(_UPDATE_STATUS_WITH_EVENT.name, change, status)

    async def start_with_steps(
        self, id: int, steps: Sequence[StartStep], *, user_id: int | None = None
    ) -> StartedRun:
        """Start one Scheduled run with its steps and their inputs.

        Queries: sql/runs/start_with_steps.sql. The steps, at most 10 000 and 16 MiB, are Scheduled,
        and numbered from 1. The user's statistics of the day (UTC) count the run. Raises `NotFound`
        where the run is absent or its resource deleted, `InvalidTransition` where the run is not
        Scheduled, and `AlreadyExists` where it has one of the steps or inputs; then nothing is
        changed.
        """
        check_id("id", id)
        given = _checked_steps(steps)
        if user_id is None:
            start = await self.find_one(_START_WITH_STEPS, id, given)
        else:
            check_id("user_id", user_id)
            start = await self.find_one(_START_WITH_STEPS_OF_USER, id, user_id, given)
        if start is None:
            raise NotFound(
                "runs.start_with_steps: no such run, or its resource is deleted",
                query=_START_WITH_STEPS.name,
            )
        if start.started is None:
            raise InvalidTransition(
                query="runs.start_with_steps", current=start.previous_status, wanted="InProgress"
            )
        return start.started

    async def start_step(
        self, run_id: int, step: int, *, user_id: int | None = None
    ) -> RunStepDetails | None:
        """Move one Scheduled step to InProgress; None when absent (sql/runs/steps.sql).

        Raises `InvalidTransition` where the step is not Scheduled, or the run not InProgress.
        """
        check_id("run_id", run_id)
        check_int("step", step, 1, MAX_INTEGER)
        if user_id is None:
            change = await self.find_one(_START_STEP, run_id, step)
        else:
            check_id("user_id", user_id)
            change = await self.find_one(_START_STEP_OF_USER, run_id, user_id, step)
        return _moved("runs.start_step", change, "InProgress")

    async def finish_step(
        self,
        run_id: int,
        step: int,
        status: FinalStepStatus,
        *,
        time_elapsed: int | None = None,
        outputs: dict[str, JsonValue] | None = None,
        user_id: int | None = None,
    ) -> RunStepDetails | None:
        """Move one step to Completed, Skipped or Failed; None when absent (sql/runs/steps.sql).

        It may bring *time_elapsed*, in milliseconds, and *outputs* of the step, which are written
        as by `add_outputs`. Raises `InvalidTransition` where the step is neither Scheduled nor
        InProgress, or the run not InProgress; then nothing is written.
        """
        check_id("run_id", run_id)
        check_int("step", step, 1, MAX_INTEGER)
        check_choice("status", status, _FINAL_OF_STEPS)
        if time_elapsed is not None:
            check_int("time_elapsed", time_elapsed, 0, MAX_BIGINT)
        if outputs is not None:
            check_values("outputs", outputs)
        written = None if outputs is None else json_text(outputs)
        if user_id is None:
            change = await self.find_one(_FINISH_STEP, run_id, step, status, time_elapsed, written)
        else:
            check_id("user_id", user_id)
            change = await self.find_one(
                _FINISH_STEP_OF_USER, run_id, user_id, step, status, time_elapsed, written
            )
        return _moved("runs.finish_step", change, status)

    async def add_outputs(
        self,
        run_id: int,
        outputs: dict[str, JsonValue],
        *,
        step: int | None = None,
        user_id: int | None = None,
    ) -> bool:
        """Write outputs of one run, or of one of its steps; False when absent.

        Queries: sql/runs/steps.sql. An output that is there already gets the new value, so that the
        call can be repeated. The run may have any status, and its revision stays.
        """
        check_id("run_id", run_id)
        check_values("outputs", outputs)
        if step is not None:
            check_int("step", step, 1, MAX_INTEGER)
        place = 0 if step is None else step
        if user_id is None:
            found = await self.find_one(_ADD_OUTPUTS, run_id, place, json_text(outputs))
        else:
            check_id("user_id", user_id)
            found = await self.find_one(
                _ADD_OUTPUTS_OF_USER, run_id, user_id, place, json_text(outputs)
            )
        return found is not None

    async def delete(self, id: int, *, user_id: int | None = None) -> bool:
        """Delete one run with its steps and values; False when absent (sql/runs/write.sql)."""
        check_id("id", id)
        if user_id is None:
            return await self.find_one(_DELETE, id) is not None
        check_id("user_id", user_id)
        return await self.find_one(_DELETE_OF_USER, id, user_id) is not None


def _moved(query: str, change: StepUpdate | None, wanted: StepStatus) -> RunStepDetails | None:
    """Return the step after a change; refuse one that its run or its status does not allow."""
    if change is None:
        return None
    if change.updated is None:
        if change.run_status != "InProgress":
            raise InvalidTransition(
                query=query, current=change.run_status, wanted=wanted, what="a step of a run"
            )
        raise InvalidTransition(
            query=query, current=change.previous_status, wanted=wanted, what="a step"
        )
    return change.updated


def _check_status(field: str, value: str) -> None:
    check_choice(field, value, _STATUSES)


def _checked_move(
    id: int,
    status: RunStatus,
    time_elapsed: int | None,
    outputs: dict[str, JsonValue] | None,
    *,
    keep_steps: bool,
) -> str | None:
    """Refuse what is no move of a run to a status; return its outputs as JSON."""
    check_id("id", id)
    check_choice("status", status, _STATUSES)
    if time_elapsed is not None:
        check_int("time_elapsed", time_elapsed, 0, MAX_BIGINT)
        if status not in _FINAL:
            raise InvalidInput("time_elapsed", "goes with Completed, Failed or Cancelled alone")
    if outputs is not None:
        check_values("outputs", outputs)
        if status not in _FINAL:
            raise InvalidInput("outputs", "goes with Completed, Failed or Cancelled alone")
    check_flag("keep_steps", keep_steps)
    if keep_steps and status != "Completed":
        raise InvalidInput("keep_steps", "goes with Completed alone")
    return None if outputs is None else json_text(outputs)


def _moved_run(query: str, change: StatusUpdate | None, status: RunStatus) -> Run | None:
    """Return the run that was moved; None when absent."""
    if change is None:
        return None
    if change.updated is None:
        raise InvalidTransition(query=query, current=change.previous_status, wanted=status)
    return change.updated


def _move_from_event(event: ChangeEvent) -> StatusUpdate:
    """Return what a move has returned, by its event."""
    before: Any = event.previous_data
    return StatusUpdate(before["status"], convert(event.new_data, Run))


def _wanted(statuses: Sequence[RunStatus]) -> str:
    """Return statuses as a JSON array, in a fixed order; refuse what is none.

    A cursor is valid for the same statuses in any order.
    """
    given = check_list("statuses", statuses, MAX_MANY, _check_status)
    return json_text([status for status in _STATUSES if status in given])


def _checked_steps(steps: Sequence[StartStep]) -> str:
    """Return the steps as a JSON array; refuse an invalid one by its position."""
    text = json_text(checked_items("steps", steps, StartStep))
    if len(text.encode()) > MAX_SIZE:
        raise InvalidInput("steps", f"must take at most {MAX_SIZE} bytes as JSON")
    return text
