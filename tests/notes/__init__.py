"""An application's own table, which is loaded in bulk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from vrooli_data import JsonValue, queries

_HERE = Path(__file__).parent
SCHEMA = _HERE / "schema.sql"
SQL = queries(_HERE / "sql/notes")


class NewNote(msgspec.Struct, frozen=True, kw_only=True):
    """A note to create."""

    slug: Annotated[str, msgspec.Meta(max_length=40)]
    body: str = ""
    alias: str | None = None
    author_id: int | None = None
    rank: int = 0
    data: JsonValue | None = None


#: With a query that finds what is wrong with rows.
BULK_CREATE = SQL.load("bulk_create", NewNote)
#: Without one.
BULK_ADD = SQL.load("bulk_add", NewNote)
