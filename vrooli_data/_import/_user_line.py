"""A line of a file of users, and the row that is staged for it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .._binding import own_queries
from .._domain.text_search import fold
from ._format import Format
from ._json import LineDecoder, check_line
from ._limits import Count, Moment, Name, PublicId, check_moments


class _UserLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One user; the limits are the schema's."""

    format: Literal["user/2"]
    public_id: PublicId
    email: Annotated[str, Meta(max_length=320, pattern=r"^[^@A-Z][^@A-Z]*@[^A-Z]*\Z")] | None
    name: Name
    handle: Annotated[str, Meta(pattern=r"^[a-z0-9_]{3,30}\Z")] | None
    is_bot: bool
    is_private: bool
    languages: Annotated[
        list[Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{2,35}\Z")]], Meta(max_length=100)
    ]
    last_active_at: Moment | None
    revision: Count
    created_at: Moment
    updated_at: Moment


class _StagedUser(msgspec.Struct, gc=False):
    """The staged row of a line."""

    public_id: str
    email: str | None
    name: str
    name_folded: str
    handle: str | None
    is_bot: bool
    is_private: bool
    languages: list[str]
    last_active_at: datetime | None
    revision: int
    created_at: datetime
    updated_at: datetime


_LOAD = own_queries("users").load("import_lines", _StagedUser)
_DECODER = LineDecoder(_UserLine)


def _stage(line: bytes) -> _StagedUser:
    user = _DECODER.decode(line)
    # A moment has two colons at least.
    moments = check_moments("", user, "last_active_at", "created_at", "updated_at")
    check_line(line, len(user.__struct_fields__) + 2 * moments)
    return _StagedUser(
        public_id=user.public_id,
        email=user.email,
        name=user.name,
        name_folded=fold(user.name),
        handle=user.handle,
        is_bot=user.is_bot,
        is_private=user.is_private,
        languages=user.languages,
        last_active_at=user.last_active_at,
        revision=user.revision,
        created_at=user.created_at,
        updated_at=user.updated_at,
    )


FORMAT = Format(_LOAD, _stage)
