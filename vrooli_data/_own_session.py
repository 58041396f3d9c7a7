"""A session outside the pool: for migrating, loading, checking and explaining."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Self, TypeAlias

import psycopg
from psycopg.sql import Composable

from ._classify import translate, unreachable
from ._connect import ASK_ROLE, connection_parameters, options_of, set_settings
from ._refusals import Command
from ._search_path import FIND_FORBIDDEN, FIND_SCHEMAS, SearchPath, forbidden

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

#: The files of migrations are read, and names are written, as with the server's own defaults,
#: whatever the role, the database or PGOPTIONS set.
_SET_FORMATS = (
    b"SELECT pg_catalog.set_config('standard_conforming_strings', 'on', false), "
    b"pg_catalog.set_config('quote_all_identifiers', 'off', false)"
)


class _OwnConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that can say what a refused statement needed."""

    #: What was sent last.
    statement: str | bytes | Composable = b""
    #: Where tables are created.
    schema: str | None = None

    def command(self) -> Command:
        """Return the statement that was sent last."""
        sent = self.statement
        text = sent.as_string(None) if isinstance(sent, Composable) else sent
        return Command(text.decode() if isinstance(text, bytes) else text, self.schema)


class _OwnCursor(psycopg.Cursor[tuple[Any, ...]]):
    def execute(self, query: Any, *given: Any, **options: Any) -> Self:
        """Execute a statement, and keep it."""
        _keep(self.connection, query)
        return super().execute(query, *given, **options)

    def copy(self, statement: Any, *given: Any, **options: Any) -> Any:
        """Begin a COPY, and keep its statement."""
        _keep(self.connection, statement)
        return super().copy(statement, *given, **options)


class OwnRawCursor(psycopg.RawCursor[tuple[Any, ...]]):
    """A cursor for statements with ``$1``, on a connection of `own_session`."""

    def execute(self, query: Any, *given: Any, **options: Any) -> Self:
        """Execute a statement, and keep it."""
        _keep(self.connection, query)
        return super().execute(query, *given, **options)


def _keep(connection: Connection, statement: str | bytes | Composable) -> None:
    if isinstance(connection, _OwnConnection):
        connection.statement = statement


@contextmanager
def own_session(
    conninfo: str | None,
    application_name: str,
    path: SearchPath | None,
    *,
    target: str | None = None,
    work: str | None = None,
) -> Iterator[Connection]:
    """Open a session in autocommit that looks names up in *path* alone.

    psycopg's errors leave the block as ours.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        application_name: what pg_stat_activity shows.
        path: the schemas in which names are looked up; None leaves the search_path of the role.
        target: the kind of server, as in target_session_attrs, unless *conninfo* says which.
        work: the name of the work in error messages.
    """
    parameters = connection_parameters(conninfo, application_name, target)
    try:
        connection = _OwnConnection.connect(
            **parameters, autocommit=True, prepare_threshold=None, cursor_factory=_OwnCursor
        )
    except psycopg.Error as error:
        raise unreachable(error) from None
    role = None
    with closing(connection):
        try:
            # The role of a SET ROLE, which is not the user that connected.
            role = scalar(connection, ASK_ROLE)
            if path is not None:
                pin(connection, path)
            yield connection
        except psycopg.Error as error:
            raise translate(
                error, work, connection.closed, source=connection.command(), role=role
            ) from None


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit at the end of the block. After an error the session ends, and the transaction with it.

    psycopg's own block would roll back. An interrupt may come where the session still waits for
    the rows of a COPY and takes no ROLLBACK.
    """
    connection.execute("BEGIN")
    yield
    connection.execute("COMMIT")


def pin(connection: Connection, path: SearchPath) -> SearchPath:
    """Set the search_path of the session to *path*; return it with its schema."""
    if path.schema is None:
        schemas = connection.execute(FIND_SCHEMAS).fetchall()
        if not any(is_migrated for _, is_migrated in schemas):
            refuse_forbidden(connection)
        path = path.found(schemas)
    connection.execute(set_settings(path, options_of(connection.pgconn)))
    connection.execute(_SET_FORMATS)
    if isinstance(connection, _OwnConnection):
        connection.schema = path.schema
    return path


def refuse_forbidden(connection: Connection) -> None:
    """Raise `PermissionDenied` where the role may not use the schema of the tables."""
    denied = forbidden(connection.execute(FIND_FORBIDDEN).fetchall())
    if denied is not None:
        raise denied


def scalar(connection: Connection, statement: str, **parameters: object) -> Any:
    """Return the first column of the first row, or None; ``%(name)s`` is a parameter."""
    row = connection.execute(statement.encode(), parameters or None).fetchone()
    return None if row is None else row[0]
