"""The records that queries return, one module per aggregate."""

from __future__ import annotations

from .resources import (
    LatestVersion,
    Resource,
    ResourceOrder,
    ResourceType,
    ResourceWithLatestVersion,
)
from .runs import (
    ExecutionStats,
    Run,
    RunDetails,
    RunResource,
    RunResourceVersion,
    RunStatus,
    RunStepDetails,
    RunValue,
    StepStatus,
)
from .shared import JsonValue, UserSummary
from .users import Membership, TeamSummary, User, UserWithTeams

__all__ = [
    "ExecutionStats",
    "JsonValue",
    "LatestVersion",
    "Membership",
    "Resource",
    "ResourceOrder",
    "ResourceType",
    "ResourceWithLatestVersion",
    "Run",
    "RunDetails",
    "RunResource",
    "RunResourceVersion",
    "RunStatus",
    "RunStepDetails",
    "RunValue",
    "StepStatus",
    "TeamSummary",
    "User",
    "UserSummary",
    "UserWithTeams",
]
