# Generated from vrooli_data/_async/repositories/teams.py by tools/unasync.py. Do not edit.
"""Teams: the methods of the attribute ``teams``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import get_args

from ..._domain import own_queries
from ..._domain.formats import normalized_handle
from ...engine import Page, Repository, Update, json_text, new_public_id
from ...errors import InvalidInput
from ...inputs import (
    ADMIN_PERMISSIONS,
    MEMBER_PERMISSIONS,
    TEAM_CHAT_CONFIG,
    CreateTeam,
    UpdateTeam,
)
from ...records import PeriodType, Team, TeamSetup, TeamStats
from ...records.shared import RowId
from ...validation import (
    MAX_MANY,
    check_choice,
    check_id,
    check_key,
    check_limit,
    check_list,
    check_span,
    checked,
    checked_changes,
)

_SQL = own_queries("teams")

_FIND_BY_ID = _SQL.bind("find_by_id", Team)
_FIND_BY_PUBLIC_ID = _SQL.bind("find_by_public_id", Team)
_FIND_BY_HANDLE = _SQL.bind("find_by_handle", Team)
_FIND_MANY = _SQL.listing("find_many__created_at", Team, key="created_at")
_CREATE = _SQL.bind("create", Team)
_CREATE_WITH_INITIAL_SETUP = _SQL.bind("create_with_initial_setup", TeamSetup)
_UPDATE = _SQL.bind("update", Update[Team])
_UPDATE_BY_PUBLIC_ID = _SQL.bind("update_by_public_id", Update[Team])
_LIST_STATS = _SQL.bind("list_stats", TeamStats)
_DELETE = _SQL.bind("delete", RowId)

_ADMIN_PERMISSIONS = json_text(ADMIN_PERMISSIONS)
_MEMBER_PERMISSIONS = json_text(MEMBER_PERMISSIONS)
_CHAT_CONFIG = json_text(TEAM_CHAT_CONFIG)
_PERIOD_TYPES = get_args(PeriodType)


class TeamRepository(Repository):
    """Teams (sql/teams); ``members`` has the methods of their members."""

    def find_by_id(self, id: int) -> Team | None:
        """Fetch one team by id (sql/teams/read.sql)."""
        check_id("id", id)
        return self.find_one(_FIND_BY_ID, id)

    def find_by_public_id(self, public_id: str) -> Team | None:
        """Fetch one team by public id (sql/teams/read.sql)."""
        check_key("public_id", public_id)
        return self.find_one(_FIND_BY_PUBLIC_ID, public_id)

    def find_by_handle(self, handle: str) -> Team | None:
        """Fetch one team by handle, whatever its case (sql/teams/read.sql)."""
        return self.find_one(_FIND_BY_HANDLE, normalized_handle(handle))

    def find_many(self, *, cursor: str | None = None, limit: int = 20) -> Page[Team]:
        """List the teams that are not private, newest first (sql/teams/read.sql).

        *limit* is from 1 to 500.
        """
        return self.page(_FIND_MANY, cursor=cursor, limit=limit)

    def iter_many(self, *, batch_size: int = 1_000) -> Iterator[Team]:
        """Go through the teams that are not private, newest first (sql/teams/read.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        return self.iterate(_FIND_MANY, batch_size=batch_size)

    def list_stats(
        self,
        team_id: int,
        period_type: PeriodType,
        since: datetime,
        until: datetime,
        *,
        limit: int = 100,
    ) -> list[TeamStats]:
        """List the statistics of one team, oldest first (sql/teams/stats.sql).

        They are those of the periods (UTC) of one length that began at *since* or later, and before
        *until*. A period in which nothing was counted is left out. The package counts by day.
        *limit* is from 1 to 500.
        """
        check_id("team_id", team_id)
        check_choice("period_type", period_type, _PERIOD_TYPES)
        check_span("since", since, "until", until)
        check_limit(limit)
        return self.find_all(_LIST_STATS, team_id, period_type, since, until, limit)

    def create(self, team: CreateTeam) -> Team:
        """Insert one team without members (sql/teams/write.sql).

        Raises `AlreadyExists` where the public id or handle is taken, and `MissingReference` where
        the user who created it is absent.
        """
        values = checked("team", team, CreateTeam)
        return self.get_one(
            _CREATE,
            values["public_id"] or new_public_id(),
            values["name"],
            values["handle"],
            values["is_private"],
            json_text(values["config"]),
            values["created_by_id"],
        )

    def create_with_initial_setup(
        self, team: CreateTeam, creator_id: int, member_ids: Sequence[int] | None = None
    ) -> TeamSetup:
        """Insert one team with its members and its chat.

        Query: sql/teams/create_with_initial_setup.sql. The creator becomes an administrator, the
        others plain members: at most 10 000, duplicates count once. All take part in the chat,
        which is private if the team is. The team's statistics of the day (UTC) count them. Raises
        `AlreadyExists` where the public id or handle is taken, and `MissingReference` where a user
        is absent; then nothing is inserted.
        """
        values = checked("team", team, CreateTeam)
        check_id("creator_id", creator_id)
        if values["created_by_id"] not in (None, creator_id):
            raise InvalidInput("created_by_id", "must be left out, or be the creator_id")
        others = check_list(
            "member_ids", () if member_ids is None else member_ids, MAX_MANY, check_id
        )
        return self.get_one(
            _CREATE_WITH_INITIAL_SETUP,
            values["public_id"] or new_public_id(),
            values["name"],
            values["handle"],
            values["is_private"],
            json_text(values["config"]),
            creator_id,
            json_text(others),
            _ADMIN_PERMISSIONS,
            _MEMBER_PERMISSIONS,
            new_public_id(),
            _CHAT_CONFIG,
        )

    def update(
        self, id: int, changes: UpdateTeam, *, expected_revision: int | None = None
    ) -> Team | None:
        """Update the given fields of one team; None when absent (sql/teams/write.sql).

        Raises `Conflict` where the team has another revision than the expected one, and
        `AlreadyExists` where the handle is taken.
        """
        check_id("id", id)
        return self.update_one(
            _UPDATE,
            id,
            changes=checked_changes(changes, UpdateTeam),
            expected_revision=expected_revision,
        )

    def update_by_public_id(
        self,
        public_id: str,
        changes: UpdateTeam,
        *,
        expected_revision: int | None = None,
    ) -> Team | None:
        """Update the given fields of one team by public id; None when absent.

        Query: sql/teams/write.sql. Raises what `update` raises.
        """
        check_key("public_id", public_id)
        return self.update_one(
            _UPDATE_BY_PUBLIC_ID,
            public_id,
            changes=checked_changes(changes, UpdateTeam),
            expected_revision=expected_revision,
        )

    def delete(self, id: int) -> bool:
        """Delete one team with its members, chats and statistics; False when absent.

        Query: sql/teams/write.sql.
        """
        check_id("id", id)
        return self.find_one(_DELETE, id) is not None
