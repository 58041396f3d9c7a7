"""Numbers as the table and the page say them. No I/O."""

from __future__ import annotations

from .._plans import PlanTree

_TIMES = "\N{MULTIPLICATION SIGN}"
#: Factors from which on the digits behind the point say nothing.
_LARGE_FACTOR = 10


def counted(number: float, one: str, many: str) -> str:
    """Return a number with its word."""
    return f"{number:,.0f} {one if number == 1 else many}"


def times(factor: float) -> str:
    """Return a factor to the two digits that count."""
    return f"{_TIMES} {factor:,.0f}" if factor >= _LARGE_FACTOR else f"{_TIMES} {factor:.2g}"


def cost(plan: PlanTree) -> str:
    """Return what a plan cost, in a sentence."""
    if plan.execution_ms is None:
        return "Not run: rows are estimates."
    return (
        f"{counted(plan.rows or 0, 'row', 'rows')}, {counted(plan.pages, 'page', 'pages')}, "
        f"{plan.execution_ms:.3f} ms, and {plan.planning_ms:.3f} ms to plan. What a step shows is "
        "without the steps below it."
    )
