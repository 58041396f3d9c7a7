"""Versions of resources: adding, changing and listing them."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from tests.introspection import LISTINGS
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    Conflict,
    CreateVersion,
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


async def stored(db: AsyncDatabase, id: int) -> Resource:
    """Return a resource that is there."""
    resource = await db.resources.find_by_id(id)
    assert resource is not None
    return resource


async def changed(db: AsyncDatabase, id: int, changes: UpdateVersion) -> ResourceVersion:
    """Change a version that is there."""
    version = await db.resources.update_version(id, changes)
    assert version is not None
    return version


async def test_add_version_returns_the_row_and_points_the_resource_at_it(
    db: AsyncDatabase, resource_id: int
) -> None:
    before = await stored(db, resource_id)
    config: dict[str, JsonValue] = {"nested": [1, 2.5, None, {"text": "é"}]}
    version = await db.resources.add_version(
        resource_id,
        CreateVersion(version_label="0.1", public_id="aaaaaaaaaaaa", config=config),
    )
    assert (version.resource_id, version.version_index, version.revision) == (resource_id, 0, 0)
    assert (version.public_id, version.version_label) == ("aaaaaaaaaaaa", "0.1")
    assert (version.config, version.is_complete) == (config, False)
    after = await stored(db, resource_id)
    assert (after.latest_version_id, after.last_version_index) == (version.id, 0)
    assert (after.has_complete_version, after.revision) == (False, before.revision + 1)
    assert after.updated_at > before.updated_at
    assert await db.resources.find_version_by_public_id("aaaaaaaaaaaa") == version


async def test_a_complete_version_completes_the_resource_for_good(
    db: AsyncDatabase, resource_id: int
) -> None:
    await db.resources.add_version(resource_id, COMPLETE)
    assert (await stored(db, resource_id)).has_complete_version
    latest = await db.resources.add_version(resource_id, DRAFT)
    resource = await stored(db, resource_id)
    assert resource.has_complete_version
    assert (resource.latest_version_id, resource.last_version_index) == (latest.id, 1)


async def test_a_version_of_an_absent_resource_is_not_found(db: AsyncDatabase) -> None:
    with pytest.raises(NotFound, match=r"resources\.add_version: no such resource") as caught:
        await db.resources.add_version(1, DRAFT)
    assert caught.value.query == "resources.add_version"


async def test_a_public_id_that_is_taken_leaves_the_resource_as_it_was(
    db: AsyncDatabase, resource_id: int
) -> None:
    taken = CreateVersion(version_label="1.0", public_id="aaaaaaaaaaaa")
    await db.resources.add_version(resource_id, taken)
    before = await stored(db, resource_id)
    with pytest.raises(AlreadyExists) as caught:
        await db.resources.add_version(resource_id, taken)
    assert caught.value.constraint == "resource_versions_public_id_key"
    assert await stored(db, resource_id) == before


async def test_a_second_add_version_waits_and_takes_the_next_index(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, resource_id: int
) -> None:
    with admin.transaction():
        make.version(resource_id)
        admin.execute("UPDATE resources SET has_complete_version = TRUE, revision = revision + 1")
        second = Started(lambda: db.resources.add_version(resource_id, DRAFT))
        await until_waiting(admin)
    version = await second.result()
    assert version.version_index == 1
    resource = await stored(db, resource_id)
    assert (resource.latest_version_id, resource.last_version_index) == (version.id, 1)
    assert (resource.has_complete_version, resource.revision) == (True, 2)


async def test_eight_writers_of_forty_versions_each_leave_no_gap(
    database_url: str, admin: Connection[Any], resource_id: int
) -> None:
    async with AsyncDatabase.connect(database_url, min_size=8, max_size=8) as db:

        async def write() -> list[bool]:
            seen = []
            async with db.connection() as held:
                for version in (COMPLETE, *[DRAFT] * 39):
                    await held.resources.add_version(resource_id, version)
                    resource = await held.resources.find_by_id(resource_id)
                    seen.append(resource is not None and resource.has_complete_version)
            return seen

        assert await gather(*[write] * 8) == [[True] * 40] * 8
        resource = await stored(db, resource_id)
    indexes = admin.execute(
        "SELECT version_index FROM resource_versions ORDER BY version_index"
    ).fetchall()
    assert [index for (index,) in indexes] == list(range(320))
    assert (resource.last_version_index, resource.revision) == (319, 320)
    latest = admin.execute("SELECT id FROM resource_versions WHERE version_index = 319").fetchone()
    assert latest == (resource.latest_version_id,)


async def test_update_version_changes_the_fields_given_alone(
    db: AsyncDatabase, resource_id: int
) -> None:
    version = await db.resources.add_version(
        resource_id, CreateVersion(version_label="1.0", config={"a": 1})
    )
    before = await stored(db, resource_id)
    after = await changed(db, version.id, UpdateVersion(config={"b": [None]}))
    assert (after.config, after.version_label, after.is_complete) == ({"b": [None]}, "1.0", False)
    assert after.revision == 1
    assert after.updated_at > version.updated_at
    assert await db.resources.find_version_by_public_id(version.public_id) == after
    # What the version says of itself is no change of the resource.
    assert await stored(db, resource_id) == before


async def test_the_resource_is_complete_while_any_version_is(
    db: AsyncDatabase, resource_id: int
) -> None:
    first = await db.resources.add_version(resource_id, DRAFT)
    second = await db.resources.add_version(resource_id, DRAFT)
    history = []
    for version, is_complete in (
        (first, True),
        (second, True),
        (first, False),
        (second, False),
        (second, False),
    ):
        after = await changed(db, version.id, UpdateVersion(is_complete=is_complete))
        assert after.is_complete is is_complete
        resource = await stored(db, resource_id)
        history.append((resource.has_complete_version, resource.revision))
    assert history == [(True, 3), (True, 4), (True, 5), (False, 6), (False, 6)]


async def test_update_version_of_an_absent_version_is_none(db: AsyncDatabase) -> None:
    assert await db.resources.update_version(1, UpdateVersion(version_label="2")) is None
    assert await db.resources.update_version(1, UpdateVersion(is_complete=True)) is None


@pytest.mark.parametrize(
    "changes", [UpdateVersion(version_label="2"), UpdateVersion(is_complete=True)]
)
async def test_update_version_of_another_revision_is_a_conflict_and_changes_nothing(
    db: AsyncDatabase, resource_id: int, changes: UpdateVersion
) -> None:
    version = await db.resources.add_version(resource_id, DRAFT)
    after = await changed(db, version.id, UpdateVersion(config={"a": 1}))
    before = await stored(db, resource_id)
    with pytest.raises(Conflict, match=r"resources\.update_version: the row has revision 1, not 0"):
        await db.resources.update_version(version.id, changes, expected_revision=0)
    assert await db.resources.find_version_by_public_id(version.public_id) == after
    assert await stored(db, resource_id) == before


@pytest.mark.parametrize("is_complete", [True, False])
async def test_a_second_update_of_a_version_waits_and_keeps_the_change_of_the_first(
    db: AsyncDatabase, admin: Connection[Any], resource_id: int, is_complete: bool
) -> None:
    version = await db.resources.add_version(resource_id, DRAFT)
    changes = UpdateVersion(is_complete=True) if is_complete else UpdateVersion(config={"a": 1})
    with admin.transaction():
        admin.execute(
            "UPDATE resource_versions SET version_label = 'beta', revision = revision + 1"
        )
        second = Started(lambda: db.resources.update_version(version.id, changes))
        await until_waiting(admin)
    after = await second.result()
    assert after is not None
    assert (after.version_label, after.revision) == ("beta", 2)
    assert after.is_complete is is_complete
    assert (await stored(db, resource_id)).has_complete_version is is_complete


async def test_two_last_versions_uncompleted_at_once_leave_no_complete_resource(
    db: AsyncDatabase, admin: Connection[Any], resource_id: int
) -> None:
    first = await db.resources.add_version(resource_id, COMPLETE)
    second = await db.resources.add_version(resource_id, COMPLETE)
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
        await until_waiting(admin, 2)
    for call in calls:
        assert await call.result() is not None
    assert not (await stored(db, resource_id)).has_complete_version


async def test_uncompleting_waits_for_a_complete_version_that_is_being_added(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, resource_id: int
) -> None:
    first = await db.resources.add_version(resource_id, COMPLETE)
    with admin.transaction():
        make.version(resource_id, version_index=1)
        call = Started(
            lambda: db.resources.update_version(first.id, UpdateVersion(is_complete=False))
        )
        await until_waiting(admin)
    assert await call.result() is not None
    assert (await stored(db, resource_id)).has_complete_version


async def test_versions_added_and_uncompleted_at_once_do_not_deadlock(
    db: AsyncDatabase, resource_id: int
) -> None:
    version = await db.resources.add_version(resource_id, COMPLETE)

    async def add() -> None:
        await db.resources.add_version(resource_id, DRAFT)

    async def toggle() -> None:
        for is_complete in (False, True):
            await changed(db, version.id, UpdateVersion(is_complete=is_complete))

    await gather(*[add, toggle] * 8)
    resource = await stored(db, resource_id)
    latest = await db.resources.find_version_by_public_id(version.public_id)
    assert latest is not None
    assert resource.has_complete_version is latest.is_complete
    assert resource.last_version_index == 8


@pytest.mark.parametrize("limit", [1, 3, 6, 7, 8])
async def test_find_versions_pages_forward_and_backward_newest_first(
    db: AsyncDatabase, make: Factory, resource_id: int, limit: int
) -> None:
    other = make.resource()
    make.version(other)
    for _ in range(7):
        await db.resources.add_version(resource_id, DRAFT)
    pages = [await db.resources.find_versions(resource_id, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(await db.resources.find_versions(resource_id, cursor=cursor, limit=limit))
    indexes = [version.version_index for page in pages for version in page.items]
    assert indexes == [6, 5, 4, 3, 2, 1, 0]
    page = pages[-1]
    for expected in reversed(pages[:-1]):
        page = await db.resources.find_versions(
            resource_id, cursor=page.previous_cursor, limit=limit
        )
        assert page == expected
    assert page.previous_cursor is None


async def test_a_cursor_beyond_every_version_index_leads_to_all_versions_or_none(
    db: AsyncDatabase, resource_id: int
) -> None:
    await db.resources.add_version(resource_id, DRAFT)
    listing = LISTINGS["resources.find_versions__version_index"]
    salt = listing.select((resource_id,), {}, None, 1).salt
    after = listing.cursor(Position("after", (2**40,)), salt)
    before = listing.cursor(Position("before", (2**40,)), salt)
    assert len((await db.resources.find_versions(resource_id, cursor=after)).items) == 1
    assert (await db.resources.find_versions(resource_id, cursor=before)).items == []


async def test_absent_versions_are_none_or_an_empty_page(db: AsyncDatabase) -> None:
    assert await db.resources.find_version_by_public_id("zzzzzzzzzzzz") is None
    assert (await db.resources.find_versions(1)).items == []


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    resources = unopened.resources
    with pytest.raises(InvalidInput, match="version: must be a CreateVersion, not UpdateVersion"):
        await resources.add_version(1, UpdateVersion(version_label="1"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_id: must be from 1"):
        await resources.add_version(2**63, DRAFT)
    with pytest.raises(InvalidInput, match="version_label: must have at least 1"):
        await resources.add_version(1, CreateVersion(version_label=""))
    with pytest.raises(InvalidInput, match="version_label: must have at most 128"):
        await resources.add_version(1, CreateVersion(version_label="x" * 129))
    with pytest.raises(InvalidInput, match="config: must be a dict, not list"):
        await resources.add_version(1, CreateVersion(version_label="1", config=[]))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="config: must hold only finite numbers"):
        await resources.add_version(1, CreateVersion(version_label="1", config={"x": float("inf")}))
    with pytest.raises(InvalidInput, match="changes: must hold at least one field"):
        await resources.update_version(1, UpdateVersion())
    with pytest.raises(InvalidInput, match="is_complete: must be a bool, not NoneType"):
        await resources.update_version(1, UpdateVersion(is_complete=None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="expected_revision: must be an int, not str"):
        await resources.update_version(
            1,
            UpdateVersion(is_complete=True),
            expected_revision="1",  # type: ignore[arg-type]
        )
    with pytest.raises(InvalidInput, match="cursor: damaged"):
        await resources.find_versions(1, cursor="x")
    with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
        await resources.find_versions(1, limit=0)
