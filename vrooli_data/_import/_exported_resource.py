"""A line of an export of resources, and the row that is staged for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .._binding import own_queries
from .._domain.text_search import fold
from ..records.resources import ResourceType
from ..validation import MAX_BIGINT, MAX_INTEGER
from ._format import Format
from ._json import LineDecoder, WrongLine, check_line, checked_object
from ._limits import Count, Moment, Name, PublicId, check_moments


class _VersionLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version; the limits are the schema's, here and below."""

    public_id: PublicId
    version_index: Count
    version_label: Annotated[str, Meta(min_length=1, max_length=128)]
    #: Kept as the text it is: decoded and encoded again, long numbers would lose digits.
    config: msgspec.Raw
    is_complete: bool
    revision: Count
    created_at: Moment
    updated_at: Moment


class _TranslationLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One translation."""

    language: Annotated[str, Meta(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")]
    name: Name
    description: Annotated[str, Meta(max_length=10_000)] | None
    created_at: Moment
    updated_at: Moment


class _ResourceLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One resource with its versions and translations."""

    format: Literal["resource/2"]
    public_id: PublicId
    resource_type: ResourceType
    is_private: bool
    is_deleted: bool
    deleted_at: Moment | None
    deleted_by_public_id: PublicId | None
    score: Annotated[int, Meta(ge=-MAX_BIGINT - 1, le=MAX_BIGINT)]
    bookmarks: Annotated[int, Meta(ge=0, le=MAX_BIGINT)]
    views: Annotated[int, Meta(ge=0, le=MAX_BIGINT)]
    created_by_public_id: PublicId | None
    latest_version_public_id: PublicId | None
    last_version_index: Annotated[int, Meta(ge=-1, le=MAX_INTEGER)]
    revision: Count
    created_at: Moment
    updated_at: Moment
    versions: list[_VersionLine]
    translations: list[_TranslationLine]


class _StagedTranslation(msgspec.Struct, gc=False):
    """A translation with its folded texts."""

    language: str
    name: str
    name_folded: str
    description: str | None
    description_folded: str | None
    created_at: datetime
    updated_at: datetime


class _StagedResource(msgspec.Struct, gc=False):
    """The staged row of a line; bytes are the text of JSON."""

    public_id: str
    resource_type: str
    is_private: bool
    is_deleted: bool
    deleted_at: datetime | None
    deleted_by_public_id: str | None
    has_complete_version: bool
    score: int
    bookmarks: int
    views: int
    created_by_public_id: str | None
    latest_version_public_id: str | None
    last_version_index: int
    revision: int
    created_at: datetime
    updated_at: datetime
    versions: bytes
    translations: bytes


_LOAD = own_queries("resources").load("import_exported", _StagedResource)
_DECODER = LineDecoder(_ResourceLine)
_encode = msgspec.json.Encoder().encode


def _stage(line: bytes) -> _StagedResource:
    resource = _DECODER.decode(line)
    # A moment has two colons at least.
    moments = check_moments("", resource, "deleted_at", "created_at", "updated_at")
    keys = len(resource.__struct_fields__) + 2 * moments
    keys += _check_versions(resource)
    keys += _check_translations(resource.translations)
    check_line(line, keys)
    return _StagedResource(
        public_id=resource.public_id,
        resource_type=resource.resource_type,
        is_private=resource.is_private,
        is_deleted=resource.is_deleted,
        deleted_at=resource.deleted_at,
        deleted_by_public_id=resource.deleted_by_public_id,
        has_complete_version=any(version.is_complete for version in resource.versions),
        score=resource.score,
        bookmarks=resource.bookmarks,
        views=resource.views,
        created_by_public_id=resource.created_by_public_id,
        latest_version_public_id=resource.latest_version_public_id,
        last_version_index=resource.last_version_index,
        revision=resource.revision,
        created_at=resource.created_at,
        updated_at=resource.updated_at,
        versions=_encode(resource.versions),
        translations=_encode([_staged(each) for each in resource.translations]),
    )


def _staged(translation: _TranslationLine) -> _StagedTranslation:
    description = translation.description
    return _StagedTranslation(
        language=translation.language,
        name=translation.name,
        name_folded=fold(translation.name),
        description=description,
        description_folded=None if description is None else fold(description),
        created_at=translation.created_at,
        updated_at=translation.updated_at,
    )


def _check_versions(resource: _ResourceLine) -> int:
    """Refuse versions that contradict one another; return how many colons they have at least."""
    versions = resource.versions
    keys = 0
    for place, version in enumerate(versions):
        path = f"versions[{place}]."
        moments = check_moments(path, version, "created_at", "updated_at")
        config = checked_object(f"{path}config", bytes(version.config))
        keys += len(version.__struct_fields__) + 2 * moments + len(config)
    public_ids = {version.public_id for version in versions}
    if len(public_ids) < len(versions):
        raise WrongLine("holds two versions of one public id", "versions")
    if len({version.version_index for version in versions}) < len(versions):
        raise WrongLine("holds two versions of one index", "versions")
    if resource.latest_version_public_id not in {None, *public_ids}:
        raise WrongLine("must be one of the versions", "latest_version_public_id")
    if resource.last_version_index < max((each.version_index for each in versions), default=-1):
        raise WrongLine("must not be less than that of a version", "last_version_index")
    return keys


def _check_translations(translations: Sequence[_TranslationLine]) -> int:
    """Refuse translations of one language; return how many colons they have at least."""
    keys = 0
    for place, translation in enumerate(translations):
        path = f"translations[{place}]."
        moments = check_moments(path, translation, "created_at", "updated_at")
        keys += len(translation.__struct_fields__) + 2 * moments
    if len({each.language for each in translations}) < len(translations):
        raise WrongLine("holds two translations of one language", "translations")
    return keys


FORMAT = Format(_LOAD, _stage)
