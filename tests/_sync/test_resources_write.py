# Generated from tests/_async/test_resources_write.py by tools/unasync.py. Do not edit.
"""Resources: creating, changing, counting and deleting them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    Conflict,
    CreateResource,
    Database,
    InvalidInput,
    MissingReference,
    NotFound,
    Resource,
    StillReferenced,
    UpdateResource,
)

from ._compat import Started, gather, until_waiting


def stored(db: Database, id: int) -> Resource:
    """Return a resource that is there."""
    resource = db.resources.find_by_id(id)
    assert resource is not None
    return resource


def test_create_returns_the_row(db: Database, make: Factory) -> None:
    author = make.user()
    resource = db.resources.create(
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
    assert stored(db, resource.id) == resource


def test_create_makes_a_public_id(db: Database) -> None:
    first = db.resources.create(CreateResource(resource_type="Api"))
    second = db.resources.create(CreateResource(resource_type="Api"))
    assert re.fullmatch("[0-9a-z]{12}", first.public_id)
    assert first.public_id != second.public_id


def test_a_public_id_that_is_taken_already_exists(db: Database, make: Factory) -> None:
    make.resource(public_id="abcdefghijkl")
    with pytest.raises(AlreadyExists) as caught:
        db.resources.create(CreateResource(resource_type="Api", public_id="abcdefghijkl"))
    assert caught.value.constraint == "resources_public_id_key"
    assert caught.value.query == "resources.create"
    assert "abcdefghijkl" not in str(caught.value)


def test_a_creator_who_is_absent_is_named_by_the_constraint(db: Database) -> None:
    with pytest.raises(MissingReference) as caught:
        db.resources.create(CreateResource(resource_type="Api", created_by_id=1))
    assert caught.value.constraint == "resources_created_by_id_fkey"
    assert caught.value.field == "created_by_id"


def test_update_changes_the_fields_given_alone(db: Database) -> None:
    resource = db.resources.create(CreateResource(resource_type="Api"))
    changed = db.resources.update(resource.id, UpdateResource(is_private=True))
    assert changed is not None
    assert (changed.is_private, changed.resource_type) == (True, "Api")
    assert changed.revision == 1
    assert changed.updated_at > resource.updated_at
    assert changed.created_at == resource.created_at
    assert stored(db, resource.id) == changed


def test_update_sees_deleted_resources(db: Database, make: Factory) -> None:
    resource_id = make.resource(is_deleted=True, deleted_at="2026-01-01Z")
    changed = db.resources.update(resource_id, UpdateResource(resource_type="Note"))
    assert changed is not None
    assert (changed.resource_type, changed.is_deleted) == ("Note", True)


def test_update_of_an_absent_resource_is_none(db: Database) -> None:
    changes = UpdateResource(is_private=True)
    assert db.resources.update(1, changes) is None
    assert db.resources.update(1, changes, expected_revision=0) is None


def test_update_of_another_revision_is_a_conflict_and_changes_nothing(
    db: Database,
) -> None:
    resource = db.resources.create(CreateResource(resource_type="Api"))
    changed = db.resources.update(
        resource.id, UpdateResource(resource_type="Code"), expected_revision=0
    )
    with pytest.raises(Conflict, match=r"resources\.update: the row has revision 1, not 0"):
        db.resources.update(resource.id, UpdateResource(resource_type="Data"), expected_revision=0)
    assert stored(db, resource.id) == changed


def test_a_second_update_waits_and_keeps_the_change_of_the_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource()
    with admin.transaction():
        admin.execute("UPDATE resources SET resource_type = 'Note', revision = revision + 1")
        second = Started(lambda: db.resources.update(resource_id, UpdateResource(is_private=True)))
        until_waiting(admin)
    changed = second.result()
    assert changed is not None
    assert (changed.resource_type, changed.is_private, changed.revision) == ("Note", True, 2)


def test_a_second_update_that_waited_sees_the_revision_of_the_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource()
    with admin.transaction():
        admin.execute("UPDATE resources SET revision = revision + 1")
        second = Started(
            lambda: db.resources.update(
                resource_id, UpdateResource(is_private=True), expected_revision=0
            )
        )
        until_waiting(admin)
    with pytest.raises(Conflict):
        second.result()


def test_a_view_is_no_change_of_the_resource(db: Database, make: Factory) -> None:
    resource_id = make.resource(public_id="abcdefghijkl", views=7, is_private=True)
    before = stored(db, resource_id)
    db.resources.increment_views("abcdefghijkl")
    after = stored(db, resource_id)
    assert after.views == 8
    assert (after.revision, after.updated_at) == (before.revision, before.updated_at)


def test_views_of_many_at_once_are_all_counted(db: Database, make: Factory) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    gather(*[lambda: db.resources.increment_views("abcdefghijkl")] * 20)
    assert (stored(db, resource_id)).views == 20


def test_a_bookmark_moves_the_counter_and_requests_its_reconciliation(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    before = stored(db, resource_id)
    db.resources.increment_bookmarks("abcdefghijkl")
    db.resources.increment_bookmarks("abcdefghijkl")
    db.resources.increment_bookmarks("abcdefghijkl", by=-1)
    after = stored(db, resource_id)
    assert after.bookmarks == 1
    assert (after.revision, after.updated_at) == (before.revision, before.updated_at)
    rows = admin.execute("SELECT entity_type, entity_id, counter FROM counter_reconciliations")
    assert rows.fetchall() == [("resource", resource_id, "bookmarks")]


def test_the_counter_of_bookmarks_stays_at_zero(db: Database, make: Factory) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    db.resources.increment_bookmarks("abcdefghijkl", by=-1)
    assert (stored(db, resource_id)).bookmarks == 0


def test_a_request_that_is_being_dealt_with_is_made_anew(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    db.resources.increment_bookmarks("abcdefghijkl")
    with admin.transaction():
        # As reconciliation does: first the request, then the counter.
        admin.execute("DELETE FROM counter_reconciliations")
        second = Started(lambda: db.resources.increment_bookmarks("abcdefghijkl"))
        until_waiting(admin)
        admin.execute("UPDATE resources SET bookmarks = bookmarks - 1")
    second.result()
    assert (stored(db, resource_id)).bookmarks == 1
    requests = admin.execute("SELECT count(*) FROM counter_reconciliations").fetchone()
    assert requests == (1,)


def test_bookmarks_of_many_at_once_are_all_counted(db: Database, make: Factory) -> None:
    resource_id = make.resource(public_id="abcdefghijkl")
    gather(*[lambda: db.resources.increment_bookmarks("abcdefghijkl")] * 20)
    assert (stored(db, resource_id)).bookmarks == 20


def test_counters_of_an_absent_or_deleted_resource_are_not_found(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    make.resource(public_id="abcdefghijkl", is_deleted=True, deleted_at="2026-01-01Z")
    for public_id in ("abcdefghijkl", "zzzzzzzzzzzz"):
        with pytest.raises(NotFound) as views:
            db.resources.increment_views(public_id)
        assert views.value.query == "resources.increment_views"
        with pytest.raises(NotFound) as bookmarks:
            db.resources.increment_bookmarks(public_id)
        assert bookmarks.value.query == "resources.increment_bookmarks"
    assert admin.execute("SELECT views, bookmarks FROM resources").fetchone() == (0, 0)
    assert admin.execute("SELECT count(*) FROM counter_reconciliations").fetchone() == (0,)


def test_delete_takes_versions_translations_and_bookmarks_along(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    resource_id, kept = make.resource(), make.resource()
    make.version(resource_id)
    make.translation(resource_id)
    make.bookmark(make.user(), resource_id)
    make.version(kept)
    assert db.resources.delete(resource_id) is True
    assert db.resources.delete(resource_id) is False
    counts = [
        admin.execute(f"SELECT count(*) FROM {table}").fetchone()
        for table in ("resources", "resource_versions", "resource_translations", "bookmarks")
    ]
    assert counts == [(1,), (1,), (0,), (0,)]


def test_a_resource_that_a_run_is_of_cannot_be_deleted(db: Database, make: Factory) -> None:
    resource_id = make.resource()
    make.translation(resource_id)
    make.run(make.user(), resource_version_id=make.version(resource_id))
    with pytest.raises(StillReferenced) as caught:
        db.resources.delete(resource_id)
    assert caught.value.constraint == "runs_resource_version_id_fkey"
    assert len(db.resources.find_translations(resource_id)) == 1


def test_find_many_keep_the_order_and_leave_out_absent_ones(db: Database, make: Factory) -> None:
    public_ids = ("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc")
    a, b, c = (make.resource(public_id=public_id, is_private=True) for public_id in public_ids)
    some = db.resources.find_many_by_id([c, c + 1, a, b, c])
    assert [item.id for item in some] == [c, a, b, c]
    assert db.resources.find_many_by_id([]) == []
    wanted = ["cccccccccccc", "absent", "aaaaaaaaaaaa", "cccccccccccc"]
    found = db.resources.find_many_by_public_id(wanted)
    assert [item.public_id for item in found] == ["cccccccccccc", "aaaaaaaaaaaa", "cccccccccccc"]
    assert db.resources.find_many_by_public_id([]) == []


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    resources = unopened.resources
    wrong: Any = "Rotuine"
    with pytest.raises(InvalidInput, match="resource: must be a CreateResource, not UpdateRes"):
        resources.create(UpdateResource(is_private=True))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_type: must be one of Api, Code"):
        resources.create(CreateResource(resource_type=wrong))
    with pytest.raises(InvalidInput, match="public_id: must be 12"):
        resources.create(CreateResource(resource_type="Api", public_id="SHOUTING-ID1"))
    with pytest.raises(InvalidInput, match="created_by_id: must be from 1"):
        resources.create(CreateResource(resource_type="Api", created_by_id=0))
    with pytest.raises(InvalidInput, match="is_private: must be a bool, not int"):
        resources.create(CreateResource(resource_type="Api", is_private=1))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="changes: must hold at least one field"):
        resources.update(1, UpdateResource())
    with pytest.raises(InvalidInput, match="is_private: must be a bool, not NoneType"):
        resources.update(1, UpdateResource(is_private=None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_type: must be one of Api, Code"):
        resources.update(1, UpdateResource(resource_type=wrong))
    with pytest.raises(InvalidInput, match="expected_revision: must be from 0"):
        resources.update(1, UpdateResource(is_private=True), expected_revision=-1)
    with pytest.raises(InvalidInput, match="id: must be from 1"):
        resources.delete(0)
    with pytest.raises(InvalidInput, match="public_id: must be a str"):
        resources.increment_views(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="public_ids: must be a list, not str"):
        resources.find_many_by_public_id("abcdefghijkl")
    with pytest.raises(InvalidInput, match="ids: must be from 1 to"):
        resources.find_many_by_id([1, 0])


@pytest.mark.parametrize("by", [0, 2, -2, True, 1.0, "1", None, 2**63])
def test_bookmarks_move_by_one_alone(unopened: Database, by: Any) -> None:
    with pytest.raises(InvalidInput, match=r"\Aby: must be 1 or -1\Z"):
        unopened.resources.increment_bookmarks("abcdefghijkl", by)
