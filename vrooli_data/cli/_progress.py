"""Progress bars on standard error, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from .._progress import NoProgress, Progress
from .._visible import visible


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Show one bar per task while the block runs, if standard error is a terminal."""
    if not sys.stderr.isatty():
        yield NoProgress()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Shown(bars)


class _Shown:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = TaskID(0)

    def start(self, task: str, total: int | None) -> None:
        self._task = self._bars.add_task(escape(visible(task)), total=total)

    def advance(self, count: int) -> None:
        self._bars.advance(self._task, count)

    def finish(self) -> None:
        task = self._bars.tasks[self._task]
        self._bars.update(self._task, total=task.completed)
