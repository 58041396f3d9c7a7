"""Merging the reads of one turn of an event loop; ``_sync/merging.py`` is its twin, by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from copy import copy, deepcopy
from itertools import chain
from typing import Any, Generic, TypeAlias, TypeVar

from .._bound import BoundQuery, Query
from .._rows import Row
from ..validation import json_text
from ._compat import keep_task
from .session import AsyncMerger

R = TypeVar("R")

#: Executes a query and returns its rows.
_Rows: TypeAlias = Callable[[BoundQuery[..., Any], tuple[Any, ...]], Awaitable[list[Row]]]

#: Keys that one merged statement asks for at most.
_MAX_KEYS = 1000


def merger(rows: _Rows, check_use: Callable[[], None]) -> AsyncMerger | None:
    """Return what merges reads; *check_use* refuses those of another process."""
    return _ReadMerger(rows, check_use)


class _ReadMerger:
    """Merges the reads by key that one turn of the event loop makes into one statement."""

    def __init__(
        self,
        rows: _Rows,
        check_use: Callable[[], None],
    ) -> None:
        self._rows = rows
        self._check_use = check_use
        #: By query: present while a first read waits, with a batch once others have come.
        self._open: dict[Query[..., Any], _Batch[Any] | None] = {}

    async def find(self, query: Query[..., R], key: Any) -> R | None:
        """Read one record by its key, with the query of many keys where others come along."""
        many = query.many
        if many is None or not query.is_mergeable(key):
            return await self._alone(query, key)
        if many in self._open:
            # A child process would wait for ever for a batch that was open at the fork.
            self._check_use()
            return await self._join(many, query.key, key)
        self._open[many] = None
        try:
            # Reads of this turn of the loop join.
            await asyncio.sleep(0)
        except BaseException:
            # Cancelled, or its coroutine was closed: those who joined read without it.
            if (batch := self._open.pop(many)) is not None:
                batch.start()
            raise
        if self._open[many] is None:
            del self._open[many]
            return await self._alone(query, key)
        joined = self._join(many, query.key, key)
        if (batch := self._open.pop(many)) is not None:
            batch.start()
        return await joined

    async def _alone(self, query: Query[..., R], key: Any) -> R | None:
        rows = await self._rows(query, (key,))
        return query.record_of(rows[0]) if rows else None

    def _join(self, many: Query[..., R], field: str, key: Any) -> Coroutine[Any, Any, R | None]:
        batch = self._open[many]
        if batch is None:
            batch = self._open[many] = _Batch(self._rows, many, field)
        elif batch.is_full():
            batch.start()
            batch = self._open[many] = _Batch(self._rows, many, field)
        return batch.result(batch.join(key))


class _Batch(Generic[R]):
    """Reads that share one statement, which is cancelled when the last of them has left."""

    def __init__(
        self,
        rows: _Rows,
        many: Query[..., R],
        field: str,
    ) -> None:
        self._rows = rows
        self._many = many
        self._field = field
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Any, asyncio.Future[R | None]] = {}
        #: Further reads of the same keys.
        self._again: list[tuple[Any, asyncio.Future[R | None]]] = []
        self._left = 0
        #: A task of its own: no caller's cancellation ends the read of the others.
        self._task: asyncio.Task[None] | None = None

    def is_full(self) -> bool:
        """Return whether the statement has as many keys as it may."""
        return len(self._waiting) == _MAX_KEYS

    def join(self, key: Any) -> asyncio.Future[R | None]:
        """Add a read; `result` waits for its record."""
        future = self._loop.create_future()
        if self._waiting.setdefault(key, future) is not future:
            self._again.append((key, future))
        self._left += 1
        return future

    async def result(self, future: asyncio.Future[R | None]) -> R | None:
        """Wait for the record; leave when cancelled."""
        try:
            return await future
        except BaseException:
            future.cancel()
            self._left -= 1
            if not self._left and self._task is not None:
                self._task.cancel()
            raise

    def start(self) -> None:
        """Run the statement, unless all its readers have left meanwhile."""
        if self._left and not self._loop.is_closed():
            self._task = self._loop.create_task(self._run())
            keep_task(self._task)

    async def _run(self) -> None:
        try:
            keys = json_text(list(self._waiting))
            records = self._many.records(await self._rows(self._many, (keys,)))
            self._deliver({getattr(record, self._field): record for record in records})
        except BaseException as error:
            self._fail(error)
            if not isinstance(error, Exception):
                raise

    def _deliver(self, records: dict[Any, R]) -> None:
        for key, future in self._waiting.items():
            if not future.done():
                future.set_result(records.get(key))
        for key, future in self._again:
            if not future.done():
                # A record may hold a list. Two callers never share one.
                future.set_result(deepcopy(records.get(key)))

    def _fail(self, error: BaseException) -> None:
        """Raise the error in each read, as an object of its own."""
        for future in chain(self._waiting.values(), (future for _, future in self._again)):
            if not future.done():
                future.set_exception(copy(error))
