"""Records of the database's own schema."""

from __future__ import annotations

import msgspec


class AppliedMigration(msgspec.Struct, frozen=True, gc=False):
    """One migration that was applied to the database."""

    id: str


class ColumnType(msgspec.Struct, frozen=True, gc=False):
    """One column of a table, and the type that its values are sent as."""

    name: str
    type: str


class Extension(msgspec.Struct, frozen=True, gc=False):
    """One extension installed in the database."""

    name: str
