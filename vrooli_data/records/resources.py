"""Records of resources and their versions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from .shared import JsonValue, UserSummary

ResourceType: TypeAlias = Literal[
    "Api", "Code", "Data", "Note", "Project", "Prompt", "Routine", "Standard"
]
ResourceOrder: TypeAlias = Literal["created_at", "updated_at", "score", "bookmarks", "views"]


class Resource(msgspec.Struct, frozen=True, gc=False):
    """One row of resources."""

    id: int
    public_id: str
    resource_type: ResourceType
    is_private: bool
    is_deleted: bool
    deleted_at: datetime | None
    deleted_by_id: int | None
    #: True while at least one version is complete.
    has_complete_version: bool
    #: Votes for minus votes against; may be negative.
    score: int
    bookmarks: int
    views: int
    created_by_id: int | None
    latest_version_id: int | None
    #: Index of the newest version ever added, from 0; -1 before the first.
    last_version_index: int
    #: Counts the changes of the row; counters are not among them.
    revision: int
    created_at: datetime
    updated_at: datetime


class UpdateConflict(msgspec.Struct, frozen=True, gc=False):
    """One row that a bulk update left as it is."""

    id: int
    #: None: any would have done.
    expected_revision: int | None
    #: None: the row is missing.
    actual_revision: int | None

    @property
    def reason(self) -> Literal["missing", "changed"]:
        """Whether the row is missing, or has another revision than the expected one."""
        return "missing" if self.actual_revision is None else "changed"


class BulkUpdate(msgspec.Struct, frozen=True):
    """What a bulk update made of the rows it was given; each is updated or in conflict."""

    #: How many rows were changed.
    updated: int
    #: In the order of their ids.
    conflicts: list[UpdateConflict]


class BulkUpdateOutcome(BulkUpdate, frozen=True):
    """A bulk update that may have been refused."""

    #: False: too many rows are in conflict, and none was changed.
    is_written: bool


class SoftDeletion(msgspec.Struct, frozen=True, gc=False):
    """What a soft deletion did; of the resources it was given, each is counted once."""

    #: How many resources it deleted.
    deleted: int
    #: How many were deleted before; they are left as they are.
    already_deleted: int
    #: How many do not exist.
    missing: int
    #: How many runs it cancelled.
    cancelled_runs: int


class ResourceLocks(msgspec.Struct, frozen=True, gc=False):
    """What a soft deletion has locked."""

    locked: int
    #: False: the transaction is of another isolation, and does not see what was added since.
    is_read_committed: bool


class Restoration(msgspec.Struct, frozen=True, gc=False):
    """What a restoration found."""

    was_deleted: bool


class LatestVersion(msgspec.Struct, frozen=True):
    """The version a resource points at."""

    id: int
    public_id: str
    version_index: int
    version_label: str
    config: JsonValue
    is_complete: bool
    created_at: datetime


class ResourceWithLatestVersion(Resource, frozen=True, gc=True):
    """One resource with its creator and latest version."""

    #: None when the creator is gone or was never known.
    creator: UserSummary | None
    #: None before the first version.
    latest_version: LatestVersion | None


class ResourceVersion(msgspec.Struct, frozen=True):
    """One row of resource_versions."""

    id: int
    public_id: str
    resource_id: int
    #: Counts the versions of the resource, from 0.
    version_index: int
    version_label: str
    config: JsonValue
    is_complete: bool
    #: Counts the changes of the row.
    revision: int
    created_at: datetime
    updated_at: datetime


class ResourceWithVersion(msgspec.Struct, frozen=True):
    """A new resource and its first version."""

    resource: Resource
    version: ResourceVersion


class ResourceTranslation(msgspec.Struct, frozen=True, gc=False):
    """One row of resource_translations; its changes count in the resource's revision."""

    resource_id: int
    #: A language tag such as en or pt-BR.
    language: str
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime


class TranslationTexts(msgspec.Struct, frozen=True, gc=False):
    """What search and comparison read of a translation."""

    resource_id: int
    language: str
    name: str
    description: str | None
    #: As search compares it now.
    name_folded: str
    #: As search compares it now; None: no description.
    description_folded: str | None
