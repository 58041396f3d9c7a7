# Generated from tests/_async/test_resource_versions.py by tools/unasync.py. Do not edit.
"""Versions of resources: adding, changing and listing them."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from tests.introspection import LISTINGS
from vrooli_data import (
    AlreadyExists,
    Conflict,
    CreateVersion,
    Database,
    InvalidInput,
    JsonValue,
    NotFound,
    Resource,
    ResourceVersion,
    UpdateVersion,
)
from vrooli_data._pages import Position

from ._compat import Started, gather, until_waiting

DRAFT = CreateVersion(version_label="draft")
COMPLETE = CreateVersion(version_label="1.0", is_complete=True)


@pytest.fixture
def resource_id(make: Factory) -> int:
    """Make a resource without any version."""
    return make.resource(public_id="abcdefghijkl", has_complete_version=False)


def stored(db: Database, id: int) -> Resource:
    """Return a resource that is there."""
    resource = db.resources.find_by_id(id)
    assert resource is not None
    return resource


def changed(db: Database, id: int, changes: UpdateVersion) -> ResourceVersion:
    """Change a version that is there."""
    version = db.resources.update_version(id, changes)
    assert version is not None
    return version


def test_add_version_returns_the_row_and_points_the_resource_at_it(
    db: Database, resource_id: int
) -> None:
    before = stored(db, resource_id)
    config: dict[str, JsonValue] = {"nested": [1, 2.5, None, {"text": "é"}]}
    version = db.resources.add_version(
        resource_id,
        CreateVersion(version_label="0.1", public_id="aaaaaaaaaaaa", config=config),
    )
    assert (version.resource_id, version.version_index, version.revision) == (resource_id, 0, 0)
    assert (version.public_id, version.version_label) == ("aaaaaaaaaaaa", "0.1")
    assert (version.config, version.is_complete) == (config, False)
    after = stored(db, resource_id)
    assert (after.latest_version_id, after.last_version_index) == (version.id, 0)
    assert (after.has_complete_version, after.revision) == (False, before.revision + 1)
    assert after.updated_at > before.updated_at
    assert db.resources.find_version_by_public_id("aaaaaaaaaaaa") == version


def test_a_complete_version_completes_the_resource_for_good(db: Database, resource_id: int) -> None:
    db.resources.add_version(resource_id, COMPLETE)
    assert (stored(db, resource_id)).has_complete_version
    latest = db.resources.add_version(resource_id, DRAFT)
    resource = stored(db, resource_id)
    assert resource.has_complete_version
    assert (resource.latest_version_id, resource.last_version_index) == (latest.id, 1)


def test_a_version_of_an_absent_resource_is_not_found(db: Database) -> None:
    with pytest.raises(NotFound, match=r"resources\.add_version: no such resource") as caught:
        db.resources.add_version(1, DRAFT)
    assert caught.value.query == "resources.add_version"


def test_a_public_id_that_is_taken_leaves_the_resource_as_it_was(
    db: Database, resource_id: int
) -> None:
    taken = CreateVersion(version_label="1.0", public_id="aaaaaaaaaaaa")
    db.resources.add_version(resource_id, taken)
    before = stored(db, resource_id)
    with pytest.raises(AlreadyExists) as caught:
        db.resources.add_version(resource_id, taken)
    assert caught.value.constraint == "resource_versions_public_id_key"
    assert stored(db, resource_id) == before


def test_a_second_add_version_waits_and_takes_the_next_index(
    db: Database, admin: Connection[Any], make: Factory, resource_id: int
) -> None:
    with admin.transaction():
        make.version(resource_id)
        admin.execute("UPDATE resources SET has_complete_version = TRUE, revision = revision + 1")
        second = Started(lambda: db.resources.add_version(resource_id, DRAFT))
        until_waiting(admin)
    version = second.result()
    assert version.version_index == 1
    resource = stored(db, resource_id)
    assert (resource.latest_version_id, resource.last_version_index) == (version.id, 1)
    assert (resource.has_complete_version, resource.revision) == (True, 2)


def test_eight_writers_of_forty_versions_each_leave_no_gap(
    database_url: str, admin: Connection[Any], resource_id: int
) -> None:
    with Database.connect(database_url, min_size=8, max_size=8) as db:

        def write() -> list[bool]:
            seen = []
            with db.connection() as held:
                for version in (COMPLETE, *[DRAFT] * 39):
                    held.resources.add_version(resource_id, version)
                    resource = held.resources.find_by_id(resource_id)
                    seen.append(resource is not None and resource.has_complete_version)
            return seen

        assert gather(*[write] * 8) == [[True] * 40] * 8
        resource = stored(db, resource_id)
    indexes = admin.execute(
        "SELECT version_index FROM resource_versions ORDER BY version_index"
    ).fetchall()
    assert [index for (index,) in indexes] == list(range(320))
    assert (resource.last_version_index, resource.revision) == (319, 320)
    latest = admin.execute("SELECT id FROM resource_versions WHERE version_index = 319").fetchone()
    assert latest == (resource.latest_version_id,)


def test_update_version_changes_the_fields_given_alone(db: Database, resource_id: int) -> None:
    version = db.resources.add_version(
        resource_id, CreateVersion(version_label="1.0", config={"a": 1})
    )
    before = stored(db, resource_id)
    after = changed(db, version.id, UpdateVersion(config={"b": [None]}))
    assert (after.config, after.version_label, after.is_complete) == ({"b": [None]}, "1.0", False)
    assert after.revision == 1
    assert after.updated_at > version.updated_at
    assert db.resources.find_version_by_public_id(version.public_id) == after
    # What the version says of itself is no change of the resource.
    assert stored(db, resource_id) == before


def test_the_resource_is_complete_while_any_version_is(db: Database, resource_id: int) -> None:
    first = db.resources.add_version(resource_id, DRAFT)
    second = db.resources.add_version(resource_id, DRAFT)
    history = []
    for version, is_complete in (
        (first, True),
        (second, True),
        (first, False),
        (second, False),
        (second, False),
    ):
        after = changed(db, version.id, UpdateVersion(is_complete=is_complete))
        assert after.is_complete is is_complete
        resource = stored(db, resource_id)
        history.append((resource.has_complete_version, resource.revision))
    assert history == [(True, 3), (True, 4), (True, 5), (False, 6), (False, 6)]


def test_update_version_of_an_absent_version_is_none(db: Database) -> None:
    assert db.resources.update_version(1, UpdateVersion(version_label="2")) is None
    assert db.resources.update_version(1, UpdateVersion(is_complete=True)) is None


@pytest.mark.parametrize(
    "changes", [UpdateVersion(version_label="2"), UpdateVersion(is_complete=True)]
)
def test_update_version_of_another_revision_is_a_conflict_and_changes_nothing(
    db: Database, resource_id: int, changes: UpdateVersion
) -> None:
    version = db.resources.add_version(resource_id, DRAFT)
    after = changed(db, version.id, UpdateVersion(config={"a": 1}))
    before = stored(db, resource_id)
    with pytest.raises(Conflict, match=r"resources\.update_version: the row has revision 1, not 0"):
        db.resources.update_version(version.id, changes, expected_revision=0)
    assert db.resources.find_version_by_public_id(version.public_id) == after
    assert stored(db, resource_id) == before


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_second_update_of_a_version_waits_and_keeps_the_change_of_the_first(
    db: Database, admin: Connection[Any], resource_id: int, is_complete: bool
) -> None:
    version = db.resources.add_version(resource_id, DRAFT)
    changes = UpdateVersion(is_complete=True) if is_complete else UpdateVersion(config={"a": 1})
    with admin.transaction():
        admin.execute(
            "UPDATE resource_versions SET version_label = 'beta', revision = revision + 1"
        )
        second = Started(lambda: db.resources.update_version(version.id, changes))
        until_waiting(admin)
    after = second.result()
    assert after is not None
    assert (after.version_label, after.revision) == ("beta", 2)
    assert after.is_complete is is_complete
    assert (stored(db, resource_id)).has_complete_version is is_complete


def test_two_last_versions_uncompleted_at_once_leave_no_complete_resource(
    db: Database, admin: Connection[Any], resource_id: int
) -> None:
    first = db.resources.add_version(resource_id, COMPLETE)
    second = db.resources.add_version(resource_id, COMPLETE)
    with admin.transaction():
        admin.execute("SELECT FROM resources FOR NO KEY UPDATE")
        calls = [
            Started(
                lambda: db.resources.update_version(first.id, UpdateVersion(is_complete=False))
            ),
            Started(
                lambda: db.resources.update_version(second.id, UpdateVersion(is_complete=False))
            ),
        ]
        until_waiting(admin, 2)
    for call in calls:
        assert call.result() is not None
    assert not (stored(db, resource_id)).has_complete_version


def test_uncompleting_waits_for_a_complete_version_that_is_being_added(
    db: Database, admin: Connection[Any], make: Factory, resource_id: int
) -> None:
    first = db.resources.add_version(resource_id, COMPLETE)
    with admin.transaction():
        make.version(resource_id, version_index=1)
        call = Started(
            lambda: db.resources.update_version(first.id, UpdateVersion(is_complete=False))
        )
        until_waiting(admin)
    assert call.result() is not None
    assert (stored(db, resource_id)).has_complete_version


def test_versions_added_and_uncompleted_at_once_do_not_deadlock(
    db: Database, resource_id: int
) -> None:
    version = db.resources.add_version(resource_id, COMPLETE)

    def add() -> None:
        db.resources.add_version(resource_id, DRAFT)

    def toggle() -> None:
        for is_complete in (False, True):
            changed(db, version.id, UpdateVersion(is_complete=is_complete))

    gather(*[add, toggle] * 8)
    resource = stored(db, resource_id)
    latest = db.resources.find_version_by_public_id(version.public_id)
    assert latest is not None
    assert resource.has_complete_version is latest.is_complete
    assert resource.last_version_index == 8


@pytest.mark.parametrize("limit", [1, 3, 6, 7, 8])
def test_find_versions_pages_forward_and_backward_newest_first(
    db: Database, make: Factory, resource_id: int, limit: int
) -> None:
    other = make.resource()
    make.version(other)
    for _ in range(7):
        db.resources.add_version(resource_id, DRAFT)
    pages = [db.resources.find_versions(resource_id, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(db.resources.find_versions(resource_id, cursor=cursor, limit=limit))
    indexes = [version.version_index for page in pages for version in page.items]
    assert indexes == [6, 5, 4, 3, 2, 1, 0]
    page = pages[-1]
    for expected in reversed(pages[:-1]):
        page = db.resources.find_versions(resource_id, cursor=page.previous_cursor, limit=limit)
        assert page == expected
    assert page.previous_cursor is None


def test_a_cursor_beyond_every_version_index_leads_to_all_versions_or_none(
    db: Database, resource_id: int
) -> None:
    db.resources.add_version(resource_id, DRAFT)
    listing = LISTINGS["resources.find_versions__version_index"]
    salt = listing.select((resource_id,), {}, None, 1).salt
    after = listing.cursor(Position("after", (2**40,)), salt)
    before = listing.cursor(Position("before", (2**40,)), salt)
    assert len((db.resources.find_versions(resource_id, cursor=after)).items) == 1
    assert (db.resources.find_versions(resource_id, cursor=before)).items == []


def test_absent_versions_are_none_or_an_empty_page(db: Database) -> None:
    assert db.resources.find_version_by_public_id("zzzzzzzzzzzz") is None
    assert (db.resources.find_versions(1)).items == []


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    resources = unopened.resources
    with pytest.raises(InvalidInput, match="version: must be a CreateVersion, not UpdateVersion"):
        resources.add_version(1, UpdateVersion(version_label="1"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_id: must be from 1"):
        resources.add_version(2**63, DRAFT)
    with pytest.raises(InvalidInput, match="version_label: must have at least 1"):
        resources.add_version(1, CreateVersion(version_label=""))
    with pytest.raises(InvalidInput, match="version_label: must have at most 128"):
        resources.add_version(1, CreateVersion(version_label="x" * 129))
    with pytest.raises(InvalidInput, match="config: must be a dict, not list"):
        resources.add_version(1, CreateVersion(version_label="1", config=[]))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="config: must hold only finite numbers"):
        resources.add_version(1, CreateVersion(version_label="1", config={"x": float("inf")}))
    with pytest.raises(InvalidInput, match="changes: must hold at least one field"):
        resources.update_version(1, UpdateVersion())
    with pytest.raises(InvalidInput, match="is_complete: must be a bool, not NoneType"):
        resources.update_version(1, UpdateVersion(is_complete=None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="expected_revision: must be an int, not str"):
        resources.update_version(
            1,
            UpdateVersion(is_complete=True),
            expected_revision="1",  # type: ignore[arg-type]
        )
    with pytest.raises(InvalidInput, match="cursor: damaged"):
        resources.find_versions(1, cursor="x")
    with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
        resources.find_versions(1, limit=0)
