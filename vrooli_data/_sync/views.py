# Generated from vrooli_data/_async/views.py by tools/unasync.py. Do not edit.
"""Views that are summed up in the process, and written every so often."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from .._views import Views, is_undone
from ..errors import CommitUnknown, VrooliDataError
from ..validation import MAX_MANY, check_hook, check_int, check_key, check_seconds
from ._compat import Lock, Timer
from .database import Database
from .transaction import Transaction

_MAX_VIEWS = 1_000_000_000


class ViewBuffer:
    """Sums up views of resources, and writes the sums every so often and at the end of its block.

    A process that is killed loses the views that are not written. See docs/counters.md.

    Args:
        database: where the views are written.
        interval: seconds between two writes.
        max_views: views that are held at most before they are written at once.
        on_error: called with what a write in the background raised. Its views are kept for the
            next write.
    """

    def __init__(
        self,
        database: Database,
        *,
        interval: float = 1.0,
        max_views: int = 10_000,
        on_error: Callable[[VrooliDataError], object] | None = None,
    ) -> None:
        check_seconds("interval", interval)
        check_int("max_views", max_views, 1, _MAX_VIEWS)
        if on_error is not None:
            check_hook("on_error", on_error)
        self._database = database
        self._interval = interval
        self._max_views = max_views
        self._on_error = on_error
        self._views = Views()
        #: Views of transactions whose outcome is not known.
        self._doubtful: list[tuple[dict[str, int], CommitUnknown]] = []
        self._lock = Lock()
        self._timer: Timer | None = None

    def __enter__(self) -> Self:
        self._timer = Timer(self._write_beside, self._interval)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.stop()
        self.flush()
        for _, unknown in self._doubtful:
            raise unknown

    def add(self, public_id: str) -> None:
        """Count one view of a resource. Sends nothing."""
        check_key("public_id", public_id)
        if self._views.add({public_id: 1}) >= self._max_views and self._timer is not None:
            self._timer.wake()

    def flush(self) -> None:
        """Write the views that are held.

        Where it fails, they are held for the next write, unless they may have been written: views
        of a transaction whose outcome is not known are held back until it is. None is counted
        twice.
        """
        with self._lock:
            self._resolve()
            while views := self._views.take(MAX_MANY):
                self._write(views)

    def _write(self, views: dict[str, int]) -> None:
        def add(tx: Transaction) -> None:
            tx.counters.add_views(views)

        try:
            self._database.transact(add, isolation="read committed")
        except BaseException as error:
            if isinstance(error, CommitUnknown):
                self._doubtful.append((views, error))
            elif is_undone(error):
                self._views.add(views)
            raise

    def _resolve(self) -> None:
        """Ask what became of the transactions whose outcome was not known."""
        doubtful, self._doubtful = self._doubtful, []
        for views, unknown in doubtful:
            try:
                outcome = unknown.resolve()
            except VrooliDataError:
                outcome = "unknown"
            if outcome == "aborted":
                self._views.add(views)
            elif outcome == "unknown":
                self._doubtful.append((views, unknown))

    def _write_beside(self) -> None:
        try:
            self.flush()
        except VrooliDataError as error:
            if self._on_error is not None:
                self._on_error(error)
