"""How a listener polls, and how long it waits after a lost connection. No I/O."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ._domain.positions import parsed_position
from .validation import MAX_MANY, check_batch_size, check_key, check_list, check_seconds

#: NOTIFY carries nothing: it only wakes.
LISTEN = "/* vrooli_data:listen */ LISTEN vrooli_data_events"
#: A sender leaves out the notifications of 50 ms behind each one, and an open transaction may hide
#: the event that one tells of. So the listener then looks so many times, so many seconds apart.
_ROUNDS = 10
_ROUND = 0.05
#: Seconds before the second attempt to connect, and at most. Each wait is random up to a bound.
_FIRST_WAIT, _LAST_WAIT = 0.1, 5.0


class ListenOptions:
    """The arguments of a listener, checked."""

    def __init__(
        self,
        after: str | None,
        entity_types: Sequence[str] | None,
        batch_size: int,
        poll_interval: float,
    ) -> None:
        if after is not None:
            parsed_position("after", after)
        if entity_types is not None:
            entity_types = check_list("entity_types", entity_types, MAX_MANY, check_key)
        check_batch_size(batch_size)
        check_seconds("poll_interval", poll_interval)
        self.after = after
        self.entity_types = entity_types
        self.batch_size = batch_size
        self.poll_interval = poll_interval


class Pace:
    """How long a listener waits for a notification before it looks by itself."""

    def __init__(self, poll_interval: float) -> None:
        self._poll_interval = poll_interval
        self._rounds = 0

    def quicken(self) -> None:
        """Look more often for a while: there was an event, or a notification."""
        self._rounds = _ROUNDS

    def next_wait(self) -> float:
        """Return the seconds until the next look."""
        if not self._rounds:
            return self._poll_interval
        self._rounds -= 1
        return min(_ROUND, self._poll_interval)


class BackOff:
    """How long a listener waits between attempts to connect."""

    def __init__(self) -> None:
        self._attempts = 0

    def next_wait(self) -> float:
        """Return the seconds until the next attempt: none before the first."""
        self._attempts += 1
        if self._attempts == 1:
            return 0.0
        bound = min(_LAST_WAIT, _FIRST_WAIT * 2.0 ** min(self._attempts - 2, 60))
        return random.uniform(0.0, bound)  # noqa: S311 (spreads load, hides nothing)

    def end(self) -> None:
        """Begin anew: the connection works."""
        self._attempts = 0
