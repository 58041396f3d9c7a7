"""Runs in bulk: what is theirs alone; the rest is in test_loading.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import AsyncDatabase, BulkFailure, BulkRefused, BulkResult, CreateRun
from vrooli_data._queries import load_folder, sql_folder

from ._compat import Started, gather, until_waiting

NO_USER = ("runs_user_id_fkey", "there is no such user")
NO_VERSION = ("runs_resource_version_id_fkey", "there is no such resource version")
DELETED = ("runs_resource_version_id_fkey", "the resource is deleted")
TAKEN = ("runs_public_id_key", "the public id is taken")


def run(user_id: int, number: int, **values: Any) -> CreateRun:
    return CreateRun(**{"user_id": user_id, "public_id": f"{number:012d}", "name": "Run", **values})


def failure(index: int, why: tuple[str, str]) -> BulkFailure:
    return BulkFailure(index, None, *why)


def names(admin: Connection[Any]) -> dict[int, str]:
    """Return the name of each run by its public id."""
    rows = admin.execute("SELECT public_id, name FROM runs ORDER BY public_id").fetchall()
    return {int(public_id): name for public_id, name in rows}


async def test_runs_are_created_as_one_by_one(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    version = make.version(make.resource())
    full = run(
        ada, 1, resource_version_id=version, name="Élise", is_private=True, data={"b": [1, None]}
    )
    ids: list[int] = []
    result = await db.runs.bulk_create(
        [full, CreateRun(user_id=ada, name="Plain")], on_inserted=ids.extend
    )
    assert result == BulkResult(2, 2, 0, 0, [])
    alone = await db.runs.create(msgspec.structs.replace(full, public_id=None))
    made = await db.runs.find_by_public_id(f"{1:012d}")
    assert made is not None
    assert made.id in ids
    assert made == msgspec.structs.replace(
        alone,
        id=made.id,
        public_id=made.public_id,
        created_at=made.created_at,
        updated_at=made.updated_at,
    )
    assert made.status == "Scheduled"
    data = admin.execute("SELECT name, data FROM runs WHERE id = ANY(%s) ORDER BY name", (ids,))
    assert data.fetchall() == [("Plain", None), ("Élise", {"b": [1, None]})]


async def test_runs_that_cannot_be_created_are_reported(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    version, gone = make.version(make.resource()), make.version(make.resource(is_deleted=True))
    await db.runs.bulk_create([run(ada, 1)])
    given: list[Any] = [
        run(ada, 1),
        run(bob, 1),
        run(bob + 1, 2),
        run(ada, 3, resource_version_id=gone + 1),
        run(ada, 4, resource_version_id=gone),
        run(ada, 5, resource_version_id=version),
        run(ada, 5),
        run(bob, 5),
        run(ada, 6),
        CreateRun(user_id=0, name="Run"),
        CreateRun(user_id=ada, name=""),
        CreateRun(user_id=ada, name="Run", resource_version_id=2**63),
        CreateRun(user_id=ada, name="Run", data="\0"),
        CreateRun(user_id=ada, name="Run", public_id="short"),
        7,
    ]
    result = await db.runs.bulk_create(given, on_duplicate="error")
    assert (result.read, result.inserted, result.updated, result.skipped) == (15, 2, 0, 0)
    assert result.failures[:7] == [
        failure(0, TAKEN),
        failure(1, TAKEN),
        failure(2, NO_USER),
        failure(3, NO_VERSION),
        failure(4, DELETED),
        failure(6, TAKEN),
        failure(7, TAKEN),
    ]
    assert [(each.index, each.field) for each in result.failures[7:]] == [
        (9, "user_id"),
        (10, "name"),
        (11, "resource_version_id"),
        (12, "data"),
        (13, "public_id"),
        (14, "run"),
    ]
    assert sorted(names(admin)) == [1, 5, 6]
    again = await db.runs.bulk_create(given)
    assert (again.read, again.inserted, again.skipped) == (15, 0, 4)
    assert [each.index for each in again.failures[:5]] == [1, 2, 3, 4, 7]
    assert sorted(names(admin)) == [1, 5, 6]


async def test_a_row_that_fails_takes_no_public_id(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    given = [
        run(ada, 1, resource_version_id=2**62),
        run(ada + 1, 2),
        run(ada, 1, name="First"),
        run(ada, 2, name="Second"),
    ]
    result = await db.runs.bulk_create(given, on_duplicate="error")
    assert (result.inserted, result.skipped) == (2, 0)
    assert result.failures == [failure(0, NO_VERSION), failure(1, NO_USER)]
    assert names(admin) == {1: "First", 2: "Second"}


async def test_skip_keeps_the_first_and_what_is_there(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    await db.runs.bulk_create([run(ada, 1, name="There")])
    given = [run(ada, 1), run(ada, 2, name="First"), run(ada, 2, name="Second")]
    assert await db.runs.bulk_create(given) == BulkResult(3, 1, 0, 2, [])
    assert names(admin) == {1: "There", 2: "First"}


async def test_runs_that_are_there_are_updated(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    version = make.version(make.resource())
    await db.runs.bulk_create([run(ada, 1, data={"a": 1}), run(bob, 2)])
    before = await db.runs.find_by_public_id(f"{1:012d}")
    given = [
        run(ada, 1, name="First"),
        run(ada, 1, name="Last", is_private=True, data=[2], resource_version_id=version),
        run(ada, 2, name="Not Ada's"),
        run(ada, 3, name="New", resource_version_id=version),
        run(bob, 3, name="Ada's by now"),
    ]
    result = await db.runs.bulk_create(given, on_duplicate="update")
    assert result == BulkResult(5, 1, 1, 1, [failure(2, TAKEN), failure(4, TAKEN)])
    after = await db.runs.find_by_public_id(f"{1:012d}")
    assert before is not None
    assert after is not None
    assert after.updated_at > before.updated_at
    assert after == msgspec.structs.replace(
        before, name="Last", is_private=True, revision=1, updated_at=after.updated_at
    )
    assert names(admin) == {1: "Last", 2: "Run", 3: "New"}
    data = admin.execute("SELECT data FROM runs WHERE id = %s", (after.id,)).fetchone()
    assert data == ([2],)
    ids: list[int] = []
    given = [run(ada, 1), run(ada, 4)]
    await db.runs.bulk_create(given, on_duplicate="update", on_inserted=ids.extend)
    new = await db.runs.find_by_public_id(f"{4:012d}")
    assert new is not None
    assert ids == [new.id]


async def test_loads_in_opposite_order_both_end(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    versions = [make.version(make.resource()) for _ in range(5)]
    given = [run(ada, n, resource_version_id=versions[n % 5]) for n in range(500)]
    results = await gather(
        lambda: db.runs.bulk_create(given),
        lambda: db.runs.bulk_create(given[::-1]),
        lambda: db.runs.bulk_create(given, on_duplicate="update"),
    )
    assert sum(result.inserted for result in results) == 500
    assert all(result.read == 500 and not result.failures for result in results)
    assert all(r.inserted + r.updated + r.skipped == 500 for r in results)
    assert len(names(admin)) == 500


@pytest.mark.parametrize("on_duplicate", ["skip", "error", "update"])
async def test_a_resource_that_is_deleted_meanwhile_gets_no_run(
    admin: Connection[Any],
    db: AsyncDatabase,
    make: Factory,
    database_url: str,
    on_duplicate: Any,
) -> None:
    ada, kept, gone = make.user(), make.resource(), make.resource()
    versions = [make.version(kept), make.version(gone)]
    given = [run(ada, n, resource_version_id=version) for n, version in enumerate(versions)]
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE resources SET is_deleted = TRUE WHERE id = %s", (gone,))
        load = Started(lambda: db.runs.bulk_create(given, on_duplicate=on_duplicate))
        await until_waiting(admin)
        other.commit()
    result = await load.result()
    assert result == BulkResult(2, 1, 0, 0, [failure(1, DELETED)])
    assert list(names(admin)) == [0]


@pytest.mark.parametrize("part", ["insert", "update"])
async def test_the_statement_itself_writes_no_run_of_a_deleted_resource(
    admin: Connection[Any], make: Factory, part: str
) -> None:
    ada = make.user()
    versions = [
        make.version(make.resource()),
        make.version(make.resource(is_deleted=True)),
        2**62,
        None,
    ]
    sources = load_folder(sql_folder() / "runs")
    with admin.transaction():
        admin.execute(sources["runs.bulk_create__stage"].sql.encode())
        for number, version in enumerate(versions):
            admin.execute(
                "INSERT INTO pg_temp.new_runs VALUES (%s, %s, %s, %s, 'Run', FALSE, NULL)",
                (number, ada, f"{number:012d}", version),
            )
        with psycopg.RawCursor(admin) as cursor:
            cursor.execute(sources[f"runs.bulk_create__{part}"].statement, (0, 3))
            row = cursor.fetchone()
    assert row is not None
    assert row[:3] == (2, 0, 2)
    assert sorted(names(admin)) == [0, 3]


async def test_a_resource_with_new_runs_is_not_deleted_before_they_are_committed(
    db: AsyncDatabase, make: Factory
) -> None:
    ada, resource = make.user(), make.resource()
    version = make.version(resource)
    async with db.transaction() as tx:
        await tx.runs.bulk_create([run(ada, 1, resource_version_id=version)])
        deletion = Started(lambda: db.resources.bulk_soft_delete([resource], ada))
        await until_waiting(make.connection)
    assert (await deletion.result()).cancelled_runs == 1


async def test_a_user_who_is_deleted_meanwhile_gets_no_run(
    admin: Connection[Any], db: AsyncDatabase, make: Factory, database_url: str
) -> None:
    ada, bob = make.user(), make.user()
    with psycopg.connect(database_url) as other:
        other.execute("DELETE FROM users WHERE id = %s", (bob,))
        load = Started(lambda: db.runs.bulk_create([run(ada, 1), run(bob, 2)]))
        await until_waiting(admin)
        other.commit()
    assert await load.result() == BulkResult(2, 1, 0, 0, [failure(1, NO_USER)])
    assert list(names(admin)) == [1]


@pytest.mark.parametrize("ends", ["commit", "rollback"])
@pytest.mark.parametrize(
    ("on_duplicate", "is_other", "updated", "skipped", "failures"),
    [
        ("skip", False, 0, 1, []),
        ("error", False, 0, 0, [failure(1, TAKEN)]),
        ("update", False, 1, 0, []),
        ("update", True, 0, 0, [failure(1, TAKEN)]),
    ],
    ids=["skip", "error", "update", "update of another user"],
)
async def test_a_public_id_that_is_taken_meanwhile_is_seen(  # noqa: PLR0917 (fixtures and a case)
    admin: Connection[Any],
    db: AsyncDatabase,
    make: Factory,
    database_url: str,
    ends: str,
    on_duplicate: Any,
    is_other: bool,
    updated: int,
    skipped: int,
    failures: list[BulkFailure],
) -> None:
    ada, bob = make.user(), make.user()
    given = [run(ada, number) for number in range(3)]
    with psycopg.connect(database_url) as other:
        other.execute(
            "INSERT INTO runs (user_id, public_id, name) VALUES (%s, %s, 'Rival')",
            (bob if is_other else ada, f"{1:012d}"),
        )
        load = Started(lambda: db.runs.bulk_create(given, on_duplicate=on_duplicate))
        await until_waiting(admin)
        getattr(other, ends)()
    result = await load.result()
    if ends == "rollback":
        assert result == BulkResult(3, 3, 0, 0, [])
    else:
        assert result == BulkResult(3, 2, updated, skipped, failures)
        assert names(admin)[1] == ("Run" if updated else "Rival")
    assert len(names(admin)) == 3


async def test_all_or_nothing_in_a_transaction(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()

    def given() -> Iterator[CreateRun]:
        yield from (run(ada, number) for number in range(25))
        yield run(ada + 1, 100)

    async with db.transaction() as tx:
        with pytest.raises(BulkRefused) as caught:
            await tx.runs.bulk_create(given(), all_or_nothing=True, batch_size=10)
        assert caught.value.result == BulkResult(26, 25, 0, 0, [failure(25, NO_USER)])
        result = await tx.runs.bulk_create(given(), batch_size=10)
        assert result == BulkResult(26, 25, 0, 0, [failure(25, NO_USER)])
        assert not names(admin)
    assert len(names(admin)) == 25
