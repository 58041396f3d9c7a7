"""Sums of views that are not written yet. No I/O."""

from __future__ import annotations

from collections import deque
from threading import Lock, RLock

from ._transactions import COMMITTED, NOT_KNOWN
from .errors import CommittedButCallbackFailed, CommitUnknown


class Batch:
    """Views that one transaction writes.

    An exception of a signal handler may come between any two lines. So each line of what follows
    leaves every view in one place, and an outcome is set in one step.
    """

    def __init__(self) -> None:
        self.views: dict[str, int] = {}
        #: Whether they need not be written any more: they are, or nobody can tell.
        self.is_over = False
        #: What tells later whether they were written; None where that is known.
        self.unknown: CommitUnknown | None = None

    @property
    def is_due(self) -> bool:
        """Whether they are to be written."""
        return not self.is_over and self.unknown is None

    def settle(self, error: BaseException) -> None:
        """Decide by the error of their transaction what becomes of them."""
        notes = getattr(error, "__notes__", ())
        is_committed = COMMITTED in notes or isinstance(error, CommittedButCallbackFailed)
        if isinstance(error, CommitUnknown):
            self.unknown = error
        elif is_committed or NOT_KNOWN in notes:
            # What is not known is told by the error. To write them again might count them twice.
            self.is_over = True


class Views:
    """Views by public id; threads and signal handlers may add to them at the same time."""

    def __init__(self) -> None:
        # A signal handler may find its own thread in the middle of a change. That is told by a lock
        # that `with` takes and gives back: a flag would stay set after an exception.
        self._lock = RLock()
        self._changing = Lock()
        #: Views that are not summed up yet.
        self._added: deque[str] = deque()
        self._sums: dict[str, int] = {}
        self._total = 0
        #: Views that were taken to be written, until it is known that they are.
        self.batches: list[Batch] = []

    def add(self, public_id: str) -> int:
        """Add one view, and return the number of those that are not taken."""
        with self._lock:
            self._added.append(public_id)
            if not self._changing.locked():
                with self._changing:
                    self._sum_up()
            return self._total + len(self._added)

    def take(self, max_resources: int) -> Batch | None:
        """Take the views of some resources; None where there are none.

        None, too, in a signal handler that has interrupted a change of its own thread.
        """
        self.batches = [each for each in self.batches if not each.is_over]
        for each in self.batches:
            if each.is_due:
                # A write of it was interrupted before it began.
                return each
        batch = Batch()
        self.batches.append(batch)
        with self._lock:
            if not self._changing.locked():
                with self._changing:
                    self._sum_up()
                    for public_id in list(self._sums)[:max_resources]:
                        batch.views[public_id] = self._sums.pop(public_id)
                    self._total = sum(self._sums.values())
        if batch.views:
            return batch
        self.batches.remove(batch)
        return None

    def put_back(self, batch: Batch) -> None:
        """Put views back that were not written, behind those of other resources."""
        with self._lock:
            if self._changing.locked():
                # It stays among those that are to be written.
                return
            with self._changing:
                for public_id in list(batch.views):
                    self._sums[public_id] = self._sums.get(public_id, 0) + batch.views.pop(
                        public_id
                    )
                self._total = sum(self._sums.values())
        batch.is_over = True

    def _sum_up(self) -> None:
        while self._added:
            public_id = self._added[0]
            self._sums[public_id] = self._sums.get(self._added.popleft(), 0) + 1
            self._total += 1
