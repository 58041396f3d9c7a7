"""What transactions are begun with, and what is refused. No I/O."""

from __future__ import annotations

from typing import Final, Generic, Literal, LiteralString, TypeAlias, TypeVar, get_args

import msgspec

from ._validate import check_choice, check_flag, check_seconds
from .errors import InvalidInput, InvalidUse

R = TypeVar("R")

Isolation: TypeAlias = Literal["read committed", "repeatable read", "serializable"]
ISOLATIONS: Final = get_args(Isolation)

_LEVELS: Final[dict[Isolation, LiteralString]] = {
    "read committed": "READ COMMITTED",
    "repeatable read": "REPEATABLE READ",
    "serializable": "SERIALIZABLE",
}
#: By isolation, whether read only, whether deferrable.
_BEGIN: Final[dict[tuple[Isolation, bool, bool], LiteralString]] = {
    (isolation, read_only, deferrable): "BEGIN ISOLATION LEVEL "
    + level
    + (" READ ONLY" if read_only else "")
    + (" DEFERRABLE" if deferrable else "")
    for isolation, level in _LEVELS.items()
    for read_only in (False, True)
    for deferrable in (False, True)
}
#: Sent in one message with BEGIN: the id by which a lost COMMIT is resolved.
_TRACK: Final = (
    "; SELECT pg_current_xact_id()::text, "
    "substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"
)
_LIMITS: Final = (
    "SELECT set_config('statement_timeout', %(limit)s, true), "
    "set_config('idle_in_transaction_session_timeout', %(limit)s, true)"
)
#: From 17 on the server limits a transaction as a whole.
_LIMITS_17: Final = _LIMITS + ", set_config('transaction_timeout', %(limit)s, true)"
_FIRST_WITH_TRANSACTION_TIMEOUT: Final = 170_000


#: What an interruption of COMMIT is told, in a note.
COMMITTED: Final = "the transaction was committed"
NOT_COMMITTED: Final = "the transaction was not committed"
NOT_KNOWN: Final = "whether the transaction was committed is not known"


class Failure(msgspec.Struct, frozen=True):
    """One item of `try_each` whose work failed and was undone."""

    #: Position among the items, from 0.
    index: int
    error: Exception


class TryEachResult(msgspec.Struct, Generic[R], frozen=True):
    """What `try_each` made of its items."""

    #: Position among the items, from 0, and what was returned for each that succeeded.
    successes: list[tuple[int, R]]
    failures: list[Failure]


class Options:
    """How a transaction is opened; checked before anything is sent."""

    def __init__(
        self,
        isolation: Isolation,
        *,
        read_only: bool,
        deferrable: bool,
        timeout: float | None,
        track_commit: bool,
    ) -> None:
        check_choice("isolation", isolation, ISOLATIONS)
        check_flag("read_only", read_only)
        check_flag("deferrable", deferrable)
        check_flag("track_commit", track_commit)
        if deferrable and not (read_only and isolation == "serializable"):
            raise InvalidInput("deferrable", "goes with read_only and serializable alone")
        if timeout is not None:
            check_seconds("timeout", timeout)
        self.isolation: Isolation = isolation
        self.read_only = read_only
        self.tracked = track_commit and not read_only
        #: Milliseconds, as the server takes it.
        self.limit = None if timeout is None else str(max(1, round(timeout * 1000)))
        begin = _BEGIN[isolation, read_only, deferrable]
        self.begin: LiteralString = begin + _TRACK if self.tracked else begin


#: How the layer opens a transaction for several queries of one method.
DEFAULT: Final = Options(
    "read committed", read_only=False, deferrable=False, timeout=None, track_commit=True
)


def limits(server_version: int) -> LiteralString:
    """Return the statement that sets a transaction's time limits, for it alone."""
    return _LIMITS_17 if server_version >= _FIRST_WITH_TRANSACTION_TIMEOUT else _LIMITS


def refuse_standby(options: Options, in_hot_standby: str | None) -> None:
    """Refuse what a standby cannot open, in words that say what it can."""
    if in_hot_standby == "on" and options.isolation == "serializable":
        raise InvalidUse(
            "a standby cannot serialize: open the transaction there with "
            "isolation='repeatable read', read_only=True"
        )


def check_ratio(field: str, value: float) -> None:
    """Refuse what is no share from 0 to 1."""
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise InvalidInput(field, "must be a number from 0 to 1")
