"""Turn psycopg's errors into ours: by SQLSTATE, never by text. No I/O."""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from ._queries import Source
from ._refusals import broken_reference, denied, taken
from ._retry import Reason, classify, mark
from .errors import (
    CheckFailed,
    DatabaseError,
    DeadlockDetected,
    InvalidUse,
    SerializationFailure,
    Timeout,
    TransactionAborted,
    Unavailable,
    VrooliDataError,
)

_CLASSES: dict[str, tuple[type[VrooliDataError], str]] = {
    "23514": (CheckFailed, "a value breaks a check of the schema"),
    "23502": (CheckFailed, "a value is missing"),
    "25006": (DatabaseError, "the transaction, or the server, only reads"),
    "25P02": (
        TransactionAborted,
        (
            "an error in this transaction was caught, and so nothing more can be done in it: let "
            "the error leave the block, or catch it around a savepoint"
        ),
    ),
    "25P03": (Timeout, "the server ended the transaction, which did nothing for too long"),
    "25P04": (Timeout, "the server ended the transaction, which took too long"),
    "40001": (SerializationFailure, "the work could not be serialized with concurrent work"),
    "40P01": (DeadlockDetected, "the server ended this work to break a deadlock"),
    "53300": (Unavailable, "the server has no connection to spare"),
    "55P03": (Timeout, "a lock was not had in time"),
    "57014": (Timeout, "the statement was stopped at its time limit, or cancelled"),
    "57P01": (Unavailable, "the server ended the connection"),
    "57P02": (Unavailable, "the server crashed"),
    "58P01": (
        DatabaseError,
        "the server lacks a file, such as the library of an extension that an index needs",
    ),
    "57P03": (Unavailable, "the server is not accepting connections yet"),
}

_TAKEN = frozenset({"23505", "23P01"})
_BROKEN_REFERENCES = frozenset({"23503", "23001"})
_DENIED = "42501"
_TOO_SLOW = frozenset({"25P03", "25P04"})


def translate(
    error: psycopg.Error,
    query: str | None,
    lost: bool,
    *,
    in_hot_standby: bool = False,
    source: Source | None = None,
    role: str | None = None,
) -> VrooliDataError:
    """Return our error for one of psycopg's.

    The server's message and detail may hold a row's values, so neither is passed on. Why the work
    may be done again, if it may, is noted on the error.

    Args:
        error: what psycopg raised.
        query: the query's name.
        lost: its connection is gone.
        in_hot_standby: its server is a standby, as far as is known.
        source: the query, where the statement was one of ours.
        role: the role that it ran as.
    """
    ours = _translate(error, query, lost, source, role)
    mark(ours, classify(error, lost=lost, in_hot_standby=in_hot_standby))
    return ours


def _translate(
    error: psycopg.Error,
    query: str | None,
    lost: bool,
    source: Source | None,
    role: str | None,
) -> VrooliDataError:
    if isinstance(error, PoolTimeout):
        return Unavailable("no connection of the pool came free in time", query=query)
    if isinstance(error, PoolClosed):
        return InvalidUse("the database was closed while a call waited for a connection")
    state = error.sqlstate
    if state is None and lost:
        return Unavailable(_at(query, "the connection to the server was lost"), query=query)
    return _refusal(error, query, source, role)


def _refusal(
    error: psycopg.Error, query: str | None, source: Source | None, role: str | None
) -> VrooliDataError:
    state = error.sqlstate
    if state in _TAKEN:
        return taken(error, source, query)
    if state in _BROKEN_REFERENCES:
        return broken_reference(error, query)
    if state == _DENIED:
        return denied(error, source, query, role)
    known = _CLASSES.get(state or "")
    if known is None:
        name = type(error).__name__
        return DatabaseError(
            _at(query, f"the database refused the statement: {name} ({state})"),
            query=query,
            sqlstate=state,
        )
    kind, problem = known
    constraint = error.diag.constraint_name or error.diag.column_name
    if constraint:
        problem = f"{problem} ({constraint})"
    return kind(_at(query, problem), query=query, sqlstate=state, constraint=constraint)


def late(query: str | None) -> Timeout:
    """Return the error of a server that neither answered nor ended the work at its time limit.

    It is not tried again: that could take as long once more.
    """
    problem = "the server did not answer within the time limit, and the connection was given up"
    return Timeout(_at(query, problem), query=query)


def lost_at_commit(error: BaseException) -> VrooliDataError:
    """Return the error of a COMMIT that went unanswered and proved not to have been done."""
    if isinstance(error, psycopg.Error) and error.sqlstate in _TOO_SLOW:
        # Another attempt would take as long.
        return translate(error, None, lost=True)
    ours = Unavailable("the connection was lost at COMMIT; nothing was committed")
    mark(ours, Reason.LOST)
    return ours


def told(error: BaseException) -> str:
    """Return what may be told of an error: the text of another's may hold a row's values."""
    return str(error) if isinstance(error, VrooliDataError) else type(error).__name__


def unreachable(error: psycopg.Error) -> Unavailable:
    """Return our error for a failure to connect, in one line.

    libpq's message names host, port, user and database, and no password.
    """
    lines = (line.strip(" \t-") for line in str(error).splitlines())
    return Unavailable("; ".join(filter(None, lines)), sqlstate=error.sqlstate)


def _at(query: str | None, problem: str) -> str:
    return f"{query}: {problem}" if query else problem
