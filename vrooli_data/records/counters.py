"""Records of counters."""

from __future__ import annotations

import msgspec


class Reconciliation(msgspec.Struct, frozen=True, gc=False):
    """The result of comparing counters with the rows that they count."""

    #: Requests that were taken out of the queue.
    checked: int
    #: Counters that were wrong, and are corrected.
    wrong: int
    #: The sum of what each of them was too high or too low.
    difference: int


class RequestedBatch(msgspec.Struct, frozen=True, gc=False):
    """One batch of requests for all resources."""

    requested: int
    #: None in an empty batch.
    last_id: int | None


class ClaimedRequests(msgspec.Struct, frozen=True):
    """Requests that were taken out of the queue."""

    #: Of their resources, in ascending order.
    ids: list[int]
    #: Whether the next statement sees what was committed before the requests were locked.
    is_read_committed: bool


class ViewedResources(msgspec.Struct, frozen=True, gc=False):
    """The resources whose views were counted."""

    resources: int
