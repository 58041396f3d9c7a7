"""Runs: details and statistics."""

from __future__ import annotations

from .._queries import query
from .._validate import check_id
from ..records import ExecutionStats, RunDetails
from .repository import AsyncRepository

_FIND_WITH_DETAILS = query("runs.find_with_details", RunDetails)
_FIND_WITH_DETAILS_OF_USER = query("runs.find_with_details__of_user", RunDetails)
_GET_EXECUTION_STATS = query("runs.get_execution_stats", ExecutionStats)
_GET_EXECUTION_STATS_OF_USER = query("runs.get_execution_stats__of_user", ExecutionStats)


class AsyncRunRepository(AsyncRepository):
    """Runs with their steps and values (sql/runs)."""

    async def find_with_details(self, id: int, *, user_id: int | None = None) -> RunDetails | None:
        """Fetch one run with its version, user, steps, inputs and outputs (sql/runs/read.sql).

        With *user_id*, the run is found only if it is that user's; on a sharded database this
        asks one shard alone.
        """
        check_id("id", id)
        if user_id is None:
            return await self._find(_FIND_WITH_DETAILS, id)
        check_id("user_id", user_id)
        return await self._find(_FIND_WITH_DETAILS_OF_USER, id, user_id)

    async def get_execution_stats(self, *, user_id: int | None = None) -> ExecutionStats:
        """Count runs by status and average the completed ones, in milliseconds.

        Queries: sql/runs/read.sql. Of one user, or of all: that reads every run.
        """
        if user_id is None:
            return await self._get(_GET_EXECUTION_STATS)
        check_id("user_id", user_id)
        return await self._get(_GET_EXECUTION_STATS_OF_USER, user_id)
