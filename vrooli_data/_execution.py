"""Execute a prepared statement below psycopg's cursor, which is half of what a read costs. No I/O.

The first execution of a query on a connection is the cursor's, which prepares it. From then on the
statement is sent under its name, and its rows are loaded, without the cursor's work. Nothing else
touches what psycopg keeps private of prepared statements; tried with psycopg 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import errors, generators
from psycopg._connection_base import BaseConnection
from psycopg._preparing import Prepare, PrepareManager
from psycopg.abc import Buffer, PQGen
from psycopg.abc import Transformer as AnyTransformer
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Wait

from ._bound import BoundQuery
from ._rows import Row

if TYPE_CHECKING:
    from ._opening import Opening

#: How a statement ends that did not fail.
DONE = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})


class Bound(NamedTuple):
    """One execution of a prepared statement."""

    name: bytes
    values: Sequence[Buffer | None]
    formats: list[Format] | None
    loader: AnyTransformer


class PreparedStatements(PrepareManager):
    """The prepared statements of one connection."""

    def validate(
        self,
        key: tuple[bytes, tuple[int, ...]],
        prep: Prepare,
        name: bytes,
        results: Sequence[PGresult],
    ) -> None:
        """Keep a statement whose first execution failed.

        psycopg forgets it, but the server keeps it, and the next execution would prepare another.
        """
        super().validate(key, prep, name, results)
        if prep is Prepare.SHOULD and any(
            result.status == ExecStatus.FATAL_ERROR for result in results
        ):
            self._names[key] = name


def prepared_names(
    connection: BaseConnection[Any],
) -> MutableMapping[tuple[bytes, tuple[int, ...]], bytes]:
    """Return the names of all prepared statements, by text and types of parameters."""
    return connection._prepared._names  # noqa: SLF001


def new_name(connection: BaseConnection[Any]) -> bytes:
    """Return a name for a statement to be prepared, as psycopg would give it."""
    manager = connection._prepared  # noqa: SLF001
    number, manager._prepared_idx = manager._prepared_idx, manager._prepared_idx + 1  # noqa: SLF001
    return b"_pg3_%d" % number


def check_results(results: Sequence[PGresult], connection: BaseConnection[Any]) -> None:
    """Raise the error of psycopg for the first statement that failed."""
    for result in results:
        if result.status not in DONE:
            raise errors.error_from_result(result, encoding=connection.info.encoding)


def command(connection: BaseConnection[Any], statement: bytes) -> PQGen[bytes | None]:
    """Execute a statement without parameters, and return its status.

    The caller holds the lock of the connection.
    """
    connection.pgconn.send_query(statement)
    results = yield from generators.execute(connection.pgconn)
    check_results(results, connection)
    status: bytes | None = results[-1].command_status
    return status


class Piped(NamedTuple):
    """One execution of a query in a pipeline."""

    #: Empty where the query is not prepared.
    name: bytes
    values: Sequence[Buffer | None]
    types: Sequence[int]
    formats: list[Format] | None
    #: Whether it has to be prepared first.
    is_new: bool


def in_pipeline(
    connection: BaseConnection[Any], send: Callable[[], None], results: list[PGresult]
) -> PQGen[None]:
    """Send statements in a pipeline with one Sync, and collect their results.

    The caller holds the lock of the connection, whose `wait` closes it where this is interrupted.
    psycopg's own pipeline sends a Flush behind its last Sync. If that comes after the reply,
    PgBouncer gives the client a server connection, until the client's next transaction ends.
    """
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    send()
    pgconn.pipeline_sync()
    yield from generators.send(pgconn)
    lost = errors.OperationalError("the connection to the server was lost")
    while pgconn.status == ConnStatus.OK:
        try:
            result = yield from generators.fetch(pgconn)
        except errors.OperationalError as error:
            lost = error
            break
        if result is None:
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            pgconn.exit_pipeline_mode()
            return
        results.append(result)
    # The server may have told why it ended the connection.
    check_results(results, connection)
    raise lost


def _reply(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Return the results of what was sent, as psycopg's `execute`, which is a chain of generators.

    The chain takes a tenth of the CPU time of a read.
    """
    results: list[PGresult] = []
    if pgconn.flush():
        # The rest of a large parameter.
        results = yield from generators.execute(pgconn)
        return results
    try:
        while True:
            while pgconn.is_busy():
                # Also after a wait in vain: TLS may hold what was received.
                yield Wait.R
                pgconn.consume_input()
            while (notify := pgconn.notifies()) is not None:
                if pgconn.notify_handler is not None:
                    pgconn.notify_handler(notify)
            result = pgconn.get_result()
            if result is None:
                return results
            results.append(result)
    except errors.OperationalError:
        # The server may have said why it ended the connection.
        if any(result.status not in DONE for result in results):
            return results
        raise


class Prepared:
    """One query on one connection: how its parameters are sent, and how its rows are loaded.

    A query is prepared for each combination of the types of its parameters. The loaders belong to
    the columns of one preparation, and so they end with it.
    """

    __slots__ = (
        "_counts_rows",
        "_dumper",
        "_formats",
        "_loaders",
        "_names",
        "_query",
        "_statement",
        "_to_flush",
    )

    def __init__(self, connection: BaseConnection[Any], query: BoundQuery[..., Any]) -> None:
        manager = connection._prepared  # noqa: SLF001
        #: The names of all prepared statements, by their text and the types of their parameters.
        self._names = manager._names  # noqa: SLF001
        #: What is still to be dropped on the server.
        self._to_flush = manager._to_flush  # noqa: SLF001
        self._query = query
        self._statement = query.statement
        self._counts_rows = query.counts_rows
        self._formats = [PyFormat.AUTO] * query.arity
        self._dumper: AnyTransformer = Transformer(connection)
        self._loaders: dict[bytes, AnyTransformer] = {}

    def keep(
        self, connection: BaseConnection[Any], parameters: Sequence[Any], result: PGresult
    ) -> None:
        """Keep how the rows of a result are loaded, if its execution has prepared the query."""
        loader = Transformer(connection)
        loader.dump_sequence(parameters, self._formats)
        name = self._names.get((self._statement, loader.types or ()))
        if name is None:
            return
        loader.set_pgresult(result, set_loaders=True, format=Format.BINARY)
        loader.set_pgresult(None, set_loaders=False)
        # Only now: one without loaders would end the process.
        self._keep(name, loader)

    def _keep(self, name: bytes, loader: AnyTransformer) -> None:
        names = set(self._names.values())
        self._loaders = {name: each for name, each in self._loaders.items() if name in names}
        self._loaders[name] = loader

    def bind(self, parameters: Sequence[Any]) -> Bound | None:
        """Return what is to be sent, or None where a cursor has to prepare the query first.

        The caller holds the lock of the connection.
        """
        dumper = self._dumper
        values = dumper.dump_sequence(parameters, self._formats)
        key = self._statement, dumper.types or ()
        name = self._names.get(key, b"")
        loader = self._loaders.get(name)
        # psycopg drops statements after ROLLBACK and DROP, and when there are too many of them.
        if loader is None or self._to_flush:
            return None
        self._names.move_to_end(key)
        return Bound(name, values, dumper.formats, loader)

    def rows(
        self,
        pgconn: PGconn,
        bound: Bound,
        arrived: list[PGresult],
        opening: Opening | None = None,
    ) -> PQGen[list[Row]]:
        """Execute the query and return its rows.

        The caller has held the lock of the connection since `bind`. *arrived* gets the result, so
        that it is known of an interrupted execution whether it was completed. With *opening*, the
        query may be the first of a transaction, which begins with it.
        """
        name, values, formats, loader = bound
        if opening is None or opening.is_done:
            pgconn.send_query_prepared(name, values, formats, Format.BINARY)
            results = yield from _reply(pgconn)
        else:
            send = partial(pgconn.send_query_prepared, name, values, formats, Format.BINARY)
            results = yield from opening.with_first(pgconn, send)
        for result in results:
            if result.status not in DONE:
                raise errors.error_from_result(result, encoding=loader.encoding)
        if len(results) != 1:
            raise errors.InternalError(f"got {len(results)} results from one statement")
        arrived += results
        (result,) = results
        if self._counts_rows:
            return [(result.command_tuples or 0,)]
        loader.set_pgresult(result, set_loaders=False)
        try:
            return loader.load_rows(0, result.ntuples, tuple)
        finally:
            # However large it is, it would be kept until the next execution.
            loader.set_pgresult(None, set_loaders=False)

    def bind_piped(
        self, connection: BaseConnection[Any], parameters: Sequence[Any], *, prepares: bool
    ) -> Piped:
        """Return what is to be sent in a pipeline.

        The caller has held the lock of the connection since before the first statement of the
        pipeline. A statement that is sent counts as prepared for those behind it.
        """
        dumper = self._dumper
        values = dumper.dump_sequence(parameters, self._formats)
        types = dumper.types or ()
        if not prepares:
            return Piped(b"", values, types, dumper.formats, is_new=False)
        key = self._statement, types
        name = self._names.get(key)
        if name is not None:
            self._names.move_to_end(key)
            return Piped(name, values, types, dumper.formats, is_new=False)
        name = self._names[key] = new_name(connection)
        return Piped(name, values, types, dumper.formats, is_new=True)

    def send_piped(self, pgconn: PGconn, piped: Piped) -> None:
        """Send it, prepared first where it has to be."""
        name, values, types, formats, is_new = piped
        if not name:
            pgconn.send_query_params(self._statement, values, types, formats, Format.BINARY)
            return
        if is_new:
            pgconn.send_prepare(name, self._statement, types)
        pgconn.send_query_prepared(name, values, formats, Format.BINARY)

    def rows_between(
        self,
        connection: BaseConnection[Any],
        parameters: Sequence[Any],
        arrived: list[PGresult],
        *,
        prepares: bool,
        before: Sequence[bytes],
        after: Sequence[bytes],
    ) -> PQGen[list[Row]]:
        """Execute the query between other statements, in one round trip and one transaction.

        The caller holds the lock of the connection.
        """
        pgconn = connection.pgconn
        piped = self.bind_piped(connection, parameters, prepares=prepares)
        results: list[PGresult] = []

        def send() -> None:
            for statement in before:
                pgconn.send_query_params(statement, None)
            self.send_piped(pgconn, piped)
            for statement in after:
                pgconn.send_query_params(statement, None)

        try:
            yield from in_pipeline(connection, send, results)
            check_results(results, connection)
        except BaseException:
            self.forget_unprepared(piped, results[len(before) :])
            if pgconn.status == ConnStatus.OK and not pgconn.pipeline_status:
                # All have ended, and one has failed.
                arrived += (result for result in results if result.status not in DONE)
            raise
        # The first answer to a new statement is that it is prepared.
        result = results[len(before) + piped.is_new]
        arrived.append(result)
        return self.rows_piped(connection, piped, result)

    def forget_unprepared(self, piped: Piped, answers: Sequence[PGresult]) -> None:
        """Forget a statement that the server did not prepare, by its answers to it."""
        if piped.is_new and (not answers or answers[0].status not in DONE):
            self._names.pop((self._statement, tuple(piped.types)), None)

    def rows_piped(
        self, connection: BaseConnection[Any], piped: Piped, result: PGresult
    ) -> list[Row]:
        """Return the rows of a result."""
        if self._counts_rows:
            return [(result.command_tuples or 0,)]
        loader = self._loaders.get(piped.name)
        if loader is None:
            columns = [result.fname(index) or b"" for index in range(result.nfields)]
            self._query.check_columns(tuple(name.decode() for name in columns))
            loader = Transformer(connection)
            loader.set_pgresult(result, set_loaders=True, format=Format.BINARY)
            if piped.name:
                self._keep(piped.name, loader)
        else:
            loader.set_pgresult(result, set_loaders=False)
        try:
            return loader.load_rows(0, result.ntuples, tuple)
        finally:
            loader.set_pgresult(None, set_loaders=False)


def is_to_flush(connection: BaseConnection[Any]) -> bool:
    """Return whether psycopg is still to drop prepared statements on the server."""
    return bool(connection._prepared._to_flush)  # noqa: SLF001
