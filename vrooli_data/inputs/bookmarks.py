"""What bookmarks are made of."""

from __future__ import annotations

import msgspec

from ..validation import Id


class CreateBookmark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bookmark to create."""

    user_id: Id
    resource_id: Id
