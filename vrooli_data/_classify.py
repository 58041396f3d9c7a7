"""Translate psycopg's errors into ours, by SQLSTATE and never by text. No I/O."""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from ._queries import Source
from ._refusals import Command, broken_reference, denied, taken
from ._retry import Reason, set_retry_reason
from ._sqlstates import FEATURE_NOT_SUPPORTED, SQLSTATES, SqlState
from .errors import (
    AlreadyExists,
    DatabaseError,
    InvalidUse,
    MissingReference,
    PermissionDenied,
    StillReferenced,
    Timeout,
    Unavailable,
    VrooliDataError,
)

_OTHER = SqlState(DatabaseError, None, None, None)


def retry_reason(
    error: psycopg.Error, *, lost: bool, in_hot_standby: bool = False
) -> Reason | None:
    """Return why work that failed before its COMMIT may be retried; None where it may not."""
    if isinstance(error, PoolTimeout):
        return Reason.BUSY
    if isinstance(error, PoolClosed):
        return None
    if lost and error.sqlstate is None:
        return Reason.LOST
    meaning = _meaning(error)
    if lost:
        return meaning.retry_when_lost
    # On another server, a setting of the role forbids writing.
    passes = meaning.retry is not Reason.READ_ONLY or in_hot_standby
    if error.sqlstate == FEATURE_NOT_SUPPORTED:
        passes = _is_stale_plan(error)
    return meaning.retry if passes else None


def translate(
    error: psycopg.Error,
    query: str | None,
    lost: bool,
    *,
    in_hot_standby: bool = False,
    source: Source | Command | None = None,
    role: str | None = None,
) -> VrooliDataError:
    """Return our error for one of psycopg's.

    The server's message and detail may hold a row's values, so neither is passed on. The reason to
    retry the work is set on the error.

    Args:
        error: what psycopg raised.
        query: the query's name.
        lost: the connection was lost.
        in_hot_standby: the server is known to be a standby.
        source: the query, or another statement; None where it is not known.
        role: the role of the session.
    """
    ours = _translate(error, query, lost, source, role)
    set_retry_reason(ours, retry_reason(error, lost=lost, in_hot_standby=in_hot_standby))
    return ours


def _translate(
    error: psycopg.Error,
    query: str | None,
    lost: bool,
    source: Source | Command | None,
    role: str | None,
) -> VrooliDataError:
    if isinstance(error, PoolTimeout):
        return Unavailable("no connection of the pool was free in time", query=query)
    if isinstance(error, PoolClosed):
        return InvalidUse("the database was closed while a call waited for a connection")
    state = error.sqlstate
    if state is None and lost:
        return Unavailable(_at(query, "the connection to the server was lost"), query=query)
    return _refusal(error, query, source, role)


def _refusal(
    error: psycopg.Error, query: str | None, source: Source | Command | None, role: str | None
) -> VrooliDataError:
    state = error.sqlstate
    kind, _, _, words = _meaning(error)
    if kind is AlreadyExists:
        return taken(error, source, query)
    if kind in (MissingReference, StillReferenced):
        return broken_reference(error, query)
    if kind is PermissionDenied:
        return denied(error, source, query, role)
    if words is None:
        problem = f"the database refused the statement: {type(error).__name__} ({state})"
        return DatabaseError(_at(query, problem), query=query, sqlstate=state)
    constraint = error.diag.constraint_name or error.diag.column_name
    problem = f"{words} ({constraint})" if constraint else words
    return kind(_at(query, problem), query=query, sqlstate=state, constraint=constraint)


def _meaning(error: psycopg.Error) -> SqlState:
    return SQLSTATES.get(error.sqlstate or "", _OTHER)


def _is_stale_plan(error: psycopg.Error) -> bool:
    """Return whether a prepared statement was refused because its table has changed since."""
    return error.diag.source_function == "RevalidateCachedQuery"


def late(query: str | None) -> Timeout:
    """Return the error of a server that did not answer within the time limit.

    The work is not retried: it could take as long again.
    """
    problem = "the server did not answer within the time limit, and the connection was closed"
    return Timeout(_at(query, problem), query=query)


def lost_at_commit(error: BaseException) -> VrooliDataError:
    """Return the error of a COMMIT without a reply that is known not to have happened."""
    if isinstance(error, psycopg.Error) and _meaning(error).error is Timeout:
        # A retry would take as long.
        return translate(error, None, lost=True)
    ours = Unavailable("the connection was lost at COMMIT; nothing was committed")
    set_retry_reason(ours, Reason.LOST)
    return ours


def safe_text(error: BaseException) -> str:
    """Return the text of an error; of others' errors the class, as a text may hold values."""
    return str(error) if isinstance(error, VrooliDataError) else type(error).__name__


def unreachable(error: psycopg.Error) -> Unavailable:
    """Return our error for a failure to connect, with a message of one line.

    libpq's message names host, port, user and database, and never the password.
    """
    lines = (line.strip(" \t-") for line in str(error).splitlines())
    return Unavailable("; ".join(filter(None, lines)), sqlstate=error.sqlstate)


def _at(query: str | None, problem: str) -> str:
    return f"{query}: {problem}" if query else problem
