"""Events of changes: what a statement is to record, and when listeners are notified. No I/O."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from ._public_id import new_event_id
from ._rows import Row
from .records.events import ChangeEvent
from .validation import check_type

#: Seconds from one notification to the next.
_INTERVAL = 0.05


class Recording(NamedTuple):
    """The event that a statement records if it makes its change."""

    #: Who makes the change.
    user_id: int
    event_id: UUID
    entity_type: str
    #: None where the statement creates the entity.
    entity_id: int | None
    change_type: str

    @property
    def key(self) -> tuple[int, UUID]:
        """The key of the event, as `events.find_by_event_id` takes it."""
        return self.user_id, self.event_id

    def matches(self, event: ChangeEvent) -> bool:
        """Return whether an event of this key is of this change, and not of an earlier one."""
        return (
            event.entity_type == self.entity_type
            and event.change_type == self.change_type
            and self.entity_id in (None, event.entity_id)
        )


def checked_event_id(event_id: UUID | None) -> UUID:
    """Return the id that a caller has given, or else a new one."""
    if event_id is None:
        return new_event_id()
    check_type("event_id", event_id, UUID)
    return event_id


def is_recorded(rows: Sequence[Row]) -> bool:
    """Return whether a statement has made its change, and so has recorded the event of it.

    Where a change is refused, its statement returns no row, or NULL in the last column.
    """
    return bool(rows) and rows[0][-1] is not None


class Notifications:
    """Decides when a database notifies listeners: at once, and then not for a moment.

    Who was woken looks for further events for a while.
    """

    def __init__(self) -> None:
        self._next = 0.0
        self._lock = Lock()

    def is_due(self) -> bool:
        """Return whether to notify now; the next call within a moment gets False."""
        if not self._lock.acquire(blocking=False):
            # Another thread is about to notify.
            return False
        try:
            now = time.monotonic()
            if now < self._next:
                return False
            self._next = now + _INTERVAL
            return True
        finally:
            self._lock.release()
