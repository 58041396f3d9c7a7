"""Counters of rows: the methods of the attribute ``counters``."""

from __future__ import annotations

from ..._domain import own_queries
from ...engine import AsyncRepository, json_text
from ...errors import InvalidInput, InvalidUse, NotFound
from ...records import Reconciliation
from ...records.counters import ClaimedRequests, RequestedBatch, ViewedResources
from ...records.shared import RowId
from ...validation import MAX_MANY, check_batch_size, check_id, check_int, check_key, check_type

_SQL = own_queries("counters")

_REQUEST = _SQL.bind("request", RowId)
_REQUEST_ALL = _SQL.bind("request_all", RequestedBatch)
_RECONCILE_CLAIM = _SQL.bind("reconcile__claim", ClaimedRequests)
_ADD_VIEWS = _SQL.bind("add_views", ViewedResources)
_RECONCILE = _SQL.bind("reconcile", Reconciliation)
#: Less than the id of any row.
_BEFORE_ALL = 0
#: More than anybody counts, and few enough for the counter.
_MAX_VIEWS = 2**53
_NOTHING = Reconciliation(0, 0, 0)


class AsyncCounterRepository(AsyncRepository):
    """Counters of rows, and requests to compare them with these rows (sql/counters)."""

    async def request(self, resource_id: int) -> None:
        """Request a comparison of a resource's bookmark counter (sql/counters/request.sql).

        The next reconciliation handles it. Request it before you lock the resource: reconciliation
        locks in this order. Raises `NotFound` where the resource is absent.
        """
        check_id("resource_id", resource_id)
        if await self.find_one(_REQUEST, resource_id) is None:
            raise NotFound("counters.request: no such resource", query=_REQUEST.name)

    async def request_all(self, *, batch_size: int = 10_000) -> int:
        """Request a comparison of all bookmark counters, and return their number.

        Query: sql/counters/request.sql. Each batch of 1 to 10 000 resources is one statement.
        """
        check_batch_size(batch_size)
        requested, after = 0, _BEFORE_ALL
        while True:
            batch = await self.get_one(_REQUEST_ALL, after, batch_size)
            requested += batch.requested
            if batch.last_id is None or batch.requested < batch_size:
                return requested
            after = batch.last_id

    async def reconcile(self, *, batch_size: int = 500) -> Reconciliation:
        """Correct the requested counters that are wrong (sql/counters/reconcile.sql).

        Two statements of one transaction handle at most *batch_size* requests, from 1 to 10 000,
        oldest first. The result is right while others add and remove bookmarks. A request that
        another session has locked stays in the queue. A counter that was too low is requested once
        more. Raises `InvalidUse` where your transaction is not read committed: it would not see
        what was committed after its snapshot.
        """
        check_batch_size(batch_size)

        async def claim_and_correct(counters: AsyncCounterRepository) -> Reconciliation:
            claimed = await counters.get_one(_RECONCILE_CLAIM, batch_size)
            if not claimed.is_read_committed:
                raise InvalidUse(
                    f"{_RECONCILE.name}: this transaction does not see changes that were committed "
                    "after its snapshot, and would miss wrong counters: use "
                    "isolation='read committed'"
                )
            if not claimed.ids:
                return _NOTHING
            return await counters.get_one(_RECONCILE, json_text(claimed.ids))

        return await self.atomic(claim_and_correct)

    async def add_views(self, views: dict[str, int]) -> int:
        """Add to the views of resources by public id (sql/counters/add_views.sql).

        One statement changes at most 10 000 resources, and locks them in the order of their ids.
        Returns how many were found: absent and deleted ones are left out. Changes neither revision
        nor updated_at. `ViewBuffer` sums views up for it.
        """
        check_type("views", views, dict)
        if len(views) > MAX_MANY:
            raise InvalidInput("views", f"must hold at most {MAX_MANY} resources")
        for public_id, number in views.items():
            check_key("views", public_id)
            check_int("views", number, 1, _MAX_VIEWS)
        return (await self.get_one(_ADD_VIEWS, json_text(views))).resources
