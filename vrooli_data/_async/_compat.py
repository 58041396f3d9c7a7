"""What this face does in a way of its own; ``_sync/_compat.py`` is its twin, by hand."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import suppress
from copy import copy, deepcopy
from itertools import islice
from typing import Any, Generic, TypeAlias, TypeVar

from psycopg_pool import pool_async

from .. import _process as process
from .._bound import BoundQuery, Query
from .._rows import Row
from ..errors import InvalidInput, InvalidUse
from ..validation import check_callable, json_text

R = TypeVar("R")
X = TypeVar("X")

#: Something to do, with nothing given or with one thing.
Work: TypeAlias = Callable[[], Awaitable[R]]
Callback: TypeAlias = Callable[[], Awaitable[object]]
Body: TypeAlias = Callable[[X], Awaitable[R]]

AsyncWaitingClient: TypeAlias = pool_async.WaitingClient
AsyncLock: TypeAlias = asyncio.Lock

#: What a bulk load reads.
AsyncInputs: TypeAlias = Iterable[X] | AsyncIterable[X]

#: Keys that one merged statement asks for at most.
_MAX_KEYS = 1000


def iterator_of(inputs: AsyncInputs[X]) -> Iterator[X] | AsyncIterator[X]:
    """Begin to go through inputs; refuse what nobody can go through."""
    if isinstance(inputs, AsyncIterable):
        return aiter(inputs)
    given: object = inputs
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return iter(given)
    raise InvalidInput("inputs", "must be an iterable, or an async one")


async def take(inputs: Iterator[X] | AsyncIterator[X], count: int) -> list[X]:
    """Take the next inputs, fewer at their end."""
    if isinstance(inputs, Iterator):
        return list(islice(inputs, count))
    taken: list[X] = []
    while len(taken) < count:
        try:
            taken.append(await anext(inputs))
        except StopAsyncIteration:
            break
    return taken


async def sleep(seconds: float) -> None:
    """Let time pass."""
    await asyncio.sleep(seconds)


#: What goes on though its caller was cancelled; the event loop keeps but a weak hold on its tasks.
_unfinished: set[asyncio.Task[None]] = set()
#: What `to_the_end` works with, by identity.
_under_way: set[int] = set()


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
    _under_way.add(id(given))
    task.add_done_callback(lambda _: _under_way.discard(id(given)))
    await asyncio.shield(task)


def is_under_way(given: object) -> bool:
    """Tell whether work with something goes on, though its caller was cancelled."""
    return id(given) in _under_way


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


def detach(work: Callable[[X], Coroutine[Any, Any, None]], given: X) -> None:
    """Have work done soon, where nothing can be waited for."""
    try:
        task = asyncio.get_running_loop().create_task(work(given))
    except RuntimeError:
        # With its event loop, the pool has ended as well.
        return
    _unfinished.add(task)
    task.add_done_callback(_unfinished.discard)


def run_if_free(lock: asyncio.Lock, work: Callable[[], object]) -> None:
    """Do work while nobody has the lock; leave it where somebody has."""
    # No other task comes between the two.
    if not lock.locked():
        work()


def check_body(field: str, body: Callable[..., object]) -> None:
    """Refuse a caller's function that cannot be called."""
    check_callable(field, body)


async def call(field: str, body: Callable[..., Awaitable[R]], *given: object) -> R:
    """Call a caller's function; refuse what it returns where that cannot be awaited."""
    result = body(*given)
    if not inspect.isawaitable(result):
        raise InvalidInput(
            field, "must be an async function, or return what one returns; else use Database"
        )
    return await result


def current_owner() -> object:
    """Return whatever runs this code: two owners may not share a transaction."""
    return asyncio.current_task()


class Home:
    """Where something was opened: the process and the event loop that it belongs to."""

    __slots__ = ("_loop", "_process")

    def __init__(self) -> None:
        self._process = process.current
        self._loop = asyncio.get_running_loop()

    def check(self, what: str) -> None:
        """Refuse the use of something anywhere else."""
        if self._process is not process.current:
            process.refuse(what)
        if asyncio.get_running_loop() is not self._loop:
            raise InvalidUse(
                f"{what} belongs to the event loop that it was opened in: open, use and close it "
                "in the same, and connect anew in another"
            )

    def is_here(self) -> bool:
        """Tell whether this code runs there."""
        return self._process is process.current and asyncio.get_running_loop() is self._loop

    def run_there(self, work: Callable[[X], Coroutine[Any, Any, None]], given: X) -> None:
        """Have work done there, if anything still can be."""
        if not self.is_inherited() and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(work(given), self._loop)

    def close_at_end(self, close: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        """Close something with the event loop, unless what is returned is called before.

        A loop that ends cancels its tasks, and waits for them; some of psycopg_pool's go on after a
        cancellation, until their pool is closed.
        """
        return self._loop.create_task(_close_when_cancelled(close)).cancel

    def is_inherited(self) -> bool:
        """Tell whether it belongs to a parent of this process."""
        return self._process is not process.current


async def _close_when_cancelled(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        # What was cancelled with this task is not waited for.
        with suppress(asyncio.CancelledError):
            await close()


class ReadMerger:
    """Merges the reads by key that one turn of the event loop makes into one statement."""

    def __init__(
        self,
        rows: Callable[[BoundQuery[..., Any], tuple[Any, ...]], Awaitable[list[Row]]],
        check_use: Callable[[], None],
    ) -> None:
        self._rows = rows
        self._check_use = check_use
        #: By query: there while a read waits for company, with a batch as soon as some came.
        self._open: dict[Query[..., Any], _Batch[Any] | None] = {}

    async def find(self, query: Query[..., R], key: Any) -> R | None:
        """Read one record by its key, with the query of many keys where others come along."""
        many = query.many
        if many is None or not query.is_mergeable(key):
            return await self._alone(query, key)
        if many in self._open:
            # Of a batch that was open at a fork, the child would wait for ever.
            self._check_use()
            return await self._join(many, query.key, key)
        self._open[many] = None
        try:
            # Whoever reads in this turn of the loop joins.
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
    """Reads that share one statement, which ends early when the last of them has left."""

    def __init__(
        self,
        rows: Callable[[BoundQuery[..., Any], tuple[Any, ...]], Awaitable[list[Row]]],
        many: Query[..., R],
        field: str,
    ) -> None:
        self._rows = rows
        self._many = many
        self._field = field
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Any, list[asyncio.Future[R | None]]] = {}
        self._left = 0
        #: A task of its own: no caller's cancellation ends the read of the others.
        self._task: asyncio.Task[None] | None = None

    def is_full(self) -> bool:
        """Tell whether one statement can ask for no more keys."""
        return len(self._waiting) == _MAX_KEYS

    def join(self, key: Any) -> asyncio.Future[R | None]:
        """Add a read; `result` waits for its record."""
        future = self._loop.create_future()
        self._waiting.setdefault(key, []).append(future)
        self._left += 1
        return future

    async def result(self, future: asyncio.Future[R | None]) -> R | None:
        """Wait for the record, or leave."""
        try:
            return await future
        finally:
            future.cancel()
            self._left -= 1
            if not self._left and self._task is not None:
                self._task.cancel()

    def start(self) -> None:
        """Run the statement, unless all its readers have left meanwhile."""
        if self._left and not self._loop.is_closed():
            self._task = self._loop.create_task(self._run())
            # The event loop keeps but a weak hold on its tasks.
            _unfinished.add(self._task)
            self._task.add_done_callback(_unfinished.discard)

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
        for key, futures in self._waiting.items():
            record = records.get(key)
            shared = False
            for future in futures:
                if not future.done():
                    # A record may hold a list: two callers never get the same one.
                    future.set_result(deepcopy(record) if shared else record)
                    shared = True

    def _fail(self, error: BaseException) -> None:
        """Give each waiting read the failure, which each may handle in its own way."""
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(copy(error))
