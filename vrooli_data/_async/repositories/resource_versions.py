"""Versions of resources: methods of the attribute ``resources``."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..._domain import own_queries
from ...engine import AsyncRepository, Page, Update, json_text, new_public_id
from ...errors import NotFound
from ...inputs import CreateResource, CreateVersion, UpdateVersion
from ...records import ResourceVersion, ResourceWithVersion
from ...records.shared import RowId
from ...validation import check_id, check_key, check_revision, checked, checked_changes

_SQL = own_queries("resources")

_FIND_VERSION_BY_PUBLIC_ID = _SQL.bind("find_version_by_public_id", ResourceVersion)
_FIND_VERSIONS = _SQL.listing("find_versions__version_index", ResourceVersion, tie="version_index")
_CREATE_WITH_VERSION = _SQL.bind("create_with_version", ResourceWithVersion)
_ADD_VERSION = _SQL.bind("add_version", ResourceVersion)
_UPDATE_VERSION_LOCK = _SQL.bind("update_version__lock", RowId)
_UPDATE_VERSION = _SQL.bind("update_version", Update[ResourceVersion])


class AsyncResourceVersions(AsyncRepository):
    """The versions of resources (sql/resources/versions.sql)."""

    async def find_version_by_public_id(self, public_id: str) -> ResourceVersion | None:
        """Fetch one version by public id (sql/resources/versions.sql)."""
        check_key("public_id", public_id)
        return await self.find_one(_FIND_VERSION_BY_PUBLIC_ID, public_id)

    async def find_versions(
        self, resource_id: int, *, cursor: str | None = None, limit: int = 20
    ) -> Page[ResourceVersion]:
        """List the versions of one resource, newest first (sql/resources/versions.sql).

        *limit* is from 1 to 500.
        """
        check_id("resource_id", resource_id)
        return await self.page(_FIND_VERSIONS, resource_id, cursor=cursor, limit=limit)

    def iter_versions(
        self, resource_id: int, *, batch_size: int = 1_000
    ) -> AsyncIterator[ResourceVersion]:
        """Go through the versions of one resource, newest first (sql/resources/versions.sql).

        *batch_size* is from 1 to 10 000; see `iterate`.
        """
        check_id("resource_id", resource_id)
        return self.iterate(_FIND_VERSIONS, resource_id, batch_size=batch_size)

    async def create_with_version(
        self, resource: CreateResource, version: CreateVersion
    ) -> ResourceWithVersion:
        """Insert one resource with its first version (sql/resources/create_with_version.sql).

        The version becomes the resource's latest version. Raises `AlreadyExists` where one of the
        public ids is taken, and `MissingReference` where the creator is absent; then nothing is
        inserted.
        """
        values = checked("resource", resource, CreateResource)
        first = checked("version", version, CreateVersion)
        return await self.get_one(
            _CREATE_WITH_VERSION,
            values["public_id"] or new_public_id(),
            values["resource_type"],
            values["is_private"],
            values["created_by_id"],
            first["public_id"] or new_public_id(),
            first["version_label"],
            json_text(first["config"]),
            first["is_complete"],
        )

    async def add_version(self, resource_id: int, version: CreateVersion) -> ResourceVersion:
        """Insert the next version of one resource (sql/resources/versions.sql).

        The version becomes the resource's latest version. Raises `NotFound` where the resource is
        absent, and `AlreadyExists` where the public id is taken.
        """
        check_id("resource_id", resource_id)
        values = checked("version", version, CreateVersion)
        added = await self.find_one(
            _ADD_VERSION,
            resource_id,
            values["public_id"] or new_public_id(),
            values["version_label"],
            json_text(values["config"]),
            values["is_complete"],
        )
        if added is None:
            raise NotFound("resources.add_version: no such resource", query=_ADD_VERSION.name)
        return added

    async def update_version(
        self, id: int, changes: UpdateVersion, *, expected_revision: int | None = None
    ) -> ResourceVersion | None:
        """Update the given fields of one version; None when absent (sql/resources/versions.sql).

        With is_complete among the changes, two queries run in one transaction: the first locks the
        resource, because has_complete_version depends on all its versions. The resource's revision
        counts a change of is_complete. Raises `Conflict` where the version has another revision
        than the expected one.
        """
        check_id("id", id)
        values = checked_changes(changes, UpdateVersion)
        check_revision("expected_revision", expected_revision)

        async def update(versions: AsyncResourceVersions) -> ResourceVersion | None:
            return await versions.update_one(
                _UPDATE_VERSION, id, changes=values, expected_revision=expected_revision
            )

        async def lock_and_update(versions: AsyncResourceVersions) -> ResourceVersion | None:
            # The lock keeps the versions unchanged, and the second statement sees all of them.
            await versions.find_one(_UPDATE_VERSION_LOCK, id)
            return await update(versions)

        if "is_complete" in values:
            return await self.atomic(lock_and_update)
        return await update(self)
