"""Change events: nearly all published, the latest not yet, a few parked, a few claimed."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from .._copying import jsonb
from ._chance import SECOND, Draw, between, pick
from ._rows import EventRow, Jsonb
from ._table import Table, seed_copy
from ._world import World

_CHANGE_EVENTS = seed_copy("change_events", EventRow)

#: Of the latest events, which no relay has delivered yet.
_UNPUBLISHED_SHARE = 0.05
#: Of ten of them, so that a small database has some of each.
_PARKED = range(2)
_ATTEMPTS = 10
#: By a relay that was killed.
_CLAIMED = range(2, 4)
_CLAIM = UUID("00000000-0000-4000-8000-000000000001")
_BEFORE, _AFTER = jsonb(b'{"is_private": true}'), jsonb(b'{"is_private": false}')
_CHANGES: tuple[tuple[str, list[str], Jsonb | None, Jsonb | None], ...] = (
    ("created", [], None, _AFTER),
    ("updated", ["is_private"], _BEFORE, _AFTER),
    ("updated", ["is_private"], _AFTER, _BEFORE),
    ("deleted", [], _BEFORE, None),
)


def tables(world: World) -> Iterator[Table]:
    """Return the events."""
    yield Table(_CHANGE_EVENTS, world.events, _events(world))


def _events(world: World) -> Iterator[EventRow]:
    draw = world.draws("events")
    for number in range(world.events):
        share = number / world.events
        created_at = world.timeline.at(share)
        is_published = share < 1 - _UNPUBLISHED_SHARE
        is_parked = not is_published and number % 10 in _PARKED
        is_claimed = not is_published and number % 10 in _CLAIMED
        change_type, changed_fields, previous_data, new_data = pick(draw, _CHANGES)
        yield EventRow(
            world.user(draw, share),
            _uuid(draw),
            number + 1,
            "resource",
            world.resource(draw, share),
            change_type,
            changed_fields,
            previous_data,
            new_data,
            min(created_at + SECOND, world.timeline.end) if is_published else None,
            _ATTEMPTS if is_parked else 0,
            between(draw, created_at, world.timeline.end) if is_parked else None,
            _CLAIM if is_claimed else None,
            created_at + SECOND if is_claimed else None,
            created_at,
        )


def _uuid(draw: Draw) -> UUID:
    high, low = int(draw() * 2**53), int(draw() * 2**53)
    return UUID(int=high << 53 | low, version=4)
