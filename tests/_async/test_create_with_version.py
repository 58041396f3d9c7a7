"""A resource and its first version, inserted by one statement."""

from __future__ import annotations

import re
from typing import Any

import pytest
from psycopg import Connection

from tests.contents import REFUSED, contents, refuse_writes
from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    CheckFailed,
    CreateResource,
    CreateVersion,
    InvalidInput,
    MissingReference,
)

from ._compat import Started, gather, until_waiting
from .executed import executed

RESOURCE = CreateResource(resource_type="Routine")
VERSION = CreateVersion(version_label="1.0")


@pytest.mark.parametrize("is_complete", [True, False])
async def test_the_resource_points_at_its_version_and_is_as_complete(
    db: AsyncDatabase, make: Factory, *, is_complete: bool
) -> None:
    creator = make.user()
    created = await db.resources.create_with_version(
        CreateResource(
            resource_type="Prompt",
            public_id="resource0000",
            is_private=True,
            created_by_id=creator,
        ),
        CreateVersion(
            version_label="1.0 β",
            public_id="version00000",
            config={"steps": [1, None, {"é": "\u2028"}]},
            is_complete=is_complete,
        ),
    )
    resource, version = created.resource, created.version
    assert (resource.public_id, version.public_id) == ("resource0000", "version00000")
    assert (resource.resource_type, resource.is_private) == ("Prompt", True)
    assert (resource.created_by_id, resource.revision, version.revision) == (creator, 0, 0)
    assert (resource.latest_version_id, resource.last_version_index) == (version.id, 0)
    assert (version.resource_id, version.version_index) == (resource.id, 0)
    assert (version.version_label, version.is_complete) == ("1.0 β", is_complete)
    assert resource.has_complete_version is is_complete
    assert version.config == {"steps": [1, None, {"é": "\u2028"}]}
    assert await db.resources.find_by_id(resource.id) == resource
    assert await db.resources.find_version_by_public_id("version00000") == version


async def test_public_ids_are_made_where_none_are_given(db: AsyncDatabase) -> None:
    created = await db.resources.create_with_version(RESOURCE, VERSION)
    for public_id in (created.resource.public_id, created.version.public_id):
        assert re.fullmatch("[0-9a-z]{12}", public_id)
    assert created.resource.public_id != created.version.public_id
    assert created.version.config == {}


async def test_the_next_version_follows_the_first(db: AsyncDatabase) -> None:
    created = await db.resources.create_with_version(
        RESOURCE, CreateVersion(version_label="1.0", is_complete=True)
    )
    added = await db.resources.add_version(created.resource.id, VERSION)
    assert added.version_index == 1
    resource = await db.resources.find_by_id(created.resource.id)
    assert resource is not None
    assert (resource.latest_version_id, resource.has_complete_version) == (added.id, True)


async def test_creations_and_additions_at_once_draw_different_ids(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    other = make.resource()

    async def create() -> int:
        return (await db.resources.create_with_version(RESOURCE, VERSION)).version.id

    async def add() -> int:
        return (await db.resources.add_version(other, VERSION)).id

    ids = await gather(*[create, add] * 8)
    assert len(set(ids)) == 16
    pointers = admin.execute(
        "SELECT latest_version_id FROM resources WHERE id <> %s", (other,)
    ).fetchall()
    assert {id for (id,) in pointers} == set(ids[::2])


async def test_it_is_one_statement_at_the_server(db: AsyncDatabase) -> None:
    async with db.connection() as held, executed(held.connection) as statements:
        await held.resources.create_with_version(RESOURCE, VERSION)
    assert len(statements) == 1
    assert "/* vrooli_data:resources.create_with_version */" in statements[0]


@pytest.mark.parametrize("table", ["resources", "resource_versions"])
async def test_nothing_is_left_when_one_table_refuses_its_row(
    db: AsyncDatabase, admin: Connection[Any], table: str
) -> None:
    refuse_writes(admin, table)
    before = contents(admin)
    with pytest.raises(CheckFailed) as caught:
        await db.resources.create_with_version(RESOURCE, VERSION)
    assert caught.value.constraint == REFUSED
    assert contents(admin) == before


@pytest.mark.parametrize(
    ("resource_id", "version_id", "constraint"),
    [
        ("resource0000", "anothervers0", "resources_public_id_key"),
        ("anotherres00", "version00000", "resource_versions_public_id_key"),
    ],
)
async def test_a_public_id_that_is_taken_already_exists(
    db: AsyncDatabase,
    admin: Connection[Any],
    resource_id: str,
    version_id: str,
    constraint: str,
) -> None:
    async def create(resource_id: str, version_id: str) -> None:
        await db.resources.create_with_version(
            CreateResource(resource_type="Code", public_id=resource_id),
            CreateVersion(version_label="1.0", public_id=version_id),
        )

    await create("resource0000", "version00000")
    before = contents(admin)
    with pytest.raises(AlreadyExists) as caught:
        await create(resource_id, version_id)
    assert caught.value.constraint == constraint
    assert contents(admin) == before


async def test_an_absent_creator_is_refused(db: AsyncDatabase, admin: Connection[Any]) -> None:
    before = contents(admin)
    with pytest.raises(MissingReference) as caught:
        await db.resources.create_with_version(
            CreateResource(resource_type="Code", created_by_id=1), VERSION
        )
    assert caught.value.constraint == "resources_created_by_id_fkey"
    assert caught.value.field == "created_by_id"
    assert contents(admin) == before


async def test_a_creation_waits_for_one_that_takes_the_public_id_of_its_version(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    other = make.resource()
    with admin.transaction():
        make.version(other, public_id="version00000")
        creation = Started(
            lambda: db.resources.create_with_version(
                RESOURCE, CreateVersion(version_label="1.0", public_id="version00000")
            )
        )
        await until_waiting(admin)
    with pytest.raises(AlreadyExists):
        await creation.result()
    assert admin.execute("SELECT count(*) FROM resources").fetchone() == (1,)


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    create = unopened.resources.create_with_version
    with pytest.raises(InvalidInput, match="resource: must be a CreateResource, not CreateVersion"):
        await create(VERSION, VERSION)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="version: must be a CreateVersion, not NoneType"):
        await create(RESOURCE, None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_type: must be one of"):
        await create(CreateResource(resource_type="Song"), VERSION)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="version_label: must have at least 1"):
        await create(RESOURCE, CreateVersion(version_label=""))
    with pytest.raises(InvalidInput, match="public_id: must be 12 characters"):
        await create(RESOURCE, CreateVersion(version_label="1.0", public_id="short"))
