"""The two parts of yoyo that are used: reading a migration's file and running its statements.

Its lock, state and log tables stay unused: the lock outlives a crash, the state knows no checksum,
and the log asks the machine for its host and user name, which containers need not have.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, TypeAlias

import psycopg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration as YoyoMigration
from yoyo.migrations import read_sql_migration

from ._migrations import Migration
from ._sql_text import Unended, pieces
from .errors import InvalidFile

Direction: TypeAlias = Literal["apply", "rollback"]

#: What begins or ends a transaction; the transaction of a file is not the file's to end.
_CONTROL = re.compile(
    r"\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|ROLLBACK(?!\s+TO))\b", re.IGNORECASE
)


class File:
    """The file of one migration and its rollback file, as yoyo reads them."""

    def __init__(self, migration: Migration) -> None:
        path = migration.path
        self._migration = YoyoMigration(migration.id, str(path), str(path.parent))
        self._migration.load()
        #: False: the statements commit one by one, as CREATE INDEX CONCURRENTLY must.
        self.transactional: bool = self._migration.use_transactions
        if self.transactional:
            for each in (path, migration.rollback):
                _, _, statements = read_sql_migration(str(each))
                for statement in statements:
                    found = _CONTROL.match(_code(statement))
                    if found:
                        raise InvalidFile(
                            f"{each}: remove {found[1]}: the file is run in a transaction, unless "
                            "its head says `-- transactional: false`"
                        )

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


def _code(statement: str) -> str:
    """Return a statement without its comments; nothing where it cannot be read."""
    with suppress(Unended):
        return "".join(piece.text for piece in pieces(statement) if piece.kind == "code")
    return ""


class _Cursor(psycopg.Cursor[Any]):
    @property
    def description(self) -> None:
        """Return nothing: yoyo prints the rows of whatever has a description."""
        return None


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    # yoyo connects by URLs of its own form. It is given a connection instead.
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
    # Each run has a filter of its own, so that one thread does not remove another's.
    def filter(self, record: logging.LogRecord) -> bool:
        return False
