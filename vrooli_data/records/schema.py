"""Records of what the database says of its own schema."""

from __future__ import annotations

import msgspec


class AppliedMigration(msgspec.Struct, frozen=True, gc=False):
    """One migration that the database holds."""

    id: str


class ColumnType(msgspec.Struct, frozen=True, gc=False):
    """One column of a table, and the type that its values are sent as."""

    name: str
    type: str


class Extension(msgspec.Struct, frozen=True, gc=False):
    """One extension that the database has."""

    name: str
