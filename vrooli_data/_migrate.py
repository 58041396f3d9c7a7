"""Applying the migrations of the package, and taking them back."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec
import psycopg
from psycopg import errors as pg

from ._migration_session import (
    Applied,
    connect,
    exclusive_session,
    read_state,
    set_lock_timeout,
    value,
)
from ._migrations import Migration, known, refuse_unknown
from ._own_session import Connection, pin
from ._patience import Patience
from ._search_path import SearchPath
from ._sqlstates import quotes_values
from ._validate import check_seconds
from .errors import InvalidInput, MigrationFailed, MissingExtra, Unavailable

if TYPE_CHECKING:
    from ._yoyo import Direction, File

#: Seconds, unless the caller says otherwise.
LOCK_TIMEOUT = 2.0
WAIT = 60.0

#: What `rollback_to` calls the state before the first migration.
NOTHING = "0"

# An index that some session is building at this moment is invalid as well, and rightly so.
_INVALID_INDEX = """
SELECT pg_index.indexrelid::regclass::text
FROM pg_index
INNER JOIN pg_class ON pg_index.indexrelid = pg_class.oid
WHERE
    NOT pg_index.indisvalid
    AND pg_class.relnamespace = quote_ident(current_schema())::regnamespace
    AND NOT EXISTS (
        SELECT FROM pg_stat_progress_create_index AS progress
        WHERE progress.index_relid = pg_index.indexrelid
    )
ORDER BY 1
LIMIT 1
"""

_SCHEMA_OF_EXTENSION = """
SELECT pg_namespace.nspname
FROM pg_extension
INNER JOIN pg_namespace ON pg_extension.extnamespace = pg_namespace.oid
WHERE pg_extension.extname = %s
"""

_logger = logging.getLogger("vrooli_data")


class MigrationReport(msgspec.Struct, frozen=True):
    """What one call of `migrate` did."""

    applied: tuple[str, ...]
    already_applied: int
    #: Left out, by id, and why; a later call applies them, once it can.
    not_applicable: dict[str, str]
    seconds: float


class MigrationState(msgspec.Struct, frozen=True):
    """How one migration stands in a database."""

    id: str
    #: changed: the file is no longer what was applied. unknown: a newer package applied it.
    state: Literal["applied", "pending", "changed", "unknown"]
    applied_at: datetime | None
    #: Left pending where the server lacks this extension; None for most.
    extension: str | None


def migrate(
    conninfo: str | None = None,
    *,
    schema: str | None = None,
    search_path: Sequence[str] = (),
    lock_timeout: float = LOCK_TIMEOUT,
    wait: float = WAIT,
) -> MigrationReport:
    """Apply every migration that the database lacks, in order.

    Any number of processes may call it at once: one works, the others wait and find it done. After
    a failure or a crash, call it again. It needs a session of its own: go round a pooler.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        schema: where the tables are or will be; None is the first schema that exists in the
            search_path of the role.
        search_path: more schemas in which names are looked up, behind that one.
        lock_timeout: seconds to wait for a lock on a table; new queries on it wait as long.
        wait: seconds to wait for others in all: for another process that migrates, for locks, and
            for older transactions when an index is built concurrently, which holds nobody up.
    """
    check_seconds("lock_timeout", lock_timeout)
    check_seconds("wait", wait)
    path = SearchPath.of(schema, search_path)
    file_class = _file_class()
    started = time.monotonic()
    patience = Patience(lock_timeout, wait)
    done: list[str] = []
    left_out: dict[str, str] = {}
    with exclusive_session(conninfo, path, patience) as (connection, path):
        applied = _applied(connection)
        for migration in known():
            if migration.id in applied:
                _refuse_lost_extension(connection, migration)
                continue
            if migration.extension and not _has_extension(connection, path, migration.extension):
                left_out[migration.id] = f"{migration.extension} cannot be created here"
                continue
            _run(connection, migration, file_class(migration.path), "apply", patience)
            done.append(migration.id)
        _check_indexes(connection)
    return MigrationReport(tuple(done), len(applied), left_out, time.monotonic() - started)


def rollback_to(
    conninfo: str | None,
    migration_id: str,
    *,
    schema: str | None = None,
    search_path: Sequence[str] = (),
    lock_timeout: float = LOCK_TIMEOUT,
    wait: float = WAIT,
) -> list[str]:
    """Take back every migration after *migration_id*, the newest first; "0" takes back all.

    The data of the tables that go is lost. Return the ids.
    """
    check_seconds("lock_timeout", lock_timeout)
    check_seconds("wait", wait)
    if migration_id != NOTHING and migration_id not in {migration.id for migration in known()}:
        raise InvalidInput("migration_id", 'is no migration of this package; "0" takes back all')
    path = SearchPath.of(schema, search_path)
    file_class = _file_class()
    patience = Patience(lock_timeout, wait)
    done: list[str] = []
    with exclusive_session(conninfo, path, patience) as (connection, _):
        applied = _applied(connection)
        for migration in reversed(known()):
            if migration.id <= migration_id:
                break
            file = file_class(migration.path)
            # What commits statement by statement may have left something without being recorded.
            if migration.id in applied or (
                not file.transactional and _was_reached(connection, migration, applied)
            ):
                _run(connection, migration, file, "rollback", patience)
            if migration.id in applied:
                done.append(migration.id)
    return done


def _was_reached(connection: Connection, migration: Migration, applied: Collection[str]) -> bool:
    """Tell whether everything is there that a migration builds on."""
    extensions = "SELECT count(*) FROM pg_extension WHERE extname = %s"
    if migration.extension and not value(connection, extensions, migration.extension):
        return False
    return all(
        earlier.id in applied
        for earlier in known()
        if earlier.id < migration.id and earlier.extension is None
    )


def status(conninfo: str | None = None, *, schema: str | None = None) -> list[MigrationState]:
    """Return how each migration stands in the database, in order. Changes nothing."""
    with connect(conninfo, SearchPath.of(schema, ()), "any") as connection:
        applied = read_state(connection)
    ours = {migration.id: migration for migration in known()}
    return [
        _state(migration_id, ours.get(migration_id), applied.get(migration_id))
        for migration_id in sorted(ours.keys() | applied.keys())
    ]


def _file_class() -> type[File]:
    try:
        from ._yoyo import File  # noqa: PLC0415 (only the extra brings yoyo)
    except ModuleNotFoundError:
        raise MissingExtra("migrations need yoyo: pip install 'vrooli-data[migrate]'") from None
    return File


def _applied(connection: Connection) -> dict[str, Applied]:
    """Return what the database holds; raise when it does not fit the files."""
    applied = read_state(connection)
    refuse_unknown(applied)
    for migration in known():
        recorded = applied.get(migration.id)
        if recorded and recorded.sha256 != migration.sha256:
            raise MigrationFailed(
                f"{migration.path.name} was changed after it had been applied: restore it, "
                "and put the change into a new migration"
            )
    return applied


def _run(
    connection: Connection,
    migration: Migration,
    file: File,
    direction: Direction,
    patience: Patience,
) -> None:
    """Run a migration's file and record it, or its rollback file and forget it."""
    started = time.monotonic()
    # Not transactional means concurrent index work, behind which nobody queues.
    set_lock_timeout(connection, patience.one_wait(in_the_way=file.transactional))

    def record() -> None:
        if direction == "apply":
            connection.execute(
                "INSERT INTO vrooli_data_migrations (id, sha256) VALUES (%s, %s)",
                (migration.id, migration.sha256),
            )
        else:
            connection.execute("DELETE FROM vrooli_data_migrations WHERE id = %s", (migration.id,))

    try:
        file.run(connection, direction, record)
    except psycopg.Error as error:
        name = migration.path.name if direction == "apply" else f"{migration.id}.rollback.sql"
        raise _failure(name, file, error, connection.closed, patience) from None
    _logger.info("%s %s: %.3f s", direction, migration.id, time.monotonic() - started)


def _failure(
    name: str, file: File, error: psycopg.Error, lost: bool, patience: Patience
) -> MigrationFailed | Unavailable:
    if file.transactional:
        after = "nothing of it was kept"
    else:
        after = "it commits statement by statement: run it again, it starts over"
    if lost:
        return Unavailable(f"{name}: the connection to the server was lost; {after}")
    locked = isinstance(error, pg.LockNotAvailable)
    if (locked and patience.limits_the_wait) or (
        isinstance(error, pg.LockNotAvailable | pg.QueryCanceled) and patience.is_over
    ):
        reason = patience.told
    elif locked:
        reason = "a table stayed locked by another session for too long"
    elif error.sqlstate is None or quotes_values(error.sqlstate):
        reason = type(error).__name__
    else:
        reason = error.diag.message_primary or type(error).__name__
    return MigrationFailed(
        f"{name}: {reason}; {after}",
        sqlstate=error.sqlstate,
        constraint=error.diag.constraint_name,
    )


def _has_extension(connection: Connection, path: SearchPath, extension: str) -> bool:
    """Create the extension unless it is there; return False where that cannot be."""
    try:
        connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}".encode())
    except (pg.FeatureNotSupported, pg.InsufficientPrivilege, pg.UndefinedFile):
        return False
    # It may be in a schema of its own, as hosting services have it.
    schema = value(connection, _SCHEMA_OF_EXTENSION, extension)
    pin(connection, path.followed_by(schema))
    return True


def _refuse_lost_extension(connection: Connection, migration: Migration) -> None:
    """Refuse a server that lacks the extension of an applied migration."""
    extension = migration.extension
    brought = "SELECT 1 FROM pg_available_extensions WHERE name = %s"
    if extension and value(connection, brought, extension) is None:
        raise MigrationFailed(
            f"{migration.path.name} is applied, but this server does not bring {extension}: tables "
            "with its indexes cannot be written. Use a server that brings it, or take the migration"
            " back"
        )


def _check_indexes(connection: Connection) -> None:
    index = value(connection, _INVALID_INDEX)
    if index is not None:
        raise MigrationFailed(
            f"the index {index} is invalid: no query uses it, and every write pays for it. "
            f"Mend it with REINDEX INDEX CONCURRENTLY {index}, or drop it"
        )


def _state(
    migration_id: str, migration: Migration | None, applied: Applied | None
) -> MigrationState:
    state: Literal["applied", "pending", "changed", "unknown"]
    if migration is None:
        state = "unknown"
    elif applied is None:
        state = "pending"
    else:
        state = "applied" if applied.sha256 == migration.sha256 else "changed"
    return MigrationState(
        id=migration_id,
        state=state,
        applied_at=applied.applied_at if applied else None,
        extension=migration.extension if migration else None,
    )
