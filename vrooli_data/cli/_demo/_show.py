"""Show an aggregate in the demo: a table of its patterns, and records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.padding import Padding
from rich.pretty import Pretty

from ... import HeldConnection
from .._output import show, styled, styled_lines, table
from ._measure import CALLS, LEAST_CALLS, measure
from ._patterns import Pattern

_COLUMNS = ("pattern", "rows", "median ms", "p95 ms", "indexes of the plan")


def show_aggregate(name: str, held: HeldConnection, patterns: Iterable[Pattern]) -> None:
    """Measure and show each pattern, and the records of the examples."""
    rows = table(*_COLUMNS, numbers=("rows", "median ms", "p95 ms"))
    examples = []
    for pattern in patterns:
        measured = measure(held, pattern)
        rows.add(
            pattern.label,
            str(measured.rows),
            f"{measured.median_ms:.3f}",
            f"{measured.p95_ms:.3f}",
            styled_lines(measured.plan.paths),
        )
        if pattern.example:
            examples.append((pattern.example, measured.result))
    show(styled_lines(("", f"db.{name}"), "bold"), styled(f"queries in sql/{name}/", "dim"), rows)
    for code, record in examples:
        show(
            styled_lines(("", f">>> {code}"), "bold"),
            Padding(_pretty(record), (0, 0, 0, 2)),
        )


def show_explanation() -> None:
    """Explain the numbers."""
    show()
    show(
        styled(
            f"Each time is measured over {LEAST_CALLS} to {CALLS} calls on one connection, from "
            "the call to the finished records. The indexes come from EXPLAIN of the same statement "
            "with the same values.",
            "dim",
        )
    )


def _pretty(record: Any) -> Pretty:
    return Pretty(
        record, indent_size=2, max_length=2, max_string=50, no_wrap=True, overflow="ellipsis"
    )
