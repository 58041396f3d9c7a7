# Generated from tests/_async/test_create_with_version.py by tools/unasync.py. Do not edit.
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
    CheckFailed,
    CreateResource,
    CreateVersion,
    Database,
    InvalidInput,
    MissingReference,
)

from ._compat import Started, gather, until_waiting
from .executed import executed

RESOURCE = CreateResource(resource_type="Routine")
VERSION = CreateVersion(version_label="1.0")


@pytest.mark.parametrize("is_complete", [True, False])
def test_the_resource_points_at_its_version_and_is_as_complete(
    db: Database, make: Factory, *, is_complete: bool
) -> None:
    creator = make.user()
    created = db.resources.create_with_version(
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
    assert db.resources.find_by_id(resource.id) == resource
    assert db.resources.find_version_by_public_id("version00000") == version


def test_public_ids_are_made_where_none_are_given(db: Database) -> None:
    created = db.resources.create_with_version(RESOURCE, VERSION)
    for public_id in (created.resource.public_id, created.version.public_id):
        assert re.fullmatch("[0-9a-z]{12}", public_id)
    assert created.resource.public_id != created.version.public_id
    assert created.version.config == {}


def test_the_next_version_follows_the_first(db: Database) -> None:
    created = db.resources.create_with_version(
        RESOURCE, CreateVersion(version_label="1.0", is_complete=True)
    )
    added = db.resources.add_version(created.resource.id, VERSION)
    assert added.version_index == 1
    resource = db.resources.find_by_id(created.resource.id)
    assert resource is not None
    assert (resource.latest_version_id, resource.has_complete_version) == (added.id, True)


def test_creations_and_additions_at_once_draw_different_ids(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    other = make.resource()

    def create() -> int:
        return (db.resources.create_with_version(RESOURCE, VERSION)).version.id

    def add() -> int:
        return (db.resources.add_version(other, VERSION)).id

    ids = gather(*[create, add] * 8)
    assert len(set(ids)) == 16
    pointers = admin.execute(
        "SELECT latest_version_id FROM resources WHERE id <> %s", (other,)
    ).fetchall()
    assert {id for (id,) in pointers} == set(ids[::2])


def test_it_is_one_statement_at_the_server(db: Database) -> None:
    with db.connection() as held, executed(held.connection) as statements:
        held.resources.create_with_version(RESOURCE, VERSION)
    assert len(statements) == 1
    assert "/* vrooli_data:resources.create_with_version */" in statements[0]


@pytest.mark.parametrize("table", ["resources", "resource_versions"])
def test_nothing_is_left_when_one_table_refuses_its_row(
    db: Database, admin: Connection[Any], table: str
) -> None:
    refuse_writes(admin, table)
    before = contents(admin)
    with pytest.raises(CheckFailed) as caught:
        db.resources.create_with_version(RESOURCE, VERSION)
    assert caught.value.constraint == REFUSED
    assert contents(admin) == before


@pytest.mark.parametrize(
    ("resource_id", "version_id", "constraint"),
    [
        ("resource0000", "anothervers0", "resources_public_id_key"),
        ("anotherres00", "version00000", "resource_versions_public_id_key"),
    ],
)
def test_a_public_id_that_is_taken_already_exists(
    db: Database,
    admin: Connection[Any],
    resource_id: str,
    version_id: str,
    constraint: str,
) -> None:
    def create(resource_id: str, version_id: str) -> None:
        db.resources.create_with_version(
            CreateResource(resource_type="Code", public_id=resource_id),
            CreateVersion(version_label="1.0", public_id=version_id),
        )

    create("resource0000", "version00000")
    before = contents(admin)
    with pytest.raises(AlreadyExists) as caught:
        create(resource_id, version_id)
    assert caught.value.constraint == constraint
    assert contents(admin) == before


def test_an_absent_creator_is_refused(db: Database, admin: Connection[Any]) -> None:
    before = contents(admin)
    with pytest.raises(MissingReference) as caught:
        db.resources.create_with_version(
            CreateResource(resource_type="Code", created_by_id=1), VERSION
        )
    assert caught.value.constraint == "resources_created_by_id_fkey"
    assert caught.value.field == "created_by_id"
    assert contents(admin) == before


def test_a_creation_waits_for_one_that_takes_the_public_id_of_its_version(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    other = make.resource()
    with admin.transaction():
        make.version(other, public_id="version00000")
        creation = Started(
            lambda: db.resources.create_with_version(
                RESOURCE, CreateVersion(version_label="1.0", public_id="version00000")
            )
        )
        until_waiting(admin)
    with pytest.raises(AlreadyExists):
        creation.result()
    assert admin.execute("SELECT count(*) FROM resources").fetchone() == (1,)


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    create = unopened.resources.create_with_version
    with pytest.raises(InvalidInput, match="resource: must be a CreateResource, not CreateVersion"):
        create(VERSION, VERSION)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="version: must be a CreateVersion, not NoneType"):
        create(RESOURCE, None)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_type: must be one of"):
        create(CreateResource(resource_type="Song"), VERSION)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="version_label: must have at least 1"):
        create(RESOURCE, CreateVersion(version_label=""))
    with pytest.raises(InvalidInput, match="public_id: must be 12 characters"):
        create(RESOURCE, CreateVersion(version_label="1.0", public_id="short"))
