"""Every error the layer raises. None carries a row's values or a password."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .records import UpdateConflict


class VrooliDataError(Exception):
    """Base of everything the layer raises.

    Attributes:
        query: the query's name (``users.find_by_id``), where one was running.
        sqlstate: PostgreSQL's five-character code, where the server sent one.
        constraint: the constraint the server named, where it named one.
    """

    def __init__(
        self,
        message: str,
        *,
        query: str | None = None,
        sqlstate: str | None = None,
        constraint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.query = query
        self.sqlstate = sqlstate
        self.constraint = constraint

    @property
    def __context__(self) -> BaseException | None:
        """Return None: the text of psycopg's errors may hold rows' values."""
        return None

    @__context__.setter
    def __context__(self, context: BaseException | None) -> None:
        """Ignore what `contextlib` sets."""

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and pickle by state, whatever arguments a subclass takes."""
        return _remade, (type(self), self.args, self.__dict__)


class InvalidInput(VrooliDataError):
    """An argument was refused before any SQL ran; ``field`` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class InvalidCursor(InvalidInput):
    """A page cursor is damaged, forged, or from another listing."""

    def __init__(self, problem: str) -> None:
        super().__init__("cursor", problem)


class InvalidFile(VrooliDataError):
    """A file cannot be read, or its content is wrong; ``line`` counts from 1."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class RecordMismatch(VrooliDataError):
    """The columns of a query, or the values of a row, do not fit its record."""


class NotFound(VrooliDataError):
    """The row to change does not exist."""


class Conflict(VrooliDataError):
    """The row was changed since it was read.

    Attributes:
        expected_revision: the revision the caller had read.
        actual_revision: the revision the row has.
    """

    def __init__(self, *, query: str, expected_revision: int, actual_revision: int) -> None:
        super().__init__(
            f"{query}: the row has revision {actual_revision}, not {expected_revision}: "
            "read it again, and decide again",
            query=query,
        )
        self.expected_revision = expected_revision
        self.actual_revision = actual_revision


class TooManyConflicts(VrooliDataError):
    """Too many rows of a bulk update are missing or were changed; nothing was written.

    Attributes:
        conflicts: all of them, in the order of their ids.
    """

    def __init__(
        self, *, query: str, conflicts: list[UpdateConflict], count: int, allowed: float
    ) -> None:
        super().__init__(
            f"{query}: {len(conflicts)} of {count} rows are missing or were changed since they "
            f"were read, more than the share of {allowed:g} that is allowed; nothing was "
            "written: read them again, and decide again",
            query=query,
        )
        self.conflicts = conflicts


class InvalidTransition(VrooliDataError):
    """A run or a step cannot change from its status to the one asked for.

    Attributes:
        current: the status that does not allow it: of the run, or of the step.
        wanted: the status asked for.
    """

    def __init__(self, *, query: str, current: str, wanted: str, what: str = "a run") -> None:
        super().__init__(f"{query}: {what} that is {current} cannot become {wanted}", query=query)
        self.current = current
        self.wanted = wanted


class CheckFailed(VrooliDataError):
    """A value breaks a CHECK or NOT NULL constraint of the schema."""


class _OfKey(VrooliDataError):
    """A key of the schema is broken."""

    def __init__(
        self,
        message: str,
        *,
        query: str | None = None,
        sqlstate: str | None = None,
        constraint: str | None = None,
        fields: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, query=query, sqlstate=sqlstate, constraint=constraint)
        self.fields = fields

    @property
    def field(self) -> str | None:
        """The only column of the key; None for several columns, or without their names."""
        return self.fields[0] if len(self.fields) == 1 else None


class AlreadyExists(_OfKey):
    """A row with the same unique key exists.

    Attributes:
        constraint: the key.
        fields: its columns; empty where the role may not read them.
        field: its only column, or None.
    """


class MissingReference(_OfKey):
    """The referenced row does not exist.

    Attributes:
        constraint: the foreign key.
        fields: its columns; empty where the role may not read them.
        field: its only column, or None.
    """


class StillReferenced(VrooliDataError):
    """The row cannot be deleted: others refer to it; ``constraint`` is their foreign key."""


class GeneratedKeyTaken(VrooliDataError):
    """The server generated a key that a row already has, because its sequence is behind.

    A restore or a copy of rows leaves a sequence behind. Nothing was written. The error does not
    mean that the same row exists.

    Attributes:
        table: the table, with its schema.
        sequence: the sequence, with its schema.
        remedy: the statement that sets the sequence right.
    """

    def __init__(
        self,
        message: str,
        *,
        query: str | None,
        sqlstate: str | None,
        constraint: str | None,
        table: str,
        sequence: str,
        remedy: str,
    ) -> None:
        super().__init__(message, query=query, sqlstate=sqlstate, constraint=constraint)
        self.table = table
        self.sequence = sequence
        self.remedy = remedy


class SerializationFailure(VrooliDataError):
    """The work could not be serialized with concurrent work (40001)."""


class DeadlockDetected(VrooliDataError):
    """The server rolled this work back to end a deadlock (40P01)."""


class TransactionAborted(VrooliDataError):
    """The transaction is rolled back; nothing of it was committed."""


class CommitUnknown(VrooliDataError):
    """Nobody knows whether the work was committed.

    Before you run it again, call `resolve`, or look for a row that the work would have written.

    Attributes:
        xid: the transaction's id (xid8); None for a lone statement, which has none.
        timeline: the timeline of the server's log, eight hexadecimal digits, with *xid*.
    """

    def __init__(
        self,
        message: str,
        *,
        query: str | None = None,
        xid: str | None = None,
        timeline: str | None = None,
        ask: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(message, query=query)
        self.xid = xid
        self.timeline = timeline
        self._ask = ask

    def resolve(self) -> Any:
        """Ask the server again: ``"committed"``, ``"aborted"`` or ``"unknown"``.

        Await the answer on the asynchronous face. For a lone statement it is always ``"unknown"``:
        look for a row that it would have written.
        """
        if self._ask is None:
            raise InvalidUse("this error comes from another process: call resolve() there")
        return self._ask()

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and pickle without the means to ask the server."""
        return _remade, (type(self), self.args, {**self.__dict__, "_ask": None})


class CommittedButCallbackFailed(VrooliDataError):
    """The transaction is committed; a callback of `on_commit` raised the error's cause."""


class InvalidUse(VrooliDataError):
    """An object was used where it cannot be; the message says what to do instead."""


class Timeout(VrooliDataError):
    """The server stopped the work at a time limit, or it was cancelled (57014, 55P03)."""


class PermissionDenied(VrooliDataError):
    """The database role lacks a privilege (42501).

    Attributes:
        object: what the privilege is on, such as ``table users``; None where it is not known.
        privileges: what the statement needs, such as ``("SELECT", "INSERT")``.
        role: the role; None where it is not known.
    """

    def __init__(
        self,
        message: str,
        *,
        query: str | None = None,
        sqlstate: str | None = "42501",
        object: str | None = None,  # noqa: A002 (PostgreSQL's word)
        privileges: tuple[str, ...] = (),
        role: str | None = None,
    ) -> None:
        super().__init__(message, query=query, sqlstate=sqlstate)
        self.object = object
        self.privileges = privileges
        self.role = role


class NotMigrated(VrooliDataError):
    """The database lacks a migration that this version needs."""


class SchemaTooNew(VrooliDataError):
    """The database was migrated by a newer version of the package or of the application."""


class MigrationFailed(VrooliDataError):
    """A migration failed, or its file differs from what was applied."""


class MissingExtra(VrooliDataError):
    """An optional dependency is not installed; the message says how to install it."""


class EventsMissed(VrooliDataError):
    """Events behind a position are gone: read what you keep anew, and listen from `position` on.

    Attributes:
        position: the position from which events were to be read.
    """

    def __init__(self, problem: str, *, query: str, position: str) -> None:
        super().__init__(
            f"{query}: {problem}: read anew what you keep, and go on from events.position()",
            query=query,
        )
        self.position = position


class OtherServer(VrooliDataError):
    """A position of events is of another server, whose transactions have other ids.

    Attributes:
        position: the position.
    """

    def __init__(self, *, query: str, position: str) -> None:
        super().__init__(
            f"{query}: the position is of another server: read anew what you keep, and go on "
            "from events.position()",
            query=query,
        )
        self.position = position


class Unavailable(VrooliDataError):
    """The server cannot be reached, or no connection was free in time."""


class DatabaseError(VrooliDataError):
    """Any other error of the database."""


def _remade(
    kind: type[VrooliDataError], arguments: tuple[object, ...], state: dict[str, object]
) -> VrooliDataError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(state)
    return error
