"""Records and types that several aggregates share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import msgspec

if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"
    )
else:
    # msgspec cannot build a decoder for a recursive alias.
    JsonValue = Any


R = TypeVar("R")


class UserSummary(msgspec.Struct, frozen=True, gc=False):
    """A user inside another record."""

    public_id: str
    name: str
    handle: str | None


class RowId(msgspec.Struct, frozen=True, gc=False):
    """The id of a row that a statement changed or locked."""

    id: int


class Update(msgspec.Struct, Generic[R], frozen=True):
    """The revision before an update, and the row after it."""

    previous_revision: int
    #: None when the row has another revision than the expected one.
    updated: R | None


class Batch(msgspec.Struct, frozen=True, gc=False):
    """The result of one batch."""

    #: The batch was not full, so no rows are left.
    is_last: bool


class RowExists(msgspec.Struct, frozen=True, gc=False):
    """Whether a row exists."""

    row_exists: bool


class Added(msgspec.Struct, frozen=True, gc=False):
    """Whether the statement added the row; False when it existed before."""

    added: bool
