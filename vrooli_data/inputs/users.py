"""Inputs that create and update users."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from .._domain.fields import Email, Handle, Languages, Name
from ..validation import Flag, PublicId


class CreateUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to create."""

    name: Name
    #: 12 characters of [0-9a-z]; generated when None.
    public_id: PublicId | None = None
    email: Email | None = None
    handle: Handle | None = None
    is_bot: Flag = False
    is_private: Flag = False
    #: Language tags such as en or pt-BR.
    languages: Languages = []


class UpdateUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a user to change; None sets NULL."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    handle: Handle | UnsetType | None = UNSET
    is_bot: Flag | UnsetType = UNSET
    is_private: Flag | UnsetType = UNSET
    languages: Languages | UnsetType = UNSET
