"""A line of a file of runs, and the row that is staged for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from .._binding import own_queries
from ..records.runs import RunStatus, StepStatus
from ._format import Format
from ._json import LineDecoder, WrongLine, check_line, checked_json
from ._limits import Count, Key, Milliseconds, Moment, Name, PublicId, Step, check_moments


class _StepLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step; the limits are the schema's, here and below."""

    step: Step
    name: Name
    status: StepStatus
    time_elapsed: Milliseconds | None
    created_at: Moment
    updated_at: Moment


class _ValueLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input or output."""

    #: 0 is the run itself.
    step: Count
    key: Key
    #: Kept as the text it is: decoded and encoded again, long numbers would lose digits.
    value: msgspec.Raw
    created_at: Moment
    updated_at: Moment


class _RunLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run with its steps, inputs and outputs."""

    format: Literal["run/2"]
    public_id: PublicId
    user_public_id: PublicId
    resource_version_public_id: PublicId | None
    name: Name
    status: RunStatus
    is_private: bool
    #: Distinguishes a run without data from one with the data ``null``.
    has_data: bool
    data: msgspec.Raw
    started_at: Moment | None
    completed_at: Moment | None
    time_elapsed: Milliseconds | None
    completed_complexity: Count
    context_switches: Count
    revision: Count
    created_at: Moment
    updated_at: Moment
    steps: list[_StepLine]
    inputs: list[_ValueLine]
    outputs: list[_ValueLine]


class _StagedRun(msgspec.Struct, gc=False):
    """The staged row of a line; bytes are the text of JSON."""

    public_id: str
    user_public_id: str
    resource_version_public_id: str | None
    name: str
    status: RunStatus
    is_private: bool
    data: bytes | None
    started_at: datetime | None
    completed_at: datetime | None
    time_elapsed: int | None
    completed_complexity: int
    context_switches: int
    revision: int
    created_at: datetime
    updated_at: datetime
    steps: bytes
    #: Of inputs and outputs, by their side.
    io: bytes


_LOAD = own_queries("runs").load("import_lines", _StagedRun)
_DECODER = LineDecoder(_RunLine)
_encode = msgspec.json.Encoder().encode


def _stage(line: bytes) -> _StagedRun:
    run = _DECODER.decode(line)
    # A moment has two colons at least.
    moments = check_moments("", run, "started_at", "completed_at", "created_at", "updated_at")
    keys = len(run.__struct_fields__) + 2 * moments
    keys += _check_steps(run.steps)
    keys += _check_values("inputs", run.inputs)
    keys += _check_values("outputs", run.outputs)
    text = bytes(run.data)
    data = checked_json("data", text)
    if data is not None and not run.has_data:
        raise WrongLine("must be null where has_data is false", "data")
    check_line(line, keys + _keys_of(data))
    return _StagedRun(
        public_id=run.public_id,
        user_public_id=run.user_public_id,
        resource_version_public_id=run.resource_version_public_id,
        name=run.name,
        status=run.status,
        is_private=run.is_private,
        data=text if run.has_data else None,
        started_at=run.started_at,
        completed_at=run.completed_at,
        time_elapsed=run.time_elapsed,
        completed_complexity=run.completed_complexity,
        context_switches=run.context_switches,
        revision=run.revision,
        created_at=run.created_at,
        updated_at=run.updated_at,
        steps=_encode(run.steps),
        io=_encode({"input": run.inputs, "output": run.outputs}),
    )


def _check_steps(steps: Sequence[_StepLine]) -> int:
    """Refuse steps of one number; return how many colons they have at least."""
    keys = 0
    for place, step in enumerate(steps):
        moments = check_moments(f"steps[{place}].", step, "created_at", "updated_at")
        keys += len(step.__struct_fields__) + 2 * moments
    if len({step.step for step in steps}) < len(steps):
        raise WrongLine("holds two steps of one number", "steps")
    return keys


def _check_values(field: str, values: Sequence[_ValueLine]) -> int:
    """Refuse values of one key, or that cannot be stored; return how many colons they have."""
    keys = 0
    for place, each in enumerate(values):
        moments = check_moments(f"{field}[{place}].", each, "created_at", "updated_at")
        value = checked_json(f"{field}[{place}].value", bytes(each.value))
        keys += len(each.__struct_fields__) + 2 * moments + _keys_of(value)
    if len({(each.step, each.key) for each in values}) < len(values):
        raise WrongLine("holds two values of one step and key", field)
    return keys


def _keys_of(value: object) -> int:
    return len(value) if isinstance(value, dict) else 0


FORMAT = Format(_LOAD, _stage)
