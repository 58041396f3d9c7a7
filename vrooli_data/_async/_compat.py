"""What this face does in a way of its own; ``_sync/_compat.py`` is its twin, by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from typing import Any, Generic, TypeAlias, TypeVar

from psycopg import AsyncConnection

from .._connect import cut
from .._json import json_text
from .._queries import Query
from .._rows import Row
from .._validate import check_callable

R = TypeVar("R")
X = TypeVar("X")

#: Something to do, with nothing given or with one thing.
Work: TypeAlias = Callable[[], Awaitable[R]]
Callback: TypeAlias = Callable[[], Awaitable[object]]
Body: TypeAlias = Callable[[X], Awaitable[R]]

#: Keys that one merged statement asks for at most.
_MAX_KEYS = 1000


async def sleep(seconds: float) -> None:
    """Let time pass."""
    await asyncio.sleep(seconds)


#: What goes on though its caller was cancelled; the event loop keeps but a weak hold on its tasks.
_unfinished: set[asyncio.Task[None]] = set()


async def to_the_end(work: Callable[[X], Coroutine[Any, Any, None]], given: X) -> None:
    """Do all of some work, also when the caller is cancelled meanwhile."""
    # A task costs as much as a fifth of a query, and most work ends without having to wait.
    begun = work(given)
    try:
        awaited = begun.send(None)
    except StopIteration:
        return
    task = asyncio.create_task(_go_on(begun, awaited))
    _unfinished.add(task)
    task.add_done_callback(_unfinished.discard)
    await asyncio.shield(task)


async def _go_on(work: Coroutine[Any, Any, None], awaited: Any) -> None:
    await _Begun(work, awaited)


class _Begun:
    """Work that waits for something already."""

    def __init__(self, work: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._work = work
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        yield self._awaited
        yield from self._work.__await__()


def check_body(body: Callable[..., object]) -> None:
    """Refuse work that cannot be called."""
    check_callable("body", body)


def current_owner() -> object:
    """Return whatever runs this code: two owners may not share a transaction."""
    return asyncio.current_task()


@contextmanager
def deadline(connection: AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Cut a connection whose server does not answer in time; whoever waits for it gets an error."""
    handle = asyncio.get_running_loop().call_later(seconds, cut, connection.fileno())
    try:
        yield
    finally:
        handle.cancel()


class ReadMerger:
    """Merges the reads by key that one turn of the event loop makes into one statement."""

    def __init__(self, rows: Callable[[Query[Any], tuple[Any, ...]], Awaitable[list[Row]]]) -> None:
        self._rows = rows
        #: By query: there while a read waits for company, with a batch as soon as some came.
        self._open: dict[Query[Any], _Batch[Any] | None] = {}
        # The event loop keeps but a weak hold on its tasks.
        self._running: set[asyncio.Task[None]] = set()

    async def find(self, query: Query[R], many: Query[R], field: str, key: Any) -> R | None:
        """Read one record by its key; *many* is the query of many keys, given as a JSON array."""
        if many in self._open:
            return await self._join(many, key)
        self._open[many] = None
        try:
            # Whoever reads in this turn of the loop joins.
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._close(many, field)
            raise
        if self._open[many] is None:
            del self._open[many]
            rows = await self._rows(query, (key,))
            return query.record_of(rows[0]) if rows else None
        future = self._join(many, key)
        self._close(many, field)
        return await future

    def _join(self, many: Query[R], key: Any) -> asyncio.Future[R | None]:
        batch = self._open[many]
        if batch is None:
            batch = self._open[many] = _Batch()
        return batch.join(key)

    def _close(self, many: Query[Any], field: str) -> None:
        batch = self._open.pop(many)
        if batch is not None:
            # A task of its own: no caller's cancellation ends the read of the others.
            task = asyncio.create_task(self._run(many, batch, field))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, many: Query[Any], batch: _Batch[Any], field: str) -> None:
        keys = list(batch.waiting)
        try:
            for start in range(0, len(keys), _MAX_KEYS):
                some = keys[start : start + _MAX_KEYS]
                records = many.records(await self._rows(many, (json_text(some),)))
                batch.deliver(some, {getattr(record, field): record for record in records})
        except BaseException as error:
            batch.fail(error)
            if not isinstance(error, Exception):
                raise


class _Batch(Generic[R]):
    """Reads that wait for one statement."""

    def __init__(self) -> None:
        self.waiting: dict[Any, list[asyncio.Future[R | None]]] = {}
        self._loop = asyncio.get_running_loop()

    def join(self, key: Any) -> asyncio.Future[R | None]:
        """Wait for the record of a key."""
        future = self._loop.create_future()
        if key in self.waiting:
            self.waiting[key].append(future)
        else:
            self.waiting[key] = [future]
        return future

    def deliver(self, keys: list[Any], records: dict[Any, R]) -> None:
        """Give each read of the keys its record, or None when there is none."""
        for key in keys:
            record = records.get(key)
            shared = False
            for future in self.waiting[key]:
                if not future.done():
                    # A record may hold a list: two callers never get the same one.
                    future.set_result(deepcopy(record) if shared else record)
                    shared = True

    def fail(self, error: BaseException) -> None:
        """Give each waiting read the failure, which each may handle in its own way."""
        for futures in self.waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(copy(error))
