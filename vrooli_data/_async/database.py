"""The database: a pool of connections, and the repositories on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from psycopg_pool import AsyncConnectionPool

from .._connect import QueryEvent, connection_parameters
from .._migrations import check_applied
from .._queries import query
from .._validate import check_int, check_seconds
from ..errors import DatabaseError
from ..records.schema import AppliedMigration
from .connector import AsyncConnector, AsyncPooledConnection
from .pool import AsyncPooledRunner, borrow
from .resources import AsyncResourceRepository
from .runs import AsyncRunRepository
from .session import AsyncRunner, AsyncSession
from .users import AsyncUserRepository

_LIST_APPLIED_MIGRATIONS = query("schema.list_applied_migrations", AppliedMigration)
_MAX_POOL = 10_000
_UNDEFINED_TABLE = "42P01"


class AsyncRepositories:
    """The repositories that hang off a database and off a connection."""

    def __init__(self, runner: AsyncRunner) -> None:
        self.users = AsyncUserRepository(runner)
        self.resources = AsyncResourceRepository(runner)
        self.runs = AsyncRunRepository(runner)


class AsyncHeldConnection(AsyncRepositories):
    """One connection of the pool, held for several calls; each call commits by itself."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        #: psycopg's connection, for what the layer does not cover.
        self.connection = session.connection


class AsyncDatabase(AsyncRepositories):
    """A pool of connections to one database; see `connect`."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncPooledConnection],
        connector: AsyncConnector,
    ) -> None:
        super().__init__(AsyncPooledRunner(pool))
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
        connector = AsyncConnector(
            connection_parameters(conninfo, application_name),
            prepare=prepare,
            statement_timeout=limit,
            on_query=on_query,
        )
        pool = AsyncConnectionPool(
            connection_class=AsyncPooledConnection,
            kwargs=connector.parameters,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
            configure=connector.configure,
            open=False,
            name=application_name,
        )
        return cls(pool, connector)

    async def open(self) -> None:
        """Connect; raise at once when the server is out of reach or not migrated."""
        await self._check_server()
        await self._pool.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncHeldConnection]:
        """Hold one connection for several calls; each call still commits by itself."""
        connection = await borrow(self._pool)
        try:
            yield AsyncHeldConnection(connection.session)
        finally:
            await self._pool.putconn(connection)

    def pool_stats(self) -> dict[str, int]:
        """Return the pool's counters, as psycopg_pool names them."""
        return self._pool.get_stats()

    async def _check_server(self) -> None:
        async with await self._connector.connect() as connection:
            try:
                rows = await connection.session.rows(_LIST_APPLIED_MIGRATIONS, ())
            except DatabaseError as error:
                if error.sqlstate != _UNDEFINED_TABLE:
                    raise
                rows = []
        check_applied({id for (id,) in rows})
