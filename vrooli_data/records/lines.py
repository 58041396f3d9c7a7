"""Lines of exported files, version 2 of their format; docs/export.md describes them.

A line names other rows by their public ids. What follows from the rest of a line is not in it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from .resources import ResourceType
from .runs import RunStatus, StepStatus


class UserLine(
    msgspec.Struct, frozen=True, tag_field="format", tag="user/2", forbid_unknown_fields=True
):
    """One user."""

    public_id: str
    email: str | None
    name: str
    handle: str | None
    is_bot: bool
    is_private: bool
    languages: list[str]
    last_active_at: datetime | None
    revision: int
    created_at: datetime
    updated_at: datetime


class VersionLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version inside the line of its resource."""

    public_id: str
    version_index: int
    version_label: str
    #: The text as the server has it: decoded and encoded again, long numbers would lose digits.
    config: msgspec.Raw
    is_complete: bool
    revision: int
    created_at: datetime
    updated_at: datetime


class TranslationLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One translation inside the line of its resource."""

    language: str
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime


class ResourceLine(
    msgspec.Struct, frozen=True, tag_field="format", tag="resource/2", forbid_unknown_fields=True
):
    """One resource with its versions and translations."""

    public_id: str
    resource_type: ResourceType
    is_private: bool
    is_deleted: bool
    deleted_at: datetime | None
    deleted_by_public_id: str | None
    score: int
    bookmarks: int
    views: int
    created_by_public_id: str | None
    #: One of the versions.
    latest_version_public_id: str | None
    #: Index of the newest version ever added; -1 before the first.
    last_version_index: int
    revision: int
    created_at: datetime
    updated_at: datetime
    #: In the order of their index.
    versions: list[VersionLine]
    #: In the order of their languages.
    translations: list[TranslationLine]


class StepLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step inside the line of its run."""

    step: int
    name: str
    status: StepStatus
    #: Milliseconds.
    time_elapsed: int | None
    created_at: datetime
    updated_at: datetime


class ValueLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input or output inside the line of its run."""

    #: 0 is the run itself.
    step: int
    key: str
    #: The text as the server has it.
    value: msgspec.Raw
    created_at: datetime
    updated_at: datetime


class RunLine(
    msgspec.Struct, frozen=True, tag_field="format", tag="run/2", forbid_unknown_fields=True
):
    """One run with its steps, inputs and outputs."""

    public_id: str
    user_public_id: str
    resource_version_public_id: str | None
    name: str
    status: RunStatus
    is_private: bool
    #: Tells no data from the data ``null``.
    has_data: bool
    #: The text as the server has it; ``null`` where there is none.
    data: msgspec.Raw
    started_at: datetime | None
    completed_at: datetime | None
    #: Milliseconds.
    time_elapsed: int | None
    completed_complexity: int
    context_switches: int
    revision: int
    created_at: datetime
    updated_at: datetime
    #: In order of their position.
    steps: list[StepLine]
    #: In order of step, then key.
    inputs: list[ValueLine]
    outputs: list[ValueLine]
