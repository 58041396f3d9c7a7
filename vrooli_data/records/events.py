"""Records of change events."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from .shared import JsonValue


class Notification(msgspec.Struct, frozen=True, gc=False):
    """A notification that was sent to listeners."""

    #: The setting of its transaction.
    synchronous_commit: str
    #: Empty.
    sent: str


class ChangeEvent(msgspec.Struct, frozen=True):
    """One row of change_events, as a handler or a listener gets it."""

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
    #: None when the entity was created, or when the event leaves it out.
    previous_data: JsonValue
    #: None when the entity was deleted, or when the event leaves it out.
    new_data: JsonValue
    #: Failed deliveries so far.
    attempts: int
    #: When it was sent again after it was parked; later events of the entity may have come before.
    resent_at: datetime | None
    created_at: datetime
    #: Where a reader goes on behind this event.
    position: str


class ReadEvents(msgspec.Struct, frozen=True):
    """Events behind a position, and whether the position is still good."""

    system_identifier: int
    #: Events behind the position were pruned.
    is_pruned: bool
    #: There is an event at the position, or there was one until it was pruned.
    is_known: bool
    #: Of the last event that was read. None when there was none.
    position: str | None
    #: How many events were read, of whatever entity.
    event_count: int
    events: list[ChangeEvent]


class HorizonHolder(msgspec.Struct, frozen=True):
    """The open transaction that hides all events of later ones; it may be of another database."""

    #: None for a prepared transaction.
    pid: int | None
    #: The name of a prepared transaction. None for a session.
    gid: str | None
    database: str | None
    application_name: str | None
    role: str | None
    #: None for a prepared transaction, and where the role may not see it.
    state: str | None
    #: When it was begun or prepared. None where the role may not see it.
    since: datetime | None


class EventLag(msgspec.Struct, frozen=True):
    """How far the delivery of events is behind."""

    #: Neither published nor parked.
    unpublished: int
    #: Given up by a relay.
    parked: int
    #: Of the oldest event that is neither published nor parked. None when there is none.
    oldest_age: timedelta | None
    #: Committed, and not yet shown to listeners, because a transaction that began before is open.
    hidden: int
    #: With an xid of another server, which hides them until `restamp`.
    restored: int
    #: None when no transaction with an xid is open.
    holder: HorizonHolder | None


class ParkedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that relays have given up, without its data."""

    user_id: int
    event_id: UUID
    #: Order within the entity.
    seq: int
    entity_type: str
    entity_id: int
    change_type: str
    #: Failed deliveries since it was recorded, or sent again.
    attempts: int
    #: The class of the latest error.
    last_error: str | None
    parked_at: datetime
    #: When it was last sent again.
    resent_at: datetime | None
    created_at: datetime


class EventKey(msgspec.Struct, frozen=True, gc=False):
    """The key of an event."""

    user_id: int
    event_id: UUID


class EventHead(msgspec.Struct, frozen=True, gc=False):
    """An entity, and the seq of the first event that it has to deliver."""

    entity_type: str
    entity_id: int
    seq: int


class EventHeads(msgspec.Struct, frozen=True):
    """What a walk over entities has come upon, and how far it has come."""

    #: How many it has passed.
    entities: int
    #: The last of them, or the one that it went on behind.
    entity_type: str
    entity_id: int
    #: Those that are free.
    heads: list[EventHead]
