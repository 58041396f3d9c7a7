"""Read the file of a migration and run its statements, by yoyo.

The lock, state and log tables of yoyo are not used. The lock outlives a crash, the state has no
checksum, and the log needs the host and user name of the machine, which a container may lack.
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

#: Statements that begin or end a transaction. A file must not end the transaction that it runs in.
_CONTROL = re.compile(
    r"\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|ROLLBACK(?!\s+TO))\b", re.IGNORECASE
)


class File:
    """The file of one migration and its rollback file, as yoyo reads them."""

    def __init__(self, migration: Migration) -> None:
        path = migration.path
        self._migration = YoyoMigration(migration.id, str(path), str(path.parent))
        self._migration.load()
        #: False if the statements commit one by one, as CREATE INDEX CONCURRENTLY must.
        self.transactional: bool = self._migration.use_transactions
        if self.transactional:
            for each in (path, migration.rollback):
                _, _, statements = read_sql_migration(str(each))
                for statement in statements:
                    found = _CONTROL.match(_code(statement))
                    if found:
                        raise InvalidFile(
                            f"{each}: remove {found[1]}: the file runs in one transaction, unless "
                            "it begins with `-- transactional: false`"
                        )

    def run(
        self,
        connection: psycopg.Connection[Any],
        direction: Direction,
        record: Callable[[], object],
    ) -> None:
        """Run the statements and then *record*; in one transaction if the file is transactional."""
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
                # A migration that was partly rolled back must not count as applied. After a failure
                # here, the next run begins again in either direction.
                record()
                self._migration.process_steps(backend, direction)


def _code(statement: str) -> str:
    """Return a statement without its comments; empty if it cannot be parsed."""
    with suppress(Unended):
        return "".join(piece.text for piece in pieces(statement) if piece.kind == "code")
    return ""


class _Cursor(psycopg.Cursor[Any]):
    @property
    def description(self) -> None:
        """Return None, because yoyo prints the rows of a cursor that has a description."""
        return None


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    # yoyo opens connections by URLs in its own form. It gets an open connection instead.
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._given = connection
        super().__init__(None, migration_table="")

    def connect(self, dburi: None) -> psycopg.Connection[Any]:
        return self._given

    def cursor(self) -> _Cursor:
        return _Cursor(self._given)


@contextmanager
def _without_log() -> Iterator[None]:
    """Keep yoyo's messages out of the program's log, because they contain whole statements."""
    logger = logging.getLogger("yoyo.migrations")
    nothing = _Nothing()
    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


class _Nothing(logging.Filter):
    # Each run has its own filter, so that a thread does not remove the filter of another.
    def filter(self, record: logging.LogRecord) -> bool:
        return False
