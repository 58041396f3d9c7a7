"""What all tables of one seed share: sizes, timestamps, public ids, and the choice of users."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from .._public_id import PUBLIC_IDS, public_id_of
from ._chance import Draw, Timeline, draws, rank

#: It shares no factor with PUBLIC_IDS, which is 36^12, so no two ids get the same public id.
_PUBLIC_ID_STEP = 2_929_171_003_485_694_127
_GOLDEN = (math.sqrt(5) - 1) / 2


class World:
    """The sizes and timestamps of one seed."""

    def __init__(self, scale: float, seed: int, until: datetime) -> None:
        self._seed = seed
        self.users = _size(20_000, scale)
        self.teams = _size(2_000, scale)
        self.resources = _size(200_000, scale)
        self.runs = _size(300_000, scale)
        self.chats = _size(4_000, scale)
        self.events = _size(20_000, scale)
        self.timeline = Timeline(self.draws("timeline"), until)
        self._user_stride = _stride(self.users)
        self._resource_stride = _stride(self.resources)

    def draws(self, topic: str) -> Draw:
        """Return the stream of numbers of one topic, from its beginning."""
        return draws(self._seed, topic)

    def public_ids(self, table: str) -> Callable[[int], str]:
        """Return a function from the ids of a table to its public ids."""
        offset = int(self.draws(f"{table}.public_id")() * PUBLIC_IDS)
        return lambda id: public_id_of((offset + id * _PUBLIC_ID_STEP) % PUBLIC_IDS)

    def user(self, draw: Draw, share: float = 1.0) -> int:
        """Draw one of the first *share* of the users; few users are drawn most of the time."""
        return _among(rank(draw, self.users) * self._user_stride, self.users, share)

    def resource(self, draw: Draw, share: float) -> int:
        """Draw one of the first *share* of the resources; few are drawn most of the time."""
        return _among(rank(draw, self.resources) * self._resource_stride, self.resources, share)

    def user_created_at(self, user_id: int) -> int:
        """Return created_at of a user."""
        return self.timeline.at((user_id - 1) / self.users)

    def resource_created_at(self, resource_id: int) -> int:
        """Return created_at of a resource."""
        return self.timeline.at((resource_id - 1) / self.resources)


def _size(size: int, scale: float) -> int:
    return max(1, round(size * scale))


def _stride(size: int) -> int:
    """Return a number whose multiples modulo *size* reach each number once, far apart."""
    stride = max(1, int(size * _GOLDEN))
    while math.gcd(stride, size) > 1:
        stride += 1
    return stride


def _among(number: int, size: int, share: float) -> int:
    """Map any number to an id in the first *share* of 1 to *size*."""
    id = number % size
    present = max(1, int(size * share))
    return (id if id < present else id * present // size) + 1
