"""Views that are summed up in the process, and written every so often."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock as ThreadLock
from types import TracebackType
from typing import Self

from .. import _process as process
from .._views import Batch, Views
from ..errors import VrooliDataError
from ..validation import MAX_MANY, check_hook, check_int, check_key, check_seconds
from ._compat import AsyncLock, AsyncTimer
from .database import AsyncDatabase
from .transaction import AsyncTransaction

logger = logging.getLogger("vrooli_data")

_MAX_VIEWS = 1_000_000_000


class AsyncViewBuffer:
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
        database: AsyncDatabase,
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
        self._lock = AsyncLock()
        #: Held by who has the other lock, and writes: its own signal handlers find it taken.
        self._writing = ThreadLock()
        self._timer: AsyncTimer | None = None
        #: The process of the first use; None before.
        self._process: object | None = None

    async def __aenter__(self) -> Self:
        self._check_process()
        self._timer = AsyncTimer(self._write_beside, self._interval)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not process.current:
            # The parent writes its views.
            return
        timer, self._timer = self._timer, None
        if timer is not None:
            await timer.stop()
        await self.flush()
        for batch in self._views.batches:
            if batch.unknown is not None:
                raise batch.unknown

    def add(self, public_id: str) -> None:
        """Count one view of a resource. Sends nothing."""
        check_key("public_id", public_id)
        self._check_process()
        if self._views.add(public_id) >= self._max_views and self._timer is not None:
            self._timer.wake()

    async def flush(self) -> None:
        """Write the views that are held.

        Where it fails or is interrupted, they are held for the next write, unless they may have
        been written: views of a transaction whose outcome is not known are held back until it is.
        None is counted twice. In a signal handler that has interrupted a flush of its own thread,
        it returns at once, and the interrupted one writes them. Raises `InvalidUse` in a process
        that was forked from that of the buffer.
        """
        self._check_process()
        async with self._lock:
            if self._writing.locked():
                return
            with self._writing:
                await self._resolve()
                while batch := self._views.take(MAX_MANY):
                    await self._write(batch)

    def _check_process(self) -> None:
        # A lock that another thread of the parent holds stays locked in a child. So this comes
        # first, and waits for nothing.
        if self._process is None:
            self._process = process.current
        process.check(self._process, "a buffer of views")

    async def _write(self, batch: Batch) -> None:
        async def note() -> None:
            batch.is_over = True

        async def add(tx: AsyncTransaction) -> None:
            tx.on_commit(note)
            await tx.counters.add_views(batch.views)

        try:
            await self._database.transact(add, isolation="read committed")
        except BaseException as error:
            batch.settle(error)
            if batch.is_due:
                self._views.put_back(batch)
            raise

    async def _resolve(self) -> None:
        """Ask what became of the transactions whose outcome was not known."""
        for batch in self._views.batches:
            if batch.unknown is None:
                continue
            try:
                outcome = await batch.unknown.resolve()
            except VrooliDataError:
                continue
            if outcome == "committed":
                batch.is_over = True
            elif outcome == "aborted":
                batch.unknown = None

    async def _write_beside(self) -> None:
        try:
            await self.flush()
        except VrooliDataError as error:
            if self._on_error is None:
                logger.warning("views are not written yet: %s", type(error).__name__)
            else:
                self._report(self._on_error, error)

    def _report(
        self, on_error: Callable[[VrooliDataError], object], error: VrooliDataError
    ) -> None:
        try:
            on_error(error)
        except Exception:
            # The next write must not be left out for it.
            logger.exception("on_error of a buffer of views failed")
