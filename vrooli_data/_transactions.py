"""The options of transactions, and the statements that begin them. No I/O."""

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

from ._opening import Opener
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
#: None leaves it to the setting default_transaction_read_only.
_ACCESS: Final[dict[bool | None, LiteralString]] = {
    None: "",
    False: " READ WRITE",
    True: " READ ONLY",
}
#: Keys: isolation, read only, deferrable.
_BEGIN: Final[dict[tuple[Isolation, bool | None, bool], LiteralString]] = {
    (isolation, read_only, deferrable): "BEGIN ISOLATION LEVEL "
    + level
    + access
    + (" DEFERRABLE" if deferrable else "")
    for isolation, level in _LEVELS.items()
    for read_only, access in _ACCESS.items()
    for deferrable in (False, True)
}
#: Sent with BEGIN: returns the id by which a lost COMMIT is resolved.
_TRACK: Final = (
    b"SELECT pg_catalog.pg_current_xact_id()::text, pg_catalog.substr("
    b"pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8)"
)
#: Sets each limit for the transaction, in milliseconds. A stricter limit stays.
_LIMIT: Final = (
    b"SELECT set_config(name, least($1::numeric, "
    b"nullif(1000 * extract(EPOCH FROM current_setting(name)::interval), 0))::bigint::text, true) "
    b"FROM unnest($2::text[]) AS name"
)
_LIMITS: Final = ["statement_timeout", "idle_in_transaction_session_timeout"]
_FIRST_WITH_TRANSACTION_TIMEOUT: Final = 170_000


#: The notes added to an error that interrupts COMMIT or a lone write.
COMMITTED: Final = "the transaction was committed"
NOT_COMMITTED: Final = "the transaction was not committed"
NOT_KNOWN: Final = "whether the transaction was committed is not known"


_IS_WRITTEN: Final = "_vrooli_data_is_written"


def mark_written(interruption: BaseException, is_written: bool | None) -> None:
    """Record on an interruption whether its statement was executed; None: not known."""
    setattr(interruption, _IS_WRITTEN, is_written)


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an error, unless it has the note already."""
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def carry_notes(error: BaseException, another: BaseException) -> None:
    """Copy the notes of an error to the error that replaces it."""
    for note in getattr(error, "__notes__", ()):
        add_note(another, note)
    if isinstance(error, CommitUnknown):
        add_note(another, NOT_KNOWN)


def note_of_lone_write(error: BaseException, *, lost: bool) -> str:
    """Return the note for a lone write that raised; *lost*: its connection was lost."""
    if isinstance(error, RecordMismatch):
        return COMMITTED
    if isinstance(error, VrooliDataError):
        return NOT_KNOWN if lost else NOT_COMMITTED
    is_written = getattr(error, _IS_WRITTEN, None)
    if is_written is None:
        return NOT_KNOWN
    return COMMITTED if is_written else NOT_COMMITTED


class Trace(NamedTuple):
    """What identifies a transaction to its server, and the run of that server."""

    #: None when the commit is not tracked.
    xid: str | None
    #: The timeline of the server's log, eight hexadecimal digits; known with the xid.
    timeline: str | None
    #: When the server was started; seconds since 1970.
    started: str | None
    #: The server's run before the transaction; None when it could not be read.
    run: ServerRun | None
    #: When the transaction began, by the client's clock.
    begun: float


NO_TRACE: Final = Trace(None, None, None, None, 0.0)


def is_same_run(before: ServerRun | None, now: ServerRun) -> bool | None:
    """Return whether two observations are of one server that did not crash between them.

    False proves a crash or another server; None proves neither.
    """
    if before is None:
        return None
    is_same_server = before.system_identifier == now.system_identifier
    is_same_timeline = is_same_server and before.timeline == now.timeline
    if is_same_timeline and before.stats_reset == now.stats_reset:
        # The server may have restarted cleanly, which loses no transaction.
        return True
    if not is_same_server or before.started != now.started:
        return False
    # A promoted standby continues on another timeline.
    return _has_not_crashed(before, now) if is_same_timeline else None


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
    """The results of `try_each`."""

    #: Position among the items, from 0, and the value returned for each success.
    successes: list[tuple[int, R]]
    failures: list[Failure]


class Options:
    """The options of a transaction, checked before anything is sent."""

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
        #: Called in another transaction to find out whether this one was committed.
        self.marker = marker
        self._begin = _BEGIN[isolation, read_only, deferrable].encode()

    def opener(self, server_version: int, of_pooler: tuple[bytes, ...]) -> Opener:
        """Return the statements that begin the transaction.

        Args:
            server_version: of the connection.
            of_pooler: behind a pooler, what sets the settings of the transaction, and what asks
                for the run of its server; the latter is for tracked ones.
        """
        statements = [self._begin]
        if self.tracked:
            statements += [_TRACK, *of_pooler]
        else:
            statements += of_pooler[:1]
        limits = None
        if self.timeout is not None:
            names = [*_LIMITS]
            if server_version >= _FIRST_WITH_TRANSACTION_TIMEOUT:
                names.append("transaction_timeout")
            limit = max(1, round(self.timeout * 1000))
            limits = _LIMIT, (str(limit).encode(), f"{{{','.join(names)}}}".encode())
        return Opener(tuple(statements), limits)


#: The options of a transaction for several queries of one method.
DEFAULT: Final = Options(
    "read committed",
    read_only=None,
    deferrable=False,
    timeout=None,
    track_commit=True,
    marker=None,
)
#: The options of a transaction that looks for the writes of another.
LOOK: Final = Options(
    "read committed",
    read_only=True,
    deferrable=False,
    timeout=None,
    track_commit=False,
    marker=None,
)


def refuse_standby(options: Options, in_hot_standby: str | None) -> None:
    """Refuse options that a standby does not support; the message names supported ones."""
    problem = None
    if options.isolation == "serializable":
        problem = "a standby cannot serialize: open the transaction there with "
    elif options.read_only is False:
        problem = "a standby cannot write: open the transaction there with "
    if problem is not None and in_hot_standby == "on":
        refused = InvalidUse(f"{problem}isolation='repeatable read', read_only=True")
        # The standby may have been promoted since the connection was opened.
        set_retry_reason(refused, Reason.READ_ONLY)
        raise refused
