"""Running calls at once, on the synchronous face; ``_async/_compat.py`` is its twin, by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from threading import Thread
from typing import Any, Generic, LiteralString, TypeAlias, TypeVar

from psycopg import Connection, IsolationLevel

from vrooli_data._sync import pool, relay

T = TypeVar("T")

#: The block in which a connection of the pool is taken.
Loan: TypeAlias = pool.Loan
#: The events that one poll has claimed.
Claim: TypeAlias = relay.Claim

#: Something to do, whatever it returns.
Call: TypeAlias = Callable[[], object]
Use: TypeAlias = Callable[[T], object]
Barrier: TypeAlias = threading.Barrier

#: Seconds until a state that a test waits for counts as never reached.
PATIENCE = 60.0
_POLL = 0.005
# Not by pg_stat_activity: within a transaction, it does not show who has connected since.
_WAITING = """
SELECT count(*) >= {}
FROM pg_locks
WHERE NOT granted
    AND pid IN (
        SELECT pid
        FROM pg_locks
        WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
"""


class Started(Generic[T]):
    """A call that runs beside the test."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._results: list[T] = []
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:  # noqa: BLE001 (raised again in the test's own thread)
            self._error = error

    def result(self) -> T:
        """Wait for the call's end; return its result, or raise what it raised."""
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._results[0]


def gather(*calls: Callable[[], T]) -> list[T]:
    """Run calls at once and return their results in order."""
    started = [Started(call) for call in calls]
    return [each.result() for each in started]


def run_in(context: Context, call: Callable[[], T]) -> T:
    """Make a call in a context of its own, as a framework may."""
    return context.run(call)


def barrier(parties: int) -> Barrier:
    """Let as many go on at once, when all have come."""
    return threading.Barrier(parties, timeout=PATIENCE)


def pause(seconds: float) -> None:
    """Let time pass."""
    time.sleep(seconds)


def each_of(items: Iterable[T]) -> Iterator[T]:
    """Yield items."""
    yield from items


def finished(result: Iterator[T] | Any) -> Any:
    """Return what a method returns, or everything that it iterates over."""
    return list(result) if isinstance(result, Iterator) else result


def blocking(call: Callable[[], T]) -> T:
    """Make a call that waits, and let everybody else go on meanwhile."""
    return call()


def until(admin: Connection[Any], condition: LiteralString, *parameters: object) -> None:
    """Return when a query of one value says so."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if admin.execute(condition, parameters or None).fetchone() == (True,):
            return
        time.sleep(_POLL)
    raise AssertionError(condition)


def until_waiting(admin: Connection[Any], count: int = 1) -> None:
    """Return when that many sessions of the database wait for a lock."""
    until(admin, _WAITING.format(count))


def set_autocommit(connection: Connection[Any]) -> None:
    """Turn autocommit off, and begin something."""
    connection.autocommit = False
    connection.execute("SELECT 1")


def set_transactions(connection: Connection[Any]) -> None:
    """Set what psycopg is to begin transactions with."""
    connection.isolation_level = IsolationLevel.SERIALIZABLE
    connection.read_only = True
    connection.deferrable = True
