"""Records of bookmarks."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Bookmark(msgspec.Struct, frozen=True, gc=False):
    """One row of bookmarks."""

    user_id: int
    resource_id: int
    created_at: datetime
