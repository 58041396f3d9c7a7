"""Tell how the cost of a query grew with the data. No I/O."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import msgspec

from .._plans import PlanTree

Verdict: TypeAlias = Literal["flat", "slow", "linear"]

#: Of `Growth.power`. Between the two lie deeper indexes, and lists that get longer.
_LINEAR = 0.7
_FLAT = 0.25
#: Below these a growth is an index that got a level deeper, or the noise of the clock.
_FEW_PAGES = 40
_SHORT_MS = 2.0


class Growth(msgspec.Struct, frozen=True):
    """How much more a query cost on more data."""

    #: How often as many rows there were.
    data: float
    pages: float
    ms: float
    #: Of the data's growth, the power that the cost grew with: 0 stayed, 1 kept in step.
    power: float
    verdict: Verdict


def growth(small: PlanTree, large: PlanTree, data: float) -> Growth | None:
    """Compare the same query on two sizes of data; None where it was not run."""
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
