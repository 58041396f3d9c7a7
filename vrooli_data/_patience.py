"""How long one run of the migrations waits for other sessions, in all."""

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
#: The server's own limit is the later one, since it cannot say whom it waited for.
_SLACK_SECONDS = 1.0
_APPLICATION_NAME = "vrooli_data migrate, waiting"

# A row while it waits, be it for a lock or for the transactions that an index is behind. A prepared
# transaction has no process.
_WAITED_FOR = """
SELECT array_remove(pg_blocking_pids(pid), 0)
FROM pg_stat_activity
WHERE pid = %s AND wait_event_type = 'Lock'
"""


class Patience:
    """The seconds that a run may still spend waiting; its work does not count.

    lock_timeout limits each wait alone, and CREATE INDEX CONCURRENTLY waits for one transaction
    after another, three times over. So a second session looks on, and cancels what the first one
    runs when its waits add up to too much.
    """

    def __init__(self, lock_timeout: float, seconds: float) -> None:
        #: The seconds of one wait, where new queries queue behind it.
        self.lock_timeout = lock_timeout
        self.seconds = seconds
        self.left = seconds
        #: Whether the server's limit of a wait comes from what is left, not from lock_timeout.
        self.limits_the_wait = False
        #: The processes that were waited for last, as far as they are known.
        self.blockers: list[int] = []

    @property
    def is_over(self) -> bool:
        return self.left <= 0

    def one_wait(self, *, in_the_way: bool) -> float:
        """Return the limit of a single wait, by whether others queue behind it."""
        left = self.left + _SLACK_SECONDS
        self.limits_the_wait = not in_the_way or left < self.lock_timeout
        return min(self.lock_timeout, left) if in_the_way else left

    @property
    def told(self) -> str:
        """Say that it is over, and whom the run waited for last."""
        names = ", ".join(map(str, self.blockers))
        last = f", at last for the server's process {names}" if names else ""
        return f"it waited for other sessions for {self.seconds:g} s in all{last}"

    @contextmanager
    def watch(self, connection: Connection, path: SearchPath) -> Iterator[None]:
        """Let nothing that *connection* does in the block wait for longer than is left."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(connection, path, done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _watch(self, connection: Connection, path: SearchPath, done: threading.Event) -> None:
        # What is over sooner needs no second session. Where none is to be had, or it is lost,
        # lock_timeout is the limit that remains.
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
    """Return what to connect to for another session on the server that *connection* found."""
    info = connection.info
    return conninfo.make_conninfo(
        info.dsn,
        host=info.host or None,
        hostaddr=info.hostaddr or None,
        port=info.port,
        password=info.password or None,
        application_name=_APPLICATION_NAME,
    )
