"""Records of what users and teams did in a period."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

PeriodType: TypeAlias = Literal["Hourly", "Daily", "Weekly", "Monthly", "Yearly"]


class UserStats(msgspec.Struct, frozen=True, gc=False):
    """One row of stats_users: what one user did in one period."""

    user_id: int
    period_type: PeriodType
    period_start: datetime
    #: Not part of the period.
    period_end: datetime
    runs_started: int
    runs_completed: int
    #: Soft deletions.
    resources_deleted: int
    created_at: datetime
    updated_at: datetime


class TeamStats(msgspec.Struct, frozen=True, gc=False):
    """One row of stats_teams: what happened in one team in one period."""

    team_id: int
    period_type: PeriodType
    period_start: datetime
    #: Not part of the period.
    period_end: datetime
    members_created: int
    created_at: datetime
    updated_at: datetime
