"""Resources: creating, changing, counting and deleting them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    Conflict,
    CreateResource,
    InvalidInput,
    MissingReference,
    NotFound,
    Resource,
    StillReferenced,
    UpdateResource,
)

from ._compat import Started, gather, until_waiting


async def stored(db: AsyncDatabase, id: int) -> Resource:
    """Return a resource that is there."""
    resource = await db.resources.find_by_id(id)
    assert resource is not None
    return resource


async def test_create_returns_the_row(db: AsyncDatabase, make: Factory) -> None:
    author = make.user()
    resource = await db.resources.create(
        CreateResource(
            resource_type="Prompt",
            public_id="abcdefghijkl",
            is_private=True,
            created_by_id=author,
        )
    )
    assert (resource.public_id, resource.resource_type) == ("abcdefghijkl", "Prompt")
    assert (resource.is_private, resource.created_by_id) == (True, author)
    assert (resource.score, resource.bookmarks, resource.views) == (0, 0, 0)
    assert (resource.latest_version_id, resource.last_version_index) == (None, -1)
    assert (resource.has_complete_version, resource.revision) == (False, 0)
    assert await stored(db, resource.id) == resource


async def test_create_makes_a_public_id(db: AsyncDatabase) -> None:
    first = await db.resources.create(CreateResource(resource_type="Api"))
    second = await db.resources.create(CreateResource(resource_type="Api"))
    assert re.fullmatch("[0-9a-z]{12}", first.public_id)
    assert first.public_id != second.public_id


async def test_a_public_id_that_is_taken_already_exists(db: AsyncDatabase, make: Factory) -> None:
    make.resource(public_id="abcdefghijkl")
    with pytest.raises(AlreadyExists) as caught:
        await db.resources.create(CreateResource(resource_type="Api", public_id="abcdefghijkl"))
    assert caught.value.constraint == "resources_public_id_key"
    assert caught.value.query == "resources.create"
    assert "abcdefghijkl" not in str(caught.value)


async def test_a_creator_who_is_absent_is_named_by_the_constraint(db: AsyncDatabase) -> None:
    with pytest.raises(MissingReference) as caught:
        await db.resources.create(CreateResource(resource_type="Api", created_by_id=1))
    assert caught.value.constraint == "resources_created_by_id_fkey"
    assert caught.value.field == "created_by_id"


async def test_update_changes_the_fields_given_alone(db: AsyncDatabase) -> None:
    resource = await db.resources.create(CreateResource(resource_type="Api"))
    changed = await db.resources.update(resource.id, UpdateResource(is_private=True))
    assert changed is not None
    assert (changed.is_private, changed.resource_type) == (True, "Api")
    assert changed.revision == 1
    assert changed.updated_at > resource.updated_at
    assert changed.created_at == resource.created_at
    assert await stored(db, resource.id) == changed


async def test_update_sees_deleted_resources(db: AsyncDatabase, make: Factory) -> None:
    resource_id = make.resource(is_deleted=True, deleted_at="2026-01-01Z")
    changed = await db.resources.update(resource_id, UpdateResource(resource_type="Note"))
    assert changed is not None
    assert (changed.resource_type, changed.is_deleted) == ("Note", True)


async def test_update_of_an_absent_resource_is_none(db: AsyncDatabase) -> None:
    changes = UpdateResource(is_private=True)
    assert await db.resources.update(1, changes) is None
    assert await db.resources.update(1, changes, expected_revision=0) is None


async def test_update_of_another_revision_is_a_conflict_and_changes_nothing(
    db: AsyncDatabase,
) -> None:
    resource = await db.resources.create(CreateResource(resource_type="Api"))
    changed = await db.resources.update(
        resource.id, UpdateResource(resource_type="Code"), expected_revision=0
    )
    with pytest.raises(Conflict, match=r"resources\.update: the row has revision 1, not 0"):
        await db.resources.update(
            resource.id, UpdateResource(resource_type="Data"), expected_revision=0
        )
    assert await stored(db, resource.id) == changed


async def test_a_second_update_waits_and_keeps_the_change_of_the_first(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource()
    with admin.transaction():
        admin.execute("UPDATE resources SET resource_type = 'Note', revision = revision + 1")
        second = Started(lambda: db.resources.update(resource_id, UpdateResource(is_private=True)))
        await until_waiting(admin)
    changed = await second.result()
    assert changed is not None
    assert (changed.resource_type, changed.is_private, changed.revision) == ("Note", True, 2)


async def test_a_second_update_that_waited_sees_the_revision_of_the_first(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource()
    with admin.transaction():
        admin.execute("UPDATE resources SET revision = revision + 1")
        second = Started(
            lambda: db.resources.update(
                resource_id, UpdateResource(is_private=True), expected_revision=0
            )
        )
        await until_waiting(admin)
    with pytest.raises(Conflict):
        await second.result()


async def test_a_view_is_no_change_of_the_resource(db: AsyncDatabase, make: Factory) -> None:
    resource_id = make.resource(public_id="abcdefghijkl", views=7, is_private=True)
    before = await stored(db, resource_id)
    await db.resources.increment_views("abcdefghijkl")
    after = await stored(db, resource_id)
    assert after.views == 8
    assert (after.revision, after.updated_at) == (before.revision, before.updated_at)


async def test_views_of_many_at_once_are_all_counted(db: AsyncDatabase, make: Factory) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    await gather(*[lambda: db.resources.increment_views("abcdefghijkl")] * 20)
    assert (await stored(db, resource_id)).views == 20


async def test_a_bookmark_moves_the_counter_and_requests_its_reconciliation(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    before = await stored(db, resource_id)
    await db.resources.increment_bookmarks("abcdefghijkl")
    await db.resources.increment_bookmarks("abcdefghijkl")
    await db.resources.increment_bookmarks("abcdefghijkl", by=-1)
    after = await stored(db, resource_id)
    assert after.bookmarks == 1
    assert (after.revision, after.updated_at) == (before.revision, before.updated_at)
    rows = admin.execute("SELECT entity_type, entity_id, counter FROM counter_reconciliations")
    assert rows.fetchall() == [("resource", resource_id, "bookmarks")]


async def test_the_counter_of_bookmarks_stays_at_zero(db: AsyncDatabase, make: Factory) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    await db.resources.increment_bookmarks("abcdefghijkl", by=-1)
    assert (await stored(db, resource_id)).bookmarks == 0


async def test_a_request_that_is_being_dealt_with_is_made_anew(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    await db.resources.increment_bookmarks("abcdefghijkl")
    with admin.transaction():
        # As reconciliation does: first the request, then the counter.
        admin.execute("DELETE FROM counter_reconciliations")
        second = Started(lambda: db.resources.increment_bookmarks("abcdefghijkl"))
        await until_waiting(admin)
        admin.execute("UPDATE resources SET bookmarks = bookmarks - 1")
    await second.result()
    assert (await stored(db, resource_id)).bookmarks == 1
    requests = admin.execute("SELECT count(*) FROM counter_reconciliations").fetchone()
    assert requests == (1,)


async def test_bookmarks_of_many_at_once_are_all_counted(db: AsyncDatabase, make: Factory) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    await gather(*[lambda: db.resources.increment_bookmarks("abcdefghijkl")] * 20)
    assert (await stored(db, resource_id)).bookmarks == 20


async def test_counters_of_an_absent_or_deleted_resource_are_not_found(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.resource(public_id="abcdefghijkl", is_deleted=True, deleted_at="2026-01-01Z")
    for public_id in ("abcdefghijkl", "zzzzzzzzzzzz"):
        with pytest.raises(NotFound) as views:
            await db.resources.increment_views(public_id)
        assert views.value.query == "resources.increment_views"
        with pytest.raises(NotFound) as bookmarks:
            await db.resources.increment_bookmarks(public_id)
        assert bookmarks.value.query == "resources.increment_bookmarks"
    assert admin.execute("SELECT views, bookmarks FROM resources").fetchone() == (0, 0)
    assert admin.execute("SELECT count(*) FROM counter_reconciliations").fetchone() == (0,)


async def test_delete_takes_versions_translations_and_bookmarks_along(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    resource_id, kept = make.resource(), make.resource()
    make.version(resource_id)
    make.translation(resource_id)
    make.bookmark(make.user(), resource_id)
    make.version(kept)
    assert await db.resources.delete(resource_id) is True
    assert await db.resources.delete(resource_id) is False
    counts = [
        admin.execute(f"SELECT count(*) FROM {table}").fetchone()
        for table in ("resources", "resource_versions", "resource_translations", "bookmarks")
    ]
    assert counts == [(1,), (1,), (0,), (0,)]


async def test_a_resource_that_a_run_is_of_cannot_be_deleted(
    db: AsyncDatabase, make: Factory
) -> None:
    resource_id = make.resource()
    make.translation(resource_id)
    make.run(make.user(), resource_version_id=make.version(resource_id))
    with pytest.raises(StillReferenced) as caught:
        await db.resources.delete(resource_id)
    assert caught.value.constraint == "runs_resource_version_id_fkey"
    assert len(await db.resources.find_translations(resource_id)) == 1


async def test_find_many_keep_the_order_and_leave_out_absent_ones(
    db: AsyncDatabase, make: Factory
) -> None:
    public_ids = ("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc")
    a, b, c = (make.resource(public_id=public_id, is_private=True) for public_id in public_ids)
    some = await db.resources.find_many_by_id([c, c + 1, a, b, c])
    assert [item.id for item in some] == [c, a, b, c]
    assert await db.resources.find_many_by_id([]) == []
    wanted = ["cccccccccccc", "absent", "aaaaaaaaaaaa", "cccccccccccc"]
    found = await db.resources.find_many_by_public_id(wanted)
    assert [item.public_id for item in found] == ["cccccccccccc", "aaaaaaaaaaaa", "cccccccccccc"]
    assert await db.resources.find_many_by_public_id([]) == []


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    resources = unopened.resources
    wrong: Any = "Rotuine"
    with pytest.raises(InvalidInput, match="resource: must be a CreateResource, not UpdateRes"):
        await resources.create(UpdateResource(is_private=True))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_type: must be one of Api, Code"):
        await resources.create(CreateResource(resource_type=wrong))
    with pytest.raises(InvalidInput, match="public_id: must be 12"):
        await resources.create(CreateResource(resource_type="Api", public_id="SHOUTING-ID1"))
    with pytest.raises(InvalidInput, match="created_by_id: must be from 1"):
        await resources.create(CreateResource(resource_type="Api", created_by_id=0))
    with pytest.raises(InvalidInput, match="is_private: must be a bool, not int"):
        await resources.create(CreateResource(resource_type="Api", is_private=1))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="changes: must hold at least one field"):
        await resources.update(1, UpdateResource())
    with pytest.raises(InvalidInput, match="is_private: must be a bool, not NoneType"):
        await resources.update(1, UpdateResource(is_private=None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_type: must be one of Api, Code"):
        await resources.update(1, UpdateResource(resource_type=wrong))
    with pytest.raises(InvalidInput, match="expected_revision: must be from 0"):
        await resources.update(1, UpdateResource(is_private=True), expected_revision=-1)
    with pytest.raises(InvalidInput, match="id: must be from 1"):
        await resources.delete(0)
    with pytest.raises(InvalidInput, match="public_id: must be a str"):
        await resources.increment_views(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="public_ids: must be a list, not str"):
        await resources.find_many_by_public_id("abcdefghijkl")
    with pytest.raises(InvalidInput, match="ids: must be from 1 to"):
        await resources.find_many_by_id([1, 0])


@pytest.mark.parametrize("by", [0, 2, -2, True, 1.0, "1", None, 2**63])
async def test_bookmarks_move_by_one_alone(unopened: AsyncDatabase, by: Any) -> None:
    with pytest.raises(InvalidInput, match=r"\Aby: must be 1 or -1\Z"):
        await unopened.resources.increment_bookmarks("abcdefghijkl", by)
