"""Sums of views that are not written yet. No I/O."""

from __future__ import annotations

from itertools import islice
from threading import Lock

from ._transactions import COMMITTED, NOT_COMMITTED
from .errors import CommitUnknown, VrooliDataError


class Views:
    """Views by public id; threads may add to them at the same time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sums: dict[str, int] = {}
        self._total = 0

    def add(self, views: dict[str, int]) -> int:
        """Add views, and return the number of all."""
        with self._lock:
            for public_id, number in views.items():
                self._sums[public_id] = self._sums.get(public_id, 0) + number
                self._total += number
            return self._total

    def take(self, max_resources: int) -> dict[str, int]:
        """Take the views of some resources out."""
        with self._lock:
            taken = {key: self._sums[key] for key in islice(self._sums, max_resources)}
            for public_id, number in taken.items():
                del self._sums[public_id]
                self._total -= number
            return taken


def is_undone(error: BaseException) -> bool:
    """Return whether the transaction that raised an error is certain not to be committed."""
    notes = getattr(error, "__notes__", ())
    if COMMITTED in notes or isinstance(error, CommitUnknown):
        return False
    return NOT_COMMITTED in notes or isinstance(error, VrooliDataError)
