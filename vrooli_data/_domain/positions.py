"""Positions of events, and batches of the events after them. No I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from ..errors import EventsMissed, InvalidInput, OtherServer
from ..records.events import ChangeEvent, ReadEvents
from ..validation import MAX_BIGINT

_MAX_XID = 2**64 - 1
_MIN_BIGINT = -(2**63)
_TEXT = re.compile(r"(0|-?[1-9][0-9]{0,18})/(0|[1-9][0-9]{0,19})/(0|-?[1-9][0-9]{0,18})")
_EXPECTED = "must be a position of an event, or one of events.position()"


class EventPosition(NamedTuple):
    """The position of an event in the order in which listeners receive events."""

    system_identifier: int
    xid: int
    seq: int


class EventBatch(msgspec.Struct, frozen=True):
    """The events after a position, as many as one call reads."""

    events: list[ChangeEvent]
    #: The position for the next call.
    position: str
    #: Whether there may be more events now.
    is_full: bool


def parsed_position(field: str, text: str) -> EventPosition:
    """Parse a position; refuse a text that is not one."""
    found = _TEXT.fullmatch(text) if type(text) is str else None
    if found is None:
        raise InvalidInput(field, _EXPECTED)
    identifier, xid, seq = map(int, found.groups())
    are_bigint = all(_MIN_BIGINT <= each <= MAX_BIGINT for each in (identifier, seq))
    if xid > _MAX_XID or not are_bigint:
        raise InvalidInput(field, _EXPECTED)
    return EventPosition(identifier, xid, seq)


def checked_batch(query: str, text: str, read: ReadEvents, size: int) -> EventBatch:
    """Return the events after a position; raise if some may be missing.

    Raises `OtherServer` and `EventsMissed`.
    """
    position = parsed_position("position", text)
    if position.system_identifier != read.system_identifier:
        raise OtherServer(query=query, position=text)
    if read.is_pruned:
        raise EventsMissed("events behind the position were pruned", query=query, position=text)
    if not read.is_known:
        raise EventsMissed(
            "there is no event at the position: the server lost it in a failover or a crash, "
            "or it was rolled back",
            query=query,
            position=text,
        )
    return EventBatch(read.events, read.position or text, is_full=read.event_count == size)
