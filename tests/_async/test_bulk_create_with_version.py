"""Resources with versions in bulk: what is theirs alone; the rest is in test_loading.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    BulkFailure,
    BulkRefused,
    BulkResult,
    CreateResource,
    CreateResourceWithVersion,
    CreateTranslation,
    CreateVersion,
)

from ._compat import Started, gather, until_waiting

TAKEN = ("resources_public_id_key", "the public id is taken")
VERSION_TAKEN = ("resource_versions_public_id_key", "the public id of the version is taken")


def row(
    number: int, version: int | None = None, language: str | None = "en", **values: Any
) -> CreateResourceWithVersion:
    return CreateResourceWithVersion(
        resource=CreateResource(
            **{"public_id": f"{number:012d}", "resource_type": "Routine", **values}
        ),
        version=CreateVersion(
            version_label="1.0", public_id=None if version is None else f"v{version:011d}"
        ),
        translation=None if language is None else CreateTranslation(language=language, name="Name"),
    )


def failure(index: int, why: tuple[str, str]) -> BulkFailure:
    return BulkFailure(index, None, *why)


def counts(admin: Connection[Any]) -> list[int]:
    """Return the numbers of resources, versions and translations."""
    return [
        number
        for (number,) in admin.execute(
            "SELECT count(*) FROM resources UNION ALL SELECT count(*) FROM resource_versions "
            "UNION ALL SELECT count(*) FROM resource_translations"
        )
    ]


def public_ids(admin: Connection[Any]) -> list[int]:
    rows = admin.execute("SELECT public_id FROM resources ORDER BY public_id").fetchall()
    return [int(public_id) for (public_id,) in rows]


async def test_resources_are_created_as_one_by_one(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    resource = CreateResource(resource_type="Api", is_private=True, created_by_id=ada)
    version = CreateVersion(
        version_label="1.0", config={"b": [1, None, "ü"]}, is_complete=True, public_id="v" * 12
    )
    translation = CreateTranslation(language="zh-hant-tw", name="Straße", description="Ĳ")
    given = [
        CreateResourceWithVersion(resource=resource, version=version, translation=translation),
        CreateResourceWithVersion(
            resource=CreateResource(resource_type="Note"), version=CreateVersion(version_label="x")
        ),
    ]
    ids: list[int] = []
    result = await db.resources.bulk_create_with_version(given, on_inserted=ids.extend)
    assert result == BulkResult(2, 2, 0, 0, [])
    assert counts(admin) == [2, 2, 1]
    made = {each.resource_type: each for each in await db.resources.find_many_by_id(ids)}
    alone = await db.resources.create_with_version(
        resource, msgspec.structs.replace(version, public_id=None)
    )
    api = made["Api"]
    assert msgspec.structs.replace(
        alone.resource,
        id=api.id,
        public_id=api.public_id,
        latest_version_id=api.latest_version_id,
        created_at=api.created_at,
        updated_at=api.updated_at,
    ) == (api)
    first = await db.resources.find_version_by_public_id("v" * 12)
    assert first is not None
    assert (first.id, first.resource_id) == (api.latest_version_id, api.id)
    assert msgspec.structs.replace(
        alone.version,
        id=first.id,
        public_id=first.public_id,
        resource_id=first.resource_id,
        created_at=first.created_at,
        updated_at=first.updated_at,
    ) == (first)
    (found,) = await db.resources.find_translations(api.id)
    assert (found.language, found.name, found.description) == ("zh-Hant-TW", "Straße", "Ĳ")
    folded = admin.execute("SELECT name_folded, description_folded FROM resource_translations")
    assert folded.fetchall() == [("strasse", "ij")]
    note = made["Note"]
    assert not note.has_complete_version
    assert (note.last_version_index, len(note.public_id)) == (0, 12)
    (version_of_note,) = (await db.resources.find_versions(note.id)).items
    assert (version_of_note.id, version_of_note.version_index) == (note.latest_version_id, 0)


async def test_resources_that_cannot_be_created_are_reported(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    await db.resources.bulk_create_with_version([row(1, 1)])
    good = row(99)
    bad_language = msgspec.structs.replace(
        good, translation=CreateTranslation(language="no language", name="Name")
    )
    given: list[Any] = [
        row(1),
        row(2, created_by_id=ada + 1),
        row(3, 1),
        row(4, 4, created_by_id=ada),
        row(4),
        row(5, 4),
        row(6),
        msgspec.structs.replace(good, resource=CreateResource(resource_type="?")),  # type: ignore[arg-type]
        msgspec.structs.replace(good, resource="none"),
        msgspec.structs.replace(good, version=CreateVersion(version_label="")),
        msgspec.structs.replace(good, version=CreateVersion(version_label="1", public_id="short")),
        msgspec.structs.replace(good, version=CreateVersion(version_label="1", config={"a": "\0"})),
        bad_language,
        msgspec.structs.replace(good, translation=CreateTranslation(language="en", name="")),
        good.resource,
    ]
    result = await db.resources.bulk_create_with_version(given, on_duplicate="error")
    assert (result.read, result.inserted, result.updated, result.skipped) == (15, 2, 0, 0)
    assert result.failures[:5] == [
        failure(0, TAKEN),
        failure(1, ("resources_created_by_id_fkey", "there is no such user")),
        failure(2, VERSION_TAKEN),
        failure(4, TAKEN),
        failure(5, VERSION_TAKEN),
    ]
    assert [(each.index, each.field) for each in result.failures[5:]] == [
        (7, "resource.resource_type"),
        (8, "resource"),
        (9, "version.version_label"),
        (10, "version.public_id"),
        (11, "version.config"),
        (12, "translation.language"),
        (13, "translation.name"),
        (14, "row"),
    ]
    assert public_ids(admin) == [1, 4, 6]
    assert counts(admin) == [3, 3, 3]


async def test_skip_keeps_the_first_and_what_is_there(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    given = [row(1, 1), row(2, 2, language="de"), row(2, 2), row(2, 3), row(3, language=None)]
    first = await db.resources.bulk_create_with_version(given)
    assert first == BulkResult(5, 3, 0, 2, [])
    assert counts(admin) == [3, 3, 2]
    # A version that is there is no conflict for the resource that has it.
    again = await db.resources.bulk_create_with_version(given)
    assert again == BulkResult(5, 0, 0, 5, [])
    assert counts(admin) == [3, 3, 2]
    found = admin.execute("SELECT DISTINCT language FROM resource_translations ORDER BY 1")
    assert found.fetchall() == [("de",), ("en",)]
    assert await db.resources.find_version_by_public_id(f"v{2:011d}") is not None
    assert await db.resources.find_version_by_public_id(f"v{3:011d}") is None


async def test_no_resource_fails_because_of_one_that_fails(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    given = [
        # Its creator is absent: the public id of its version is free.
        row(1, 1, created_by_id=ada + 1),
        row(2, 1),
        # In conflict with the row before.
        row(3, 1),
        # The resource is a duplicate of one that fails.
        row(3, 3),
        # A duplicate, where duplicates fail: the public id of its version is free.
        row(3, 4),
        row(4, 4),
    ]
    result = await db.resources.bulk_create_with_version(given, on_duplicate="error")
    assert (result.read, result.inserted, result.skipped) == (6, 3, 0)
    assert [(each.index, each.constraint) for each in result.failures] == [
        (0, "resources_created_by_id_fkey"),
        (2, "resource_versions_public_id_key"),
        (4, "resources_public_id_key"),
    ]
    assert public_ids(admin) == [2, 3, 4]


async def test_the_first_with_a_version_that_does_not_fail_has_it(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    given = [
        row(1),
        # A duplicate, which fails.
        row(1, 7),
        row(2, 7),
        # The resource of the duplicate, but another's version by then.
        row(1, 7),
        row(3, 7),
    ]
    result = await db.resources.bulk_create_with_version(given, on_duplicate="error")
    assert (result.read, result.inserted) == (5, 2)
    assert [each.index for each in result.failures] == [1, 3, 4]
    assert public_ids(admin) == [1, 2]
    assert counts(admin) == [2, 2, 2]


async def test_loads_in_opposite_order_both_end(admin: Connection[Any], db: AsyncDatabase) -> None:
    given = [row(number, number) for number in range(500)]
    results = await gather(
        lambda: db.resources.bulk_create_with_version(given),
        lambda: db.resources.bulk_create_with_version(given[::-1]),
    )
    assert sum(result.inserted for result in results) == 500
    assert all(result.read == 500 and not result.failures for result in results)
    assert all(result.inserted + result.skipped == 500 for result in results)
    assert counts(admin) == [500, 500, 500]


async def test_loads_that_take_the_same_versions_in_opposite_order_both_end(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    results = await gather(
        lambda: db.resources.bulk_create_with_version(row(n, n) for n in range(500)),
        lambda: db.resources.bulk_create_with_version(row(1000 + n, 499 - n) for n in range(500)),
    )
    assert sum(result.inserted for result in results) == 500
    assert all(result.inserted + len(result.failures) == 500 for result in results)
    assert counts(admin) == [500, 500, 500]


@pytest.mark.parametrize("ends", ["commit", "rollback"])
@pytest.mark.parametrize("key", ["resource", "version"])
async def test_a_key_that_is_taken_meanwhile_is_seen(  # noqa: PLR0917 (fixtures and a case)
    admin: Connection[Any],
    db: AsyncDatabase,
    make: Factory,
    database_url: str,
    ends: str,
    key: str,
) -> None:
    there = make.resource(public_id="z" * 12)
    given = [row(1), row(2, 2), row(3)]
    with psycopg.connect(database_url) as other:
        if key == "resource":
            other.execute(
                "INSERT INTO resources (public_id, resource_type) VALUES (%s, 'Note')",
                (f"{2:012d}",),
            )
        else:
            other.execute(
                "INSERT INTO resource_versions (public_id, resource_id, version_index,"
                " version_label) VALUES (%s, %s, 0, '1')",
                (f"v{2:011d}", there),
            )
        load = Started(lambda: db.resources.bulk_create_with_version(given, on_duplicate="error"))
        await until_waiting(admin)
        getattr(other, ends)()
    result = await load.result()
    if ends == "rollback":
        assert result == BulkResult(3, 3, 0, 0, [])
        assert counts(admin) == [4, 3, 3]
    else:
        why = TAKEN if key == "resource" else VERSION_TAKEN
        assert result == BulkResult(3, 2, 0, 0, [failure(1, why)])
        assert counts(admin)[2] == 2


async def test_all_or_nothing_in_a_transaction(admin: Connection[Any], db: AsyncDatabase) -> None:
    def given() -> Iterator[CreateResourceWithVersion]:
        yield from (row(number) for number in range(25))
        yield row(100, created_by_id=2**62)

    async with db.transaction() as tx:
        with pytest.raises(BulkRefused) as caught:
            await tx.resources.bulk_create_with_version(given(), all_or_nothing=True, batch_size=10)
        assert (caught.value.result.inserted, len(caught.value.result.failures)) == (25, 1)
        result = await tx.resources.bulk_create_with_version(given(), batch_size=10)
        assert (result.read, result.inserted, len(result.failures)) == (26, 25, 1)
        assert counts(admin) == [0, 0, 0]
    assert counts(admin) == [25, 25, 25]
