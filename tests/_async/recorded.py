"""Calls that record an event, and rows as events hold them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from vrooli_data import (
    AsyncDatabase,
    AsyncHeldConnection,
    AsyncTransaction,
    CreateEvent,
    CreateResource,
    UpdateResource,
)

from ._compat import Use

Executor: TypeAlias = AsyncDatabase | AsyncHeldConnection | AsyncTransaction
Change: TypeAlias = Use[Executor]

#: The id of the event that each call records, of the user 1.
ID = UUID(int=7)
#: Each changes the resource or the run 1, which is as it was made.
CHANGES: list[Change] = [
    lambda db: db.resources.create_with_event(
        CreateResource(resource_type="Note"), changed_by=1, event_id=ID
    ),
    lambda db: db.resources.update_with_event(
        1, UpdateResource(is_private=True), changed_by=1, expected_revision=0, event_id=ID
    ),
    lambda db: db.resources.delete_with_event(1, changed_by=1, event_id=ID),
    lambda db: db.resources.soft_delete_with_event(1, 1, event_id=ID),
    lambda db: db.runs.update_status_with_event(1, "Cancelled", changed_by=1, event_id=ID),
    lambda db: db.runs.update_status_with_event(
        1, "Cancelled", changed_by=1, user_id=1, event_id=ID
    ),
    lambda db: db.events.record(
        CreateEvent(user_id=1, entity_type="invoice", entity_id=1, change_type="paid", event_id=ID)
    ),
]


def row(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record as an event holds its row, with times to compare."""
    return times(msgspec.to_builtins(record))


def times(data: Any) -> dict[str, Any]:
    """Read the times of a row."""
    return {
        key: datetime.fromisoformat(value) if value and key.endswith("_at") else value
        for key, value in data.items()
    }
