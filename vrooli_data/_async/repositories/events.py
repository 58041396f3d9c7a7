"""Change events: the methods of the attribute ``events``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import UUID

from ..._domain import own_queries
from ..._domain.positions import EventBatch, checked_batch, parsed_position
from ...engine import AsyncRepository, Page, Recording, checked_event_id, json_text
from ...inputs import CreateEvent
from ...records import ChangeEvent, EventLag, ParkedEvent
from ...records.events import ReadEvents
from ...validation import (
    MAX_MANY,
    check_age,
    check_batch_size,
    check_id,
    check_key,
    check_list,
    check_type,
    checked,
)

_SQL = own_queries("events")

_FIND_BY_EVENT_ID = _SQL.bind("find_by_event_id", ChangeEvent)
_LIST_PARKED = _SQL.listing("list_parked__parked_at", ParkedEvent, key="parked_at", tie="seq")
_PRUNE = _SQL.scalar("prune", int)
_RECORD = _SQL.bind("record", ChangeEvent)
_POSITION = _SQL.scalar("position", str)
_LIST_AFTER = _SQL.bind("list_after", ReadEvents)
_LAG = _SQL.bind("lag", EventLag)
_RESTAMP = _SQL.scalar("restamp", int)
_RESTAMP__PRUNED = _SQL.scalar("restamp__pruned", int)
_RESEND = _SQL.bind("resend", ChangeEvent)


class AsyncEventRepository(AsyncRepository):
    """Events of changes, which are delivered once they are committed (sql/events)."""

    async def find_by_event_id(self, user_id: int, event_id: UUID) -> ChangeEvent | None:
        """Fetch one event by its user and its id (sql/events/read.sql)."""
        check_id("user_id", user_id)
        check_type("event_id", event_id, UUID)
        return await self.find_one(_FIND_BY_EVENT_ID, user_id, event_id)

    async def record(self, event: CreateEvent) -> ChangeEvent:
        """Record one event of an entity that the application keeps (sql/events/write.sql).

        Record it in the transaction of the change. The entity stays locked until the end of the
        transaction, so that its events are delivered in the order in which they were recorded.
        Raises `AlreadyExists` where the user has an event with this id.
        """
        values = checked("event", event, CreateEvent)
        recording = Recording(
            values["user_id"],
            checked_event_id(values["event_id"]),
            values["entity_type"],
            values["entity_id"],
            values["change_type"],
        )
        return await self.get_recorded(
            _RECORD,
            *recording.key,
            values["entity_type"],
            values["entity_id"],
            values["change_type"],
            values["changed_fields"],
            _json(values["previous_data"]),
            _json(values["new_data"]),
            recording=recording,
            from_event=lambda event: event,
        )

    async def position(self) -> str:
        """Name the position of the latest event that a listener may have been handed.

        A listener that goes on behind it is handed what is committed from now on, and what an open
        transaction hides (sql/events/listen.sql).
        """
        return await self.get_scalar(_POSITION)

    async def list_after(
        self,
        position: str,
        *,
        entity_types: Sequence[str] | None = None,
        batch_size: int = 1_000,
    ) -> EventBatch:
        """Fetch the events behind a position, in their order (sql/events/listen.sql).

        Raises `EventsMissed` where some of them are gone, and `OtherServer`.

        Args:
            position: of an event, of the batch before, or what `position` returned.
            entity_types: the types of the entities whose events are returned; None is all.
            batch_size: events that are read, from 1 to 10 000.
        """
        _, xid, seq = parsed_position("position", position)
        types = entity_types
        if types is not None:
            types = check_list("entity_types", types, MAX_MANY, check_key)
        check_batch_size(batch_size)
        read = await self.get_one(_LIST_AFTER, str(xid), seq, types, batch_size)
        return checked_batch(_LIST_AFTER.name, position, read, batch_size)

    async def lag(self) -> EventLag:
        """Tell how far delivery is behind, and who holds it back (sql/events/listen.sql)."""
        return await self.get_one(_LAG)

    async def restamp(self, *, batch_size: int = 1_000) -> int:
        """Show listeners the events that were restored from another server (sql/events/listen.sql).

        Their transaction ids are of the future here, and hide them. They get ids of this server,
        batch by batch in their order, each batch in a transaction of its own. Returns how many.
        """
        check_batch_size(batch_size)
        await self.get_scalar(_RESTAMP__PRUNED)
        count = 0
        while True:
            restamped = await self.get_scalar(_RESTAMP, batch_size)
            count += restamped
            if restamped < batch_size:
                return count

    async def list_parked(self, *, cursor: str | None = None, limit: int = 20) -> Page[ParkedEvent]:
        """List the events that relays have given up, newest parked first (sql/events/parked.sql).

        *limit* is from 1 to 500.
        """
        return await self.page(_LIST_PARKED, cursor=cursor, limit=limit)

    def iter_parked(self, *, batch_size: int = 1_000) -> AsyncIterator[ParkedEvent]:
        """Iterate over the events that relays have given up (sql/events/parked.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        return self.iterate(_LIST_PARKED, batch_size=batch_size)

    async def resend(self, user_id: int, event_id: UUID) -> ChangeEvent | None:
        """Put a parked event back into the queue; None if none is parked (sql/events/parked.sql).

        No attempts are counted any more. `resent_at` tells its handler that later events of the
        entity may have come before it.
        """
        check_id("user_id", user_id)
        check_type("event_id", event_id, UUID)
        return await self.find_one(_RESEND, user_id, event_id)

    async def prune(self, older_than: timedelta, *, batch_size: int = 1_000) -> int:
        """Delete events that were published longer ago, and count them (sql/events/prune.sql).

        Outside of a transaction, each batch commits by itself. *older_than* is at most 36 500 days,
        *batch_size* from 1 to 10 000.
        """
        check_age("older_than", older_than)
        check_batch_size(batch_size)
        pruned = 0
        while True:
            deleted = await self.get_scalar(_PRUNE, older_than, batch_size)
            pruned += deleted
            if deleted < batch_size:
                return pruned


def _json(value: object) -> str | None:
    return None if value is None else json_text(value)
