"""Measure the latency of a pattern, and read the indexes of its plan."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any, NamedTuple, TypeVar

from psycopg import RawCursor

from ... import HeldConnection, InvalidUse, Page
from ..._bound import BoundQuery
from ..._outbox import Recording
from ..._plans import PlanTree
from ..._rows import Row
from ..._sync.repositories import Repositories
from ..._sync.session import Merger, Runner, TransactionalRunner
from ...records import ChangeEvent
from ._patterns import Pattern

R = TypeVar("R")

CALLS = 200
#: A slow pattern is called until this time has passed, and at least `LEAST_CALLS` times.
_ENOUGH_NS = 500_000_000
LEAST_CALLS = 20
#: After these, psycopg has prepared the statement, and the server has chosen a plan.
_WARM_UP_CALLS = 10


class Measurement(NamedTuple):
    """The result and the latency of one pattern."""

    result: Any
    rows: int
    median_ms: float
    p95_ms: float
    plan: PlanTree


class _Recorder:
    """A runner that records the last query."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.extensions = runner.extensions
        self.merger: Merger | None = None
        self.last: tuple[BoundQuery[..., Any], tuple[Any, ...]] | None = None

    def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        self.last = query, parameters
        return self._runner.rows(query, parameters)

    def record(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], recording: Recording
    ) -> list[Row] | ChangeEvent:
        """Execute a query that records an event; no pattern needs that."""
        return self._runner.record(query, parameters, recording)

    def atomic(self, body: Callable[[TransactionalRunner], R], *, repeats: bool = True) -> R:
        """Run several queries without recording them; no pattern needs that."""
        return self._runner.atomic(body, repeats=repeats)


def measure(held: HeldConnection, pattern: Pattern) -> Measurement:
    """Call a pattern many times on one connection, and explain it."""
    recorder = _Recorder(held._runner)  # noqa: SLF001 (an application does not need it)
    result = pattern.call(Repositories(recorder))
    for _ in range(_WARM_UP_CALLS):
        pattern.call(held)
    took = _nanoseconds(held, pattern)
    return Measurement(
        result,
        _rows(result),
        median(took) / 1e6,
        took[math.ceil(0.95 * len(took)) - 1] / 1e6,
        _plan(held, recorder),
    )


def _nanoseconds(held: HeldConnection, pattern: Pattern) -> list[int]:
    """Return the duration of each call, shortest first."""
    took: list[int] = []
    while len(took) < CALLS and (len(took) < LEAST_CALLS or sum(took) < _ENOUGH_NS):
        started = perf_counter_ns()
        pattern.call(held)
        took.append(perf_counter_ns() - started)
    return sorted(took)


def _rows(result: Any) -> int:
    if isinstance(result, Page):
        return len(result.items)
    return len(result) if isinstance(result, list) else int(result is not None)


def _plan(held: HeldConnection, recorder: _Recorder) -> PlanTree:
    if recorder.last is None:
        raise InvalidUse("the pattern ran no query")
    query, parameters = recorder.last
    cursor = RawCursor(held.connection)
    cursor.execute(b"EXPLAIN (FORMAT JSON) " + query.statement, parameters)
    return PlanTree(cursor.fetchall()[0][0][0])
