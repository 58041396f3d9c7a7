"""What this face does in a way of its own; ``_async/_compat.py`` is its twin, by hand."""

from __future__ import annotations

import inspect
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from psycopg import Connection

from .._connect import cut
from .._process import check_process, current_process
from .._queries import Query
from .._rows import Row
from .._validate import check_callable
from ..errors import InvalidInput

R = TypeVar("R")
X = TypeVar("X")

#: Something to do, with nothing given or with one thing.
Work: TypeAlias = Callable[[], R]
Callback: TypeAlias = Callable[[], object]
Body: TypeAlias = Callable[[X], R]

Lock: TypeAlias = threading.Lock

#: Seconds between two looks at the deadlines; a deadline may be passed by as much.
_TICK = 0.1
#: Looks at no deadline at all before the thread ends.
_IDLE_TICKS = 50


def sleep(seconds: float) -> None:
    """Let time pass."""
    time.sleep(seconds)


def to_the_end(work: Callable[[X], None], given: X) -> None:
    """Do all of some work; no other thread can end it."""
    work(given)


def check_body(body: Callable[..., object]) -> None:
    """Refuse work that cannot be called, or that nobody would await."""
    check_callable("body", body)
    if inspect.iscoroutinefunction(body):
        raise InvalidInput("body", "is asynchronous: use AsyncDatabase")


def current_owner() -> object:
    """Return whatever runs this code: two owners may not share a transaction."""
    return threading.get_ident()


class Home:
    """Where something was opened: the process that it belongs to."""

    __slots__ = ("_process",)

    def __init__(self) -> None:
        self._process = current_process()

    def check(self, what: str) -> None:
        """Refuse the use of something anywhere else."""
        check_process(self._process, what)

    def is_here(self) -> bool:
        """Tell whether this code runs there."""
        return self._process is current_process()

    def is_inherited(self) -> bool:
        """Tell whether it belongs to a parent of this process."""
        return self._process is not current_process()


@contextmanager
def deadline(connection: Connection[Any], seconds: float) -> Iterator[None]:
    """Cut a connection whose server does not answer in time; whoever waits for it gets an error."""
    key = _watchdog.watch(connection.fileno(), time.monotonic() + seconds)
    try:
        yield
    finally:
        _watchdog.forget(key)


class _Watchdog:
    """One thread for all deadlines, since a thread for each would cost more than a COMMIT."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys = itertools.count()
        #: By key: the connection's file descriptor, and when to cut it.
        self._watched: dict[int, tuple[int, float]] = {}
        self._running = False

    def watch(self, descriptor: int, when: float) -> int:
        """Cut a connection at a time, unless it is forgotten before."""
        key = next(self._keys)
        with self._lock:
            self._watched[key] = (descriptor, when)
            if not self._running:
                self._running = True
                threading.Thread(
                    target=self._run, name="vrooli_data deadlines", daemon=True
                ).start()
        return key

    def forget(self, key: int) -> None:
        """Leave a connection alone."""
        with self._lock:
            self._watched.pop(key, None)

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(_TICK)
            with self._lock:
                idle = 0 if self._watched else idle + 1
                if idle > _IDLE_TICKS:
                    self._running = False
                    return
                now = time.monotonic()
                late = [key for key, (_, when) in self._watched.items() if when <= now]
                for key in late:
                    # Under the lock: the descriptor is still the connection's.
                    cut(self._watched.pop(key)[0])


_watchdog = _Watchdog()


def _begin_anew() -> None:
    global _watchdog  # noqa: PLW0603 (a fork leaves its thread behind, and its lock as it was)
    _watchdog = _Watchdog()


os.register_at_fork(after_in_child=_begin_anew)


class ReadMerger:
    """Runs each read by itself: a thread that waits has no other reads to merge with."""

    def __init__(self, rows: Callable[[Query[Any], tuple[Any, ...]], list[Row]]) -> None:
        self._rows = rows

    def find(self, query: Query[R], many: Query[R], field: str, key: Any) -> R | None:
        """Read one record by its key."""
        rows = self._rows(query, (key,))
        return query.record_of(rows[0]) if rows else None
