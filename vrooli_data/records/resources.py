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
    #: Counts the changes of the row, without those of its counters.
    revision: int
    created_at: datetime
    updated_at: datetime


class UpdateConflict(msgspec.Struct, frozen=True, gc=False):
    """One row that a bulk update did not change."""

    id: int
    #: None: any revision was accepted.
    expected_revision: int | None
    #: None: the row is missing.
    actual_revision: int | None

    @property
    def reason(self) -> Literal["missing", "changed"]:
        """Whether the row is missing, or has another revision than the expected one."""
        return "missing" if self.actual_revision is None else "changed"


class BulkUpdate(msgspec.Struct, frozen=True):
    """The result of a bulk update: each row was updated or is in conflict."""

    #: How many rows were changed.
    updated: int
    #: In the order of their ids.
    conflicts: list[UpdateConflict]


class BulkUpdateOutcome(BulkUpdate, frozen=True):
    """The result of a bulk update, with whether it was written."""

    #: False: too many rows are in conflict, so none was changed.
    is_written: bool


class SoftDeletion(msgspec.Struct, frozen=True, gc=False):
    """The result of a soft deletion; each given resource is counted once."""

    #: Resources deleted now.
    deleted: int
    #: Resources deleted before; they stay as they are.
    already_deleted: int
    #: Resources that do not exist.
    missing: int
    #: Runs cancelled now.
    cancelled_runs: int


class SoftDeleted(msgspec.Struct, frozen=True):
    """The result of the soft deletion of one resource."""

    #: None when it was deleted before.
    deleted: Resource | None


class ResourceLocks(msgspec.Struct, frozen=True, gc=False):
    """The resources that a soft deletion has locked."""

    locked: int
    #: False: the transaction's isolation hides rows added after its snapshot.
    is_read_committed: bool


class Restoration(msgspec.Struct, frozen=True, gc=False):
    """The state of a resource before its restoration."""

    was_deleted: bool


class LatestVersion(msgspec.Struct, frozen=True):
    """The latest version of a resource."""

    id: int
    public_id: str
    version_index: int
    version_label: str
    config: JsonValue
    is_complete: bool
    created_at: datetime


class ResourceWithLatestVersion(Resource, frozen=True, gc=True):
    """One resource with its creator and latest version."""

    #: None when the creator was deleted or never known.
    creator: UserSummary | None
    #: None before the first version.
    latest_version: LatestVersion | None


class ResourceVersion(msgspec.Struct, frozen=True):
    """One row of resource_versions."""

    id: int
    public_id: str
    resource_id: int
    #: Position among the resource's versions, from 0.
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


class ResourceCounts(msgspec.Struct, frozen=True):
    """How many listed resources there are."""

    total: int
    #: Holds every type, also those with no resource.
    by_type: dict[ResourceType, int]


class ResourceTranslation(msgspec.Struct, frozen=True, gc=False):
    """One row of resource_translations; the resource's revision counts its changes."""

    resource_id: int
    #: A language tag such as en or pt-BR.
    language: str
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime


class TranslationTexts(msgspec.Struct, frozen=True, gc=False):
    """The texts of a translation that search reads."""

    resource_id: int
    language: str
    name: str
    description: str | None
    #: The name as search compares it now.
    name_folded: str
    #: The description as search compares it now; None: no description.
    description_folded: str | None
