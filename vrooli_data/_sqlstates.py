"""The SQLSTATEs that mean something to the layer, and what each of them means.

Every other code is a `DatabaseError`, and its work is not retried. No I/O.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ._retry import Reason
from .errors import (
    AlreadyExists,
    CheckFailed,
    DatabaseError,
    DeadlockDetected,
    MissingReference,
    PermissionDenied,
    SerializationFailure,
    StillReferenced,
    Timeout,
    TransactionAborted,
    Unavailable,
    VrooliDataError,
)


class SqlState(NamedTuple):
    """What one code means."""

    error: type[VrooliDataError]
    #: Why work that failed before its COMMIT is retried on a connection that is still there.
    retry: Reason | None
    #: Why it is retried after the connection was lost.
    retry_when_lost: Reason | None
    #: What the error says; None where the message depends on what the server names.
    words: str | None


FEATURE_NOT_SUPPORTED: Final = "0A000"
INVALID_PARAMETER_VALUE: Final = "22023"
RESTRICT_VIOLATION: Final = "23001"
UNDEFINED_TABLE: Final = "42P01"
_DATA_EXCEPTIONS = "22"

_BUSY, _CONFLICT, _LOST = Reason.BUSY, Reason.CONFLICT, Reason.LOST
_READ_ONLY, _STALE = Reason.READ_ONLY, Reason.STALE

# fmt: off
SQLSTATES: Final = {
    # code            error                 retry       when lost  words
    "08000": SqlState(Unavailable,          None,       _LOST,     "a connection failed"),
    "08001": SqlState(Unavailable,          _BUSY,      None,
     "a connection could not be made"),
    "08003": SqlState(Unavailable,          None,       _LOST,     "there is no connection"),
    "08006": SqlState(Unavailable,          None,       _LOST,     "a connection failed"),
    # Retried only for a prepared statement whose table has changed since.
    "0A000": SqlState(DatabaseError,        _STALE,     None,      None),
    "23001": SqlState(StillReferenced,      None,       None,      None),
    "23502": SqlState(CheckFailed,          None,       None,      "a value is missing"),
    # Or StillReferenced: the message of the server tells which.
    "23503": SqlState(MissingReference,     None,       None,      None),
    "23505": SqlState(AlreadyExists,        None,       None,      None),
    "23514": SqlState(CheckFailed,          None,       None,
     "a value breaks a check of the schema"),
    "23P01": SqlState(AlreadyExists,        None,       None,      None),
    # Retried only on a standby. On another server, a setting of the role forbids writing.
    "25006": SqlState(DatabaseError,        _READ_ONLY, None,
     "the transaction, or the server, only reads"),
    "25P02": SqlState(TransactionAborted,   None,       None,
     "an earlier error of this transaction was caught, and the server refuses all else in it:"
     " let the error leave the block, or catch it around a savepoint"),
    "25P03": SqlState(Timeout,              None,       None,
     "the server ended the transaction: it did nothing for too long"),
    "25P04": SqlState(Timeout,              None,       None,
     "the server ended the transaction: it took too long"),
    # A prepared statement that is not there.
    "26000": SqlState(DatabaseError,        _STALE,     None,      None),
    # Lost: a standby ends the session of a query that blocks its recovery.
    "40001": SqlState(SerializationFailure, _CONFLICT,  _LOST,
     "the work could not be serialized with concurrent work"),
    "40P01": SqlState(DeadlockDetected,     _CONFLICT,  None,
     "the server ended this work to break a deadlock"),
    "42501": SqlState(PermissionDenied,     None,       None,      None),
    # A prepared statement that another session of a pooler made.
    "42P05": SqlState(DatabaseError,        _STALE,     None,      None),
    "53300": SqlState(Unavailable,          _BUSY,      None,
     "the server has no free connection"),
    "55P03": SqlState(Timeout,              None,       None,
     "a lock was not obtained in time"),
    "57014": SqlState(Timeout,              None,       None,
     "the statement was stopped at its time limit, or cancelled"),
    "57P01": SqlState(Unavailable,          None,       _LOST,
     "the server ended the connection"),
    "57P02": SqlState(Unavailable,          None,       _LOST,     "the server crashed"),
    "57P03": SqlState(Unavailable,          _BUSY,      _LOST,
     "the server is not accepting connections yet"),
    "57P05": SqlState(Unavailable,          None,       _LOST,
     "the server ended the connection: it was idle for too long"),
    "58P01": SqlState(DatabaseError,        None,       None,
     "the server lacks a file, such as the library of an extension that an index needs"),
}
# fmt: on

#: Codes that mean that a pooler does not keep prepared statements, or mixes them up.
UNPREPARED: Final = frozenset({"26000", "42P05"})


def quotes_values(code: str) -> bool:
    """Return whether the server's messages of this code may quote values of rows."""
    return code.startswith(_DATA_EXCEPTIONS)
