"""The session that migrates a database: it checks the server and takes the advisory lock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from ._own_session import Connection, own_session, pin, refuse_forbidden, scalar
from ._search_path import SearchPath
from ._wait_limit import WaitLimit
from .errors import MigrationFailed, Timeout

_OLDEST_SERVER = 15
#: "vrooli" in ASCII: the key of the advisory lock.
_LOCK_KEY = 0x76726F6F6C69
_POLL_SECONDS = 0.1
_CANCEL_SECONDS = 5.0
#: The application_name, and the name of the work in errors.
APPLICATION_NAME, WORK = "vrooli_data migrate", "migrate"
_CREATE_DATABASE = "create one with ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0"

# Time limits for queries would end a migration too early. transaction_timeout exists from
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
# With this, the server notices within a second that the client was killed. Otherwise a concurrent
# index build would continue, and hold the lock. Not every platform supports the setting.
_NOTICE_LOST_CLIENT = "SET client_connection_check_interval = '1s'"


@contextmanager
def exclusive_session(
    conninfo: str | None, path: SearchPath, wait_limit: WaitLimit
) -> Iterator[tuple[Connection, SearchPath]]:
    """Open a session, and take the lock that lets one process at a time migrate.

    The connection that holds the lock also does the work: neither can outlive the other.
    """
    # A role may be read-only by default. With nothing to do, it can migrate the primary.
    with own_session(conninfo, APPLICATION_NAME, None, target="primary", work=WORK) as connection:
        path = pin(connection, path)
        _check_server(connection)
        _check_schema(connection, path)
        connection.execute(_NO_TIME_LIMITS)
        with suppress(psycopg.errors.InvalidParameterValue):
            connection.execute(_NOTICE_LOST_CLIENT)
        _lock(connection, wait_limit)
        with wait_limit.watch(connection, path), _ended_at_the_server(connection):
            set_lock_timeout(connection, wait_limit.lock_timeout_for(blocks_others=True))
            yield connection, path


def set_lock_timeout(connection: Connection, seconds: float) -> None:
    """Limit each wait for a lock; 0 would be no limit."""
    milliseconds = str(max(1, round(seconds * 1000)))
    scalar(connection, "SELECT set_config('lock_timeout', %(limit)s, FALSE)", limit=milliseconds)


def check_locale(connection: Connection) -> None:
    """Refuse a database in which search would not work."""
    if not scalar(connection, "SELECT lower('\u00c9') = '\u00e9'"):
        raise MigrationFailed(
            "the locale of the database supports only ASCII letters, so a search for \u00e9 would "
            f"not find \u00c9: {_CREATE_DATABASE}"
        )


def _check_server(connection: Connection) -> None:
    major = connection.info.server_version // 10_000
    if major < _OLDEST_SERVER:
        raise MigrationFailed(
            f"the server is PostgreSQL {major}: {_OLDEST_SERVER} or later is needed"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise MigrationFailed(
            f"the encoding of the database is {encoding}, not UTF8: {_CREATE_DATABASE}"
        )


def _check_schema(connection: Connection, path: SearchPath) -> None:
    if scalar(connection, "SELECT current_schema()") != path.schema:
        refuse_forbidden(connection)
        raise MigrationFailed(
            f"there is no schema {path.schema!r} that this role may use: create it, or grant the "
            "role USAGE and CREATE on it"
        )


@contextmanager
def _ended_at_the_server(connection: Connection) -> Iterator[None]:
    """Cancel the running statement when an exception ends the block."""
    try:
        yield
    except BaseException:
        # psycopg cancels at Ctrl-C, and at no other exception of a signal handler.
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=_CANCEL_SECONDS)
        raise


def _lock(connection: Connection, wait_limit: WaitLimit) -> None:
    """Take the advisory lock by asking for it again and again.

    A statement that waited for the lock would have a snapshot. CREATE INDEX CONCURRENTLY in the
    session that holds the lock would wait for that snapshot to end: a deadlock.
    """
    started = time.monotonic()
    while not scalar(connection, "SELECT pg_try_advisory_lock(%(key)s)", key=_LOCK_KEY):
        wait_limit.left = started + wait_limit.seconds - time.monotonic()
        if wait_limit.is_over:
            raise Timeout(
                f"another process is still migrating this database after {wait_limit.seconds:g} s; "
                f"its application_name in pg_stat_activity is '{APPLICATION_NAME}'"
            )
        time.sleep(_POLL_SECONDS)
