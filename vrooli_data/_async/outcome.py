"""What became of a transaction whose COMMIT went unanswered."""

from __future__ import annotations

import logging
import time
from typing import Any, TypeAlias

import psycopg

from .._queries import Query, query
from .._transactions import NO_TRACE, NOT_KNOWN, Trace
from ..errors import CommitUnknown, DatabaseError, VrooliDataError
from ..records.transactions import Outcome
from ._compat import Body, sleep
from .connector import AsyncConnector
from .pooled_connection import AsyncPooledConnection
from .session import AsyncSession

logger = logging.getLogger("vrooli_data")

#: Looks on a connection for what the transaction would have written.
Look: TypeAlias = Body[AsyncSession, bool]

_FIND_OUTCOME = query("transactions.find_outcome", Outcome)
_NOT_YET_GIVEN = "22023"

#: Seconds between two questions, at first and at most.
_FIRST_WAIT, _LAST_WAIT = 0.005, 0.2


class AsyncResolver:
    """Asks the server, on connections of its own, what became of transactions."""

    def __init__(self, connector: AsyncConnector, timeout: float) -> None:
        self._connector = connector
        #: Seconds to wait for COMMIT's reply, and as many again for the outcome.
        self.timeout = timeout

    async def outcome(self, trace: Trace, look: Look | None) -> str:
        """Return ``"committed"``, ``"aborted"``, or ``"unknown"`` when the time is up."""
        end = time.monotonic() + self.timeout
        wait = _FIRST_WAIT
        while trace.xid is not None or look is not None:
            answer = await self._ask(trace, look, end)
            if answer is not None:
                return answer
            if time.monotonic() + wait > end:
                break
            await sleep(wait)
            wait = min(wait * 2, _LAST_WAIT)
        return "unknown"

    def unknown(
        self,
        message: str,
        query: str | None,
        trace: Trace = NO_TRACE,
        look: Look | None = None,
    ) -> CommitUnknown:
        """Make the error that says that nobody can tell yet, and how to ask again."""

        async def ask() -> str:
            return await self.outcome(trace, look)

        return CommitUnknown(message, query=query, xid=trace.xid, timeline=trace.timeline, ask=ask)

    def tell(self, query: Query[Any], error: BaseException, note: str) -> None:
        """Say what became of a lone write that raised: by a note, or by `CommitUnknown`."""
        if query.only_reads:
            return
        is_interrupted = not isinstance(error, VrooliDataError)
        if note == NOT_KNOWN:
            how = "the call was interrupted" if is_interrupted else "the connection was lost"
            raise self.unknown(
                f"{query.name}: {how}, and a lone statement leaves no trace by which to tell "
                "whether it was committed",
                query.name,
            ) from None
        if is_interrupted:
            error.add_note(note)

    async def _ask(self, trace: Trace, look: Look | None, end: float) -> str | None:
        """Ask once; None when the server does not answer, or not yet."""
        try:
            async with await self._connector.connect(end - time.monotonic()) as connection:
                with connection.within(end - time.monotonic()):
                    return await self._answer(connection, trace, look)
        except (VrooliDataError, psycopg.Error) as error:
            logger.info("what became of COMMIT could not be asked: %s", type(error).__name__)
            return None

    async def _answer(
        self, connection: AsyncPooledConnection, trace: Trace, look: Look | None
    ) -> str | None:
        if connection.info.parameter_status("in_hot_standby") == "on":
            # It may not have heard of the commit yet.
            return None
        is_same_run = connection.session.statistics_since == trace.statistics_since
        # By another run nothing is committed that this one does not have.
        is_over = not is_same_run
        if trace.xid is not None:
            found = await self._find(connection.session, trace.xid)
            is_same_run = is_same_run and found.timeline == trace.timeline
            if is_same_run and found.status in {"committed", "aborted"}:
                return found.status
            is_over = found.status != "in progress"
        if look is not None and await look(connection.session):
            return "committed"
        if not is_over:
            return None
        return "unknown" if look is None else "aborted"

    async def _find(self, session: AsyncSession, xid: str) -> Outcome:
        try:
            rows = await session.rows(_FIND_OUTCOME, (xid,))
        except DatabaseError as error:
            if error.sqlstate != _NOT_YET_GIVEN:
                raise
            # Another run of the server, which has not come so far yet.
            return Outcome(None, "")
        return _FIND_OUTCOME.record_of(rows[0])
