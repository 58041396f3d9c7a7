"""Records of runs, their steps and values."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from .resources import ResourceType
from .shared import JsonValue, UserSummary

RunStatus: TypeAlias = Literal[
    "Scheduled", "InProgress", "Paused", "Completed", "Failed", "Cancelled"
]
StepStatus: TypeAlias = Literal["Scheduled", "InProgress", "Completed", "Skipped", "Failed"]
FinalStepStatus: TypeAlias = Literal["Completed", "Skipped", "Failed"]


class Run(msgspec.Struct, frozen=True, gc=False):
    """One row of runs, without its data."""

    user_id: int
    id: int
    public_id: str
    resource_version_id: int | None
    name: str
    status: RunStatus
    is_private: bool
    started_at: datetime | None
    #: Set by every final status.
    completed_at: datetime | None
    #: Milliseconds.
    time_elapsed: int | None
    completed_complexity: int
    context_switches: int
    #: Counts the changes of the row.
    revision: int
    created_at: datetime
    updated_at: datetime


class RunResource(msgspec.Struct, frozen=True, gc=False):
    """The resource that a run executes."""

    public_id: str
    resource_type: ResourceType


class RunResourceVersion(msgspec.Struct, frozen=True, gc=False):
    """The resource version that a run executes."""

    public_id: str
    version_label: str
    resource: RunResource


class RunStepDetails(msgspec.Struct, frozen=True, gc=False):
    """One step of a run."""

    #: Position in the run, from 1.
    step: int
    name: str
    status: StepStatus
    #: Milliseconds.
    time_elapsed: int | None
    created_at: datetime


class RunValue(msgspec.Struct, frozen=True):
    """One input or output of a run."""

    #: The step it belongs to; 0 is the run itself.
    step: int
    key: str
    value: JsonValue


class RunDetails(Run, frozen=True, gc=True):
    """One run with its data, version, user, steps, inputs and outputs."""

    #: None when the run has no data, or when its data is JSON null.
    data: JsonValue
    #: None when the run has no version.
    resource_version: RunResourceVersion | None
    user: UserSummary
    #: In order of their position.
    steps: list[RunStepDetails]
    #: In order of step, then key.
    inputs: list[RunValue]
    outputs: list[RunValue]


class ExecutionStats(msgspec.Struct, frozen=True):
    """How many runs there are, and how long the completed ones took."""

    total: int
    #: Holds every status, also those with no run.
    by_status: dict[RunStatus, int]
    #: Milliseconds, over the completed runs whose time is known; None when there are none.
    average_time_elapsed: float | None


class StatusUpdate(msgspec.Struct, frozen=True):
    """The status before a change, and the run after it."""

    previous_status: RunStatus
    #: None when the previous status does not allow the change.
    updated: Run | None


class StepUpdate(msgspec.Struct, frozen=True):
    """The status of a run and of its step before a change, and the step after it."""

    run_status: RunStatus
    previous_status: StepStatus
    #: None when one of the two does not allow the change.
    updated: RunStepDetails | None


class StartedRun(msgspec.Struct, frozen=True):
    """A run that was started with its steps."""

    run: Run
    #: In order of their position.
    steps: list[RunStepDetails]
    #: The number of inputs of all steps.
    input_count: int


class RunStart(msgspec.Struct, frozen=True):
    """The status before a start, and the run after it."""

    previous_status: RunStatus
    #: None when the run was not Scheduled.
    started: StartedRun | None
