"""The types of fields of lines; their limits are the schema's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from ..validation import MAX_BIGINT, MAX_INTEGER
from ._json import WrongLine

PublicId: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-z]{12}\Z")]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=255)]
#: The key of an input or output.
Key: TypeAlias = Annotated[str, Meta(min_length=1, max_length=255)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
#: Position of a step, from 1.
Step: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_INTEGER)]
Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_BIGINT)]
#: With a time zone; `check_moments` holds it to the years of the schema.
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]

_FIRST: Final = datetime(1, 1, 2, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 30, tzinfo=UTC)


def check_moments(path: str, row: msgspec.Struct, *fields: str) -> int:
    """Refuse a moment that the schema does not take; return how many of the fields have one.

    *path* is what the names of fields begin with in `WrongLine`.
    """
    count = 0
    for field in fields:
        moment = getattr(row, field)
        if moment is not None:
            count += 1
            if not _FIRST <= moment <= _LAST:
                raise WrongLine("must be from 0001-01-02 to 9999-12-30", f"{path}{field}")
    return count
