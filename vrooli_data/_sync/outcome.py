# Generated from vrooli_data/_async/outcome.py by tools/unasync.py. Do not edit.
"""Finding out whether a transaction was committed whose COMMIT got no reply."""

from __future__ import annotations

import logging
import time
from typing import Any, TypeAlias

import psycopg

from .._bound import BoundQuery
from .._outbox import Recording
from .._retry import reason_of
from .._rows import Row
from .._sqlstates import INVALID_PARAMETER_VALUE
from .._transactions import NO_TRACE, NOT_KNOWN, Trace, add_note, is_same_run
from ..errors import AlreadyExists, CommitUnknown, DatabaseError, VrooliDataError
from ..records.events import ChangeEvent
from ..records.transactions import TransactionStatus
from ._compat import Body, Work, sleep
from .pool import Connector, Loan, Pool
from .session import PooledConnection, Session

logger = logging.getLogger("vrooli_data")

#: Looks for what the transaction would have written.
Look: TypeAlias = Body[Session, bool]

_EVENT_KEY = "change_events_pkey"

#: Seconds between two questions, at first and at most.
_FIRST_WAIT, _LAST_WAIT = 0.005, 0.2
#: Seconds to wait for an old session's answer.
_OLD_ANSWERS = 1.0


class ReplyLost(Exception):
    """The reply to a lone statement that records an event was lost."""

    def __init__(self, unknown: CommitUnknown) -> None:
        super().__init__()
        #: What is raised if the outcome is not found.
        self.unknown = unknown


class _NoAnswerError(Exception):
    """The server cannot answer yet."""


class Resolver:
    """Asks the server, on connections of its own, whether transactions were committed."""

    def __init__(self, connector: Connector, pool: Pool, timeout: float) -> None:
        self._connector = connector
        self._pool = pool
        #: Seconds to wait for COMMIT's reply, and as many again for the outcome.
        self.timeout = timeout

    def outcome(self, trace: Trace, look: Look | None) -> str:
        """Return ``"committed"``, ``"aborted"``, or ``"unknown"`` when the time is up."""
        end = time.monotonic() + self.timeout
        wait = _FIRST_WAIT
        while trace.xid is not None or look is not None:
            answer = self._ask(trace, look, end)
            if answer is not None:
                return answer
            if time.monotonic() + wait > end:
                break
            sleep(wait)
            wait = min(wait * 2, _LAST_WAIT)
        return "unknown"

    def unknown(
        self,
        message: str,
        query: str | None,
        trace: Trace = NO_TRACE,
        look: Look | None = None,
    ) -> CommitUnknown:
        """Return the error of an unknown outcome, which can be asked for again."""

        def ask() -> str:
            return self.outcome(trace, look)

        return CommitUnknown(message, query=query, xid=trace.xid, timeline=trace.timeline, ask=ask)

    def settled(
        self,
        work: Work[list[Row]],
        query: BoundQuery[..., Any],
        parameters: tuple[Any, ...],
        recording: Recording,
    ) -> list[Row] | ChangeEvent:
        """Do the work of a lone statement that records an event; find what a lost reply was.

        The statement is executed again, with the same event id. If the first one is still under
        way, one of the two waits for the other and finds the id taken: at most one is committed.
        """
        try:
            return work()
        except ReplyLost as lost:
            unknown = lost.unknown
        try:
            answer = self._settle(query, parameters, recording)
        except BaseException as error:
            add_note(error, NOT_KNOWN)
            raise
        if answer is None:
            raise unknown from None
        if isinstance(answer, VrooliDataError):
            raise answer from None
        return answer

    def look_for(self, recording: Recording) -> Look:
        """Return what looks for a recorded event."""

        def look(session: Session) -> bool:
            return self._find_event(session, recording) is not None

        return look

    def report(
        self,
        query: BoundQuery[..., Any],
        error: BaseException,
        note: str,
        recording: Recording | None = None,
    ) -> None:
        """Add a note with the outcome to the error of a lone write; raise when it is unknown.

        Raises `CommitUnknown`, or `ReplyLost` where an event may tell the outcome.
        """
        if query.only_reads:
            return
        is_interrupted = not isinstance(error, VrooliDataError)
        if note == NOT_KNOWN:
            how = "the call was interrupted" if is_interrupted else "the connection was lost"
            if recording is None:
                raise self.unknown(
                    f"{query.name}: {how}, and a lone statement leaves no trace by which to tell "
                    "whether it was committed",
                    query.name,
                ) from None
            unknown = self.unknown(
                f"{query.name}: {how}, and its event could not tell in time whether it was "
                "committed",
                query.name,
                look=self.look_for(recording),
            )
            raise (unknown if is_interrupted else ReplyLost(unknown)) from None
        if is_interrupted:
            error.add_note(note)

    def _settle(
        self, query: BoundQuery[..., Any], parameters: tuple[Any, ...], recording: Recording
    ) -> list[Row] | ChangeEvent | VrooliDataError | None:
        """Return the rows of a change, its event, or its refusal; None when the time is up."""
        end = time.monotonic() + self.timeout
        wait = _FIRST_WAIT
        while True:
            try:
                with self._connector.connect(end - time.monotonic()) as connection:
                    with connection.within(end - time.monotonic()):
                        return self._execute_again(connection, query, parameters, recording)
            except _NoAnswerError:
                pass
            except (VrooliDataError, psycopg.Error) as error:
                logger.info("%s could not be repeated: %s", query.name, type(error).__name__)
            if time.monotonic() + wait > end:
                return None
            sleep(wait)
            wait = min(wait * 2, _LAST_WAIT)

    def _execute_again(
        self,
        connection: PooledConnection,
        query: BoundQuery[..., Any],
        parameters: tuple[Any, ...],
        recording: Recording,
    ) -> list[Row] | ChangeEvent | VrooliDataError | None:
        session = connection.session
        if session.in_hot_standby():
            raise _NoAnswerError
        rows: list[Row] = []
        refusal: VrooliDataError | None = None
        try:
            rows = session.rows(query, parameters)
        except VrooliDataError as error:
            if connection.closed or reason_of(error) is not None:
                raise
            refusal = error
        # Also a refusal may be due to the first statement.
        event = self._find_event(session, recording)
        if event is not None and recording.matches(event):
            session.notify()
            return event
        if refusal is None:
            return rows
        is_taken = isinstance(refusal, AlreadyExists) and refusal.constraint == _EVENT_KEY
        # Other refusals may pass, and so the first statement may yet be executed.
        return refusal if is_taken else None

    def _find_event(self, session: Session, recording: Recording) -> ChangeEvent | None:
        from .._engine_queries import FIND_EVENT  # noqa: PLC0415 (it reads files)

        rows = session.rows(FIND_EVENT, recording.key)
        return FIND_EVENT.record_of(rows[0]) if rows else None

    def _ask(self, trace: Trace, look: Look | None, end: float) -> str | None:
        """Ask once; None when the server does not answer, or not yet."""
        try:
            with self._connector.connect(end - time.monotonic()) as connection:
                with connection.within(end - time.monotonic()):
                    return self._answer(connection, trace, look, end)
        except (VrooliDataError, psycopg.Error) as error:
            logger.info("what became of COMMIT could not be asked: %s", type(error).__name__)
        except Exception:
            # An error of the marker is no outcome, and the caller is still waiting for one.
            logger.exception("the marker failed")
        return None

    def _answer(
        self, connection: PooledConnection, trace: Trace, look: Look | None, end: float
    ) -> str | None:
        if connection.info.parameter_status("in_hot_standby") == "on":
            # A standby may not have replayed the commit yet.
            return None
        session = connection.session
        is_same = self._is_same_run(session, trace, end)
        if trace.xid is not None and is_same is not False:
            found = self._find(session, trace.xid)
            if found.timeline != trace.timeline:
                is_same = False
            elif is_same and found.status in {"committed", "aborted"}:
                return found.status
        if look is not None and look(session):
            return "committed"
        if is_same is not False:
            # The transaction may still be under way, and its rows may still appear.
            return None
        # A transaction cannot be committed after a crash of the server that began it.
        return "unknown" if look is None else "aborted"

    def _is_same_run(self, session: Session, trace: Trace, end: float) -> bool | None:
        """Return whether the server is in the run that it began a transaction in."""
        if trace is NO_TRACE:
            return None
        now = self._connector.find_run(session)
        is_same = None if now is None else is_same_run(trace.run, now)
        if is_same is not None:
            return is_same
        if session.started != trace.started:
            return False
        if self._connector.settings.pooler:
            # A pooler's client outlives a crash of the server.
            return None
        return True if self._old_answers(trace, end) else None

    def _old_answers(self, trace: Trace, end: float) -> bool:
        """Return whether a session answers that is older than the transaction: a crash ends all."""
        with Loan(self._pool) as loan:
            old = loan.take_old(trace)
            if old is None:
                return False
            answers = self._answers(old, min(_OLD_ANSWERS, end - time.monotonic()))
            loan.give_back()
            return answers

    def _answers(self, connection: PooledConnection, seconds: float) -> bool:
        try:
            with connection.within(seconds):
                connection.execute("SELECT 1", prepare=False)
        except psycopg.Error:
            return False
        return True

    def _find(self, session: Session, xid: str) -> TransactionStatus:
        from .._engine_queries import FIND_OUTCOME  # noqa: PLC0415 (it reads files)

        try:
            rows = session.rows(FIND_OUTCOME, (xid,))
        except DatabaseError as error:
            if error.sqlstate != INVALID_PARAMETER_VALUE:
                raise
            # The server was restarted, and has not given out this id yet.
            return TransactionStatus(None, "")
        return FIND_OUTCOME.record_of(rows[0])
