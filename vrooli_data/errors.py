"""Every error the layer raises. None carries a row's values or a password."""

from __future__ import annotations


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


class InvalidInput(VrooliDataError):
    """An argument was refused before any SQL ran; ``field`` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class InvalidCursor(InvalidInput):
    """A page cursor was damaged, forged, or comes from another listing."""

    def __init__(self, problem: str) -> None:
        super().__init__("cursor", problem)


class InvalidFile(VrooliDataError):
    """A file could not be read as what it should hold; ``line`` counts from 1."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class RecordMismatch(VrooliDataError):
    """A query's columns are not its record's fields."""


class CheckFailed(VrooliDataError):
    """A value breaks a CHECK or NOT NULL constraint of the schema."""


class AlreadyExists(VrooliDataError):
    """A row with the same unique key exists; ``constraint`` says which key."""


class StillReferenced(VrooliDataError):
    """Other rows refer to this one, or the row referred to does not exist."""


class SerializationFailure(VrooliDataError):
    """The server could not serialize the work with concurrent work (40001)."""


class DeadlockDetected(VrooliDataError):
    """The server broke a deadlock by ending this work (40P01)."""


class Timeout(VrooliDataError):
    """The server stopped the work at a time limit, or it was cancelled (57014, 55P03)."""


class PermissionDenied(VrooliDataError):
    """The database role lacks a privilege (42501)."""


class NotMigrated(VrooliDataError):
    """The database lacks migrations that this version needs."""


class SchemaTooNew(VrooliDataError):
    """The database was migrated by a newer version of the package."""


class MigrationFailed(VrooliDataError):
    """A migration could not be applied, or differs from what was applied."""


class MissingExtra(VrooliDataError):
    """An optional dependency is not installed; the message says how to install it."""


class Unavailable(VrooliDataError):
    """The server cannot be reached, or no connection could be had in time."""


class DatabaseError(VrooliDataError):
    """Any other error of the database."""
