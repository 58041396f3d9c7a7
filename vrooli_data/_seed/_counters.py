"""Requests to compare the counters of some resources with their bookmarks."""

from __future__ import annotations

from collections.abc import Iterator

from ._chance import happens
from ._rows import RequestRow
from ._table import Table, seed_copy
from ._world import World

_COUNTER_RECONCILIATIONS = seed_copy("counter_reconciliations", RequestRow)

#: Of the resources.
_SHARE = 0.01


def tables(world: World) -> Iterator[Table]:
    """Return the requests."""
    yield Table(_COUNTER_RECONCILIATIONS, None, _requests(world))


def _requests(world: World) -> Iterator[RequestRow]:
    draw = world.draws("requests")
    for id in range(1, world.resources + 1):
        if happens(draw, _SHARE):
            yield RequestRow("resource", id, "bookmarks", world.timeline.end)
