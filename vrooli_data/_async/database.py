"""The database: a pool of connections, and the repositories on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Container, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from .._bound import BoundQuery
from .._connect import QueryEvent, SessionSettings, connection_parameters, place_of
from .._migrations import (
    Folders,
    Series,
    check_applied,
    checked_application,
    has_trigrams,
    package_series,
)
from .._outbox import Recording, is_recorded
from .._pipelining import PipelinePolicy, checked_pipeline
from .._retry import RetryEvent, RetryPolicy, checked_policy
from .._rows import Row
from .._search_path import SearchPath
from .._sqlstates import UNDEFINED_TABLE
from .._transactions import (
    COMMITTED,
    DEFAULT,
    NOT_COMMITTED,
    NOT_KNOWN,
    Isolation,
    Options,
    add_note,
    note_of_lone_write,
)
from ..errors import DatabaseError, InvalidUse, Timeout, TransactionAborted, Unavailable
from ..records.events import ChangeEvent
from ..validation import check_flag, check_hook, check_int, check_seconds
from ._compat import Body, call, check_body
from .held import AsyncHeldConnection, AsyncHeldRunner
from .merging import merger
from .outcome import AsyncResolver
from .pipeline import pipelines
from .pool import AsyncConnector, AsyncLoan, AsyncPool
from .repositories import AsyncRepositories
from .retrying import AsyncRetrier, AsyncRetrying
from .session import (
    AsyncMerger,
    AsyncPipelines,
    AsyncPooledConnection,
    AsyncTransactionalRunner,
)
from .transaction import AsyncTransaction, AsyncTransactions

if TYPE_CHECKING:
    from .database_events import AsyncDatabaseEvents

T = TypeVar("T")

_MAX_POOL = 10_000


class AsyncPooledRunner:
    """Runs each query on a connection borrowed for it alone, and retries where that is safe."""

    def __init__(
        self,
        pool: AsyncPool,
        transactions: AsyncTransactions,
        retrier: AsyncRetrier,
        resolver: AsyncResolver,
        *,
        merge_reads: bool,
        pipeline: PipelinePolicy | None,
        pipeline_behind_pooler: bool,
    ) -> None:
        self._pool = pool
        self._transactions = transactions
        self._retrier = retrier
        self._resolver = resolver
        #: None where reads are not merged.
        self.merger: AsyncMerger | None = merger(self.rows, pool.check_use) if merge_reads else None
        #: None where reads do not share connections.
        self._pipelines: AsyncPipelines | None = None
        if pipeline is not None:
            self._pipelines = pipelines(
                pool, pipeline, self._once, behind_pooler=pipeline_behind_pooler
            )
        # Known when the database is opened.
        self.extensions: Container[str] = ()

    async def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""
        if not query.only_reads:
            self._transactions.refuse_nesting(query.name)
        elif self._pipelines is not None:
            shared = self._pipelines
            return await self._retrier.repeat(lambda: shared.rows(query, parameters))
        return await self._retrier.repeat(lambda: self._once(query, parameters))

    async def record(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], recording: Recording
    ) -> list[Row] | ChangeEvent:
        """Execute a query that records an event and return its rows, or the event."""
        self._transactions.refuse_nesting(query.name)

        async def work() -> list[Row]:
            return await self._retrier.repeat(lambda: self._once(query, parameters, recording))

        return await self._resolver.settled(work, query, parameters, recording)

    async def atomic(self, body: Body[AsyncTransactionalRunner, T], *, repeats: bool = True) -> T:
        """Run several queries that take effect together or not at all, again on conflict."""

        async def attempt() -> T:
            async with self._transactions.open(DEFAULT, lambda runner: runner) as runner:
                return await body(runner)

        return await (self._retrier.repeat(attempt) if repeats else attempt())

    async def _once(
        self,
        query: BoundQuery[..., Any],
        parameters: tuple[Any, ...],
        recording: Recording | None = None,
    ) -> list[Row]:
        note = NOT_COMMITTED
        with AsyncLoan(self._pool) as loan:
            # The loan's block does not protect the line of a `try` (CPython 3.11): none follows.
            try:
                connection = await loan.take(query.name)
                note = NOT_KNOWN
                started = perf_counter()
                rows = await connection.session.rows(query, parameters)
                note = COMMITTED
                if self._pipelines is not None and query.only_reads:
                    self._pipelines.ran_alone(query, perf_counter() - started)
                if recording is not None and is_recorded(rows):
                    await connection.session.notify()
                await loan.give_back()
            except BaseException as error:
                await self._end(query, loan, error, note, recording)
                raise
        return rows

    async def _end(
        self,
        query: BoundQuery[..., Any],
        loan: AsyncLoan,
        error: BaseException,
        note: str,
        recording: Recording | None,
    ) -> None:
        """Give back what an error leaves, and report the outcome of a write."""
        try:
            if note is NOT_KNOWN:
                note = note_of_lone_write(error, lost=loan.is_lost)
            self._resolver.report(query, error, note, recording)
        finally:
            try:
                await loan.end_by(error)
            except BaseException as another:
                if not query.only_reads:
                    add_note(another, note)
                raise


class AsyncDatabase(AsyncRepositories):
    """A pool of connections to one database; see `connect`."""

    def __init__(
        self,
        pool: AsyncPool,
        connector: AsyncConnector,
        retrier: AsyncRetrier,
        *,
        commit_timeout: float,
        merge_reads: bool,
        pipeline: PipelinePolicy | None,
        pipeline_behind_pooler: bool,
        series: Sequence[Series],
    ) -> None:
        self._pool = pool
        self._connector = connector
        self._retrier = retrier
        self._series = series
        self._resolver = AsyncResolver(connector, self._pool, commit_timeout)
        self._transactions = AsyncTransactions(self._pool, self._resolver)
        self._runner = AsyncPooledRunner(
            self._pool,
            self._transactions,
            retrier,
            self._resolver,
            merge_reads=merge_reads,
            pipeline=pipeline,
            pipeline_behind_pooler=pipeline_behind_pooler,
        )
        super().__init__(self._runner)

    @classmethod
    def connect(
        cls,
        conninfo: str | None = None,
        *,
        schema: str | None = None,
        search_path: Sequence[str] = (),
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 5.0,
        prepare: bool | None = None,
        pooler: bool | None = None,
        application_name: str = "vrooli_data",
        statement_timeout: float | None = None,
        commit_timeout: float = 10.0,
        retry: RetryPolicy | None = None,
        on_query: Callable[[QueryEvent], None] | None = None,
        on_retry: Callable[[RetryEvent], None] | None = None,
        merge_reads: bool = True,
        pipeline: bool | PipelinePolicy | None = None,
        check_migrations: bool = True,
        migrations: Folders | None = None,
        application: str | None = None,
    ) -> Self:
        """Describe a pool of connections; ``with`` or `open` opens it.

        Args:
            conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
            schema: where the layer's tables are; None is the first schema that exists in the
                search_path of the role.
            search_path: more schemas in which names are looked up, after that one; no others are,
                whatever the role or *conninfo* sets.
            min_size: connections kept open.
            max_size: connections at most.
            timeout: seconds to wait for a connection of the pool, in each attempt that *retry*
                allows.
            prepare: whether the server keeps each statement that it has planned; None does so where
                there is no pooler.
            pooler: True where sessions are shared with other programs, as in PgBouncer's
                transaction mode; None finds out whether a pooler stands between. See
                docs/poolers.md.
            application_name: what pg_stat_activity shows, unless *conninfo*, PGAPPNAME or a service
                file names another.
            statement_timeout: seconds a statement may take; None leaves the server's setting. A
                server that does not answer at all is given up a second later.
            commit_timeout: seconds to wait for the reply to COMMIT, and as many again to learn what
                became of it where the reply was lost.
            retry: how often and how far apart work is tried again; see docs/transactions.md.
            on_query: called after each statement with its name, duration and rows.
            on_retry: called before work is tried again.
            merge_reads: let reads by id or public id that are made in one turn of an event loop
                share a statement; without an event loop it changes nothing.
            pipeline: let other concurrent reads share connections in pipeline mode, by default
                where there is no pooler; without an event loop it changes nothing. True, or a
                policy, does so behind a pooler too. See docs/pipelines.md.
            check_migrations: raise where the database lacks what the package's own repositories
                need. False opens any database, for queries of your own alone; see
                docs/own-queries.md.
            migrations: the folder of an application's own migrations, or a list of folders: raise
                where the database lacks one of them too; see docs/migrations.md.
            application: the name of the application in the ledger of the database; ``app`` when it
                is None. It goes with *migrations*.
        """
        for field, flag in (("prepare", prepare), ("pooler", pooler)):
            if flag is not None:
                check_flag(field, flag)
        check_flag("merge_reads", merge_reads)
        pipeline_policy = checked_pipeline("pipeline", pipeline)
        check_flag("check_migrations", check_migrations)
        own = checked_application(migrations, application)
        series = (package_series() if check_migrations else None, own)
        for field, hook in (("on_query", on_query), ("on_retry", on_retry)):
            if hook is not None:
                check_hook(field, hook)
        check_int("max_size", max_size, 1, _MAX_POOL)
        check_int("min_size", min_size, 0, max_size)
        check_seconds("timeout", timeout)
        check_seconds("commit_timeout", commit_timeout)
        if statement_timeout is not None:
            check_seconds("statement_timeout", statement_timeout)
        policy = checked_policy("retry", retry)
        limit = None if statement_timeout is None else str(max(1, round(statement_timeout * 1000)))
        connector = AsyncConnector(
            connection_parameters(conninfo, application_name),
            SessionSettings(
                SearchPath.of(schema, search_path),
                statement_timeout=limit,
                pooler=pooler,
                prepare=prepare,
                on_query=on_query,
            ),
        )
        pool = AsyncPool(
            connector,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
            name=application_name,
        )
        return cls(
            pool,
            connector,
            AsyncRetrier(policy, on_retry),
            commit_timeout=commit_timeout,
            merge_reads=merge_reads,
            pipeline=pipeline_policy,
            pipeline_behind_pooler=pipeline is not None,
            series=[each for each in series if each is not None],
        )

    async def open(self) -> None:
        """Connect; raise at once when the server is out of reach or not migrated."""
        self._pool.check_place()
        await self._check_server()
        await self._pool.open()

    async def close(self) -> None:
        """Close every connection; leave those of a parent process to it."""
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
        with AsyncLoan(self._pool) as loan:
            runner: AsyncHeldRunner | None = None
            try:
                connection = await loan.take()
                runner = AsyncHeldRunner(connection.session, self._resolver)
                yield AsyncHeldConnection(runner)
                is_undone = await runner.end()
                await loan.give_back()
            except BaseException as error:
                if runner is not None:
                    runner.refuse_calls()
                await loan.end_by(error, is_verdict=False)
                raise
        if is_undone:
            raise TransactionAborted(
                "a transaction that was begun on .connection was still open at the end of the "
                "block, and was rolled back with all that was written in it: commit it inside"
            )

    def transaction(
        self,
        *,
        isolation: Isolation = "read committed",
        read_only: bool | None = None,
        deferrable: bool = False,
        timeout: float | None = None,
        track_commit: bool = True,
        marker: Body[AsyncTransaction, bool] | None = None,
    ) -> AbstractAsyncContextManager[AsyncTransaction]:
        """Open one transaction, commit it at the end of the block, or roll it back on an error.

        It is one attempt; `retrying` and `transact` make several. See docs/transactions.md.

        Args:
            isolation: ``"read committed"``, ``"repeatable read"`` or ``"serializable"``.
            read_only: True has the server refuse every write; False lets a role write that only
                reads by default; None leaves the role's default.
            deferrable: wait until a serializable, read-only transaction cannot fail any more.
            timeout: seconds until it is ended; None leaves the server's settings, and one that is
                stricter stays.
            track_commit: ask for the transaction's id, by which a lost reply to COMMIT is resolved.
                It comes with BEGIN, which so takes the snapshot; False leaves it out.
            marker: tells whether a row that the work writes is there; called, in a read-only
                transaction of its own, where the id does not tell what became of COMMIT.
        """
        if marker is not None:
            check_body("marker", marker)
        options = Options(
            isolation,
            read_only=read_only,
            deferrable=deferrable,
            timeout=timeout,
            track_commit=track_commit,
            marker=marker,
        )
        return self._transactions.open(options, AsyncTransaction)

    def serializable(
        self,
        *,
        read_only: bool | None = None,
        deferrable: bool = False,
        timeout: float | None = None,
        track_commit: bool = True,
        marker: Body[AsyncTransaction, bool] | None = None,
    ) -> AbstractAsyncContextManager[AsyncTransaction]:
        """Open one SERIALIZABLE transaction; see `transaction`."""
        return self.transaction(
            isolation="serializable",
            read_only=read_only,
            deferrable=deferrable,
            timeout=timeout,
            track_commit=track_commit,
            marker=marker,
        )

    def retrying(self, policy: RetryPolicy | None = None) -> AsyncRetrying:
        """Make attempts at one piece of work, until one succeeds or fails for good.

        Each opens its own transaction: ``for attempt in db.retrying():`` and in it
        ``with attempt, db.serializable() as tx:``.
        """
        self._pool.check_use()
        self._transactions.refuse_nesting("retrying")
        if policy is None:
            return AsyncRetrying(self._retrier)
        return AsyncRetrying(self._retrier.with_policy(checked_policy("policy", policy)))

    async def transact(
        self,
        body: Body[AsyncTransaction, T],
        *,
        isolation: Isolation = "serializable",
        read_only: bool | None = None,
        deferrable: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 (the server keeps it, and the connection)
        track_commit: bool = True,
        marker: Body[AsyncTransaction, bool] | None = None,
        policy: RetryPolicy | None = None,
    ) -> T:
        """Call *body* with a transaction, commit, and return what it returned; again on conflict.

        *body* runs once per attempt, and must not do what cannot be undone; `on_commit` is for
        that. See docs/transactions.md.
        """
        check_body("body", body)
        tx: AsyncTransaction | None = None
        try:
            result: list[T] = []
            async for attempt in self.retrying(policy):
                async with (
                    attempt,
                    self.transaction(
                        isolation=isolation,
                        read_only=read_only,
                        deferrable=deferrable,
                        timeout=timeout,
                        track_commit=track_commit,
                        marker=marker,
                    ) as tx,
                ):
                    result = [await call("body", body, tx)]
            return result[0]
        except BaseException as error:
            if tx is not None:
                tx._add_commit_note(error)  # noqa: SLF001 (public names of it are its user's)
            raise

    @cached_property
    def events(self) -> AsyncDatabaseEvents:
        """Events of changes, and their delivery (sql/events)."""
        # When they are first used.
        from .database_events import AsyncDatabaseEvents  # noqa: PLC0415
        from .listener import AsyncListening  # noqa: PLC0415

        listening = AsyncListening(self._pool, self._connector, self._resolver)
        return AsyncDatabaseEvents(self, listening)

    def __repr__(self) -> str:
        """Name the database, its place and its connections, and no password."""
        place = place_of(self._connector.parameters)
        stats = self._pool.get_stats()
        return f"<{type(self).__name__} {place}: {stats['pool_size']} of {self._pool.max_size}>"

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be copied: connections are one process's."""
        raise InvalidUse("a database cannot be copied or pickled: connect in each process")

    def pool_stats(self) -> dict[str, int]:
        """Return the pool's counters, as psycopg_pool names them."""
        self._pool.check_place()
        return self._pool.get_stats()

    async def _check_server(self) -> None:
        async with await self._connector.connect() as connection:
            try:
                with connection.within(self._connector.connect_timeout):
                    await self._look_at(connection)
            except Timeout:
                if connection.is_late:
                    raise Unavailable("the server did not answer in time") from None
                raise

    async def _look_at(self, connection: AsyncPooledConnection) -> None:
        """Learn of the database what does not change while it is open."""
        from .._engine_queries import LIST_EXTENSIONS  # noqa: PLC0415 (it reads files)

        extensions = {name for (name,) in await connection.session.rows(LIST_EXTENSIONS, ())}
        for series in self._series:
            applied = await self._applied_migrations(connection, series)
            check_applied(
                series,
                applied,
                self._connector.settings.path.schema,
                application_only=len(self._series) == 1,
            )
            if series.application is None and not has_trigrams(applied):
                # Without its indexes it is of no use.
                extensions.discard("pg_trgm")
        self._connector.extensions = self._runner.extensions = extensions

    async def _applied_migrations(
        self, connection: AsyncPooledConnection, series: Series
    ) -> set[str]:
        """Return the ids of the migrations of a series that the database holds."""
        from .._engine_queries import (  # noqa: PLC0415 (it reads files)
            LIST_APPLICATION_MIGRATIONS,
            LIST_APPLIED_MIGRATIONS,
        )

        session = connection.session
        try:
            if series.application is None:
                rows = await session.rows(LIST_APPLIED_MIGRATIONS, ())
            else:
                rows = await session.rows(LIST_APPLICATION_MIGRATIONS, (series.application,))
        except DatabaseError as error:
            if error.sqlstate != UNDEFINED_TABLE:
                raise
            await self._connector.refuse_forbidden(connection)
            return set()
        return {id for (id,) in rows}
