# Generated from vrooli_data/_async/database.py by tests/unasync.py. Do not edit.
"""The database: a pool of connections, and the repositories on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from psycopg_pool import ConnectionPool

from .._connect import QueryEvent, connection_parameters
from .._migrations import check_applied
from .._queries import query
from .._validate import check_int, check_seconds
from ..errors import DatabaseError
from ..records.schema import AppliedMigration
from .connector import Connector, PooledConnection
from .pool import PooledRunner, borrow
from .resources import ResourceRepository
from .runs import RunRepository
from .session import Runner, Session
from .users import UserRepository

_LIST_APPLIED_MIGRATIONS = query("schema.list_applied_migrations", AppliedMigration)
_MAX_POOL = 10_000
_UNDEFINED_TABLE = "42P01"


class Repositories:
    """The repositories that hang off a database and off a connection."""

    def __init__(self, runner: Runner) -> None:
        self.users = UserRepository(runner)
        self.resources = ResourceRepository(runner)
        self.runs = RunRepository(runner)


class HeldConnection(Repositories):
    """One connection of the pool, held for several calls; each call commits by itself."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        #: psycopg's connection, for what the layer does not cover.
        self.connection = session.connection


class Database(Repositories):
    """A pool of connections to one database; see `connect`."""

    def __init__(
        self,
        pool: ConnectionPool[PooledConnection],
        connector: Connector,
    ) -> None:
        super().__init__(PooledRunner(pool))
        self._pool = pool
        self._connector = connector

    @classmethod
    def connect(
        cls,
        conninfo: str | None = None,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 5.0,
        prepare: bool = True,
        application_name: str = "vrooli_data",
        statement_timeout: float | None = None,
        on_query: Callable[[QueryEvent], None] | None = None,
    ) -> Self:
        """Describe a pool of connections; ``with`` or `open` opens it.

        Args:
            conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
            min_size: connections kept open.
            max_size: connections at most.
            timeout: seconds to wait for a connection of the pool.
            prepare: False where a pooler stands between that cannot keep prepared statements.
            application_name: what pg_stat_activity shows, unless *conninfo* names another.
            statement_timeout: seconds a statement may take; None leaves the server's setting.
            on_query: called after each statement with its name, duration and rows.
        """
        check_int("max_size", max_size, 1, _MAX_POOL)
        check_int("min_size", min_size, 0, max_size)
        check_seconds("timeout", timeout)
        if statement_timeout is not None:
            check_seconds("statement_timeout", statement_timeout)
        limit = None if statement_timeout is None else str(max(1, round(statement_timeout * 1000)))
        connector = Connector(
            connection_parameters(conninfo, application_name),
            prepare=prepare,
            statement_timeout=limit,
            on_query=on_query,
        )
        pool = ConnectionPool(
            connection_class=PooledConnection,
            kwargs=connector.parameters,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
            configure=connector.configure,
            open=False,
            name=application_name,
        )
        return cls(pool, connector)

    def open(self) -> None:
        """Connect; raise at once when the server is out of reach or not migrated."""
        self._check_server()
        self._pool.open()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def connection(self) -> Iterator[HeldConnection]:
        """Hold one connection for several calls; each call still commits by itself."""
        connection = borrow(self._pool)
        try:
            yield HeldConnection(connection.session)
        finally:
            self._pool.putconn(connection)

    def pool_stats(self) -> dict[str, int]:
        """Return the pool's counters, as psycopg_pool names them."""
        return self._pool.get_stats()

    def _check_server(self) -> None:
        with self._connector.connect() as connection:
            try:
                rows = connection.session.rows(_LIST_APPLIED_MIGRATIONS, ())
            except DatabaseError as error:
                if error.sqlstate != _UNDEFINED_TABLE:
                    raise
                rows = []
        check_applied({id for (id,) in rows})
