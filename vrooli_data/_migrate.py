"""Apply the migrations of the package and of an application, and roll them back."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import psycopg
from psycopg import errors as pg
from psycopg import sql

from ._ledger import Applied, Ledger
from ._migration_session import (
    APPLICATION_NAME,
    WORK,
    check_locale,
    exclusive_session,
    set_lock_timeout,
)
from ._migrations import (
    NEEDS_MIGRATIONS,
    Folders,
    Migration,
    Series,
    checked_application,
    package_series,
)
from ._own_session import Connection, own_session, pin, scalar
from ._search_path import SearchPath
from ._sqlstates import quotes_values
from ._wait_limit import WaitLimit
from .errors import InvalidInput, MigrationFailed, MissingExtra, Unavailable
from .validation import check_flag, check_seconds

if TYPE_CHECKING:
    from ._yoyo import Direction, File

#: Default limits in seconds.
LOCK_TIMEOUT = 2.0
WAIT = 60.0

#: The id of the state before the first migration, for `rollback_to`.
NOTHING = "0"

# Without an index that another session is building at the moment.
_INVALID_INDEX = """
SELECT
    CASE
        WHEN pg_namespace.nspname = current_schema() THEN quote_ident(pg_class.relname)
        ELSE format('%I.%I', pg_namespace.nspname, pg_class.relname)
    END
FROM pg_index
INNER JOIN pg_class ON pg_index.indexrelid = pg_class.oid
INNER JOIN pg_namespace ON pg_class.relnamespace = pg_namespace.oid
WHERE
    NOT pg_index.indisvalid
    AND pg_namespace.nspname = ANY(current_schemas(FALSE))
    AND NOT EXISTS (
        SELECT FROM pg_stat_progress_create_index AS progress
        WHERE progress.index_relid = pg_index.indexrelid
    )
ORDER BY 1
LIMIT 1
"""

#: Why an extension is not created. A role that only reads may still find nothing to do.
_NO_EXTENSION = (
    pg.FeatureNotSupported,
    pg.InsufficientPrivilege,
    pg.ReadOnlySqlTransaction,
    pg.UndefinedFile,
)
_SCHEMA_OF_EXTENSION = """
SELECT pg_namespace.nspname
FROM pg_extension
INNER JOIN pg_namespace ON pg_extension.extnamespace = pg_namespace.oid
WHERE pg_extension.extname = %(name)s
"""

_logger = logging.getLogger("vrooli_data")


class MigrationReport(msgspec.Struct, frozen=True):
    """The result of one call of `migrate`.

    The id of an application's migration is ``application/id``.
    """

    applied: tuple[str, ...]
    already_applied: int
    #: The reason by id of each migration that was skipped. A later call applies it if possible.
    not_applicable: dict[str, str]
    seconds: float


class MigrationState(msgspec.Struct, frozen=True):
    """The state of one migration in a database."""

    #: ``application/id`` for a migration of an application.
    id: str
    #: changed: the file was changed after it was applied. unknown: a newer version applied it.
    state: Literal["applied", "pending", "changed", "unknown"]
    applied_at: datetime | None
    #: The extension that it needs; it stays pending on a server without it. None for most.
    extension: str | None
    #: The file; None for an unknown migration.
    path: Path | None


def migrate(
    conninfo: str | None = None,
    *,
    migrations: Folders | None = None,
    application: str | None = None,
    application_only: bool = False,
    schema: str | None = None,
    search_path: Sequence[str] = (),
    lock_timeout: float = LOCK_TIMEOUT,
    wait: float = WAIT,
) -> MigrationReport:
    """Apply every migration that the database lacks, in order.

    Several processes may call it at once: one migrates, and the others wait for it. After a failure
    or a crash, call it again. Connect to the server itself, because it needs its own session, which
    a pooler in transaction mode does not give.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        migrations: the folder of an application's own migrations, or a list of folders. They are
            applied after the migrations of the package.
        application: the name of the application in the ledger of the database; ``app`` when it is
            None. It goes with *migrations*.
        application_only: apply no migration of the package, and do not create its tables.
        schema: where the tables are or will be; None is the first schema that exists in the
            search_path of the role.
        search_path: more schemas in which names are looked up, after that one.
        lock_timeout: seconds to wait for a lock on a table; new queries on it wait as long.
        wait: seconds to wait for other sessions in all: for another process that migrates, for
            locks, and for older transactions when an index is built concurrently.
    """
    check_seconds("lock_timeout", lock_timeout)
    check_seconds("wait", wait)
    every = checked_series(migrations, application, application_only=application_only)
    path = SearchPath.of(schema, search_path)
    file_class = _file_class()
    started = time.monotonic()
    wait_limit = WaitLimit(lock_timeout, wait)
    done: list[str] = []
    left_out: dict[str, str] = {}
    with exclusive_session(conninfo, path, wait_limit) as (connection, path):
        if not application_only:
            check_locale(connection)
        # Every applied migration is compared with its file before a new one is applied.
        ledgers = [_opened(connection, series) for series in every]
        run = _Run(connection, path, wait_limit, file_class)
        for each in ledgers:
            for migration in each.series.migrations:
                name = each.series.named(migration.id)
                if migration.id in each.applied:
                    _refuse_lost_extension(connection, migration)
                elif migration.extension and not run.has_extension(migration.extension):
                    left_out[name] = f"{migration.extension} cannot be created here"
                else:
                    run.apply(each, migration)
                    done.append(name)
        _check_indexes(connection)
    before = sum(len(each.applied) for each in ledgers)
    return MigrationReport(tuple(done), before, left_out, time.monotonic() - started)


def rollback_to(
    conninfo: str | None,
    migration_id: str,
    *,
    migrations: Folders | None = None,
    application: str | None = None,
    schema: str | None = None,
    search_path: Sequence[str] = (),
    lock_timeout: float = LOCK_TIMEOUT,
    wait: float = WAIT,
) -> list[str]:
    """Roll back every migration after *migration_id*, the newest first; return their ids.

    "0" rolls back all. With *migrations*, only those of the application are rolled back. The data
    of dropped tables is lost.
    """
    check_seconds("lock_timeout", lock_timeout)
    check_seconds("wait", wait)
    series, later = checked_rollback(migrations, application, migration_id)
    path = SearchPath.of(schema, search_path)
    file_class = _file_class()
    wait_limit = WaitLimit(lock_timeout, wait)
    with exclusive_session(conninfo, path, wait_limit) as (connection, path):
        each = _opened(connection, series)
        run = _Run(connection, path, wait_limit, file_class)
        reached = [
            migration
            for migration in reversed(later)
            if migration.id in each.applied or run.may_be_partly_applied(each, migration)
        ]
        for migration in reached:
            if not migration.rollback.is_file():
                raise MigrationFailed(
                    f"{migration.path.name} cannot be rolled back: {migration.rollback} is missing"
                )
        for migration in reached:
            run.roll_back(each, migration)
    return [series.named(migration.id) for migration in reached if migration.id in each.applied]


def status(
    conninfo: str | None = None,
    *,
    migrations: Folders | None = None,
    application: str | None = None,
    application_only: bool = False,
    schema: str | None = None,
) -> list[MigrationState]:
    """Return the state of each migration in the database, in order. Change nothing."""
    every = checked_series(migrations, application, application_only=application_only)
    path = SearchPath.of(schema, ())
    with own_session(conninfo, APPLICATION_NAME, path, work=WORK) as connection:
        found = [(series, Ledger(connection, series).read()) for series in every]
    return [state for series, applied in found for state in _states(series, applied)]


class _Opened(NamedTuple):
    """A series, and its applied migrations at the beginning."""

    series: Series
    ledger: Ledger
    applied: dict[str, Applied]


def checked_series(
    migrations: Folders | None, application: str | None, *, application_only: bool
) -> tuple[Series, ...]:
    """Read the migrations that the arguments of `migrate` and `status` of these names choose."""
    check_flag("application_only", application_only)
    own = checked_application(migrations, application)
    if own is not None:
        return (own,) if application_only else (package_series(), own)
    if application_only:
        raise InvalidInput("application_only", NEEDS_MIGRATIONS)
    return (package_series(),)


def checked_rollback(
    migrations: Folders | None, application: str | None, migration_id: str
) -> tuple[Series, tuple[Migration, ...]]:
    """Return the series and the migrations that `rollback_to` rolls back."""
    series = checked_series(migrations, application, application_only=migrations is not None)[0]
    if migration_id == NOTHING:
        return series, series.migrations
    ids = [migration.id for migration in series.migrations]
    if migration_id not in ids:
        whose = series.application or "the package"
        raise InvalidInput(
            "migration_id", f'is not a migration of {whose}; "{NOTHING}" rolls back all'
        )
    return series, series.migrations[ids.index(migration_id) + 1 :]


def _file_class() -> type[File]:
    try:
        from ._yoyo import File  # noqa: PLC0415 (only the extra brings yoyo)
    except ModuleNotFoundError:
        raise MissingExtra("migrations need yoyo: pip install 'vrooli-data[migrate]'") from None
    return File


def _opened(connection: Connection, series: Series) -> _Opened:
    """Return a series with its applied migrations; raise if they differ from the files."""
    ledger = Ledger(connection, series)
    ledger.create()
    applied = ledger.read()
    series.refuse_unknown(applied)
    for migration in series.migrations:
        recorded = applied.get(migration.id)
        if recorded and recorded.sha256 != migration.sha256:
            raise MigrationFailed(
                f"{migration.path.name} was changed after it was applied: restore it, and put "
                "the change into a new migration"
            )
    return _Opened(series, ledger, applied)


class _Run:
    """Runs migration files in the session that holds the lock."""

    def __init__(
        self,
        connection: Connection,
        path: SearchPath,
        wait_limit: WaitLimit,
        file_class: type[File],
    ) -> None:
        self._connection = connection
        self._path = path
        self._wait_limit = wait_limit
        self._file_class = file_class

    def apply(self, each: _Opened, migration: Migration) -> None:
        """Run the file of a migration, and record it."""
        self._run(each, migration, "apply")

    def roll_back(self, each: _Opened, migration: Migration) -> None:
        """Run the rollback file of a migration, and remove it from the ledger."""
        self._run(each, migration, "rollback")

    def may_be_partly_applied(self, each: _Opened, migration: Migration) -> bool:
        """Return whether a migration that is not recorded may have been applied in part.

        Its statements commit one by one, it has a rollback file, and all earlier migrations are
        applied.
        """
        if self._file_class(migration).transactional or not migration.rollback.is_file():
            return False
        if migration.extension and self._schema_of(migration.extension) is None:
            return False
        earlier = each.series.migrations[: each.series.migrations.index(migration)]
        return all(other.id in each.applied for other in earlier if other.extension is None)

    def has_extension(self, extension: str) -> bool:
        """Create the extension if it is missing; return False where that is not possible."""
        create = sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
        try:
            self._connection.execute(create)
        except _NO_EXTENSION:
            return False
        # The extension may be in its own schema, as at many hosting services.
        self._path = self._path.followed_by(self._schema_of(extension))
        pin(self._connection, self._path)
        return True

    def _schema_of(self, extension: str) -> Any:
        return scalar(self._connection, _SCHEMA_OF_EXTENSION, name=extension)

    def _run(self, each: _Opened, migration: Migration, direction: Direction) -> None:
        started = time.monotonic()
        file = self._file_class(migration)
        # A file that is not transactional builds indexes concurrently, which blocks no session.
        limit = self._wait_limit.lock_timeout_for(blocks_others=file.transactional)
        set_lock_timeout(self._connection, limit)
        record = each.ledger.add if direction == "apply" else each.ledger.remove
        try:
            file.run(self._connection, direction, lambda: record(migration))
        except psycopg.Error as error:
            path = migration.path if direction == "apply" else migration.rollback
            raise self._failure(path.name, file, error) from None
        name = each.series.named(migration.id)
        _logger.info("%s %s: %.3f s", direction, name, time.monotonic() - started)

    def _failure(
        self, name: str, file: File, error: psycopg.Error
    ) -> MigrationFailed | Unavailable:
        if file.transactional:
            after = "it was rolled back"
        else:
            after = (
                "its statements commit one by one: run it again, and it starts from the beginning"
            )
        if self._connection.closed:
            return Unavailable(f"{name}: the connection to the server was lost; {after}")
        return MigrationFailed(
            f"{name}: {self._reason(error)}; {after}",
            sqlstate=error.sqlstate,
            constraint=error.diag.constraint_name,
        )

    def _reason(self, error: psycopg.Error) -> str:
        wait_limit = self._wait_limit
        is_locked = isinstance(error, pg.LockNotAvailable)
        is_stopped = is_locked or isinstance(error, pg.QueryCanceled)
        if (is_locked and wait_limit.limits_the_wait) or (is_stopped and wait_limit.is_over):
            return wait_limit.reason
        if is_locked:
            # A short wait has ended before anybody could ask for what.
            who = f": {wait_limit.blocking}" if wait_limit.blocking else ""
            return f"another session kept a table locked longer than lock_timeout{who}"
        if error.sqlstate is None or quotes_values(error.sqlstate):
            return type(error).__name__
        return error.diag.message_primary or type(error).__name__


def _refuse_lost_extension(connection: Connection, migration: Migration) -> None:
    """Refuse a server that lacks the extension of an applied migration."""
    extension = migration.extension
    brought = "SELECT 1 FROM pg_available_extensions WHERE name = %(name)s"
    if extension and scalar(connection, brought, name=extension) is None:
        raise MigrationFailed(
            f"{migration.path.name} is applied, but this server does not have {extension}: writes "
            "to tables with its indexes fail. Use a server that has it, or roll the migration back"
        )


def _check_indexes(connection: Connection) -> None:
    index = scalar(connection, _INVALID_INDEX)
    if index is not None:
        raise MigrationFailed(
            f"the index {index} is invalid: queries do not use it, and writes maintain it. "
            f"Repair it with REINDEX INDEX CONCURRENTLY {index}, or drop it"
        )


def _states(series: Series, applied: dict[str, Applied]) -> list[MigrationState]:
    migrations = {migration.id: migration for migration in series.migrations}
    unknown = sorted(applied.keys() - migrations.keys())
    return [
        _state(series, migration_id, migrations.get(migration_id), applied.get(migration_id))
        for migration_id in (*migrations, *unknown)
    ]


def _state(
    series: Series, migration_id: str, migration: Migration | None, applied: Applied | None
) -> MigrationState:
    state: Literal["applied", "pending", "changed", "unknown"]
    if migration is None:
        state = "unknown"
    elif applied is None:
        state = "pending"
    else:
        state = "applied" if applied.sha256 == migration.sha256 else "changed"
    return MigrationState(
        id=series.named(migration_id),
        state=state,
        applied_at=applied.applied_at if applied else None,
        extension=migration.extension if migration else None,
        path=migration.path if migration else None,
    )
