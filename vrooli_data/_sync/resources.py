# Generated from vrooli_data/_async/resources.py by tests/unasync.py. Do not edit.
"""Resources: look-ups, pages and trends."""

from __future__ import annotations

from typing import get_args

from .._pages import Page, listings
from .._queries import query
from .._validate import MAX_DAYS, check_choice, check_id, check_int, check_key, check_limit
from ..records import Resource, ResourceOrder, ResourceType, ResourceWithLatestVersion
from .repository import Repository

_FIND_BY_ID = query("resources.find_by_id", Resource)
_FIND_BY_PUBLIC_ID = query("resources.find_by_public_id", Resource)
_FIND_WITH_LATEST_VERSION = query("resources.find_with_latest_version", ResourceWithLatestVersion)
_FIND_TRENDING = query("resources.find_trending", Resource)
_FIND_BY_TYPE = listings("resources.find_by_type", get_args(ResourceOrder), Resource)
_TYPES = get_args(ResourceType)


class ResourceRepository(Repository):
    """Resources with their versions and translations (sql/resources)."""

    def find_by_id(self, id: int) -> Resource | None:
        """Fetch one resource by id (sql/resources/read.sql)."""
        check_id("id", id)
        return self._find(_FIND_BY_ID, id)

    def find_by_public_id(self, public_id: str) -> Resource | None:
        """Fetch one resource by public id (sql/resources/read.sql)."""
        check_key("public_id", public_id)
        return self._find(_FIND_BY_PUBLIC_ID, public_id)

    def find_with_latest_version(self, public_id: str) -> ResourceWithLatestVersion | None:
        """Fetch one resource with its creator and latest version (sql/resources/read.sql)."""
        check_key("public_id", public_id)
        return self._find(_FIND_WITH_LATEST_VERSION, public_id)

    def find_by_type(
        self,
        resource_type: ResourceType,
        *,
        order_by: ResourceOrder = "created_at",
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page[Resource]:
        """List the public, undeleted, complete resources of one type, highest first.

        Queries: sql/resources/find_by_type.sql. Ties are in order of id, newest first. A cursor
        belongs to the order it was made in; *limit* is from 1 to 500.
        """
        check_choice("resource_type", resource_type, _TYPES)
        check_choice("order_by", order_by, _FIND_BY_TYPE.keys())
        return self._page(_FIND_BY_TYPE[order_by], resource_type, cursor=cursor, limit=limit)

    def find_trending(self, *, days: int = 7, limit: int = 50) -> list[Resource]:
        """List the best listed resources of the last days (sql/resources/read.sql).

        Best is the highest score, then bookmarks, then views; *limit* is from 1 to 500.
        """
        check_int("days", days, 1, MAX_DAYS)
        check_limit(limit)
        return self._list(_FIND_TRENDING, days, limit)
