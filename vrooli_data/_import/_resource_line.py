"""A line of a file of resources, and the row that is staged for it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from .._binding import own_queries
from .._domain.formats import language_tag
from .._domain.text_search import fold
from .._public_id import new_public_id
from ..records.resources import ResourceType
from ._format import Format
from ._json import LineDecoder, check_line, checked_object
from ._limits import Name, PublicId


class _ResourceLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One resource with its translation and its first version; the limits are the schema's."""

    public_id: PublicId
    resource_type: ResourceType
    language: Annotated[str, Meta(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")]
    name: Name
    description: Annotated[str, Meta(max_length=10_000)] | None
    version_label: Annotated[str, Meta(min_length=1, max_length=128)]
    is_complete: bool
    #: Kept as the text it is: decoded and encoded again, long numbers would lose digits.
    config: msgspec.Raw


class _StagedResource(msgspec.Struct, gc=False):
    """The staged row of a line."""

    public_id: str
    resource_type: str
    is_private: bool
    created_by_id: int | None
    version_public_id: str
    version_label: str
    #: The text of JSON.
    config: bytes
    is_complete: bool
    language: str
    name: str
    name_folded: str
    description: str | None
    description_folded: str | None


#: A line is loaded as resources.bulk_create_with_version loads its inputs.
_LOAD = own_queries("resources").load("bulk_create_with_version", _StagedResource)
_DECODER = LineDecoder(_ResourceLine)
_FIELDS = len(_ResourceLine.__struct_fields__)


def _stage(line: bytes) -> _StagedResource:
    """Return the row that is staged for a line, or raise `WrongLine`."""
    resource = _DECODER.decode(line)
    config = bytes(resource.config)
    check_line(line, _FIELDS + len(checked_object("config", config)))
    description = resource.description
    return _StagedResource(
        public_id=resource.public_id,
        resource_type=resource.resource_type,
        is_private=False,
        created_by_id=None,
        version_public_id=new_public_id(),
        version_label=resource.version_label,
        config=config,
        is_complete=resource.is_complete,
        language=language_tag(resource.language),
        name=resource.name,
        name_folded=fold(resource.name),
        description=description,
        description_folded=None if description is None else fold(description),
    )


FORMAT = Format(_LOAD, _stage)
