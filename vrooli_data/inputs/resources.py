"""Inputs that create and update resources, versions and translations."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from .._domain.fields import Description, Language, Name, ResourceType, VersionLabel
from ..validation import Count, Flag, Id, JsonObject, PublicId


class CreateResource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A resource to create, without versions or translations."""

    resource_type: ResourceType
    #: 12 characters of [0-9a-z]; generated when None.
    public_id: PublicId | None = None
    is_private: Flag = False
    created_by_id: Id | None = None


class UpdateResource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a resource to change."""

    resource_type: ResourceType | UnsetType = UNSET
    is_private: Flag | UnsetType = UNSET


class BulkUpdateResource(UpdateResource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of one resource to change in a bulk update."""

    id: Id
    #: None: any revision.
    expected_revision: Count | None = None


class CreateVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version to add to a resource; its index is the next one."""

    version_label: VersionLabel
    #: 12 characters of [0-9a-z]; generated when None.
    public_id: PublicId | None = None
    config: JsonObject = {}
    is_complete: Flag = False


class UpdateVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a version to change; a config replaces the whole config."""

    version_label: VersionLabel | UnsetType = UNSET
    config: JsonObject | UnsetType = UNSET
    is_complete: Flag | UnsetType = UNSET


class SetTranslation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name and description of a resource in one language."""

    name: Name
    description: Description | None = None


class CreateTranslation(SetTranslation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first translation of a resource to create."""

    #: A language tag such as en or pt-BR.
    language: Language


class CreateResourceWithVersion(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A resource to create with its first version, and with one translation or none."""

    resource: CreateResource
    version: CreateVersion
    translation: CreateTranslation | None = None
