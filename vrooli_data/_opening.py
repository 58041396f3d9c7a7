"""BEGIN, and what is sent with it: together with the first statement of a transaction. No I/O.

A transaction of one statement then takes two round trips, and not three. Whatever else comes first,
such as a savepoint or a COPY, is sent after the reply to BEGIN. For `tx.connection`, BEGIN is sent
at once: a statement may be sent on its `pgconn`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from psycopg import errors, generators
from psycopg._connection_base import BaseConnection
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from ._execution import check_results, in_pipeline, new_name, prepared_names
from ._rows import Row


class Opener(NamedTuple):
    """The statements that begin a transaction."""

    #: BEGIN first.
    statements: tuple[bytes, ...]
    #: What sets the time limits, with its parameters as text; None where there are none.
    limits: tuple[bytes, tuple[bytes, ...]] | None


class Opening:
    """The beginning of one transaction on one connection."""

    __slots__ = ("_connection", "_is_sent", "_opener", "is_done", "is_unread", "rows")

    def __init__(self, connection: BaseConnection[Any], opener: Opener) -> None:
        self._connection = connection
        self._opener = opener
        #: It stays so where no reply came, or BEGIN was refused.
        self._is_sent = False
        #: Whether BEGIN was sent by itself, and its reply was not read.
        self.is_unread = False
        #: Whether the server has begun the transaction.
        self.is_done = False
        #: What the statements after BEGIN have returned.
        self.rows: list[Row] = []

    @property
    def is_pending(self) -> bool:
        """Whether nothing is sent yet."""
        return not self._is_sent

    def repeat(self) -> None:
        """Begin once more: the transaction was rolled back."""
        self._is_sent = self.is_done = False
        self.rows = []

    def send(self, pgconn: PGconn) -> None:
        """Send BEGIN by itself, unless it was sent; `alone` reads the reply."""
        if self.is_done or self.is_unread:
            return
        self._send()
        self.is_unread = True
        pgconn.send_query(b"; ".join(self._opener.statements))
        pgconn.flush()

    def alone(self, pgconn: PGconn) -> PQGen[None]:
        """Begin the transaction before anything else is sent, unless it has begun.

        The caller holds the lock of the connection.
        """
        if self.is_done:
            return
        self.send(pgconn)
        self.is_unread = False
        if pgconn.transaction_status == TransactionStatus.ACTIVE:
            results = yield from generators.execute(pgconn)
            self.is_done = _has_begun(results)
            check_results(results, self._connection)
            self._keep(results)
        else:
            # A blocking call of the lent `pgconn` has read the reply, and with it the xid. It may
            # also have ended the transaction.
            self.is_done = pgconn.status == ConnStatus.OK
            if not self.is_done:
                raise errors.OperationalError("the connection to the server was lost")
        if self._opener.limits is not None:
            pgconn.send_query_params(*self._opener.limits)
            results = yield from generators.execute(pgconn)
            check_results(results, self._connection)

    def with_first(self, pgconn: PGconn, send: Callable[[], None]) -> PQGen[list[PGresult]]:
        """Begin the transaction together with the statement that *send* sends; return its result.

        The caller holds the lock of the connection.
        """
        self._send()
        names = prepared_names(self._connection)
        new: dict[tuple[bytes, tuple[int, ...]], bytes] = {}
        statements: list[tuple[bytes, Sequence[bytes]]]
        statements = [(statement, ()) for statement in self._opener.statements]
        if self._opener.limits is not None:
            statements.append(self._opener.limits)
        results: list[PGresult] = []

        def send_all() -> None:
            for statement, parameters in statements:
                key = statement, ()
                name = names.get(key)
                if name is None:
                    name = new[key] = new_name(self._connection)
                    pgconn.send_prepare(name, statement)
                pgconn.send_query_prepared(name, parameters)
            send()

        try:
            yield from in_pipeline(self._connection, send_all, results)
        finally:
            self.is_done = _has_begun(results)
        check_results(results[:-1], self._connection)
        names.update(new)
        self._keep(results[:-1])
        return results[-1:]

    def _send(self) -> None:
        if self._is_sent:
            # The server would take what follows for statements outside of a transaction.
            raise errors.InFailedSqlTransaction("the transaction did not begin")
        self._is_sent = True

    def _keep(self, results: Sequence[PGresult]) -> None:
        transformer = Transformer(self._connection)
        for result in results:
            if result.status == ExecStatus.TUPLES_OK:
                transformer.set_pgresult(result)
                self.rows += transformer.load_rows(0, result.ntuples, tuple)


def _has_begun(results: Sequence[PGresult]) -> bool:
    return any(result.command_status == b"BEGIN" for result in results)
