"""The interface by which long work reports its progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Receives the progress of long work, which is a sequence of tasks."""

    def start(self, task: str, total: int | None) -> None:
        """Begin a task of *total* rows; None if the number is unknown."""

    def advance(self, count: int) -> None:
        """Report that *count* more rows of the task are done."""

    def finish(self) -> None:
        """End the task."""


class NoProgress:
    """Ignores the progress."""

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
