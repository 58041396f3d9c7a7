"""Parameters, session settings and codecs of connections; helpers on an open libpq connection."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.pq import Format
from psycopg.pq.abc import PGconn
from psycopg.types.json import set_json_loads
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import ByteaBinaryLoader

from ._conninfo import read_conninfo, settings_of_options
from ._outbox import Notifications
from ._search_path import SearchPath
from ._settled import settled
from .validation import check_text

#: The limit of one attempt to connect in seconds, unless the conninfo sets another.
_CONNECT_TIMEOUT = 5

#: Without these, a call would wait for hours for a server whose network fails silently. The values
#: are in seconds; keepalives_count is a number and tcp_user_timeout is in milliseconds.
_KEEPALIVES = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_MAX_TEXT = 10_000
#: A binary timestamp of PostgreSQL counts from here.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

#: The process that serves the session. A pooler reports another one when it connects.
ASK_PROCESS = b"SELECT pg_catalog.pg_backend_pid()"

#: The role of the session, and the start time of its server, which two servers never share.
ASK_SESSION = b"SELECT current_user::text, extract(EPOCH FROM pg_postmaster_start_time())::text"

#: The role of a session, whose search path need not be trusted.
ASK_ROLE = "SELECT CURRENT_USER::pg_catalog.text"

#: Resets everything in a session except the statements that the layer has prepared. The last
#: statement returns the number of psycopg's prepared statements, and the names of all others.
RESTORE = (
    "/* vrooli_data:restore */ RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; "
    "UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES; "
    "SELECT pg_catalog.count(*) FILTER (WHERE by_psycopg), "
    "pg_catalog.array_agg(name) FILTER (WHERE NOT by_psycopg) "
    "FROM (SELECT name, NOT from_sql AND pg_catalog.starts_with(name, '_pg3_') AS by_psycopg "
    "FROM pg_catalog.pg_prepared_statements) AS prepared"
)

#: Sent before and after a query that needs a new plan for each call, in the same round trip. The
#: settings are local: they end with the caller's transaction, or with the round trip.
PLAN_ANEW = b"SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"
PLAN_ONCE = b"SELECT set_config('plan_cache_mode', 'force_generic_plan', true)"


#: Seconds after a time limit in which the server can still end the work and report it.
GRACE = 1.0


class QueryEvent(msgspec.Struct, frozen=True, gc=False):
    """The event of one statement for ``on_query``: its name and cost, never its values."""

    name: str
    #: Seconds from sending the statement to receiving its last row.
    duration: float
    #: Rows returned, written or copied; 0 when the statement failed.
    rows: int
    #: The error's five-character code; None when it succeeded or the connection broke.
    sqlstate: str | None
    succeeded: bool
    #: Seconds that a read in a pipeline waited before: for a place, and for the reads before it.
    queued: float = 0.0


class SessionSettings:
    """The settings that all sessions of one database share."""

    def __init__(
        self,
        path: SearchPath,
        *,
        statement_timeout: str | None,
        pooler: bool | None,
        prepare: bool | None,
        on_query: Callable[[QueryEvent], None] | None,
    ) -> None:
        #: Its schema is unknown until the first connection is open.
        self.path = path
        #: Milliseconds; None keeps the setting of the server.
        self.statement_timeout = statement_timeout
        #: Seconds after which a statement is abandoned, if the server has not ended it by then.
        self.limit = None if statement_timeout is None else int(statement_timeout) / 1000 + GRACE
        #: Whether a pooler shares sessions among clients, so that a session must not be changed;
        #: None until it is known.
        self.pooler = pooler
        #: The settings that each transaction through a pooler begins with; None where the session
        #: has them.
        self.each: bytes | None = None
        #: None until it is known whether there is a pooler. False for good after a failure.
        self.prepare = prepare
        self.on_query = on_query
        self.notifications = Notifications()
        #: About the seconds of a round trip to the server.
        self.round_trip = inf

    def answered(self, seconds: float, *, is_new: bool = False) -> None:
        """Count how long an answer took; *is_new*: the first one of a new connection.

        The shortest time counts, but new connections may lead to a server that is farther away.
        """
        self.round_trip = min(seconds, self.round_trip * 2 if is_new else self.round_trip)

    def unprepared(self) -> SessionSettings:
        """Return a copy for a session without prepared statements."""
        settings = copy(self)
        settings.prepare = False
        return settings


#: Settings of a session, unless the options of the connection set them.
_DEFAULT_SETTINGS = {
    # Compilation takes tens of milliseconds. The queries here are too short to gain from it.
    "jit": "off",
    # Each statement is planned once. For `LIMIT $n` the planner assumes a tenth of all rows. So it
    # would overrate the cost of a generic plan, and plan a listing again on every call.
    "plan_cache_mode": "force_generic_plan",
}


def set_settings(
    path: SearchPath,
    options: str,
    statement_timeout: str | None = None,
    *,
    is_local: bool = False,
) -> bytes:
    """Return the statement that applies the settings of the layer to a session.

    It can be repeated at any time. The settings last until the session ends.

    Args:
        path: where names are looked up.
        options: the options of the connection, from any source of libpq.
        statement_timeout: in milliseconds; None keeps the setting of the server.
        is_local: apply the settings to the transaction instead.
    """
    # Timestamps are in UTC in any time zone of the server, also in nested JSON. psycopg reads the
    # text of a timestamp in ISO alone; the order of day and month in input stays as it is.
    settings = {"search_path": str(path), "TimeZone": "UTC", "DateStyle": "ISO"}
    given = settings_of_options(options)
    settings |= {name: value for name, value in _DEFAULT_SETTINGS.items() if name not in given}
    if statement_timeout is not None:
        settings["statement_timeout"] = statement_timeout
    # The name has its schema, because the search path of the session is not yet trusted.
    calls = sql.SQL(", ").join(
        sql.SQL("pg_catalog.set_config({}, {}, {})").format(name, value, is_local)
        for name, value in settings.items()
    )
    tag = sql.SQL(
        "/* vrooli_data:set_transaction */ " if is_local else "/* vrooli_data:set_session */ "
    )
    return (tag + sql.SQL("SELECT ") + calls).as_bytes()


def options_of(connection: PGconn) -> str:
    """Return the options of a connection; the environment may have them in another encoding."""
    return connection.options.decode(errors="replace")


class UtcLoader(Loader):
    """Loads a timestamptz in UTC, in any time zone of the session."""

    format = Format.BINARY

    def load(self, data: Buffer) -> datetime:
        """Return the datetime of a number of microseconds since 2000."""
        try:
            return _EPOCH + timedelta(microseconds=int.from_bytes(data, signed=True))
        except OverflowError:
            raise psycopg.DataError("the timestamp is outside Python's years 1 to 9999") from None


class _IntDumper(Int8Dumper):
    # An untyped int gets the type of the cast in the statement. With a type by its size, a query
    # would be prepared once per combination of sizes.
    oid = 0


def _codecs() -> AdaptersMap:
    codecs = AdaptersMap(psycopg.adapters)
    codecs.register_dumper(int, _IntDumper)
    set_json_loads(msgspec.json.decode, codecs)
    # The line above sets jsonb and json. But json must stay bytes: nested records arrive as json,
    # and _rows decodes them into their types.
    codecs.register_loader("json", ByteaBinaryLoader)
    return codecs


#: The codecs of the layer's own connections; psycopg's global ones stay unchanged.
CODECS = _codecs()


def connection_parameters(
    conninfo: str | None, application_name: str, target: str | None = None
) -> dict[str, Any]:
    """Parse *conninfo*, or ``DATABASE_URL``, and add the defaults of the layer.

    libpq's environment variables and a service file take precedence over the defaults. *target* has
    the meaning of target_session_attrs.
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
    """Return host, port and database of the parameters as text, without a password."""
    keys = [key for key in ("host", "port", "dbname") if key in parameters]
    return ", ".join(f"{key}={parameters[key]}" for key in keys)


def cut(connection: PGconn) -> None:
    """Shut the socket of a connection down, so that a call that waits for the server fails."""
    with (
        # A connection that is closed has no socket.
        contextlib.suppress(OSError, psycopg.OperationalError),
        # libpq owns the descriptor. Only a duplicate of it is closed here.
        socket.socket(fileno=os.dup(connection.socket)) as duplicate,
    ):
        duplicate.shutdown(socket.SHUT_RDWR)


def is_ended(poll: select.poll, connection: PGconn) -> bool:
    """Return whether the server has closed an idle connection, without a round trip."""
    while poll.poll(0):
        # An idle connection can be read from after its end, a notice, or a changed setting.
        try:
            connection.consume_input()
        except psycopg.OperationalError:
            return True
        # libpq must process the input: the server sends a notice before it closes a connection.
        connection.is_busy()
    return False
