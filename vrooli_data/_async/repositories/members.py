"""Members: the methods of the attribute ``members``."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..._domain import own_queries
from ...engine import AsyncRepository, Page, json_text
from ...records import JsonValue, Member
from ...records.shared import RowId
from ...validation import check_flag, check_id, check_json_object

_SQL = own_queries("members")

_FIND = _SQL.bind("find", Member)
_FIND_BY_TEAM = _SQL.listing("find_by_team__user_id", Member, tie="user_id")
_FIND_BY_USER = _SQL.listing("find_by_user__created_at", Member, key="created_at", tie="team_id")
_ADD = _SQL.bind("add", Member)
_SET_ADMIN = _SQL.bind("set_admin", Member)
_SET_PERMISSIONS = _SQL.bind("set_permissions", Member)
_REMOVE = _SQL.bind("remove", RowId)


class AsyncMemberRepository(AsyncRepository):
    """Members of teams (sql/members)."""

    async def find(self, team_id: int, user_id: int) -> Member | None:
        """Fetch one membership (sql/members/read.sql)."""
        _check_member(team_id, user_id)
        return await self.find_one(_FIND, team_id, user_id)

    async def find_by_team(
        self, team_id: int, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Member]:
        """List the members of one team, newest user first (sql/members/read.sql).

        Ordered by the id of the user. *limit* is from 1 to 500.
        """
        check_id("team_id", team_id)
        return await self.page(_FIND_BY_TEAM, team_id, cursor=cursor, limit=limit)

    async def find_by_user(
        self, user_id: int, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Member]:
        """List the memberships of one user, newest first (sql/members/read.sql).

        *limit* is from 1 to 500.
        """
        check_id("user_id", user_id)
        return await self.page(_FIND_BY_USER, user_id, cursor=cursor, limit=limit)

    def iter_by_team(self, team_id: int, *, batch_size: int = 1_000) -> AsyncIterator[Member]:
        """Go through the members of one team, newest user first (sql/members/read.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        check_id("team_id", team_id)
        return self.iterate(_FIND_BY_TEAM, team_id, batch_size=batch_size)

    def iter_by_user(self, user_id: int, *, batch_size: int = 1_000) -> AsyncIterator[Member]:
        """Go through the memberships of one user, newest first (sql/members/read.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        check_id("user_id", user_id)
        return self.iterate(_FIND_BY_USER, user_id, batch_size=batch_size)

    async def add(
        self,
        team_id: int,
        user_id: int,
        *,
        is_admin: bool = False,
        permissions: dict[str, JsonValue] | None = None,
    ) -> Member:
        """Add one user to a team (sql/members/write.sql).

        The team's statistics of the day (UTC) count the new member. Raises `AlreadyExists` where
        the user is a member, and `MissingReference` where the team or the user is absent; its
        `field` names which.
        """
        _check_member(team_id, user_id)
        check_flag("is_admin", is_admin)
        granted: dict[str, JsonValue] = {} if permissions is None else permissions
        check_json_object("permissions", granted)
        return await self.get_one(_ADD, team_id, user_id, is_admin, json_text(granted))

    async def remove(self, team_id: int, user_id: int) -> bool:
        """Remove one user from a team; False when absent (sql/members/write.sql)."""
        _check_member(team_id, user_id)
        return await self.find_one(_REMOVE, team_id, user_id) is not None

    async def set_admin(self, team_id: int, user_id: int, is_admin: bool) -> Member | None:
        """Set whether one member is an administrator; None when absent.

        Query: sql/members/write.sql.
        """
        _check_member(team_id, user_id)
        check_flag("is_admin", is_admin)
        return await self.find_one(_SET_ADMIN, team_id, user_id, is_admin)

    async def set_permissions(
        self, team_id: int, user_id: int, permissions: dict[str, JsonValue]
    ) -> Member | None:
        """Replace the permissions of one member; None when absent (sql/members/write.sql)."""
        _check_member(team_id, user_id)
        check_json_object("permissions", permissions)
        return await self.find_one(_SET_PERMISSIONS, team_id, user_id, json_text(permissions))


def _check_member(team_id: int, user_id: int) -> None:
    check_id("team_id", team_id)
    check_id("user_id", user_id)
