"""The limit of the time that one run of migrations waits for other sessions, in all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from psycopg import conninfo

from ._own_session import Connection, own_session
from ._search_path import SearchPath
from .errors import VrooliDataError

_POLL_SECONDS = 0.1
_CANCEL_SECONDS = 5.0
#: The server's lock_timeout ends later than the limit, because its error names no blocking process.
_SLACK_SECONDS = 1.0
_APPLICATION_NAME = "vrooli_data migrate, waiting"

# One row while the session waits for a lock, or for the older transactions of a concurrent index
# build. The process id of a prepared transaction is 0.
_WAITED_FOR = """
SELECT array_remove(pg_blocking_pids(pid), 0)
FROM pg_stat_activity
WHERE pid = %s AND wait_event_type = 'Lock'
"""


class WaitLimit:
    """The limit of all waits of one run of migrations; time without a wait does not count.

    lock_timeout limits a single wait. But CREATE INDEX CONCURRENTLY waits for one transaction after
    another, three times. So a second session adds the waits up, and cancels the statement of the
    first session when the sum is over the limit.
    """

    def __init__(self, lock_timeout: float, seconds: float) -> None:
        #: Seconds of a single wait during which new queries of other sessions wait too.
        self.lock_timeout = lock_timeout
        self.seconds = seconds
        self.left = seconds
        #: Whether the remaining time limits the current wait, and not lock_timeout.
        self.limits_the_wait = False
        #: The server processes that the run waited for last; empty if unknown.
        self.blockers: list[int] = []

    @property
    def is_over(self) -> bool:
        return self.left <= 0

    def lock_timeout_for(self, *, blocks_others: bool) -> float:
        """Return the limit of a single wait; *blocks_others*: new queries queue behind it."""
        left = self.left + _SLACK_SECONDS
        self.limits_the_wait = not blocks_others or left < self.lock_timeout
        return min(self.lock_timeout, left) if blocks_others else left

    @property
    def reason(self) -> str:
        """The reason why the run was stopped, with the processes that it waited for last."""
        last = f", last for {self.blocking}" if self.blocking else ""
        return f"the limit of {self.seconds:g} s for all waits was reached{last}"

    @property
    def blocking(self) -> str:
        """The processes that the run waited for last, in words; empty if unknown."""
        names = ", ".join(map(str, self.blockers))
        return f"the server process {names}" if names else ""

    @contextmanager
    def watch(self, connection: Connection, path: SearchPath) -> Iterator[None]:
        """Limit the waits of *connection* inside the block to what is left."""
        self.blockers = []
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(connection, path, done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _watch(self, connection: Connection, path: SearchPath, done: threading.Event) -> None:
        # A short run needs no second session. Without one, lock_timeout is the only limit.
        if not done.wait(_POLL_SECONDS):
            with (
                suppress(VrooliDataError),
                own_session(_same_server(connection), _APPLICATION_NAME, path) as second,
            ):
                self._count(connection, second, done)

    def _count(self, connection: Connection, second: Connection, done: threading.Event) -> None:
        pid = connection.info.backend_pid
        before = time.monotonic()
        while not done.wait(_POLL_SECONDS):
            row = second.execute(_WAITED_FOR, (pid,)).fetchone()
            now = time.monotonic()
            if row is not None:
                self.blockers = row[0] or self.blockers
                self.left -= now - before
            if self.is_over:
                connection.cancel_safe(timeout=_CANCEL_SECONDS)
                return
            before = now


def _same_server(connection: Connection) -> str:
    """Return the connection string of the server that *connection* is on."""
    info = connection.info
    return conninfo.make_conninfo(
        info.dsn,
        host=info.host or None,
        hostaddr=info.hostaddr or None,
        port=info.port,
        password=info.password or None,
        application_name=_APPLICATION_NAME,
    )
