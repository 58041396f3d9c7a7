"""All tables of the seed, in an order that satisfies their foreign keys."""

from __future__ import annotations

from collections.abc import Iterator

from . import _chats, _counters, _events, _people, _resources, _runs, _stats
from ._table import Table
from ._world import World


def tables(world: World) -> Iterator[Table]:
    """Yield the tables; referenced tables come first."""
    yield from _people.tables(world)
    yield from _resources.tables(world)
    yield from _runs.tables(world)
    yield from _chats.tables(world)
    yield from _events.tables(world)
    yield from _counters.tables(world)
    yield from _stats.tables(world)
