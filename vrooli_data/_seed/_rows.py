"""The rows of the seed: the columns of each COPY, in the order of its table."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

import msgspec

#: Microseconds since 2000-01-01 UTC, as the server keeps a timestamptz.
Microseconds: TypeAlias = int
#: Binary jsonb: the number of the format, and then the JSON text.
Jsonb: TypeAlias = bytes


class UserRow(msgspec.Struct):
    """One row of users."""

    id: int
    public_id: str
    email: str | None
    name: str
    name_folded: str | None
    handle: str | None
    is_bot: bool
    is_private: bool
    languages: list[str]
    last_active_at: Microseconds | None
    revision: int
    created_at: Microseconds
    updated_at: Microseconds


class TeamRow(msgspec.Struct, gc=False):
    """One row of teams."""

    id: int
    public_id: str
    name: str
    handle: str | None
    is_private: bool
    config: Jsonb
    created_by_id: int | None
    revision: int
    created_at: Microseconds
    updated_at: Microseconds


class MemberRow(msgspec.Struct, gc=False):
    """One row of members."""

    team_id: int
    user_id: int
    is_admin: bool
    permissions: Jsonb
    created_at: Microseconds
    updated_at: Microseconds


class ResourceRow(msgspec.Struct, gc=False):
    """One row of resources."""

    id: int
    public_id: str
    resource_type: str
    is_private: bool
    is_deleted: bool
    deleted_at: Microseconds | None
    deleted_by_id: int | None
    has_complete_version: bool
    score: int
    bookmarks: int
    views: int
    created_by_id: int | None
    latest_version_id: int | None
    last_version_index: int
    revision: int
    created_at: Microseconds
    updated_at: Microseconds


class VersionRow(msgspec.Struct, gc=False):
    """One row of resource_versions."""

    id: int
    public_id: str
    resource_id: int
    version_index: int
    version_label: str
    config: Jsonb
    is_complete: bool
    revision: int
    created_at: Microseconds
    updated_at: Microseconds


class TranslationRow(msgspec.Struct, gc=False):
    """One row of resource_translations."""

    resource_id: int
    language: str
    name: str
    name_folded: str | None
    description: str | None
    description_folded: str | None
    created_at: Microseconds
    updated_at: Microseconds


class BookmarkRow(msgspec.Struct, gc=False):
    """One row of bookmarks."""

    user_id: int
    resource_id: int
    created_at: Microseconds


class RunRow(msgspec.Struct, gc=False):
    """One row of runs."""

    id: int
    public_id: str
    user_id: int
    resource_version_id: int | None
    name: str
    status: str
    is_private: bool
    data: Jsonb | None
    started_at: Microseconds | None
    completed_at: Microseconds | None
    time_elapsed: int | None
    completed_complexity: int
    context_switches: int
    revision: int
    created_at: Microseconds
    updated_at: Microseconds


class StepRow(msgspec.Struct, gc=False):
    """One row of run_steps."""

    user_id: int
    run_id: int
    step: int
    name: str
    status: str
    time_elapsed: int | None
    created_at: Microseconds
    updated_at: Microseconds


class ValueRow(msgspec.Struct, gc=False):
    """One row of run_io."""

    user_id: int
    run_id: int
    side: str
    step: int
    key: str
    value: Jsonb
    created_at: Microseconds
    updated_at: Microseconds


class ChatRow(msgspec.Struct, gc=False):
    """One row of chats."""

    id: int
    public_id: str
    team_id: int | None
    creator_id: int | None
    is_private: bool
    open_to_anyone_with_invite: bool
    config: Jsonb
    revision: int
    created_at: Microseconds
    updated_at: Microseconds


class ParticipantRow(msgspec.Struct, gc=False):
    """One row of chat_participants."""

    chat_id: int
    user_id: int
    has_unread: bool
    created_at: Microseconds


class EventRow(msgspec.Struct, gc=False):
    """One row of change_events; its xid is that of the load."""

    user_id: int
    event_id: UUID
    seq: int
    entity_type: str
    entity_id: int
    change_type: str
    changed_fields: list[str]
    previous_data: Jsonb | None
    new_data: Jsonb | None
    published_at: Microseconds | None
    attempts: int
    parked_at: Microseconds | None
    claimed_by: UUID | None
    claimed_until: Microseconds | None
    created_at: Microseconds


class RequestRow(msgspec.Struct, gc=False):
    """One row of counter_reconciliations."""

    entity_type: str
    entity_id: int
    counter: str
    requested_at: Microseconds


class UserStatsRow(msgspec.Struct, gc=False):
    """One row of stats_users."""

    user_id: int
    period_type: str
    period_start: Microseconds
    period_end: Microseconds
    runs_started: int
    runs_completed: int
    resources_deleted: int
    created_at: Microseconds
    updated_at: Microseconds


class TeamStatsRow(msgspec.Struct, gc=False):
    """One row of stats_teams."""

    team_id: int
    period_type: str
    period_start: Microseconds
    period_end: Microseconds
    members_created: int
    created_at: Microseconds
    updated_at: Microseconds
