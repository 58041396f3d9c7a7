"""Records of chats and who takes part in them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from .shared import JsonValue, UserSummary


class Chat(msgspec.Struct, frozen=True):
    """One row of chats."""

    id: int
    public_id: str
    #: None for a chat outside any team.
    team_id: int | None
    #: None when that user was deleted, or was never known.
    creator_id: int | None
    is_private: bool
    open_to_anyone_with_invite: bool
    #: A JSON object.
    config: JsonValue
    #: Counts the changes of the row; its participants are not among them.
    revision: int
    created_at: datetime
    updated_at: datetime


class UserChat(Chat, frozen=True):
    """One chat, as one of its participants has it."""

    has_unread: bool


class Participant(UserSummary, frozen=True, gc=False):
    """A user who takes part in a chat."""

    user_id: int
    has_unread: bool
    #: When the user came to take part.
    created_at: datetime


class Added(msgspec.Struct, frozen=True, gc=False):
    """Whether a row that is there now is new."""

    added: bool
