"""Changes that record their event: methods of the attribute ``resources``."""

from __future__ import annotations

from uuid import UUID

from msgspec import convert

from ..._domain import own_queries
from ...engine import (
    AsyncRepository,
    Recording,
    Update,
    checked_event_id,
    json_text,
    new_public_id,
)
from ...errors import NotFound
from ...inputs import CreateResource, UpdateResource
from ...records import ChangeEvent, Resource
from ...records.resources import SoftDeleted
from ...records.shared import RowId
from ...validation import check_id, checked, checked_changes
from .resource_bulk import lock_to_delete

_SQL = own_queries("resources")

_CREATE_WITH_EVENT = _SQL.bind("create_with_event", Resource)
_UPDATE_WITH_EVENT = _SQL.bind("update_with_event", Update[Resource])
_DELETE_WITH_EVENT = _SQL.bind("delete_with_event", RowId)
_SOFT_DELETE_WITH_EVENT = _SQL.bind("soft_delete_with_event", SoftDeleted)


class AsyncResourceEvents(AsyncRepository):
    """Changes of a resource, each with its event in the same transaction (sql/resources).

    The id of the event is made when *event_id* is None. Where the reply to a lone call is lost, the
    event tells whether it was committed; see docs/events.md.
    """

    async def create_with_event(
        self, resource: CreateResource, *, changed_by: int, event_id: UUID | None = None
    ) -> Resource:
        """Insert one resource, and record the event ``created`` (sql/resources/with_event.sql).

        *changed_by* is the id of the user who makes the change. Raises what `create` raises, and
        `AlreadyExists` where the user has an event with this id.
        """
        values = checked("resource", resource, CreateResource)
        recording = _recording(changed_by, event_id, None, "created")
        return await self.get_recorded(
            _CREATE_WITH_EVENT,
            values["public_id"] or new_public_id(),
            values["resource_type"],
            values["is_private"],
            values["created_by_id"],
            *recording.key,
            recording=recording,
            from_event=_resource_from_event,
        )

    async def update_with_event(
        self,
        id: int,
        changes: UpdateResource,
        *,
        changed_by: int,
        expected_revision: int | None = None,
        event_id: UUID | None = None,
    ) -> Resource | None:
        """Update the given fields of one resource, and record the event ``updated``.

        Query: sql/resources/with_event.sql. None when absent. *changed_by* is the id of the user
        who makes the change. Raises `Conflict` where the resource has another revision than the
        expected one, and `AlreadyExists` where the user has an event with this id; then nothing is
        changed or recorded.
        """
        check_id("id", id)
        return await self.update_one(
            _UPDATE_WITH_EVENT,
            id,
            changes=checked_changes(changes, UpdateResource),
            expected_revision=expected_revision,
            recording=_recording(changed_by, event_id, id, "updated"),
        )

    async def delete_with_event(
        self, id: int, *, changed_by: int, event_id: UUID | None = None
    ) -> bool:
        """Delete one resource with all of its parts, and record the event ``deleted``.

        Query: sql/resources/with_event.sql. False when absent. *changed_by* is the id of the user
        who makes the change. Raises what `delete` raises, and `AlreadyExists` where the user has an
        event with this id.
        """
        check_id("id", id)
        recording = _recording(changed_by, event_id, id, "deleted")
        deleted = await self.find_recorded(
            _DELETE_WITH_EVENT, id, *recording.key, recording=recording, from_event=_id_from_event
        )
        return deleted is not None

    async def soft_delete_with_event(
        self, id: int, deleted_by: int, *, event_id: UUID | None = None
    ) -> bool:
        """Soft-delete one resource as `soft_delete` does, and record the event ``soft_deleted``.

        Queries: sql/resources/with_event.sql, in one transaction. False when it was deleted before;
        then nothing is recorded. The runs that it cancels have no events. Raises what `soft_delete`
        raises, and `AlreadyExists` where the user has an event with this id.
        """
        check_id("id", id)
        recording = _recording(deleted_by, event_id, id, "soft_deleted", "deleted_by")

        async def lock_and_delete(resources: AsyncResourceEvents) -> SoftDeleted | None:
            await lock_to_delete(resources, json_text([id]))
            return await resources.find_recorded(
                _SOFT_DELETE_WITH_EVENT,
                id,
                *recording.key,
                recording=recording,
                from_event=_deleted_from_event,
            )

        found = await self.atomic(lock_and_delete)
        if found is None:
            raise NotFound(
                "resources.soft_delete_with_event: no such resource",
                query=_SOFT_DELETE_WITH_EVENT.name,
            )
        return found.deleted is not None


def _recording(
    user_id: int,
    event_id: UUID | None,
    entity_id: int | None,
    change_type: str,
    field: str = "changed_by",
) -> Recording:
    """Return what is to be recorded of a resource; refuse a bad user or event id."""
    check_id(field, user_id)
    return Recording(user_id, checked_event_id(event_id), "resource", entity_id, change_type)


def _resource_from_event(event: ChangeEvent) -> Resource:
    return convert(event.new_data, Resource)


def _id_from_event(event: ChangeEvent) -> RowId:
    return RowId(event.entity_id)


def _deleted_from_event(event: ChangeEvent) -> SoftDeleted:
    return SoftDeleted(_resource_from_event(event))
