"""The one session that may migrate a database: how it connects, checks, and keeps others out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from ._classify import translate, unreachable
from ._connect import connection_parameters
from .errors import MigrationFailed, Timeout

Connection = psycopg.Connection[tuple[Any, ...]]

_OLDEST_SERVER = 15
#: "vrooli" in ASCII: the key of the advisory lock.
_LOCK_KEY = 0x76726F6F6C69
_POLL_SECONDS = 0.1
_APPLICATION_NAME = "vrooli_data migrate"

# Where the migrations already are, else where the role creates its tables.
_SCHEMA = """
SELECT coalesce(
    (
        SELECT relnamespace::regnamespace::text
        FROM pg_class
        WHERE oid = to_regclass('vrooli_data_migrations')
    ),
    quote_ident(current_schema())
)
"""
# Limits meant for a program's queries would cut a migration short. transaction_timeout exists from
# PostgreSQL 17 on.
_NO_TIME_LIMITS = """
SELECT set_config(name, '0', FALSE)
FROM pg_settings
WHERE
    name IN (
        'statement_timeout',
        'transaction_timeout',
        'idle_session_timeout',
        'idle_in_transaction_session_timeout'
    )
"""
_CREATE_STATE = """
CREATE TABLE IF NOT EXISTS vrooli_data_migrations (
    id text COLLATE "C" NOT NULL,
    sha256 text COLLATE "C" NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT vrooli_data_migrations_pkey PRIMARY KEY (id)
)
"""


class Applied(NamedTuple):
    """What the database holds about one migration."""

    sha256: str
    applied_at: datetime


@contextmanager
def exclusive_session(conninfo: str | None, wait: float) -> Iterator[Connection]:
    """Open the session that may migrate, when no other has been for *wait* seconds.

    One connection both holds the lock and does the work: neither can outlive the other.
    """
    with connect(conninfo, "read-write") as connection:
        _check_server(connection)
        connection.execute(_NO_TIME_LIMITS)
        _lock(connection, wait)
        # After the lock: another process may have been deciding where the migrations are.
        set_search_path(connection, current_schema(connection))
        connection.execute(_CREATE_STATE)
        yield connection


@contextmanager
def connect(conninfo: str | None, target: str) -> Iterator[Connection]:
    """Connect in autocommit to a server that fits *target*, as in target_session_attrs."""
    parameters = connection_parameters(conninfo, _APPLICATION_NAME)
    parameters.setdefault("target_session_attrs", target)
    try:
        connection = psycopg.connect(**parameters, autocommit=True)
    except psycopg.Error as error:
        raise unreachable(error) from None
    with connection:
        try:
            yield connection
        except psycopg.Error as error:
            raise translate(error, "migrate", connection.closed) from None


def read_state(connection: Connection) -> dict[str, Applied]:
    """Return what the database holds of each migration, by id."""
    if value(connection, "SELECT to_regclass('vrooli_data_migrations')") is None:
        return {}
    rows = connection.execute("SELECT id, sha256, applied_at FROM vrooli_data_migrations")
    return {migration_id: Applied(sha256, at) for migration_id, sha256, at in rows}


def current_schema(connection: Connection) -> str:
    """Return the schema, as an SQL identifier, in which the tables are or will be."""
    schema = value(connection, _SCHEMA)
    if schema is None:
        raise MigrationFailed(
            "no schema to create tables in: the search_path of this role names none that exists"
        )
    return str(schema)


def set_search_path(connection: Connection, *schemas: str) -> None:
    """Look for objects in *schemas* only, given as SQL identifiers.

    Who may create objects in another schema of the role's path could otherwise slip one in
    (CVE-2018-1058).
    """
    value(connection, "SELECT set_config('search_path', %s, FALSE)", ", ".join(schemas))


def value(connection: Connection, sql: str, *parameters: object) -> Any:
    """Return the first column of the first row, or None."""
    row = connection.execute(sql.encode(), parameters or None).fetchone()
    return None if row is None else row[0]


def _check_server(connection: Connection) -> None:
    """Refuse a database in which the schema or search would not work."""
    major = connection.info.server_version // 10_000
    if major < _OLDEST_SERVER:
        raise MigrationFailed(f"PostgreSQL {_OLDEST_SERVER} or later is needed, this is {major}")
    remedy = "create one with ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0"
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise MigrationFailed(f"the encoding of the database is {encoding}, not UTF8: {remedy}")
    if not value(connection, "SELECT lower('\u00c9') = '\u00e9'"):
        raise MigrationFailed(
            "the locale of the database knows no letters beyond ASCII, so that search would not "
            f"find \u00c9 by \u00e9: {remedy}"
        )


def _lock(connection: Connection, wait: float) -> None:
    """Take the advisory lock, by asking again and again.

    A statement that waited for it would have a snapshot, and CREATE INDEX CONCURRENTLY in the
    process that holds it would wait for that snapshot to go: a deadlock.
    """
    deadline = time.monotonic() + wait
    while not value(connection, "SELECT pg_try_advisory_lock(%s)", _LOCK_KEY):
        if time.monotonic() >= deadline:
            raise Timeout(
                f"another process was still migrating this database after {wait:g} s; its "
                f"application_name in pg_stat_activity is '{_APPLICATION_NAME}'"
            )
        time.sleep(_POLL_SECONDS)
