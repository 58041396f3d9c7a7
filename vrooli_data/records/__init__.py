"""The records that queries return, one module per aggregate.

They are frozen: no field can be set. Callers may change the lists and JSON values in a record, so a
record that holds any is not hashable.
"""

from __future__ import annotations

from .bookmarks import Bookmark
from .chats import Chat, Participant, UserChat
from .counters import Reconciliation
from .events import ChangeEvent, EventLag, HorizonHolder, ParkedEvent
from .members import Member
from .resources import (
    BulkUpdate,
    LatestVersion,
    Resource,
    ResourceCounts,
    ResourceOrder,
    ResourceTranslation,
    ResourceType,
    ResourceVersion,
    ResourceWithLatestVersion,
    ResourceWithVersion,
    SoftDeletion,
    UpdateConflict,
)
from .runs import (
    ExecutionStats,
    FinalStepStatus,
    Run,
    RunDetails,
    RunResource,
    RunResourceVersion,
    RunStatus,
    RunStepDetails,
    RunValue,
    StartedRun,
    StepStatus,
)
from .shared import JsonValue, UserSummary
from .stats import PeriodType, TeamStats, UserStats
from .teams import Team, TeamSetup
from .users import Membership, TeamSummary, User, UserWithTeams

__all__ = [
    "Bookmark",
    "BulkUpdate",
    "ChangeEvent",
    "Chat",
    "EventLag",
    "ExecutionStats",
    "FinalStepStatus",
    "HorizonHolder",
    "JsonValue",
    "LatestVersion",
    "Member",
    "Membership",
    "ParkedEvent",
    "Participant",
    "PeriodType",
    "Reconciliation",
    "Resource",
    "ResourceCounts",
    "ResourceOrder",
    "ResourceTranslation",
    "ResourceType",
    "ResourceVersion",
    "ResourceWithLatestVersion",
    "ResourceWithVersion",
    "Run",
    "RunDetails",
    "RunResource",
    "RunResourceVersion",
    "RunStatus",
    "RunStepDetails",
    "RunValue",
    "SoftDeletion",
    "StartedRun",
    "StepStatus",
    "Team",
    "TeamSetup",
    "TeamStats",
    "TeamSummary",
    "UpdateConflict",
    "User",
    "UserChat",
    "UserStats",
    "UserSummary",
    "UserWithTeams",
]
