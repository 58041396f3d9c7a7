# Generated from vrooli_data/_async/repositories/bookmarks.py by tools/unasync.py. Do not edit.
"""Bookmarks: the methods of the attribute ``bookmarks``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from ..._domain import own_queries
from ...engine import BulkResult, Inputs, Page, Repository
from ...errors import NotFound
from ...inputs import CreateBookmark
from ...records import Bookmark
from ...records.shared import Added, RowExists, RowId
from ...validation import check_id

_SQL = own_queries("bookmarks")

_EXISTS = _SQL.bind("exists", RowExists)
_ADD = _SQL.bind("add", Added)
_REMOVE = _SQL.bind("remove", RowId)
_BULK_CREATE = _SQL.load("bulk_create", CreateBookmark)
_LIST_BY_USER = _SQL.listing(
    "list_by_user__created_at", Bookmark, key="created_at", tie="resource_id"
)


class BookmarkRepository(Repository):
    """Bookmarks of resources by users (sql/bookmarks)."""

    def exists(self, user_id: int, resource_id: int) -> bool:
        """Return whether a user has bookmarked a resource (sql/bookmarks/read.sql)."""
        check_id("user_id", user_id)
        check_id("resource_id", resource_id)
        return (self.get_one(_EXISTS, user_id, resource_id)).row_exists

    def add(self, user_id: int, resource_id: int) -> bool:
        """Bookmark a resource for a user; False when already there (sql/bookmarks/write.sql).

        The same statement counts a new bookmark in the resource, whose revision and updated_at stay
        the same. Raises `NotFound` where the resource is absent or deleted, and `MissingReference`
        where the user is absent.
        """
        check_id("user_id", user_id)
        check_id("resource_id", resource_id)
        result = self.find_one(_ADD, user_id, resource_id)
        if result is None:
            raise NotFound("bookmarks.add: no such resource", query=_ADD.name)
        return result.added

    def remove(self, user_id: int, resource_id: int) -> bool:
        """Remove a bookmark; False when absent (sql/bookmarks/write.sql).

        The same statement lowers the counter of the resource, whose revision and updated_at stay
        the same. The counter does not fall below zero. The resource may be deleted.
        """
        check_id("user_id", user_id)
        check_id("resource_id", resource_id)
        return self.find_one(_REMOVE, user_id, resource_id) is not None

    def bulk_create(
        self,
        bookmarks: Inputs[CreateBookmark],
        *,
        on_duplicate: Literal["skip", "error"] = "skip",
        batch_size: int = 10_000,
        all_or_nothing: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> BulkResult:
        """Insert bookmarks in bulk (sql/bookmarks/bulk_create.sql).

        They are counted in their resources. Those of a user or resource that is absent, or of a
        deleted resource, are failures; see docs/bulk.md.
        """
        return self.load(
            _BULK_CREATE,
            bookmarks,
            on_duplicate=on_duplicate,
            batch_size=batch_size,
            all_or_nothing=all_or_nothing,
            progress=progress,
        )

    def list_by_user(
        self, user_id: int, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Bookmark]:
        """List the bookmarks of one user, newest first (sql/bookmarks/read.sql).

        *limit* is from 1 to 500.
        """
        check_id("user_id", user_id)
        return self.page(_LIST_BY_USER, user_id, cursor=cursor, limit=limit)

    def iter_by_user(self, user_id: int, *, batch_size: int = 1_000) -> Iterator[Bookmark]:
        """Go through the bookmarks of one user, newest first (sql/bookmarks/read.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        check_id("user_id", user_id)
        return self.iterate(_LIST_BY_USER, user_id, batch_size=batch_size)
