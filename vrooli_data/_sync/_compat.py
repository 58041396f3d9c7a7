"""What this face does in a way of its own; ``_async/_compat.py`` is its twin, by hand."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias, TypeVar

from psycopg import Connection
from psycopg_pool import PoolTimeout, pool

from .. import _process as process
from ..errors import InvalidInput
from ..validation import check_callable, is_asynchronous

R = TypeVar("R")
X = TypeVar("X")
C = TypeVar("C", bound=Connection[Any])

#: Something to do, with nothing given or with one thing.
Work: TypeAlias = Callable[[], R]
Callback: TypeAlias = Callable[[], object]
Body: TypeAlias = Callable[[X], R]

#: What a bulk load reads.
Inputs: TypeAlias = Iterable[X]

#: Its own thread may find it taken, by a call that an exception of a signal handler ended.
Lock: TypeAlias = threading.RLock

_ASYNCHRONOUS = "is asynchronous, and nobody awaits it here: use AsyncDatabase"


def iterator_of(inputs: Inputs[X]) -> Iterator[X]:
    """Begin to go through inputs; refuse what nobody can go through."""
    given: object = inputs
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return iter(given)
    raise InvalidInput("inputs", "must be an iterable: for an async one, use AsyncDatabase")


def take(inputs: Iterator[X], count: int) -> list[X]:
    """Take the next inputs, fewer at their end."""
    return list(islice(inputs, count))


class WaitingClient(pool.WaitingClient[C]):
    """A place in the queue for a connection.

    psycopg_pool's own waits for a condition. Where an exception of a signal handler comes at a
    wrong moment, the lock of the condition stays taken, or is released twice, which is an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        #: Taken until the client is told something.
        self._told = threading.Lock()
        self._told.acquire()

    def wait(self, timeout: float) -> C:
        """Wait for a connection, or raise what there is in its place."""
        if not self._told.acquire(timeout=max(0.0, timeout)):
            # A connection that comes at the last moment is taken.
            self.fail(PoolTimeout(f"couldn't get a connection after {timeout:.2f} sec"))
        if self.conn is None:
            raise self.error or PoolTimeout()
        return self.conn

    def set(self, conn: C) -> bool:
        """Hand over a connection; return whether it is taken."""
        with self._lock:
            if self.conn is not None or self.error is not None:
                return False
            self.conn = conn
            self._told.release()
        return True

    def fail(self, error: Exception) -> bool:
        """Have the wait raise an error; return whether it will."""
        with self._lock:
            if self.conn is not None or self.error is not None:
                return False
            self.error = error
            self._told.release()
        return True


def sleep(seconds: float) -> None:
    """Let time pass."""
    time.sleep(seconds)


def let_finalizers_begin() -> None:
    """Do nothing: a generator that was dropped is closed already."""


class StopSignal:
    """A request to stop, made from anywhere: another thread, or a signal handler."""

    def __init__(self) -> None:
        self.is_set = False
        # A signal handler may put into it at any line; the lock of an event it could find taken.
        self._woken: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Ask for a stop, and wake who waits."""
        self.is_set = True
        self._woken.put(None)

    def wait(self, seconds: float) -> None:
        """Let time pass, until a stop is asked for."""
        if not self.is_set:
            with suppress(Empty):
                self._woken.get(timeout=seconds)


def run_shielded(work: Callable[[X], None], given: X) -> None:
    """Run work to its end; no other thread can end it."""
    work(given)


def is_under_way(given: object) -> bool:  # noqa: ARG001 (its twin's)
    """Tell whether shielded work with something goes on without its caller: here none does."""
    return False


def detach(work: Callable[[X], None], given: X) -> None:
    """Have work done soon, where nothing can be waited for: now."""
    work(given)


class Forgettable:
    """Something whose block always has an end: generators have one, and so do threads.

    An exception of a signal handler would be lost in a finalizer.
    """


def run_if_free(lock: threading.Lock, work: Callable[[], object]) -> None:
    """Do work while nobody has the lock; leave it where somebody has."""
    if lock.acquire(blocking=False):
        try:
            work()
        finally:
            lock.release()


def check_body(field: str, body: Callable[..., object]) -> None:
    """Refuse a caller's function that cannot be called, or that nobody would await."""
    check_callable(field, body)
    if is_asynchronous(body):
        raise InvalidInput(field, _ASYNCHRONOUS)


def call(field: str, body: Callable[..., R], *given: object) -> R:
    """Call a caller's function; refuse what it returns where nobody would await that."""
    result = body(*given)
    if inspect.isawaitable(result) or inspect.isasyncgen(result):
        if inspect.iscoroutine(result):
            result.close()
        raise InvalidInput(field, _ASYNCHRONOUS)
    return result


def begin_in_property(begin: Callable[[], None], send: Callable[[], None]) -> None:  # noqa: ARG001 (the twin's way)
    """Begin a transaction in a property."""
    begin()


def is_failure(error: BaseException) -> bool:
    """Tell whether an error of a caller's function says that this function has failed.

    Others end the program.
    """
    return isinstance(error, Exception)


def current_owner() -> object:
    """Return whatever runs this code: two owners may not share a transaction."""
    return threading.get_ident()


class Home:
    """Where something was opened: the process that it belongs to."""

    __slots__ = ("_process",)

    def __init__(self) -> None:
        self._process = process.current

    def check(self, what: str) -> None:
        """Refuse the use of something anywhere else."""
        if self._process is not process.current:
            process.refuse(what)

    def is_here(self) -> bool:
        """Tell whether this code runs there."""
        return self._process is process.current

    def run_there(self, work: Callable[[X], None], given: X) -> None:
        """Have work done there: from another process nothing can be."""

    def close_at_end(self, close: Callable[[], None]) -> Callable[[], object]:
        """Close something with the process: that ends by itself."""
        return _nothing

    def is_inherited(self) -> bool:
        """Tell whether it belongs to a parent of this process."""
        return self._process is not process.current


def _nothing() -> None:
    pass


class Timer:
    """Does work every so often beside its owner, until it is stopped."""

    def __init__(self, work: Callback, interval: float) -> None:
        self._work = work
        self._interval = interval
        self._is_stopped = False
        # For a signal handler, as in `StopSignal`.
        self._woken: SimpleQueue[None] = SimpleQueue()
        # A program that ends without stopping it does not wait for it.
        self._thread = threading.Thread(target=self._run, name="vrooli_data timer", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Have the work done now; any thread or signal handler may call it."""
        if self._woken.empty():
            self._woken.put(None)

    def stop(self) -> None:
        """Wait for the end of the work that is under way, and do no more."""
        self._is_stopped = True
        self._woken.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            with suppress(Empty):
                self._woken.get(timeout=self._interval)
            if self._is_stopped:
                return
            self._work()
