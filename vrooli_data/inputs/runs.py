"""Inputs that create, update and start runs."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from .._domain.fields import Name, Values
from ..validation import Count, Flag, Id, Json, Milliseconds, PublicId


class CreateRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run to create, with the status Scheduled."""

    user_id: Id
    name: Name
    #: 12 characters of [0-9a-z]; generated when None.
    public_id: PublicId | None = None
    resource_version_id: Id | None = None
    is_private: Flag = False
    #: Any JSON value; None: no data.
    data: Json | None = None


class UpdateRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a run to change; None sets NULL. `update_status` changes the status."""

    name: Name | UnsetType = UNSET
    is_private: Flag | UnsetType = UNSET
    data: Json | UnsetType | None = UNSET
    #: Milliseconds.
    time_elapsed: Milliseconds | UnsetType | None = UNSET
    completed_complexity: Count | UnsetType = UNSET
    context_switches: Count | UnsetType = UNSET


class StartStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step that a run starts with, with the status Scheduled."""

    name: Name
    #: JSON values by key; None is JSON null.
    inputs: Values = {}
