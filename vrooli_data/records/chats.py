"""Records of chats and their participants."""

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
    #: None when the user was deleted or never known.
    creator_id: int | None
    is_private: bool
    open_to_anyone_with_invite: bool
    #: A JSON object.
    config: JsonValue
    #: Counts the changes of the row, without those of its participants.
    revision: int
    created_at: datetime
    updated_at: datetime


class UserChat(Chat, frozen=True):
    """One chat, as one of its participants sees it."""

    has_unread: bool


class Participant(UserSummary, frozen=True, gc=False):
    """A user who takes part in a chat."""

    user_id: int
    has_unread: bool
    #: When the user became a participant.
    created_at: datetime
