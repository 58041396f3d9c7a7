"""Records of users."""

from __future__ import annotations

from datetime import datetime

import msgspec


class User(msgspec.Struct, frozen=True):
    """One row of users."""

    id: int
    public_id: str
    #: Normalized: NFC, lower case.
    email: str | None
    name: str
    #: ASCII lower case.
    handle: str | None
    is_bot: bool
    is_private: bool
    languages: list[str]
    last_active_at: datetime | None
    #: Counts the changes of the row, without those of last_active_at.
    revision: int
    created_at: datetime
    updated_at: datetime


class TeamSummary(msgspec.Struct, frozen=True, gc=False):
    """A team inside a membership."""

    public_id: str
    name: str
    handle: str | None
    is_private: bool
    member_count: int


class Membership(msgspec.Struct, frozen=True, gc=False):
    """One team that a user belongs to."""

    is_admin: bool
    created_at: datetime
    team: TeamSummary


class UserWithTeams(User, frozen=True):
    """One user with all memberships, newest first."""

    memberships: list[Membership]


class UserTexts(msgspec.Struct, frozen=True):
    """The texts of a user that search reads."""

    id: int
    name: str
    #: The name as search compares it now.
    name_folded: str
    languages: list[str]
