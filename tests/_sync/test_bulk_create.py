# Generated from tests/_async/test_bulk_create.py by tools/unasync.py. Do not edit.
"""Resources and bookmarks in bulk: what is theirs alone; the rest is in test_loading.py."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    BulkFailure,
    BulkResult,
    CreateBookmark,
    CreateResource,
    Database,
    InvalidInput,
)

from ._compat import Started, gather, until_waiting


def resource(number: int, **values: Any) -> CreateResource:
    return CreateResource(**{"public_id": f"{number:012d}", "resource_type": "Routine", **values})


def counters(admin: Connection[Any]) -> list[int]:
    return [n for (n,) in admin.execute("SELECT bookmarks FROM resources ORDER BY id")]


def test_resources_are_created_as_one_by_one(db: Database, make: Factory) -> None:
    ada = make.user()
    given = [
        CreateResource(resource_type="Note"),
        resource(1, resource_type="Api", is_private=True, created_by_id=ada),
    ]
    ids: list[int] = []
    result = db.resources.bulk_create(given, on_inserted=ids.extend)
    assert result == BulkResult(2, 2, 0, 0, [])
    made = {row.resource_type: row for row in db.resources.find_many_by_id(ids)}
    alone = db.resources.create(resource(2, resource_type="Api", created_by_id=ada))
    assert made["Api"].created_by_id == ada
    assert made["Api"].is_private
    assert len(made["Note"].public_id) == 12
    for field in ("revision", "latest_version_id", "last_version_index", "has_complete_version"):
        assert getattr(made["Api"], field) == getattr(alone, field)


def test_resources_that_cannot_be_created_are_reported(
    admin: Connection[Any], db: Database, make: Factory
) -> None:
    ada = make.user()
    db.resources.bulk_create([resource(1)])
    given: list[Any] = [
        resource(1),
        resource(2, created_by_id=ada + 1),
        resource(3, created_by_id=ada),
        resource(3),
        CreateResource(resource_type="Nothing"),  # type: ignore[arg-type]
        7,
    ]
    result = db.resources.bulk_create(given, on_duplicate="error")
    assert (result.read, result.inserted) == (6, 1)
    assert result.failures[:3] == [
        BulkFailure(0, None, "resources_public_id_key", "the public id is taken"),
        BulkFailure(1, None, "resources_created_by_id_fkey", "there is no such user"),
        BulkFailure(3, None, "resources_public_id_key", "the public id is taken"),
    ]
    assert [failure.field for failure in result.failures[3:]] == ["resource_type", "resource"]
    assert admin.execute("SELECT count(*) FROM resources").fetchone() == (2,)


def test_a_resource_that_fails_takes_no_public_id(
    admin: Connection[Any], db: Database, make: Factory
) -> None:
    ada = make.user()
    given = [resource(1, created_by_id=ada + 1), resource(1, created_by_id=ada), resource(1)]
    result = db.resources.bulk_create(given, on_duplicate="error")
    assert (result.read, result.inserted, result.skipped) == (3, 1, 0)
    assert [(failure.index, failure.constraint) for failure in result.failures] == [
        (0, "resources_created_by_id_fkey"),
        (2, "resources_public_id_key"),
    ]
    assert admin.execute("SELECT created_by_id FROM resources").fetchall() == [(ada,)]


def test_resources_that_are_there_are_updated(db: Database, make: Factory) -> None:
    ada = make.user()
    db.resources.bulk_create([resource(1, created_by_id=ada), resource(2)])
    before = db.resources.find_by_public_id("000000000001")
    given = [resource(1, resource_type="Api"), resource(1, is_private=True), resource(3)]
    result = db.resources.bulk_create(given, on_duplicate="update")
    assert result == BulkResult(3, 1, 1, 1, [])
    after = db.resources.find_by_public_id("000000000001")
    assert before is not None
    assert after is not None
    assert (after.id, after.revision) == (before.id, before.revision + 1)
    assert (after.resource_type, after.is_private) == ("Routine", True)
    assert after.created_by_id == ada
    assert after.updated_at > before.updated_at


def test_loads_in_opposite_order_both_end(admin: Connection[Any], db: Database) -> None:
    given = [resource(number) for number in range(1000)]
    results = gather(
        lambda: db.resources.bulk_create(given),
        lambda: db.resources.bulk_create(given[::-1]),
        lambda: db.resources.bulk_create(given, on_duplicate="update"),
    )
    assert sum(result.inserted for result in results) == 1000
    assert all(result.read == 1000 and not result.failures for result in results)
    assert all(r.inserted + r.updated + r.skipped == 1000 for r in results)
    assert admin.execute("SELECT count(*) FROM resources").fetchone() == (1000,)


def test_bookmarks_are_counted_in_their_resources(
    admin: Connection[Any], db: Database, make: Factory
) -> None:
    users = [make.user() for _ in range(3)]
    first, second = make.resource(), make.resource()
    pairs = [(user, first) for user in users] + [(users[0], second), (users[0], first)]
    given = [CreateBookmark(user_id=user, resource_id=to) for user, to in pairs]
    result = db.bookmarks.bulk_create(given)
    assert result == BulkResult(5, 4, 0, 1, [])
    assert counters(admin) == [3, 1]
    again = db.bookmarks.bulk_create(given)
    assert again == BulkResult(5, 0, 0, 5, [])
    assert counters(admin) == [3, 1]
    assert db.bookmarks.exists(users[2], first)


def test_bookmarks_that_cannot_be_created_are_reported(
    admin: Connection[Any], db: Database, make: Factory
) -> None:
    ada, note, gone = make.user(), make.resource(), make.resource(is_deleted=True)
    make.bookmark(ada, note)
    pairs = [(ada, note), (ada + 1, note), (ada, gone + 1), (ada, gone), (0, note)]
    given = [CreateBookmark(user_id=user, resource_id=to) for user, to in pairs]
    result = db.bookmarks.bulk_create(given, on_duplicate="error")
    assert (result.read, result.inserted, result.skipped) == (5, 0, 0)
    assert result.failures == [
        BulkFailure(0, None, "bookmarks_pkey", "the bookmark exists"),
        BulkFailure(1, None, "bookmarks_user_id_fkey", "there is no such user"),
        BulkFailure(2, None, "bookmarks_resource_id_fkey", "there is no such resource"),
        BulkFailure(3, None, "bookmarks_resource_id_fkey", "the resource is deleted"),
        BulkFailure(4, "user_id", None, f"must be from 1 to {2**63 - 1}"),
    ]
    assert counters(admin) == [0, 0]
    with pytest.raises(InvalidInput, match="on_duplicate"):
        db.bookmarks.bulk_create(given, on_duplicate="update")  # type: ignore[arg-type]


def test_a_resource_that_is_deleted_meanwhile_gets_no_bookmark(
    admin: Connection[Any], db: Database, make: Factory, database_url: str
) -> None:
    ada, kept, gone = make.user(), make.resource(), make.resource()
    given = [CreateBookmark(user_id=ada, resource_id=to) for to in (kept, gone)]
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE resources SET is_deleted = TRUE WHERE id = %s", (gone,))
        load = Started(lambda: db.bookmarks.bulk_create(given))
        until_waiting(admin)
        other.commit()
    result = load.result()
    assert (result.inserted, result.skipped) == (1, 0)
    assert result.failures == [
        BulkFailure(1, None, "bookmarks_resource_id_fkey", "the resource is deleted")
    ]
    assert counters(admin) == [1, 0]


def test_a_user_who_is_deleted_meanwhile_gets_no_bookmark(
    admin: Connection[Any], db: Database, make: Factory, database_url: str
) -> None:
    ada, bob, note = make.user(), make.user(), make.resource()
    given = [CreateBookmark(user_id=user, resource_id=note) for user in (ada, bob)]
    with psycopg.connect(database_url) as other:
        other.execute("DELETE FROM users WHERE id = %s", (bob,))
        load = Started(lambda: db.bookmarks.bulk_create(given))
        until_waiting(admin)
        other.commit()
    result = load.result()
    assert (result.inserted, result.skipped) == (1, 0)
    assert result.failures == [
        BulkFailure(1, None, "bookmarks_user_id_fkey", "there is no such user")
    ]
    assert counters(admin) == [1]


def test_a_load_that_waits_for_a_user_holds_no_resource(
    admin: Connection[Any], db: Database, make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    given = [CreateBookmark(user_id=ada, resource_id=note)]
    with admin.transaction():
        # As users.delete does: first the user, then the resources.
        admin.execute("SELECT FROM users FOR UPDATE")
        load = Started(lambda: db.bookmarks.bulk_create(given))
        until_waiting(admin)
        assert admin.execute("SELECT FROM resources FOR UPDATE NOWAIT").rowcount == 1
    assert (load.result()).inserted == 1
    assert counters(admin) == [1]
