"""Runs with their steps, inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .._copying import jsonb
from ._chance import MILLISECOND, SECOND, Draw, happens, pick, spread
from ._rows import RunRow, StepRow, ValueRow
from ._shapes import Shapes
from ._table import Table, seed_copy
from ._texts import Texts, language
from ._world import World

_RUNS = seed_copy("runs", RunRow)
_RUN_STEPS = seed_copy("run_steps", StepRow)
_RUN_IO = seed_copy("run_io", ValueRow)


#: Statuses by their number in a hundred runs: of the past, and of the latest days.
_PAST = spread({"Completed": 81, "Failed": 10, "Cancelled": 7, "Paused": 1, "Scheduled": 1})
_LATEST = spread(
    {
        "Completed": 40,
        "Failed": 6,
        "Cancelled": 6,
        "InProgress": 20,
        "Scheduled": 16,
        "Paused": 12,
    }
)
_LATEST_SHARE = 0.15
_FINAL = frozenset({"Completed", "Failed", "Cancelled"})
#: The revision of a run by its status: how often its row was changed.
_REVISIONS = {
    "Scheduled": 0,
    "InProgress": 1,
    "Paused": 2,
    "Completed": 2,
    "Failed": 2,
    "Cancelled": 2,
}
_CANCELLED_BEFORE_START = 0.3
_MOST_STEPS = 5
_SKIPPED = 0.05
_STEP_INPUTS = 0.3
_STEP_NAMES = ("Read", "Search", "Ask the model", "Проверить", "总结", "Write", "كتابة", "Send ✉️")
_DATA = (None, None, None, jsonb(b'{"origin": "api"}'), jsonb(b'{"origin": "web", "retries": 2}'))
_VALUES = tuple(
    jsonb(text.encode())
    for text in (
        "null",
        "42",
        "3.25",
        "true",
        '"a short text"',
        '"Καλημέρα, 世界 🌍"',
        '["first", "second"]',
        '{"url": "https://example.org/", "status": 200}',
    )
)


class Run(msgspec.Struct, gc=False):
    """The facts of a run from which its steps and values follow."""

    id: int
    user_id: int
    version_id: int
    status: str
    created_at: int
    #: None when it has not started.
    started_at: int | None = None
    completed_at: int | None = None
    #: Milliseconds; None until it has ended.
    time_elapsed: int | None = None
    steps: int = 0
    #: The number of steps that ended without a failure.
    steps_done: int = 0


def tables(world: World) -> Iterator[Table]:
    """Return runs, steps and values."""
    yield Table(_RUNS, world.runs, _run_rows(world))
    yield Table(_RUN_STEPS, None, _step_rows(world))
    yield Table(_RUN_IO, None, _io_rows(world))


def _runs(world: World) -> Iterator[Run]:
    """Draw the runs; a new stream gives the same ones."""
    draw = world.draws("runs")
    shapes = Shapes(world.draws("shapes"))
    for id in range(1, world.runs + 1):
        share = (id - 1) / world.runs
        user_id = world.user(draw, share)
        resource_id = world.resource(draw, share)
        # A deleted resource must have no active run; here it has no run at all. Resource 1 is not
        # deleted.
        while shapes.of(resource_id).is_deleted:
            resource_id -= 1
        version_id = shapes.first_version(resource_id)
        status = pick(draw, _LATEST if share > 1 - _LATEST_SHARE else _PAST)
        created_at = world.timeline.at(share)
        yield _run(draw, Run(id, user_id, version_id, status, created_at), world.timeline.end)


def _run(draw: Draw, run: Run, end: int) -> Run:
    """Add the facts of its status to a run; a run that would end after *end* has not ended."""
    if run.status == "Scheduled":
        return run
    started_at = min(run.created_at + int(draw() ** 2 * 60 * SECOND), end)
    if run.status == "Cancelled" and happens(draw, _CANCELLED_BEFORE_START):
        run.completed_at = started_at
        return run
    # From 50 ms to 26 minutes; short runs are the most frequent.
    time_elapsed = int(50 * 10 ** (4.5 * draw() ** 2))
    completed_at = started_at + time_elapsed * MILLISECOND
    run.started_at = started_at
    run.steps = 1 + int(draw() * _MOST_STEPS)
    run.steps_done = int(draw() * run.steps)
    if run.status in _FINAL:
        if completed_at > end:
            run.status = "InProgress"
        else:
            run.completed_at = completed_at
            run.time_elapsed = time_elapsed
    if run.status == "Completed":
        run.steps_done = run.steps
    return run


def _run_rows(world: World) -> Iterator[RunRow]:
    draw = world.draws("run_rows")
    texts = Texts(draw)
    public_id = world.public_ids("runs")
    for run in _runs(world):
        yield RunRow(
            run.id,
            public_id(run.id),
            run.user_id,
            run.version_id,
            texts.name(language(draw)),
            run.status,
            happens(draw, 0.2),
            pick(draw, _DATA),
            run.started_at,
            run.completed_at,
            run.time_elapsed,
            run.steps_done * 10,
            int(draw() ** 3 * 5),
            _REVISIONS[run.status],
            run.created_at,
            run.completed_at or run.started_at or run.created_at,
        )


def _step_rows(world: World) -> Iterator[StepRow]:
    draw = world.draws("run_steps")
    for run in _runs(world):
        if run.started_at is None:
            # It has no steps.
            continue
        updated_at = run.completed_at or run.started_at
        for step in range(1, run.steps + 1):
            status = _step_status(draw, run, step)
            yield StepRow(
                run.user_id,
                run.id,
                step,
                pick(draw, _STEP_NAMES),
                status,
                (run.time_elapsed or 0) // run.steps if status == "Completed" else None,
                run.started_at,
                updated_at,
            )


def _step_status(draw: Draw, run: Run, step: int) -> str:
    if step <= run.steps_done:
        return "Skipped" if happens(draw, _SKIPPED) else "Completed"
    if step == run.steps_done + 1 and run.status in ("Failed", "InProgress"):
        return run.status
    return "Scheduled"


def _io_rows(world: World) -> Iterator[ValueRow]:
    draw = world.draws("run_io")
    for run in _runs(world):
        if run.started_at is None:
            continue
        key = (run.user_id, run.id)
        at = (run.started_at, run.started_at)
        yield ValueRow(*key, "input", 0, "prompt", pick(draw, _VALUES), *at)
        if happens(draw, _STEP_INPUTS):
            yield ValueRow(*key, "input", 1, "options", pick(draw, _VALUES), *at)
        if run.status == "Completed" and run.completed_at is not None:
            yield ValueRow(
                *key,
                "output",
                0,
                "result",
                pick(draw, _VALUES),
                run.completed_at,
                run.completed_at,
            )
