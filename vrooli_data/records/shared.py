"""What the records of several aggregates share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"
    )
else:
    # msgspec cannot build a decoder for a recursive alias; any JSON value is what it means.
    JsonValue = Any


class UserSummary(msgspec.Struct, frozen=True, gc=False):
    """What a nested record says of a user."""

    public_id: str
    name: str
    handle: str | None
