"""How long a pattern takes, and which indexes its plan uses."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any, NamedTuple, TypeVar

from psycopg import RawCursor

from ... import HeldConnection, InvalidUse, Page
from ..._bound import BoundQuery
from ..._plans import PlanTree
from ..._rows import Row
from ..._sync.repositories import Repositories
from ..._sync.session import Merger, Runner
from ._patterns import Pattern

R = TypeVar("R")

CALLS = 200
#: Slow patterns are called less often: when this time is over, but no less than `LEAST_CALLS`.
_ENOUGH_NS = 500_000_000
LEAST_CALLS = 20
#: Enough for psycopg to have prepared the statement, and for the server to have settled on a plan.
_WARM_UP_CALLS = 10


class Measurement(NamedTuple):
    """What one pattern gave and took."""

    result: Any
    rows: int
    median_ms: float
    p95_ms: float
    plan: PlanTree


class _Witness:
    """A runner that remembers the last query."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.extensions = runner.extensions
        self.merger: Merger | None = None
        self.last: tuple[BoundQuery[..., Any], tuple[Any, ...]] | None = None

    def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        self.last = query, parameters
        return self._runner.rows(query, parameters)

    def atomic(self, body: Callable[[Runner], R]) -> R:
        """Run several queries."""
        return body(self)


def measure(held: HeldConnection, pattern: Pattern) -> Measurement:
    """Call a pattern many times on one connection, and ask for its plan."""
    witness = _Witness(held._runner)  # noqa: SLF001 (an application has no use for it)
    result = pattern.call(Repositories(witness))
    for _ in range(_WARM_UP_CALLS):
        pattern.call(held)
    took = _nanoseconds(held, pattern)
    return Measurement(
        result,
        _rows(result),
        median(took) / 1e6,
        took[math.ceil(0.95 * len(took)) - 1] / 1e6,
        _plan(held, witness),
    )


def _nanoseconds(held: HeldConnection, pattern: Pattern) -> list[int]:
    """Return how long each of many calls took, shortest first."""
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


def _plan(held: HeldConnection, witness: _Witness) -> PlanTree:
    if witness.last is None:
        raise InvalidUse("the pattern ran no query")
    query, parameters = witness.last
    cursor = RawCursor(held.connection)
    cursor.execute(b"EXPLAIN (FORMAT JSON) " + query.statement, parameters)
    return PlanTree(cursor.fetchall()[0][0][0])
