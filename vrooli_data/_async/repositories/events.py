"""Change events: the methods of the attribute ``events``."""

from __future__ import annotations

from uuid import UUID, uuid4

from ..._domain import own_queries
from ...engine import AsyncRepository, json_text
from ...inputs import CreateEvent
from ...records import ChangeEvent
from ...validation import check_id, check_type, checked

_SQL = own_queries("events")

_FIND_BY_EVENT_ID = _SQL.bind("find_by_event_id", ChangeEvent)
_RECORD = _SQL.bind("record", ChangeEvent)


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
        """
        values = checked("event", event, CreateEvent)
        return await self.get_one(
            _RECORD,
            values["user_id"],
            values["event_id"] or uuid4(),
            values["entity_type"],
            values["entity_id"],
            values["change_type"],
            values["changed_fields"],
            _json(values["previous_data"]),
            _json(values["new_data"]),
        )


def _json(value: object) -> str | None:
    return None if value is None else json_text(value)
