"""What transactions are begun with, and what is refused. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    LiteralString,
    NamedTuple,
    TypeAlias,
    TypeVar,
    get_args,
)

import msgspec

from ._retry import Reason, set_retry_reason
from .errors import CommitUnknown, InvalidInput, InvalidUse, RecordMismatch, VrooliDataError
from .records.transactions import ServerRun
from .validation import check_choice, check_flag, check_seconds

R = TypeVar("R")

Isolation: TypeAlias = Literal["read committed", "repeatable read", "serializable"]
ISOLATIONS: Final = get_args(Isolation)

_LEVELS: Final[dict[Isolation, LiteralString]] = {
    "read committed": "READ COMMITTED",
    "repeatable read": "REPEATABLE READ",
    "serializable": "SERIALIZABLE",
}
#: Left unsaid, it is as the role has it: default_transaction_read_only.
_ACCESS: Final[dict[bool | None, LiteralString]] = {
    None: "",
    False: " READ WRITE",
    True: " READ ONLY",
}
#: By isolation, whether read only, whether deferrable.
_BEGIN: Final[dict[tuple[Isolation, bool | None, bool], LiteralString]] = {
    (isolation, read_only, deferrable): "BEGIN ISOLATION LEVEL "
    + level
    + access
    + (" DEFERRABLE" if deferrable else "")
    for isolation, level in _LEVELS.items()
    for read_only, access in _ACCESS.items()
    for deferrable in (False, True)
}
#: Sent in one message with BEGIN: the id by which a lost COMMIT is resolved.
_TRACK: Final = (
    "; SELECT pg_catalog.pg_current_xact_id()::text, pg_catalog.substr("
    "pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8)"
)
#: Sets each limit for the transaction alone, in milliseconds; one that is stricter already stays.
LIMIT: Final = (
    "SELECT set_config(name, least(%(limit)s::numeric, "
    "nullif(1000 * extract(EPOCH FROM current_setting(name)::interval), 0))::bigint::text, true) "
    "FROM unnest(%(names)s::text[]) AS name"
)
_LIMITS: Final = ["statement_timeout", "idle_in_transaction_session_timeout"]
_FIRST_WITH_TRANSACTION_TIMEOUT: Final = 170_000


#: What an interruption of COMMIT, or of a lone write, is told in a note.
COMMITTED: Final = "the transaction was committed"
NOT_COMMITTED: Final = "the transaction was not committed"
NOT_KNOWN: Final = "whether the transaction was committed is not known"


_MARK: Final = "_vrooli_data_is_written"


def mark_written(interruption: BaseException, is_written: bool | None) -> None:
    """Note on an interruption of a statement whether it was executed; None is not known."""
    setattr(interruption, _MARK, is_written)


def add_note(error: BaseException, note: str) -> None:
    """Say on an error what became of the work, once."""
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def carry_notes(error: BaseException, another: BaseException) -> None:
    """Say on an error what was said on the one whose place it has taken."""
    for note in getattr(error, "__notes__", ()):
        add_note(another, note)
    if isinstance(error, CommitUnknown):
        add_note(another, NOT_KNOWN)


def note_of_lone_write(error: BaseException, *, lost: bool) -> str:
    """Return what became of a lone write that raised; *lost* says that its connection is gone."""
    if isinstance(error, RecordMismatch):
        return COMMITTED
    if isinstance(error, VrooliDataError):
        return NOT_KNOWN if lost else NOT_COMMITTED
    is_written = getattr(error, _MARK, None)
    if is_written is None:
        return NOT_KNOWN
    return COMMITTED if is_written else NOT_COMMITTED


class Trace(NamedTuple):
    """By what a server can be asked for a transaction, and which run of which server."""

    #: None where it was not asked for.
    xid: str | None
    #: The timeline of the server's log, eight hexadecimal digits; known with the xid.
    timeline: str | None
    #: When the server was started; seconds since 1970.
    started: str | None
    #: The run that it was in before the transaction; None where it could not be asked for.
    run: ServerRun | None
    #: When the transaction was begun, on the client's clock.
    begun: float


NO_TRACE: Final = Trace(None, None, None, None, 0.0)


def is_same_run(before: ServerRun | None, now: ServerRun) -> bool | None:
    """Tell whether a server has gone on without a crash, by two answers that it gave.

    False is proof of the contrary; None where neither is proved.
    """
    if before is None:
        return None
    is_one_server = before.system_identifier == now.system_identifier
    is_one_line = is_one_server and before.timeline == now.timeline
    if is_one_line and before.stats_reset == now.stats_reset:
        # Perhaps stopped and started again, in good order: nothing is lost by that.
        return True
    if not is_one_server or before.started != now.started:
        return False
    # A standby that was promoted goes on in another line.
    return _has_not_crashed(before, now) if is_one_line else None


def _has_not_crashed(before: ServerRun, now: ServerRun) -> bool | None:
    if before.checkpoint_lsn == now.checkpoint_lsn:
        return True
    if not before.processes or not now.processes:
        return None
    return not set(before.processes).isdisjoint(now.processes)


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
        read_only: bool | None,
        deferrable: bool,
        timeout: float | None,
        track_commit: bool,
        marker: Callable[[Any], Any] | None,
    ) -> None:
        check_choice("isolation", isolation, ISOLATIONS)
        if read_only is not None:
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
        #: Seconds.
        self.timeout = timeout
        #: Tells, in another transaction, whether this one's work is there.
        self.marker = marker
        begin = _BEGIN[isolation, read_only, deferrable]
        self.begin: LiteralString = begin + _TRACK if self.tracked else begin


#: How the layer opens a transaction for several queries of one method.
DEFAULT: Final = Options(
    "read committed",
    read_only=None,
    deferrable=False,
    timeout=None,
    track_commit=True,
    marker=None,
)
#: How it looks for what another one has written.
LOOK: Final = Options(
    "read committed",
    read_only=True,
    deferrable=False,
    timeout=None,
    track_commit=False,
    marker=None,
)


def limits(timeout: float, server_version: int) -> dict[str, Any]:
    """Return the parameters of `LIMIT`; seconds are given."""
    names = [*_LIMITS]
    if server_version >= _FIRST_WITH_TRANSACTION_TIMEOUT:
        names.append("transaction_timeout")
    return {"limit": max(1, round(timeout * 1000)), "names": names}


def refuse_standby(options: Options, in_hot_standby: str | None) -> None:
    """Refuse what a standby cannot open, in words that say what it can."""
    problem = None
    if options.isolation == "serializable":
        problem = "a standby cannot serialize: open the transaction there with "
    elif options.read_only is False:
        problem = "a standby cannot write: open the transaction there with "
    if problem is not None and in_hot_standby == "on":
        refused = InvalidUse(f"{problem}isolation='repeatable read', read_only=True")
        # The primary may have taken its place since the connection was opened.
        set_retry_reason(refused, Reason.READ_ONLY)
        raise refused
