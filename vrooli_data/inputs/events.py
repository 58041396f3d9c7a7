"""Inputs that record events."""

from __future__ import annotations

from uuid import UUID

import msgspec

from .._domain.fields import ChangeType, EntityType, FieldNames
from ..validation import Id, Json


class CreateEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event of an entity that the application keeps."""

    #: Who made the change.
    user_id: Id
    #: Any name but ``resource`` and ``run``, whose events the package writes.
    entity_type: EntityType
    entity_id: Id
    change_type: ChangeType
    changed_fields: FieldNames = []
    #: Any JSON value; None: the event leaves it out.
    previous_data: Json | None = None
    #: Any JSON value; None: the event leaves it out.
    new_data: Json | None = None
    #: Made when None. A new attempt of the same change gives the same.
    event_id: UUID | None = None
