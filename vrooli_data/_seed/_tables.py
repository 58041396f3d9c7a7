"""Every table of the seed, in the order in which they can be filled."""

from __future__ import annotations

from collections.abc import Iterator

from . import _chats, _people, _resources, _runs
from ._table import Table
from ._world import World


def tables(world: World) -> Iterator[Table]:
    """Return the tables; those that others refer to come first."""
    yield from _people.tables(world)
    yield from _resources.tables(world)
    yield from _runs.tables(world)
    yield from _chats.tables(world)
