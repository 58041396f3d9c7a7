"""Show results as tables and as JSON."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table as Grid

from ._measure import Comparison, Effort, Estimate, Table

_WIDTH = 160


class Report(msgspec.Struct, frozen=True):
    """One run of the benchmarks."""

    #: A smoke run tests the benchmarks. Its numbers mean nothing.
    smoke: bool
    scale: float
    effort: Effort
    facts: dict[str, str]
    cautions: list[str]
    tables: dict[str, list[Table]]
    seconds: float

    @property
    def missed(self) -> list[Comparison]:
        """The comparisons above their bars."""
        return [
            comparison
            for tables in self.tables.values()
            for table in tables
            for comparison in table.comparisons
            if comparison.is_missed
        ]

    @property
    def failures(self) -> list[str]:
        """The wrong results."""
        return [
            failure
            for tables in self.tables.values()
            for table in tables
            for failure in table.failures
        ]

    @property
    def is_passed(self) -> bool:
        """Tell whether every result is right and every bar is met. A smoke run has no bars."""
        return not self.failures and (self.smoke or not self.missed)


def console() -> Console:
    """Return a console; outside a terminal its tables have a fixed width."""
    found = Console()
    return found if found.is_terminal else Console(width=_WIDTH)


def show_facts(out: Console, facts: dict[str, str], cautions: list[str]) -> None:
    """Print the machine, the server and the warnings."""
    grid = Grid.grid(padding=(0, 2))
    for name, value in facts.items():
        grid.add_row(name, value)
    out.print(grid)
    for caution in cautions:
        out.print(f"Warning: {caution}", style="yellow")


def show_table(out: Console, table: Table, *, smoke: bool) -> None:
    """Print one table, in Markdown, or only its title and note if it could not be measured."""
    out.print(f"\n### {table.title}", *([f"({table.note})"] if table.note else []))
    if not table.comparisons:
        return
    counts = list(table.comparisons[0].counts)
    has_bars = any(comparison.bar is not None for comparison in table.comparisons)
    grid = Grid(box=MARKDOWN)
    grid.add_column("", no_wrap=True)
    columns = [*counts, f"{table.baseline}, {table.unit}", f"{table.subject}, {table.unit}"]
    columns += [f"added, {table.unit}", "ratio", "interval", *(["bar"] if has_bars else [])]
    for column in columns:
        grid.add_column(column, justify="right", no_wrap=True)
    for comparison in table.comparisons:
        cells = [
            comparison.name,
            *(f"{comparison.counts[count]:,}" for count in counts),
            _number(comparison.baseline.median),
            _number(comparison.subject.median),
            _number(comparison.added.median),
            f"{comparison.ratio.median:.3f}",
            _interval(comparison.ratio),
        ]
        if has_bars:
            cells.append(_verdict(comparison, smoke=smoke))
        grid.add_row(*cells)
    out.print(grid)


def show_end(out: Console, report: Report) -> None:
    """Print the summary."""
    out.print(
        f"\nTook {report.seconds:.0f} s. Load at the end {report.facts['Load at the end']}; "
        "the benchmarks alone make it about 1."
    )
    for failure in report.failures:
        out.print(f"Wrong: {failure}", style="red")
    if report.smoke:
        out.print("A smoke run: no bar is enforced, and the numbers mean nothing.")
        return
    for comparison in report.missed:
        out.print(
            f"Missed: {comparison.name} takes {comparison.ratio.median:.4f} times as long as its "
            f"baseline, {_interval(comparison.ratio)}; the bar is {comparison.bar:.2f}.",
            style="red",
        )
    if not report.missed:
        out.print("Every bar is met.")


def write_json(path: Path, report: Report) -> None:
    """Write all results, with the numbers of every run."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def _number(value: float) -> str:
    return f"{value:,.1f}"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _verdict(comparison: Comparison, *, smoke: bool) -> str:
    if comparison.bar is None or smoke:
        return "-"
    verdict = "[red]missed[/]" if comparison.is_missed else "met"
    # The bar lies inside the interval.
    unsure = "?" if comparison.ratio.low <= comparison.bar <= comparison.ratio.high else ""
    return f"{comparison.bar:.2f} {verdict}{unsure}"
