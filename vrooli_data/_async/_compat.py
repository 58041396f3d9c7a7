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
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout, pool_async

from .. import _process as process
from ..errors import InvalidInput, InvalidUse
from ..validation import check_callable

R = TypeVar("R")
X = TypeVar("X")
C = TypeVar("C", bound="AsyncConnection[Any]")

#: Something to do, with nothing given or with one thing.
Work: TypeAlias = Callable[[], Awaitable[R]]
Callback: TypeAlias = Callable[[], Awaitable[object]]
Body: TypeAlias = Callable[[X], Awaitable[R]]

AsyncLock: TypeAlias = asyncio.Lock

#: What a bulk load reads.
AsyncInputs: TypeAlias = Iterable[X] | AsyncIterable[X]


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


class AsyncWaitingClient(pool_async.WaitingClient[C]):
    """A place in the queue for a connection.

    psycopg_pool's own leaves its lock taken for ever when the coroutine that waits is closed, and
    with it the pool's.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told = asyncio.Event()

    async def wait(self, timeout: float) -> C:  # noqa: ASYNC109 (psycopg_pool's own signature)
        """Wait for a connection, or raise what there is in its place."""
        try:
            async with asyncio.timeout(timeout):
                await self._told.wait()
        except TimeoutError:
            # A connection that comes at the last moment is taken.
            await self.fail(PoolTimeout(f"couldn't get a connection after {timeout:.2f} sec"))
        if self.conn is None:
            raise self.error or PoolTimeout()
        return self.conn

    async def set(self, conn: C) -> bool:
        """Hand over a connection; return whether it is taken."""
        if self._told.is_set():
            return False
        self.conn = conn
        self._told.set()
        return True

    async def fail(self, error: Exception) -> bool:
        """Have the wait raise an error; return whether it will."""
        if self._told.is_set():
            return False
        self.error = error
        self._told.set()
        return True


async def sleep(seconds: float) -> None:
    """Let time pass."""
    await asyncio.sleep(seconds)


async def let_finalizers_begin() -> None:
    """Let the event loop begin to close the async generators that were dropped a moment ago."""
    # Its hook makes a task in its next round, which takes its first step in the one after that.
    for _ in range(3):
        await asyncio.sleep(0)


class StopSignal:
    """A request to stop, made from anywhere: another task, a thread, or a signal handler."""

    def __init__(self) -> None:
        self.is_set = False
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def set(self) -> None:
        """Ask for a stop, and wake who waits."""
        self.is_set = True
        if self._loop is not None:
            # A loop that has ended has nobody to wake.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float) -> None:
        """Let time pass, until a stop is asked for."""
        self._loop = asyncio.get_running_loop()
        if not self.is_set:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), seconds)


_unfinished: set[asyncio.Task[None]] = set()
#: What `run_shielded` works with, by identity.
_under_way: set[int] = set()


def keep_task(task: asyncio.Task[None]) -> None:
    """Hold a task until it ends; the event loop refers to it but weakly."""
    _unfinished.add(task)
    task.add_done_callback(_unfinished.discard)


async def run_shielded(work: Callable[[X], Coroutine[Any, Any, None]], given: X) -> None:
    """Run work to its end, also when the caller is cancelled meanwhile."""
    # A task costs a fifth of a query, and most work ends without having to wait.
    begun = work(given)
    try:
        awaited = begun.send(None)
    except StopIteration:
        return
    task = asyncio.create_task(_go_on(begun, awaited))
    keep_task(task)
    _under_way.add(id(given))
    task.add_done_callback(lambda _: _under_way.discard(id(given)))
    await asyncio.shield(task)


def is_under_way(given: object) -> bool:
    """Return whether shielded work with something goes on, though its caller was cancelled."""
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
    """Start work where the caller cannot wait for it."""
    try:
        task = asyncio.get_running_loop().create_task(work(given))
    except RuntimeError:
        # The event loop has ended, and the pool with it.
        return
    keep_task(task)


class Forgettable:
    """Something whose block may have no end: a closed coroutine leaves async generators open."""

    def __del__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Release what is held; called when nobody refers to it any more."""


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


def begin_in_property(begin: Callable[[], Awaitable[None]], send: Callable[[], None]) -> None:  # noqa: ARG001 (the twin's way)
    """Begin a transaction in a property: it cannot wait for the reply, which the next call does."""
    send()


def is_failure(error: BaseException) -> bool:
    """Return whether an error of a caller's function says that this function has failed.

    Others end the program, or the task. A cancellation does not where nobody has cancelled the
    task: then the function awaited something that was cancelled.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and not task.cancelling()
    return isinstance(error, Exception)


def current_owner() -> object:
    """Return whatever runs this code: two owners may not share a transaction."""
    return asyncio.current_task()


class Home:
    """Where something was opened: the process and the event loop that it belongs to."""

    __slots__ = ("_loop", "_process")

    def __init__(self) -> None:
        self._process = process.current
        self._loop = asyncio.get_running_loop()
        if type(self._loop).add_reader is asyncio.AbstractEventLoop.add_reader:
            # psycopg's own wait needs it as well. The default event loop of Windows has none.
            raise InvalidUse(
                f"{type(self._loop).__name__} has no add_reader, by which psycopg waits for the "
                "server: run the program on asyncio.SelectorEventLoop"
            )

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
        """Return whether this code runs there."""
        return self._process is process.current and asyncio.get_running_loop() is self._loop

    def run_there(self, work: Callable[[X], Coroutine[Any, Any, None]], given: X) -> None:
        """Run work there, if its loop still runs."""
        if not self.is_inherited() and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(work(given), self._loop)

    def close_at_end(self, close: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], object]:
        """Close something when the event loop ends; return a function that cancels this.

        A loop that ends cancels its tasks, and waits for them; some of psycopg_pool's go on after a
        cancellation, until their pool is closed.
        """
        return self._loop.create_task(_close_when_cancelled(close)).cancel

    def is_inherited(self) -> bool:
        """Return whether it belongs to a parent of this process."""
        return self._process is not process.current


async def _close_when_cancelled(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        # What was cancelled with this task is not waited for.
        with suppress(asyncio.CancelledError):
            await close()


class AsyncTimer:
    """Does work every so often beside its owner, until it is stopped."""

    def __init__(self, work: Callback, interval: float) -> None:
        self._work = work
        self._interval = interval
        self._is_stopped = False
        self._woken = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Have the work done now."""
        self._woken.set()

    async def stop(self) -> None:
        """Wait for the end of the work that is under way, and do no more."""
        self._is_stopped = True
        self._woken.set()
        # The end of the event loop may have cancelled it. A cancellation of the caller does not.
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._interval)
            self._woken.clear()
            if self._is_stopped:
                return
            await self._work()
