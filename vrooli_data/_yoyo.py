"""The two parts of yoyo that are used: reading a migration's file and running its statements.

Its lock, state and log tables stay unused: the lock outlives a crash, the state knows no checksum,
and the log asks the machine for its host and user name, which containers need not have.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration

Direction = Literal["apply", "rollback"]


class File:
    """One migration and its rollback file, as yoyo reads them."""

    def __init__(self, path: Path) -> None:
        self._migration = Migration(path.stem, str(path), str(path.parent))
        self._migration.load()
        #: False: the statements commit one by one, as CREATE INDEX CONCURRENTLY must.
        self.transactional: bool = self._migration.use_transactions

    def run(
        self,
        connection: psycopg.Connection[Any],
        direction: Direction,
        record: Callable[[], object],
    ) -> None:
        """Run the statements, then *record*, in the same transaction where there is one."""
        backend = _Backend(connection)
        with _without_log():
            if self.transactional:
                with backend.transaction():
                    self._migration.process_steps(backend, direction)
                    record()
            elif direction == "apply":
                self._migration.process_steps(backend, direction)
                record()
            else:
                # What was taken back in part is not applied: either way, a later run starts over.
                record()
                self._migration.process_steps(backend, direction)


class _Cursor(psycopg.Cursor[Any]):
    @property
    def description(self) -> None:
        """Nothing: yoyo prints the rows of whatever has a description."""
        return None


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    # yoyo reads URLs only, and its own, so it is given a connection.
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._given = connection
        super().__init__(None, migration_table="")

    def connect(self, dburi: None) -> psycopg.Connection[Any]:
        return self._given

    def cursor(self) -> _Cursor:
        return _Cursor(self._given)


@contextmanager
def _without_log() -> Iterator[None]:
    """Keep yoyo's messages out of the program's log: they hold whole statements."""
    logger = logging.getLogger("yoyo.migrations")
    nothing = _Nothing()
    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


class _Nothing(logging.Filter):
    # One of its own for each run, so that threads do not undo each other's.
    def filter(self, record: logging.LogRecord) -> bool:
        return False
