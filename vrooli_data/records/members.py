"""Records of members."""

from __future__ import annotations

from datetime import datetime

import msgspec

from .shared import JsonValue


class Member(msgspec.Struct, frozen=True):
    """One row of members: a user in a team."""

    team_id: int
    user_id: int
    is_admin: bool
    #: A JSON object: the member's permissions in the team.
    permissions: JsonValue
    created_at: datetime
    updated_at: datetime
