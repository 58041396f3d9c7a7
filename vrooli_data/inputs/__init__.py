"""The inputs of methods: keyword-only structs, checked before any SQL runs."""

from __future__ import annotations

from .bookmarks import CreateBookmark
from .chats import CreateChat, UpdateChat
from .events import CreateEvent
from .resources import (
    BulkUpdateResource,
    CreateResource,
    CreateResourceWithVersion,
    CreateTranslation,
    CreateVersion,
    SetTranslation,
    UpdateResource,
    UpdateVersion,
)
from .runs import CreateRun, StartStep, UpdateRun
from .teams import (
    ADMIN_PERMISSIONS,
    MEMBER_PERMISSIONS,
    TEAM_CHAT_CONFIG,
    CreateTeam,
    UpdateTeam,
)
from .users import CreateUser, UpdateUser

__all__ = [
    "ADMIN_PERMISSIONS",
    "MEMBER_PERMISSIONS",
    "TEAM_CHAT_CONFIG",
    "BulkUpdateResource",
    "CreateBookmark",
    "CreateChat",
    "CreateEvent",
    "CreateResource",
    "CreateResourceWithVersion",
    "CreateRun",
    "CreateTeam",
    "CreateTranslation",
    "CreateUser",
    "CreateVersion",
    "SetTranslation",
    "StartStep",
    "UpdateChat",
    "UpdateResource",
    "UpdateRun",
    "UpdateTeam",
    "UpdateUser",
    "UpdateVersion",
]
