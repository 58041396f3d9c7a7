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
