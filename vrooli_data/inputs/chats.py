"""Inputs that create and update chats."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from ..validation import Flag, Id, JsonObject, PublicId


class CreateChat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chat to create."""

    #: 12 characters of [0-9a-z]; generated when None.
    public_id: PublicId | None = None
    #: None for a chat outside any team.
    team_id: Id | None = None
    #: Becomes the chat's first participant.
    creator_id: Id | None = None
    is_private: Flag = False
    open_to_anyone_with_invite: Flag = False
    config: JsonObject = {}


class UpdateChat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a chat to change; None sets NULL."""

    team_id: Id | UnsetType | None = UNSET
    is_private: Flag | UnsetType = UNSET
    open_to_anyone_with_invite: Flag | UnsetType = UNSET
    #: Replaces the whole object.
    config: JsonObject | UnsetType = UNSET
