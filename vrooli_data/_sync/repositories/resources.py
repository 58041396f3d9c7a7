# Generated from vrooli_data/_async/repositories/resources.py by tools/unasync.py. Do not edit.
"""Resources: the methods of the attribute ``resources``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from ..._domain import own_queries
from ..._domain.text_search import has_trigram, like_pattern, normalized_query
from ...engine import Page, Update, json_text, new_public_id
from ...errors import InvalidInput, NotFound
from ...inputs import CreateResource, UpdateResource
from ...records import (
    Resource,
    ResourceCounts,
    ResourceOrder,
    ResourceType,
    ResourceWithLatestVersion,
)
from ...records.shared import RowId
from ...validation import (
    MAX_MANY,
    check_choice,
    check_id,
    check_int,
    check_key,
    check_limit,
    check_list,
    checked,
    checked_changes,
)
from .resource_bulk import ResourceBulk
from .resource_events import ResourceEvents
from .resource_translations import ResourceTranslations
from .resource_versions import ResourceVersions

_SQL = own_queries("resources")

_FIND_BY_ID = _SQL.bind("find_by_id", Resource, many="find_many_by_id", key="id")
_FIND_MANY_BY_ID = _SQL.bind("find_many_by_id", Resource)
_FIND_BY_PUBLIC_ID = _SQL.bind(
    "find_by_public_id", Resource, many="find_many_by_public_id", key="public_id"
)
_FIND_MANY_BY_PUBLIC_ID = _SQL.bind("find_many_by_public_id", Resource)
_FIND_WITH_LATEST_VERSION = _SQL.bind("find_with_latest_version", ResourceWithLatestVersion)
_FIND_TRENDING = _SQL.bind("find_trending", Resource)
_FIND_BY_TYPE = {
    key: _SQL.listing(f"find_by_type__{key}", Resource, key=key) for key in get_args(ResourceOrder)
}
#: Keys: whether the search has a type, and whether it uses trigram indexes.
_SEARCH = {
    (False, False): _SQL.bind("search__any_type", Resource),
    (False, True): _SQL.bind("search__any_type_by_trigram", Resource),
    (True, False): _SQL.bind("search__one_type", Resource),
    (True, True): _SQL.bind("search__one_type_by_trigram", Resource),
}
_FIND_BY_CREATOR = _SQL.listing("find_by_creator__created_at", Resource, key="created_at")
_FIND_OWN = _SQL.listing("find_own__created_at", Resource, key="created_at")
_FIND_MANY = _SQL.listing("find_many__created_at", Resource, key="created_at")
_COUNT_BY_TYPE = _SQL.bind("count_by_type", ResourceCounts)
_CREATE = _SQL.bind("create", Resource)
_UPDATE = _SQL.bind("update", Update[Resource])
_UPDATE_BY_PUBLIC_ID = _SQL.bind("update_by_public_id", Update[Resource])
_INCREMENT_VIEWS = _SQL.bind("increment_views", RowId)
_INCREMENT_BOOKMARKS = _SQL.bind("increment_bookmarks", RowId)
_DELETE = _SQL.bind("delete", RowId)
_TYPES = get_args(ResourceType)
#: A longer interval reaches past the first year that a timestamp can hold.
_MAX_DAYS = 365_000


class ResourceRepository(ResourceVersions, ResourceTranslations, ResourceBulk, ResourceEvents):
    """Resources with their versions and translations (sql/resources)."""

    def find_by_id(self, id: int) -> Resource | None:
        """Fetch one resource by id (sql/resources/read.sql)."""
        check_id("id", id)
        return self.find_one(_FIND_BY_ID, id)

    def find_by_public_id(self, public_id: str) -> Resource | None:
        """Fetch one resource by public id (sql/resources/read.sql)."""
        check_key("public_id", public_id)
        return self.find_one(_FIND_BY_PUBLIC_ID, public_id)

    def find_many_by_id(self, ids: Sequence[int]) -> list[Resource]:
        """Fetch resources by id, in the order given (sql/resources/read.sql).

        Absent ones are left out. At most 10 000 ids are accepted.
        """
        wanted = check_list("ids", ids, MAX_MANY, check_id)
        return self.find_all(_FIND_MANY_BY_ID, json_text(wanted))

    def find_many_by_public_id(self, public_ids: Sequence[str]) -> list[Resource]:
        """Fetch resources by public id, in the order given (sql/resources/read.sql).

        Absent ones are left out. At most 10 000 ids are accepted.
        """
        wanted = check_list("public_ids", public_ids, MAX_MANY, check_key)
        return self.find_all(_FIND_MANY_BY_PUBLIC_ID, json_text(wanted))

    def find_with_latest_version(self, public_id: str) -> ResourceWithLatestVersion | None:
        """Fetch one resource with its creator and latest version (sql/resources/read.sql)."""
        check_key("public_id", public_id)
        return self.find_one(_FIND_WITH_LATEST_VERSION, public_id)

    def find_by_type(
        self,
        resource_type: ResourceType,
        *,
        order_by: ResourceOrder = "created_at",
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page[Resource]:
        """List the listed resources of one type, highest value of *order_by* first.

        Queries: sql/resources/find_by_type.sql. A resource is listed if it is public, not deleted
        and has a complete version. Ties are ordered by id, newest first. A cursor is valid for its
        own type and order only. *limit* is from 1 to 500.
        """
        check_choice("resource_type", resource_type, _TYPES)
        check_choice("order_by", order_by, _FIND_BY_TYPE.keys())
        return self.page(_FIND_BY_TYPE[order_by], resource_type, cursor=cursor, limit=limit)

    def iter_by_type(
        self,
        resource_type: ResourceType,
        *,
        order_by: ResourceOrder = "created_at",
        batch_size: int = 1_000,
    ) -> Iterator[Resource]:
        """Go through the listed resources of one type, highest value of *order_by* first.

        Queries: sql/resources/find_by_type.sql. Of the orders, ``created_at`` alone gives a row a
        place that stays: every resource that is listed all the time comes exactly once.
        *batch_size* is from 1 to 10 000; see `find_by_type` and `iterate`.
        """
        check_choice("resource_type", resource_type, _TYPES)
        check_choice("order_by", order_by, _FIND_BY_TYPE.keys())
        return self.iterate(_FIND_BY_TYPE[order_by], resource_type, batch_size=batch_size)

    def find_by_creator(
        self, created_by_id: int, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Resource]:
        """List the listed resources of one creator, newest first.

        Queries: sql/resources/find_by_creator.sql. They are those that `find_by_type` lists;
        `find_own` lists the others too, for the creator. *limit* is from 1 to 500.
        """
        check_id("created_by_id", created_by_id)
        return self.page(_FIND_BY_CREATOR, created_by_id, cursor=cursor, limit=limit)

    def iter_by_creator(self, created_by_id: int, *, batch_size: int = 1_000) -> Iterator[Resource]:
        """Go through the listed resources of one creator, newest first.

        Queries: sql/resources/find_by_creator.sql. *batch_size* is from 1 to 10 000; see `iterate`.
        """
        check_id("created_by_id", created_by_id)
        return self.iterate(_FIND_BY_CREATOR, created_by_id, batch_size=batch_size)

    def find_own(
        self, user_id: int, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Resource]:
        """List the resources that a user has created, for this user alone, newest first.

        Queries: sql/resources/find_by_creator.sql. All that are not deleted: also private ones, and
        those without a complete version. *user_id* must be the user who asks. *limit* is from 1 to
        500.
        """
        check_id("user_id", user_id)
        return self.page(_FIND_OWN, user_id, cursor=cursor, limit=limit)

    def iter_own(self, user_id: int, *, batch_size: int = 1_000) -> Iterator[Resource]:
        """Go through the resources that a user has created, for this user alone, newest first.

        Queries: sql/resources/find_by_creator.sql. *batch_size* is from 1 to 10 000; see `find_own`
        and `iterate`.
        """
        check_id("user_id", user_id)
        return self.iterate(_FIND_OWN, user_id, batch_size=batch_size)

    def find_many(
        self,
        *,
        resource_types: Sequence[ResourceType] | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page[Resource]:
        """List the listed resources of several types, or of all, newest first.

        Queries: sql/resources/find_many.sql. A type given twice counts once. A cursor is valid for
        the same types only. *limit* is from 1 to 500; see `find_by_type` for other orders.
        """
        return self.page(_FIND_MANY, _wanted(resource_types), cursor=cursor, limit=limit)

    def iter_many(
        self, *, resource_types: Sequence[ResourceType] | None = None, batch_size: int = 1_000
    ) -> Iterator[Resource]:
        """Go through the listed resources of several types, or of all, newest first.

        Queries: sql/resources/find_many.sql. *batch_size* is from 1 to 10 000; see `find_many` and
        `iterate`.
        """
        return self.iterate(_FIND_MANY, _wanted(resource_types), batch_size=batch_size)

    def count_by_type(self) -> ResourceCounts:
        """Count the listed resources by type (sql/resources/counts.sql).

        The numbers are exact, and so every listed resource is read: keep them for a while.
        """
        return self.get_one(_COUNT_BY_TYPE)

    def find_trending(self, *, days: int = 7, limit: int = 50) -> list[Resource]:
        """List the best listed resources of the last days (sql/resources/read.sql).

        Ordered by score, then bookmarks, then views, highest first. *limit* is from 1 to 500.
        """
        check_int("days", days, 1, _MAX_DAYS)
        check_limit(limit)
        return self.find_all(_FIND_TRENDING, days, limit)

    def search(
        self, query: str, *, resource_type: ResourceType | None = None, limit: int = 20
    ) -> list[Resource]:
        r"""List the listed resources that contain a text, best score first.

        Queries: sql/resources/search.sql. The text is searched in name and description in every
        language. Case, normal form and ligatures do not matter, accents do. ``%``, ``_`` and ``\``
        match themselves. Ties are ordered by id, newest first. *limit* is from 1 to 500. Set a
        statement_timeout for untrusted searches.
        """
        if resource_type is not None:
            check_choice("resource_type", resource_type, _TYPES)
        check_limit(limit)
        text = normalized_query(query)
        types = () if resource_type is None else (resource_type,)
        by_trigram = self.has_extension("pg_trgm") and has_trigram(text)
        return self.find_all(_SEARCH[bool(types), by_trigram], like_pattern(text), *types, limit)

    def create(self, resource: CreateResource) -> Resource:
        """Insert one resource without versions or translations (sql/resources/write.sql).

        Raises `AlreadyExists` where the public id is taken, and `MissingReference` where the
        creator is absent.
        """
        values = checked("resource", resource, CreateResource)
        return self.get_one(
            _CREATE,
            values["public_id"] or new_public_id(),
            values["resource_type"],
            values["is_private"],
            values["created_by_id"],
        )

    def update(
        self, id: int, changes: UpdateResource, *, expected_revision: int | None = None
    ) -> Resource | None:
        """Update the given fields of one resource; None when absent (sql/resources/write.sql).

        Raises `Conflict` where the resource has another revision than the expected one.
        """
        check_id("id", id)
        return self.update_one(
            _UPDATE,
            id,
            changes=checked_changes(changes, UpdateResource),
            expected_revision=expected_revision,
        )

    def update_by_public_id(
        self,
        public_id: str,
        changes: UpdateResource,
        *,
        expected_revision: int | None = None,
    ) -> Resource | None:
        """Update the given fields of one resource by public id; None when absent.

        Query: sql/resources/write.sql. Raises what `update` raises.
        """
        check_key("public_id", public_id)
        return self.update_one(
            _UPDATE_BY_PUBLIC_ID,
            public_id,
            changes=checked_changes(changes, UpdateResource),
            expected_revision=expected_revision,
        )

    def increment_views(self, public_id: str) -> None:
        """Count one view of a resource (sql/resources/write.sql).

        Changes neither revision nor updated_at; raises `NotFound` where the resource is absent or
        deleted.
        """
        check_key("public_id", public_id)
        if self.find_one(_INCREMENT_VIEWS, public_id) is None:
            raise NotFound(
                "resources.increment_views: no such resource", query=_INCREMENT_VIEWS.name
            )

    def increment_bookmarks(self, public_id: str, by: Literal[1, -1] = 1) -> None:
        """Raise or lower a resource's bookmark counter (sql/resources/write.sql).

        For callers who write the bookmark row elsewhere. The counter does not fall below zero, and
        the next reconciliation compares it with the rows. Changes neither revision nor updated_at.
        Raises `NotFound` where the resource is absent or deleted.
        """
        check_key("public_id", public_id)
        _check_step("by", by)
        if self.find_one(_INCREMENT_BOOKMARKS, public_id, by) is None:
            raise NotFound(
                "resources.increment_bookmarks: no such resource", query=_INCREMENT_BOOKMARKS.name
            )

    def delete(self, id: int) -> bool:
        """Delete one resource with its versions, translations and bookmarks; False when absent.

        Query: sql/resources/write.sql. Raises `StillReferenced` where a run refers to one of its
        versions.
        """
        check_id("id", id)
        return self.find_one(_DELETE, id) is not None


def _check_type(field: str, value: str) -> None:
    check_choice(field, value, _TYPES)


def _wanted(types: Sequence[ResourceType] | None) -> str:
    """Return types as a JSON array, in a fixed order; refuse what is none, and None is all.

    A cursor is valid for the same types in any order.
    """
    given = _TYPES if types is None else check_list("resource_types", types, MAX_MANY, _check_type)
    return json_text([each for each in _TYPES if each in given])


def _check_step(field: str, value: int) -> None:
    """Refuse a step of a counter other than 1 or -1."""
    if type(value) is not int or value not in (1, -1):
        raise InvalidInput(field, "must be 1 or -1")
