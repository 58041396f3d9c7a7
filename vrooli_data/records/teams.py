"""Records of teams."""

from __future__ import annotations

from datetime import datetime

import msgspec

from .chats import Chat
from .shared import JsonValue


class Team(msgspec.Struct, frozen=True):
    """One row of teams."""

    id: int
    public_id: str
    name: str
    #: ASCII lower case.
    handle: str | None
    is_private: bool
    #: A JSON object.
    config: JsonValue
    #: None when the user was deleted or never known.
    created_by_id: int | None
    #: Counts the changes of the row.
    revision: int
    created_at: datetime
    updated_at: datetime


class TeamSetup(msgspec.Struct, frozen=True):
    """A new team with its chat."""

    team: Team
    #: All members take part in it.
    chat: Chat
    #: Includes the creator.
    member_count: int
