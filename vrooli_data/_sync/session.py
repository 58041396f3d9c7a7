# Generated from vrooli_data/_async/session.py by tools/unasync.py. Do not edit.
"""The session of a connection: its queries, its settings, and the run of its server."""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Container, Sequence
from contextlib import AbstractContextManager
from functools import partial
from time import perf_counter
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg import RawCursor
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import Format, TransactionStatus
from psycopg.pq.abc import PGresult

from .._bound import BoundQuery, Query
from .._classify import late, retry_reason, translate
from .._connect import PLAN_ANEW, PLAN_ONCE, QueryEvent, SessionSettings, is_ended
from .._copying import Copy
from .._execution import DONE, Prepared, command, is_to_flush
from .._opening import Opening
from .._outbox import Recording
from .._retry import Reason, set_retry_reason
from .._rows import UNREADABLE, Row
from .._sqlstates import UNPREPARED
from .._transactions import Options, mark_written
from ..errors import InvalidInput, VrooliDataError
from ..records.events import ChangeEvent
from ..records.transactions import ServerRun
from ._compat import Body
from .connection import LendingConnection

R = TypeVar("R")
T = TypeVar("T")

logger = logging.getLogger("vrooli_data")

#: Seconds that a notification may take, which nobody needs.
_NOTIFY_LIMIT = 1.0


class Merger(Protocol):
    """Merges concurrent reads into one statement."""

    def find(self, query: Query[..., R], key: Any) -> R | None:
        """Read one record by its key."""


class Pipelines(Protocol):
    """Lets concurrent reads share connections in pipeline mode."""

    def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query that only reads, and return its rows."""

    def ran_alone(self, query: BoundQuery[..., Any], seconds: float) -> None:
        """Count an execution on a connection of its own."""


class Runner(Protocol):
    """Runs queries, on one connection or on any connection of the pool."""

    #: The extensions that queries may use.
    extensions: Container[str]
    #: None if reads are not merged.
    merger: Merger | None

    def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows."""

    def record(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], recording: Recording
    ) -> list[Row] | ChangeEvent:
        """Execute a query that records an event and return its rows; see `is_recorded`.

        Where the reply to a lone statement was lost, and the event proves that it is committed,
        return the event instead. Once it is committed, listeners are notified.
        """

    def atomic(self, body: Body[TransactionalRunner, T], *, repeats: bool = True) -> T:
        """Run several queries in one transaction.

        With *repeats*, the body may be called again.
        """


class TransactionalRunner(Runner, Protocol):
    """Runs queries in a transaction."""

    #: Whether the caller began the transaction on `.connection`, so that `atomic` does not end it.
    is_callers: bool

    def column_types(self, query: Copy[Any]) -> list[tuple[str, str]]:
        """Return the columns that a COPY fills, with their types."""

    def copy(self, query: Copy[Any], types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Send rows through a binary COPY, as values of *types*."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Return a block that an error rolls back, while the transaction continues."""


class Session:
    """One connection, with the cursors that its queries reuse."""

    def __init__(
        self,
        connection: LendingConnection,
        settings: SessionSettings,
        *,
        extensions: Container[str],
    ) -> None:
        self.connection = connection
        self.extensions = extensions
        #: When the server was started, as it reports. Set when the connection is set up.
        self.started: str | None = None
        #: The run of the server when the session began, or an earlier one; see `Trace`.
        self.run: ServerRun | None = None
        #: When the session began, on the client's clock.
        self.begun = time.monotonic()
        self._settings = settings
        #: The role that runs the statements. Set when the connection is set up.
        self.role: str | None = None
        # A cursor in use is not in the list, so that a second caller gets another.
        self._cursors = connection.cursors
        self._checked: set[BoundQuery[..., Any]] = set()
        self._prepared: dict[BoundQuery[..., Any], Prepared] = {}
        self._poll = select.poll()
        self._poll.register(connection.fileno(), select.POLLIN)
        self._is_ending = False
        connection.add_notice_handler(self._on_notice)

    def rows(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        """Execute a query and return its rows; the first of a transaction begins it."""
        if self._settings.on_query is None and not logger.isEnabledFor(logging.DEBUG):
            return self._execute(query, parameters)
        return self._observe(query, parameters)

    def copy(self, query: Copy[Any], types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Send rows through a binary COPY, as values of *types*."""
        if self.connection.is_lent:
            self.connection.check_free(query.name)
        started = perf_counter()
        sqlstate, succeeded, count = None, False, 0
        row: Sequence[Any] = ()
        try:
            with (
                self.connection.cursor() as cursor,
                cursor.copy(query.statement) as copy,
            ):
                # Without the types, psycopg chooses the width of an int by its value, and the
                # server refuses a width that is not that of the column.
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)
            succeeded, count = True, len(rows)
        except psycopg.Error as error:
            sqlstate = error.sqlstate
            raise self.translated(error, query) from None
        except Exception:
            # A dumper may raise errors that are not psycopg's, and some contain the value.
            refused = self._refused_by_copy(query, types, row)
            if refused is None:
                raise
            raise refused from None
        finally:
            if self._settings.on_query is not None or logger.isEnabledFor(logging.DEBUG):
                self._report(
                    QueryEvent(query.name, perf_counter() - started, count, sqlstate, succeeded)
                )

    def notify(self) -> None:
        """Notify listeners of events, unless they were notified a moment ago.

        It wakes them, and nothing more. So its failure is not the caller's.
        """
        is_at_rest = self.connection.pgconn.transaction_status == TransactionStatus.IDLE
        if not is_at_rest or not self._settings.notifications.is_due():
            return
        from .._engine_queries import NOTIFY  # noqa: PLC0415 (it reads files)

        try:
            with self.connection.within(_NOTIFY_LIMIT):
                self.rows(NOTIFY, ())
        except (VrooliDataError, psycopg.Error) as error:
            logger.warning("listeners were not notified of events: %s", type(error).__name__)

    def prepared(self, query: BoundQuery[..., Any]) -> Prepared:
        """Return how a query is executed on this connection without a cursor."""
        prepared = self._prepared.get(query)
        if prepared is None:
            prepared = self._prepared[query] = Prepared(self.connection, query)
        return prepared

    @property
    def each_transaction(self) -> bytes | None:
        """The settings sent with each transaction behind a pooler; None without one."""
        return self._settings.each

    def is_ended(self) -> bool:
        """Return whether the server has ended the idle connection, without a round trip."""
        if is_ended(self._poll, self.connection.pgconn):
            # libpq has closed the socket by itself.
            self.connection.stop_reading()
            return True
        return self._is_ending

    def in_hot_standby(self) -> bool:
        """Return whether the server is a standby, as it reported last."""
        connection = self.connection
        return not connection.closed and (
            connection.info.parameter_status("in_hot_standby") == "on"
        )

    def translated(
        self, error: psycopg.Error, query: BoundQuery[..., Any] | Copy[Any] | None = None
    ) -> VrooliDataError:
        """Translate an error that psycopg raised on the connection."""
        if self.connection.is_late:
            return late(None if query is None else query.name)
        return translate(
            error,
            None if query is None else query.name,
            self.connection.closed,
            in_hot_standby=self.in_hot_standby(),
            source=None if query is None else query.source,
            role=self.role,
        )

    def set_retry_reason(self, error: psycopg.Error) -> None:
        """Set the retry reason of an error that psycopg raised on the connection."""
        lost = self.connection.closed
        if not self.connection.is_late:
            set_retry_reason(
                error, retry_reason(error, lost=lost, in_hot_standby=self.in_hot_standby())
            )

    def _on_notice(self, notice: psycopg.errors.Diagnostic) -> None:
        self._is_ending = self._is_ending or notice.severity_nonlocalized == "FATAL"

    def open(self, options: Options) -> Opening:
        """Open a transaction, which begins with its first statement."""
        of_pooler: tuple[bytes, ...] = ()
        if self._settings.each is not None:
            from .._engine_queries import FIND_RUN_AT_BEGIN  # noqa: PLC0415 (it reads files)

            of_pooler = self._settings.each, FIND_RUN_AT_BEGIN.statement
        opener = options.opener(self.connection.pgconn.server_version, of_pooler)
        self.connection.opening = opening = Opening(self.connection, opener)
        return opening

    def send_begin(self) -> None:
        """Send BEGIN, unless it was sent: the next call reads the reply."""
        connection = self.connection
        if connection.opening is not None:
            connection.opening.send(connection.pgconn)

    def begin(self, opening: Opening | None) -> None:
        """Begin a transaction, unless it has begun; or raise an error of psycopg."""
        connection = self.connection
        if opening is not None and not opening.is_done:
            with connection.lock:
                connection.wait(opening.alone(connection.pgconn))

    def command(self, statement: bytes) -> bytes | None:
        """Execute a statement without rows, and return its status; or raise an error of psycopg."""
        connection = self.connection
        with connection.lock:
            return connection.wait(command(connection, statement))

    def _execute(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        if self.connection.is_lent:
            self.connection.check_free(query.name)
        arrived: list[PGresult] = []
        waits = self.connection.waits
        try:
            rows = self._execute_prepared(query, parameters, arrived)
            if rows is None:
                self.begin(self.connection.opening)
                rows = self._execute_anew(query, parameters, arrived)
        except UNREADABLE:
            # Raised by the loader of jsonb, which runs when rows are loaded.
            raise query.mismatch() from None
        except psycopg.Error as error:
            raise self._failure(error, query, parameters) from None
        except VrooliDataError:
            raise
        except BaseException as interruption:
            # A dumper may raise errors that are not psycopg's.
            refused = self._refused(query, parameters)
            if refused is not None and isinstance(interruption, Exception):
                raise refused from None
            # It may have waited for a call through `.connection`, and sent nothing.
            was_sent = self.connection.waits != waits
            mark_written(interruption, self._is_written(arrived) if was_sent else False)
            raise
        return rows

    def _execute_prepared(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], arrived: list[PGresult]
    ) -> list[Row] | None:
        """Execute a query that is prepared; return None where it is not."""
        opening = self.connection.opening
        if opening is not None and opening.is_unread:
            self.begin(opening)
        if (
            query.is_planned_anew
            or not self._settings.prepare
            or (self._settings.each is not None and (opening is None or not opening.is_done))
        ):
            return None
        connection = self.connection
        prepared = self.prepared(query)
        is_first = False
        try:
            with connection.lock:
                bound = prepared.bind(parameters)
                # Not in the wait, which may be interrupted: what was not sent must not seem to be.
                if bound is None:
                    return None
                is_first = opening is not None and not opening.is_done
                return connection.wait(prepared.rows(connection.pgconn, bound, arrived, opening))
        except psycopg.Error as error:
            stale = (
                opening if is_first and retry_reason(error, lost=False) is Reason.STALE else None
            )
            if stale is not None:
                # Nothing but the refused statement was in the transaction.
                stale.is_done = False
                self.command(b"ROLLBACK")
            if not self._prepares_anew(error):
                raise
            if stale is not None:
                # Only here: after an interruption, nothing more may be sent.
                stale.repeat()
        return None

    def _execute_anew(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], arrived: list[PGresult]
    ) -> list[Row]:
        """Execute a query, and prepare it where that is allowed."""
        each = None if self.connection.opening is not None else self._settings.each
        execute = self._execute_by_cursor
        if each is not None or query.is_planned_anew:
            execute = partial(self._execute_with_settings, each=each)
        try:
            return execute(query, parameters, arrived)
        except psycopg.Error as error:
            if not self._prepares_anew(error):
                raise
        # They are of the statement that was refused.
        arrived.clear()
        return execute(query, parameters, arrived)

    def _execute_by_cursor(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], arrived: list[PGresult]
    ) -> list[Row]:
        """Execute a query by a cursor of psycopg."""
        try:
            cursor = self._cursors.pop()
        except IndexError:
            cursor = RawCursor(self.connection)
        try:
            cursor.execute(query.statement, parameters, prepare=self._settings.prepare, binary=True)
            if query not in self._checked:
                query.check_columns(tuple(column.name for column in cursor.description or ()))
                self._checked.add(query)
            if query in self._prepared and cursor.pgresult is not None:
                self._prepared[query].keep(self.connection, parameters, cursor.pgresult)
            if query.counts_rows:
                rows: list[Row] = [(max(cursor.rowcount, 0),)]
            else:
                rows = cursor.fetchall()
        finally:
            if cursor.pgresult is not None:
                arrived.append(cursor.pgresult)
        # Otherwise psycopg keeps the result, which may be large, until the cursor's next query.
        cursor._reset()  # noqa: SLF001 (psycopg has no other way to free it)
        cursor._tx.set_pgresult(None, set_loaders=False)  # noqa: SLF001
        self._cursors.append(cursor)
        return rows

    def _failure(
        self, error: psycopg.Error, query: BoundQuery[..., Any], parameters: tuple[Any, ...]
    ) -> VrooliDataError:
        """Return the package's error for one that psycopg raised when it executed a query."""
        if error.sqlstate is None:
            refused = self._refused(query, parameters)
            if refused is not None:
                return refused
            if isinstance(error, psycopg.DataError):
                # Raised by psycopg itself: Python cannot represent a value of the result.
                return query.mismatch()
        return self.translated(error, query)

    def _refused(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]
    ) -> InvalidInput | None:
        """Return the error of the parameter that cannot be sent; None if there is none."""
        if self.connection.closed:
            return None
        transformer = Transformer(self.connection)
        for name, value in zip(query.parameters, parameters, strict=True):
            try:
                transformer.dump_sequence([value], [PyFormat.AUTO])
            except Exception:  # noqa: BLE001 (a dumper may raise any error)
                kind = type(value).__name__
                return InvalidInput(
                    name, f"must be a value that PostgreSQL can store; this {kind} is not"
                )
        return None

    def _refused_by_copy(
        self, query: Copy[Any], types: Sequence[str], row: Sequence[Any]
    ) -> InvalidInput | None:
        """Return the error of the value of a row that cannot be sent; None if there is none."""
        if self.connection.closed:
            return None
        transformer, registry = Transformer(self.connection), self.connection.adapters.types
        for name, kind, value in zip(query.columns, types, row, strict=False):
            transformer.set_dumper_types([registry.get_oid(kind)], Format.BINARY)
            try:
                transformer.dump_sequence([value], [PyFormat.BINARY])
            except Exception:  # noqa: BLE001 (a dumper may raise any error)
                given = type(value).__name__
                return InvalidInput(
                    name, f"must be a value for a column of type {kind}; this {given} is not"
                )
        return None

    def _is_written(self, arrived: list[PGresult]) -> bool | None:
        """Return whether an interrupted statement was executed; None when unknown.

        psycopg asks the server to cancel the statement, and waits until it has ended in any way.
        """
        if arrived:
            return arrived[-1].status in DONE
        connection = self.connection.pgconn
        is_at_rest = connection.transaction_status == TransactionStatus.IDLE
        # Without an error of the server, the statement may not have been sent, or its end may not
        # have arrived.
        return False if is_at_rest and connection.error_message else None

    def _execute_with_settings(
        self,
        query: BoundQuery[..., Any],
        parameters: tuple[Any, ...],
        arrived: list[PGresult],
        each: bytes | None,
    ) -> list[Row]:
        """Execute a query and what it is to run with, in one round trip and one transaction."""
        connection = self.connection
        before, after = [] if each is None else [each], []
        if query.is_planned_anew:
            before.append(PLAN_ANEW)
            after.append(PLAN_ONCE)
        prepares = bool(self._settings.prepare)
        if prepares and is_to_flush(connection):
            # Otherwise psycopg drops what is prepared here.
            connection.forget_prepared()
        prepared = self.prepared(query)
        with connection.lock:
            return connection.wait(
                prepared.rows_between(
                    connection, parameters, arrived, prepares=prepares, before=before, after=after
                )
            )

    def _prepares_anew(self, error: psycopg.Error) -> bool:
        """Drop the prepared statements if the server refused one; return whether to send it again.

        The statement was not executed, so that it can be sent again. In a transaction it cannot be
        sent again, because the error has aborted the transaction.
        """
        if self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
            return False
        if retry_reason(error, lost=False) is not Reason.STALE:
            return False
        # Where the connection is lent, its user may have dropped them.
        if error.sqlstate in UNPREPARED and not self.connection.is_lent:
            # There is a pooler that does not keep prepared statements for each client.
            self._settings.prepare = False
            self.connection.prepare_threshold = None
        else:
            self.connection.forget_prepared()
        return True

    def _observe(self, query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
        started = perf_counter()
        sqlstate, succeeded, count = None, False, 0
        try:
            rows = self._execute(query, parameters)
            succeeded, count = True, rows[0][0] if query.counts_rows else len(rows)
            return rows
        except Exception as error:
            sqlstate = getattr(error, "sqlstate", None)
            raise
        finally:
            self._report(
                QueryEvent(query.name, perf_counter() - started, count, sqlstate, succeeded)
            )

    def _report(self, event: QueryEvent) -> None:
        logger.debug("%s: %d rows in %.6f s", event.name, event.rows, event.duration)
        if self._settings.on_query is None:
            return
        try:
            self._settings.on_query(event)
        except Exception:
            # The statement has succeeded or failed already. The hook must not change that.
            logger.exception("on_query failed for %s", event.name)


class PooledConnection(LendingConnection):
    """A connection of the pool, which carries its session."""

    session: Session
