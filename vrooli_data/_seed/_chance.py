"""Random choices, ranks and timestamps; a seed always gives the same ones."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import TypeAlias, TypeVar

T = TypeVar("T")

#: Returns numbers from 0 up to, but not including, 1.
Draw: TypeAlias = Callable[[], float]

#: A timestamp is stored as in PostgreSQL: microseconds since this moment.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MILLISECOND = 1000
SECOND = 1_000_000
HOUR = 3600 * SECOND
_HOURS = 730 * 24
_NIGHT = range(7)
_WEEKEND = range(2)
#: The share of the hours whose rows all have one timestamp, as after an import.
_AT_ONCE = 0.01


def draws(seed: int, topic: str) -> Draw:
    """Return the random numbers of one topic; each topic has its own stream."""
    # random() is the only function of the module whose numbers stay the same in later versions.
    return random.Random(f"{seed}:{topic}").random  # noqa: S311


def happens(draw: Draw, probability: float) -> bool:
    """Return True with the given probability."""
    return draw() < probability


def pick(draw: Draw, choices: Sequence[T]) -> T:
    """Draw one of *choices*; all have the same probability."""
    return choices[int(draw() * len(choices))]


def rank(draw: Draw, size: int) -> int:
    """Draw a rank from 1 to *size* by Zipf's law: the second half as often as the first."""
    return min(int((size + 1.0) ** draw()), size)


def between(draw: Draw, low: int, high: int) -> int:
    """Draw a timestamp from *low* to *high*, more often early than late."""
    return low + int((high - low) * draw() ** 3)


def spread(weights: dict[T, int]) -> tuple[T, ...]:
    """Repeat each key as often as its weight, so that `pick` draws it with that weight."""
    return tuple(key for key, weight in weights.items() for _ in range(weight))


class Timeline:
    """Timestamps of two years: with growth, days and nights, quiet weekends, and bursts."""

    def __init__(self, draw: Draw, until: datetime) -> None:
        self.end = int((until - EPOCH).total_seconds()) * SECOND
        self._start = self.end - _HOURS * HOUR
        weights: list[float] = []
        self._at_once: set[int] = set()
        burst = 1.0
        for hour in range(_HOURS):
            if hour % 24 == 0:
                burst = 1 / (1 - draw() * 0.97)
            if happens(draw, _AT_ONCE):
                self._at_once.add(hour)
            growth = 0.2 + hour / _HOURS
            night = 0.2 if hour % 24 in _NIGHT else 1.0
            weekend = 0.4 if hour // 24 % 7 in _WEEKEND else 1.0
            weights.append(growth * night * weekend * burst * (0.5 + draw()))
        self._weights = weights
        self._sums = list(accumulate(weights))

    def at(self, share: float) -> int:
        """Return the timestamp before which the *share*, from 0 up to 1, of all rows lies."""
        target = share * self._sums[-1]
        hour = bisect_right(self._sums, target)
        begin = self._start + hour * HOUR
        if hour in self._at_once:
            return begin
        weight = self._weights[hour]
        return begin + int((target - self._sums[hour] + weight) / weight * HOUR)
