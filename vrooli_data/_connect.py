"""How each connection is opened and set up. No I/O."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.pq import Format
from psycopg.types.json import set_json_loads
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import ByteaBinaryLoader

from ._conninfo import read_conninfo, settings_of_options, settled
from ._search_path import SearchPath
from .validation import check_text

#: Seconds that one attempt to connect may take, unless the conninfo says otherwise.
_CONNECT_TIMEOUT = 5

#: Seconds, and how often: without them, a server whose network fell silent would be waited for
#: for hours. The last is in milliseconds.
_KEEPALIVES = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_MAX_TEXT = 10_000
#: Where PostgreSQL counts its times from.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

#: Which process serves the session. A pooler tells its client another.
ASK_PROCESS = b"SELECT pg_catalog.pg_backend_pid()"

#: As which role the session runs, and when its server was started: never the same on two servers.
ASK_SESSION = b"SELECT current_user::text, extract(EPOCH FROM pg_postmaster_start_time())::text"

#: Undoes whatever was set in a session, but not what the layer has prepared; it ends with how many
#: statements psycopg has prepared there, and the names of those that somebody else has.
RESTORE = (
    "/* vrooli_data:restore */ RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; "
    "UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES; "
    "SELECT pg_catalog.count(*) FILTER (WHERE by_psycopg), "
    "pg_catalog.array_agg(name) FILTER (WHERE NOT by_psycopg) "
    "FROM (SELECT name, NOT from_sql AND pg_catalog.starts_with(name, '_pg3_') AS by_psycopg "
    "FROM pg_catalog.pg_prepared_statements) AS prepared"
)

#: Around a query that is planned anew on each call, in one round trip with it. Local settings: they
#: end with the caller's transaction, and without one with the round trip.
PLAN_ANEW = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"
PLAN_ONCE = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)"


#: Seconds that the server has beyond a time limit to end the work itself and to say so.
GRACE = 1.0


class QueryEvent(msgspec.Struct, frozen=True, gc=False):
    """What ``on_query`` is told of one statement: its name and cost, never its values."""

    name: str
    #: Seconds from sending the statement to holding its rows.
    duration: float
    #: Rows returned; 0 when the statement failed.
    rows: int
    #: The error's five-character code; None when it succeeded or the connection broke.
    sqlstate: str | None
    succeeded: bool


class SessionSettings:
    """What all the sessions of one database share."""

    def __init__(
        self,
        path: SearchPath,
        *,
        statement_timeout: str | None,
        pooler: bool | None,
        prepare: bool | None,
        on_query: Callable[[QueryEvent], None] | None,
    ) -> None:
        #: Its schema is known once a connection has been opened.
        self.path = path
        #: Milliseconds; None leaves the server's.
        self.statement_timeout = statement_timeout
        #: Seconds after which a server that has not ended a statement itself is given up.
        self.limit = None if statement_timeout is None else int(statement_timeout) / 1000 + GRACE
        #: Whether sessions are shared, so that nothing may be set in one; None until it is known.
        self.pooler = pooler
        #: What goes with each transaction behind a pooler; None where it is set in the session.
        self.each: bytes | None = None
        #: None until it is known whether there is a pooler. Turned off for good where it proves not
        #: to work.
        self.prepare = prepare
        self.on_query = on_query

    def unprepared(self) -> SessionSettings:
        """Return the same for a session that prepares nothing."""
        settings = copy(self)
        settings.prepare = False
        return settings


#: What a session runs under unless the connection's options say otherwise.
_DEFAULT_SETTINGS = {
    # Compiling a query takes tens of milliseconds, which no query here is long enough to win back.
    "jit": "off",
    # Plans are made once and kept: behind `LIMIT $n` the planner expects a tenth of all rows, and
    # so would take the kept plan for dear and plan a listing anew on every call.
    "plan_cache_mode": "force_generic_plan",
}


def set_settings(
    path: SearchPath,
    options: str,
    statement_timeout: str | None = None,
    *,
    is_local: bool = False,
) -> bytes:
    """Return the statement that sets what the statements of the layer run under.

    It may be sent again at any time; what it sets stays for the session.

    Args:
        path: where names are looked up.
        options: those of the connection, from wherever libpq took them.
        statement_timeout: in milliseconds; None leaves the server's.
        is_local: set it for the transaction instead.
    """
    # Times are read in UTC whatever the server's own zone, also inside nested JSON.
    settings = {"search_path": str(path), "TimeZone": "UTC"}
    given = settings_of_options(options)
    settings |= {name: value for name, value in _DEFAULT_SETTINGS.items() if name not in given}
    if statement_timeout is not None:
        settings["statement_timeout"] = statement_timeout
    # Called by its full name: the session's path may still be anybody's.
    calls = sql.SQL(", ").join(
        sql.SQL("pg_catalog.set_config({}, {}, {})").format(name, value, is_local)
        for name, value in settings.items()
    )
    tag = sql.SQL(
        "/* vrooli_data:set_transaction */ " if is_local else "/* vrooli_data:set_session */ "
    )
    return (tag + sql.SQL("SELECT ") + calls).as_bytes()


class UtcLoader(Loader):
    """Loads a timestamptz in UTC, whatever zone the session has by the time that rows are read."""

    format = Format.BINARY

    def load(self, data: Buffer) -> datetime:
        """Make the time of microseconds since 2000."""
        try:
            return _EPOCH + timedelta(microseconds=int.from_bytes(data, signed=True))
        except OverflowError:
            raise psycopg.DataError("the time lies beyond the years of Python") from None


class _IntDumper(Int8Dumper):
    # Left untyped, an int takes the type that the statement's cast gives it. Typed by its size,
    # one query would be prepared once per combination of sizes.
    oid = 0


def _codecs() -> AdaptersMap:
    codecs = AdaptersMap(psycopg.adapters)
    codecs.register_dumper(int, _IntDumper)
    set_json_loads(msgspec.json.decode, codecs)
    # The line above is for jsonb, and sets json as well. But json stays bytes: it is how nested
    # records are built, which their own type decodes (_rows).
    codecs.register_loader("json", ByteaBinaryLoader)
    return codecs


#: The layer's codecs, for its own connections alone.
CODECS = _codecs()


def connection_parameters(
    conninfo: str | None, application_name: str, target: str | None = None
) -> dict[str, Any]:
    """Parse *conninfo*, or ``DATABASE_URL``, and fill what nothing else says.

    What libpq's environment variables or a service file say stays. *target* is as in
    target_session_attrs.
    """
    parameters = read_conninfo(conninfo)
    check_text("application_name", application_name, _MAX_TEXT)
    given = settled(parameters)
    defaults = {
        "application_name": application_name,
        "connect_timeout": str(_CONNECT_TIMEOUT),
        **_KEEPALIVES,
    }
    for name, value in defaults.items():
        parameters[name] = given.get(name, value)
    if target is not None and given.get("target_session_attrs", "any") == "any":
        parameters["target_session_attrs"] = target
    parameters["client_encoding"] = "UTF8"
    return parameters


def place_of(parameters: dict[str, Any]) -> str:
    """Say where parameters lead, and nothing of a password."""
    keys = [key for key in ("host", "port", "dbname") if key in parameters]
    return ", ".join(f"{key}={parameters[key]}" for key in keys)


def cut(connection: psycopg.pq.abc.PGconn) -> None:
    """Shut a connection's socket down, so that whoever waits for the server gets an error."""
    with (
        # A connection that is closed has no socket.
        contextlib.suppress(OSError, psycopg.OperationalError),
        # The descriptor stays libpq's. Only a duplicate of it is closed here.
        socket.socket(fileno=os.dup(connection.socket)) as duplicate,
    ):
        duplicate.shutdown(socket.SHUT_RDWR)


def is_ended(poll: select.poll, connection: psycopg.pq.abc.PGconn) -> bool:
    """Tell, without asking the server, whether it has ended an idle connection meanwhile."""
    while poll.poll(0):
        # An idle connection has something to read when it was ended, or told of a new setting.
        try:
            connection.consume_input()
        except psycopg.OperationalError:
            return True
        # Have libpq look at what came: a server's last words arrive before the end, as a notice.
        connection.is_busy()
    return False
