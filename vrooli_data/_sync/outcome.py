# Generated from vrooli_data/_async/outcome.py by tests/unasync.py. Do not edit.
"""What became of a transaction whose COMMIT went unanswered."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from .._queries import Query, query
from .._retry import Reason, reason_of
from ..errors import CommitUnknown, VrooliDataError
from ..records.transactions import Outcome
from ._compat import deadline, sleep
from .connector import Connector

_FIND_OUTCOME = query("transactions.find_outcome", Outcome)

#: Seconds between two questions, at first and at most.
_FIRST_WAIT, _LAST_WAIT = 0.005, 0.2


class Resolver:
    """Asks the server, on connections of its own, what became of transactions."""

    def __init__(self, connector: Connector, timeout: float) -> None:
        self._connector = connector
        #: Seconds to wait for COMMIT's reply, and as many again for the outcome.
        self.timeout = timeout

    def outcome(self, xid: str, timeline: str) -> str:
        """Return ``"committed"``, ``"aborted"``, or ``"unknown"`` when the time is up."""
        end = time.monotonic() + self.timeout
        wait = _FIRST_WAIT
        while True:
            found = self._ask(xid, end)
            if found is not None and found.timeline != timeline:
                # Another server has taken over, and counts its transactions anew.
                return "unknown"
            if found is not None and found.status != "in progress":
                return found.status or "unknown"
            if time.monotonic() + wait > end:
                return "unknown"
            sleep(wait)
            wait = min(wait * 2, _LAST_WAIT)

    def unknown(
        self, message: str, query: str | None, xid: str | None = None, timeline: str | None = None
    ) -> CommitUnknown:
        """Make the error that says that nobody can tell yet, and how to ask again."""

        def ask() -> str:
            if xid is None or timeline is None:
                return "unknown"
            return self.outcome(xid, timeline)

        return CommitUnknown(message, query=query, xid=xid, timeline=timeline, ask=ask)

    def refuse_to_guess(self, query: Query[Any], error: BaseException) -> None:
        """Raise `CommitUnknown` where a lone write may have run before its connection was lost."""
        if reason_of(error) is Reason.LOST and not query.only_reads:
            raise self.unknown(
                f"{query.name}: the connection was lost, and a lone statement leaves no trace "
                "by which to tell whether it was committed",
                query.name,
            ) from None

    def _ask(self, xid: str, end: float) -> Outcome | None:
        """Ask once; None when the server does not answer, or not yet."""
        try:
            with self._connector.connect(end - time.monotonic()) as connection:
                with deadline(connection, end - time.monotonic()):
                    rows = connection.session.rows(_FIND_OUTCOME, (xid,))
        except (VrooliDataError, psycopg.Error):
            return None
        return _FIND_OUTCOME.record_of(rows[0])
