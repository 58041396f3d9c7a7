"""Records of change events."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from .shared import JsonValue


class ChangeEvent(msgspec.Struct, frozen=True):
    """One row of change_events, as it is handed to whoever is told of the change."""

    #: Who made the change.
    user_id: int
    #: The same over all deliveries, by which a duplicate is known.
    event_id: UUID
    #: Order within the entity.
    seq: int
    entity_type: str
    entity_id: int
    change_type: str
    changed_fields: list[str]
    #: None when the entity was created, or when it is not told.
    previous_data: JsonValue
    #: None when the entity was deleted, or when it is not told.
    new_data: JsonValue
    #: Failed deliveries so far.
    attempts: int
    #: When it was sent again after it was parked; later events of the entity may have come before.
    resent_at: datetime | None
    created_at: datetime
    #: Where a reader goes on behind this event.
    position: str
