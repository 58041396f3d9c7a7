"""Bulk updates and soft deletion: methods of the attribute ``resources``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import Struct

from ..._domain import own_queries
from ..._domain.text_search import fold
from ...engine import (
    AsyncInputs,
    AsyncRepository,
    BulkResult,
    OnDuplicate,
    json_text,
    new_public_id,
)
from ...errors import InvalidInput, InvalidUse, NotFound, TooManyConflicts
from ...inputs import (
    BulkUpdateResource,
    CreateResource,
    CreateResourceWithVersion,
    CreateTranslation,
    CreateVersion,
)
from ...records import BulkUpdate, SoftDeletion
from ...records.resources import BulkUpdateOutcome, ResourceLocks, Restoration
from ...validation import (
    MAX_MANY,
    check_distinct,
    check_id,
    check_list,
    check_ratio,
    check_type,
    checked,
    checked_items,
)

_SQL = own_queries("resources")

_BULK_UPDATE = _SQL.bind("bulk_update", BulkUpdateOutcome)
_BULK_SOFT_DELETE_LOCK = _SQL.bind("bulk_soft_delete__lock", ResourceLocks)
_BULK_SOFT_DELETE = _SQL.bind("bulk_soft_delete", SoftDeletion)
_RESTORE = _SQL.bind("restore", Restoration)
#: Fields that select the resource and its revision; the others are changes.
_KEYS = ("id", "expected_revision")


class _StagedResource(Struct, gc=False):
    """A resource as it is staged."""

    public_id: str
    resource_type: str
    is_private: bool
    created_by_id: int | None


def _staged(resource: CreateResource) -> _StagedResource:
    values = checked("resource", resource, CreateResource)
    return _StagedResource(
        values["public_id"] or new_public_id(),
        values["resource_type"],
        values["is_private"],
        values["created_by_id"],
    )


class _StagedResourceWithVersion(_StagedResource, gc=False):
    """A resource with its version and its translation as they are staged."""

    version_public_id: str
    version_label: str
    config: dict[str, Any]
    is_complete: bool
    #: None where there is no translation.
    language: str | None = None
    name: str | None = None
    name_folded: str | None = None
    description: str | None = None
    description_folded: str | None = None


def _staged_with_version(given: CreateResourceWithVersion) -> _StagedResourceWithVersion:
    check_type("row", given, CreateResourceWithVersion)
    resource = checked("resource", given.resource, CreateResource, prefix="resource.")
    version = checked("version", given.version, CreateVersion, prefix="version.")
    staged = _StagedResourceWithVersion(
        resource["public_id"] or new_public_id(),
        resource["resource_type"],
        resource["is_private"],
        resource["created_by_id"],
        version["public_id"] or new_public_id(),
        version["version_label"],
        version["config"],
        version["is_complete"],
    )
    if given.translation is not None:
        translation = checked(
            "translation", given.translation, CreateTranslation, prefix="translation."
        )
        staged.language = translation["language"]
        staged.name = translation["name"]
        staged.name_folded = fold(translation["name"])
        staged.description = translation["description"]
        if staged.description is not None:
            staged.description_folded = fold(staged.description)
    return staged


_BULK_CREATE = _SQL.load("bulk_create", _StagedResource)
_BULK_CREATE_WITH_VERSION = _SQL.load("bulk_create_with_version", _StagedResourceWithVersion)


class AsyncResourceBulk(AsyncRepository):
    """Many resources at once (sql/resources)."""

    async def bulk_create(
        self,
        resources: AsyncInputs[CreateResource],
        *,
        on_duplicate: OnDuplicate = "skip",
        batch_size: int = 10_000,
        all_or_nothing: bool = False,
        progress: Callable[[int], object] | None = None,
        on_inserted: Callable[[list[int]], object] | None = None,
    ) -> BulkResult:
        """Insert resources in bulk, without versions (sql/resources/bulk_create.sql).

        Resources of one public id are duplicates; an update changes type and privacy alone. Those
        of a creator that is absent are failures; see docs/bulk.md.
        """
        return await self.load(
            _BULK_CREATE,
            resources,
            stage=_staged,
            on_duplicate=on_duplicate,
            batch_size=batch_size,
            all_or_nothing=all_or_nothing,
            progress=progress,
            on_inserted=on_inserted,
        )

    async def bulk_create_with_version(
        self,
        resources: AsyncInputs[CreateResourceWithVersion],
        *,
        on_duplicate: Literal["skip", "error"] = "skip",
        batch_size: int = 10_000,
        all_or_nothing: bool = False,
        progress: Callable[[int], object] | None = None,
        on_inserted: Callable[[list[int]], object] | None = None,
    ) -> BulkResult:
        """Insert resources in bulk, each with its first version and a translation.

        Queries: sql/resources/bulk_create_with_version.sql. Resources of one public id are
        duplicates. Those of a creator that is absent, and those with a version whose public id
        another resource has, are failures. Nothing of a failure is inserted; see docs/bulk.md.
        """
        return await self.load(
            _BULK_CREATE_WITH_VERSION,
            resources,
            stage=_staged_with_version,
            on_duplicate=on_duplicate,
            batch_size=batch_size,
            all_or_nothing=all_or_nothing,
            progress=progress,
            on_inserted=on_inserted,
        )

    async def bulk_update(
        self, changes: Sequence[BulkUpdateResource], *, max_conflict_ratio: float = 0.3
    ) -> BulkUpdate:
        """Update the given fields of many resources (sql/resources/bulk_update.sql).

        One statement updates at most 10 000. A resource that is missing, or has another revision
        than the expected one, stays as it is and is returned as a conflict. If the share of
        conflicts exceeds *max_conflict_ratio*, nothing is written and `TooManyConflicts` is raised;
        your transaction stays usable.
        """
        check_ratio("max_conflict_ratio", max_conflict_ratio)
        given = _checked_changes(changes)
        outcome = await self.get_one(_BULK_UPDATE, json_text(given), float(max_conflict_ratio))
        if not outcome.is_written:
            raise TooManyConflicts(
                query=_BULK_UPDATE.name,
                conflicts=outcome.conflicts,
                count=len(given),
                allowed=max_conflict_ratio,
            )
        return BulkUpdate(outcome.updated, outcome.conflicts)

    async def bulk_soft_delete(self, ids: Sequence[int], deleted_by: int) -> SoftDeletion:
        """Soft-delete many resources, and cancel their active runs (sql/resources/soft_delete.sql).

        Two statements of one transaction delete at most 10 000. Runs that are Scheduled, InProgress
        or Paused become Cancelled, also those that another session is adding or resuming. Resources
        that were deleted before stay as they are. The user with the id *deleted_by* has the
        deletions counted in the statistics of the day. Raises `MissingReference` where that user is
        absent, and `InvalidUse` where your transaction is not read committed: it would not see runs
        added after its snapshot.
        """
        given = check_list("ids", ids, MAX_MANY, check_id)
        check_distinct("ids", given)
        check_id("deleted_by", deleted_by)
        return await self._soft_delete(given, deleted_by)

    async def soft_delete(self, id: int, deleted_by: int) -> bool:
        """Soft-delete one resource, and cancel its active runs; False when it was deleted before.

        Queries: sql/resources/soft_delete.sql; see `bulk_soft_delete`. Raises `NotFound` where the
        resource is absent.
        """
        check_id("id", id)
        check_id("deleted_by", deleted_by)
        deletion = await self._soft_delete([id], deleted_by)
        if deletion.missing:
            raise NotFound("resources.soft_delete: no such resource", query=_BULK_SOFT_DELETE.name)
        return deletion.deleted > 0

    async def restore(self, id: int) -> bool:
        """Undo the soft deletion of one resource; False when it is not deleted.

        Query: sql/resources/soft_delete.sql. Its runs stay cancelled, and the statistics
        still count its deletion. Raises `NotFound` where the resource is absent.
        """
        check_id("id", id)
        restoration = await self.find_one(_RESTORE, id)
        if restoration is None:
            raise NotFound("resources.restore: no such resource", query=_RESTORE.name)
        return restoration.was_deleted

    async def _soft_delete(self, ids: list[int], deleted_by: int) -> SoftDeletion:
        wanted = json_text(ids)

        async def lock_and_delete(resources: AsyncResourceBulk) -> SoftDeletion:
            await lock_to_delete(resources, wanted)
            return await resources.get_one(_BULK_SOFT_DELETE, wanted, deleted_by)

        return await self.atomic(lock_and_delete)


async def lock_to_delete(resources: AsyncRepository, ids: str) -> None:
    """Lock resources whose runs are to be cancelled, by a JSON array of ids."""
    locks = await resources.get_one(_BULK_SOFT_DELETE_LOCK, ids)
    if not locks.is_read_committed:
        raise InvalidUse(
            f"{_BULK_SOFT_DELETE.name}: this transaction does not see runs that were added "
            "after its snapshot, and cannot cancel them: use isolation='read committed'"
        )


def _checked_changes(changes: Sequence[BulkUpdateResource]) -> list[dict[str, Any]]:
    """Return the changes as the query takes them; refuse an invalid one by its position."""
    given = checked_items("changes", changes, BulkUpdateResource)
    for position, values in enumerate(given):
        if len(values) == len(_KEYS):
            raise InvalidInput(f"changes[{position}]", "must hold at least one field to change")
    check_distinct("changes", (values["id"] for values in given), ".id")
    return given
