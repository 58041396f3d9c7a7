"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What shows how far long work is; its tasks follow one another."""

    def start(self, task: str, total: int | None) -> None:
        """Begin a task of *total* rows; None when their number is not known yet."""

    def advance(self, count: int) -> None:
        """Tell that *count* more rows of the task are done."""

    def finish(self) -> None:
        """End the task."""


class NoProgress:
    """Shows nothing."""

    def start(self, task: str, total: int | None) -> None:
        """Show nothing."""

    def advance(self, count: int) -> None:
        """Show nothing."""

    def finish(self) -> None:
        """Show nothing."""


@contextmanager
def task(progress: Progress, name: str, total: int | None) -> Iterator[None]:
    """Begin a task, and end it also when it fails."""
    progress.start(name, total)
    try:
        yield
    finally:
        progress.finish()
