"""Compare the cost of a query on two sizes of data. No I/O."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import msgspec

from .._plans import PlanTree

Verdict: TypeAlias = Literal["flat", "slow", "linear"]

#: Limits of `Growth.power`. Deeper indexes and longer lists lie between the two.
_LINEAR = 0.7
_FLAT = 0.25
#: Below these, growth is one more level of an index, or noise of the clock.
_FEW_PAGES = 40
_SHORT_MS = 2.0


class Growth(msgspec.Struct, frozen=True):
    """How the cost of a query grew with the data."""

    #: The factor by which the data grew, and below those of the cost.
    data: float
    pages: float
    ms: float
    #: The exponent: the cost grew as data ** power. 0 is constant, 1 is proportional.
    power: float
    verdict: Verdict


def growth(small: PlanTree, large: PlanTree, data: float) -> Growth | None:
    """Compare two plans of one query; None where one of them was not run."""
    if small.execution_ms is None or large.execution_ms is None:
        return None
    pages = large.pages / max(small.pages, 1)
    ms = large.execution_ms / max(small.execution_ms, 0.001)
    powers = [
        math.log(max(times, 1), data)
        for times, is_meaningful in (
            (pages, large.pages >= _FEW_PAGES),
            (ms, large.execution_ms >= _SHORT_MS),
        )
        if is_meaningful
    ]
    power = max(powers, default=0.0)
    verdict: Verdict = "linear" if power >= _LINEAR else "slow" if power >= _FLAT else "flat"
    return Growth(data, pages, ms, power, verdict)
