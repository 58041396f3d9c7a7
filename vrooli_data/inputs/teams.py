"""Inputs that create and update teams, and the defaults of new teams."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from .._domain.fields import Handle, Name
from ..records.shared import JsonValue
from ..validation import Flag, Id, JsonObject, PublicId

#: Permissions of the creator of a team. The layer stores permissions and does not enforce them.
ADMIN_PERMISSIONS: dict[str, JsonValue] = {
    "edit_team": True,
    "manage_members": True,
    "manage_chats": True,
    "post_messages": True,
}
#: Permissions of the other members of a new team.
MEMBER_PERMISSIONS: dict[str, JsonValue] = {
    "edit_team": False,
    "manage_members": False,
    "manage_chats": False,
    "post_messages": True,
}
#: The config of the chat that a team is created with. It marks the team's default chat.
TEAM_CHAT_CONFIG: dict[str, JsonValue] = {"is_default_of_team": True}


class CreateTeam(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A team to create."""

    name: Name
    #: 12 characters of [0-9a-z]; generated when None.
    public_id: PublicId | None = None
    handle: Handle | None = None
    is_private: Flag = False
    config: JsonObject = {}
    created_by_id: Id | None = None


class UpdateTeam(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a team to change; None sets NULL."""

    name: Name | UnsetType = UNSET
    handle: Handle | UnsetType | None = UNSET
    is_private: Flag | UnsetType = UNSET
    #: Replaces the whole object.
    config: JsonObject | UnsetType = UNSET
