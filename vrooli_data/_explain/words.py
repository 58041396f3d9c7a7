"""Format numbers with their nouns, for the terminal and the page. No I/O."""

from __future__ import annotations

from .._plans import PlanTree

_TIMES = "\N{MULTIPLICATION SIGN}"
#: A factor of this size is shown without decimals.
_LARGE_FACTOR = 10


def counted(number: float, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{number:,.0f} {one if number == 1 else many}"


def times(factor: float) -> str:
    """Return a factor with two significant digits."""
    return f"{_TIMES} {factor:,.0f}" if factor >= _LARGE_FACTOR else f"{_TIMES} {factor:.2g}"


def cost(plan: PlanTree) -> str:
    """Return the total cost of a plan, in a sentence."""
    if plan.execution_ms is None:
        return "Not run. The rows are estimates."
    return (
        f"{counted(plan.rows or 0, 'row', 'rows')}, {counted(plan.pages, 'page', 'pages')}, "
        f"{plan.execution_ms:.3f} ms, and {plan.planning_ms:.3f} ms to plan. The cost of a step "
        "excludes the steps below it."
    )
