"""Which reads share a connection in pipeline mode, by how long their queries take. No I/O."""

from __future__ import annotations

from typing import Any

import msgspec

from ._bound import BoundQuery
from .errors import InvalidInput

_MOST_CONNECTIONS = 10_000
_MOST_READS = 10_000

#: A query may join if it took so many times the longest time when it ran alone. That measure is too
#: high while the event loop is busy, and so the shortest of the latest ones counts.
_ALONE = 4
#: How fast an old measure of a query that ran alone loses its weight.
_AGING = 1.1
#: Seconds that a query takes at least. One that took none beside the round trip would never age.
_SHORTEST = 0.0001
#: How much one measure in a pipeline moves the share of late ones, and the mean. On a busy machine
#: some are late, whatever the query does.
_SHARE_STEP, _MEAN_STEP = 1 / 8, 1 / 64
#: More late ones than that drive a query out, and so does a mean of so many times the longest time.
_MOST_LATE, _MOST_MEAN = 1 / 2, 5
#: One measure counts as so many times the longest time at most: the event loop may have paused.
_MOST = 100
#: Seconds for which a query that was too slow in a pipeline runs alone.
_EXCLUSION = 10.0


class PipelinePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How concurrent reads of `AsyncDatabase` share connections; see docs/pipelines.md."""

    #: Connections in pipeline mode at most; they are part of *max_size*.
    connections: int = 2
    #: Reads under way on one connection at most. Others wait for a place.
    depth: int = 32
    #: Seconds without the round trip; a query that mostly takes longer has a connection for itself.
    longest: float = 0.002

    def __post_init__(self) -> None:
        """Check the fields."""
        for field, most in (("connections", _MOST_CONNECTIONS), ("depth", _MOST_READS)):
            value = getattr(self, field)
            if type(value) is not int or not 1 <= value <= most:
                raise InvalidInput(field, f"must be an int from 1 to {most}")
        if type(self.longest) not in (int, float) or not 0 < self.longest < float("inf"):
            raise InvalidInput("longest", "must be a number of seconds above 0")


def checked_pipeline(field: str, given: bool | PipelinePolicy | None) -> PipelinePolicy | None:
    """Return the policy that is given; None for False, and the default policy for the others."""
    if given is None or given is True:
        return PipelinePolicy()
    if given is False:
        return None
    if not isinstance(given, PipelinePolicy):
        raise InvalidInput(field, f"must be a bool or a PipelinePolicy, not {type(given).__name__}")
    return given


class Durations:
    """How long each query has taken lately, and so whether it may share a connection."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        #: About the shortest of the latest times of a query on a connection of its own, in seconds.
        self._alone: dict[BoundQuery[..., Any], float] = {}
        #: Of a query in a pipeline: the share of late executions, and the mean time.
        self._shared: dict[BoundQuery[..., Any], tuple[float, float]] = {}
        #: Until when a query runs alone.
        self._excluded: dict[BoundQuery[..., Any], float] = {}

    def may_share(self, query: BoundQuery[..., Any], now: float) -> bool:
        """Return whether a query is known to be quick."""
        alone = self._alone.get(query)
        if alone is None or alone > self._longest * _ALONE:
            return False
        if not self._excluded:
            return True
        until = self._excluded.get(query)
        if until is None:
            return True
        if now < until:
            return False
        del self._excluded[query]
        return True

    def exclude(self, query: BoundQuery[..., Any], now: float) -> None:
        """Have a query run alone for a while."""
        self._excluded[query] = now + _EXCLUSION

    def ran_alone(self, query: BoundQuery[..., Any], seconds: float) -> None:
        """Count an execution on a connection of its own; *seconds* without the round trip."""
        seconds = max(seconds, _SHORTEST)
        before = self._alone.get(query)
        self._alone[query] = seconds if before is None else min(seconds, before * _AGING)

    def ran_shared(self, query: BoundQuery[..., Any], seconds: float, now: float) -> None:
        """Count an execution in a pipeline, from when it was the first in it.

        *seconds* are those without the round trip.
        """
        longest = self._longest
        late, mean = self._shared.get(query, (0.0, 0.0))
        late += ((seconds > longest) - late) * _SHARE_STEP
        mean += (min(seconds, longest * _MOST) - mean) * _MEAN_STEP
        if late > _MOST_LATE or mean > longest * _MOST_MEAN:
            self.exclude(query, now)
            late = mean = 0.0
        self._shared[query] = late, mean
