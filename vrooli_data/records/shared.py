"""What the records of several aggregates share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import msgspec

if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"
    )
else:
    # msgspec cannot build a decoder for a recursive alias; any JSON value is what it means.
    JsonValue = Any


R = TypeVar("R")


class UserSummary(msgspec.Struct, frozen=True, gc=False):
    """What a nested record says of a user."""

    public_id: str
    name: str
    handle: str | None


class Touched(msgspec.Struct, frozen=True, gc=False):
    """The id of a row that a statement changed, for callers who need no more."""

    id: int


class Update(msgspec.Struct, Generic[R], frozen=True):
    """What an update found, and what it made of it."""

    previous_revision: int
    #: None when the row has another revision than the expected one.
    updated: R | None


class Part(msgspec.Struct, frozen=True, gc=False):
    """One part of work that is done in parts."""

    #: There were fewer rows than asked for: nothing is left.
    is_last: bool


class Existence(msgspec.Struct, frozen=True, gc=False):
    """Whether a row is there."""

    is_there: bool
