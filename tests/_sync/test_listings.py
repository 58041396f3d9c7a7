# Generated from tests/_async/test_listings.py by tools/unasync.py. Do not edit.
"""Listings of resources by creator and type, and of runs by any filter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    Database,
    InvalidCursor,
    InvalidInput,
    Page,
    Resource,
    ResourceType,
    Run,
    RunStatus,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
TYPES: tuple[ResourceType, ...] = ("Note", "Code", "Api")
STATUSES: tuple[RunStatus, ...] = ("Scheduled", "Completed", "Failed")


def walked(fetch: Callable[[str | None], Any]) -> list[int]:
    """Return the ids of all pages, forward; the way back must give the same."""
    pages = [fetch(None)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(fetch(cursor))
    page = pages[-1]
    for expected in reversed(pages[:-1]):
        page = fetch(page.previous_cursor)
        assert page == expected
    return [row.id for page in pages for row in page.items]


def make_resources(make: Factory) -> tuple[int, int]:
    """Make resources of two creators, in every state; return the creators."""
    ada, bob = make.user(), make.user()
    for n in range(48):
        make.resource(
            created_by_id=(ada, bob, None)[n % 3],
            resource_type=TYPES[n % 2 + (n % 7 == 0)],
            is_private=n % 4 == 1,
            is_deleted=n % 5 == 2,
            has_complete_version=n % 6 != 3,
            created_at=START + timedelta(days=n // 5),
        )
    return ada, bob


def expected(admin: Connection[Any], table: str, condition: str, *parameters: object) -> list[int]:
    statement = f"SELECT id FROM {table} WHERE {condition} ORDER BY created_at DESC, id DESC"
    return [id for (id,) in admin.execute(statement.encode(), parameters)]


LISTED = "NOT is_private AND NOT is_deleted AND has_complete_version"


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_the_resources_of_a_creator_are_listed_for_others_and_for_the_owner(
    db: Database, admin: Connection[Any], make: Factory, limit: int
) -> None:
    for creator in make_resources(make):

        def of_creator(cursor: str | None, creator: int = creator) -> Page[Resource]:
            return db.resources.find_by_creator(creator, cursor=cursor, limit=limit)

        def own(cursor: str | None, creator: int = creator) -> Page[Resource]:
            return db.resources.find_own(creator, cursor=cursor, limit=limit)

        listed = expected(admin, "resources", f"created_by_id = %s AND {LISTED}", creator)
        kept = expected(admin, "resources", "created_by_id = %s AND NOT is_deleted", creator)
        assert 0 < len(listed) < len(kept)
        assert walked(of_creator) == listed
        assert walked(own) == kept
        iterated = [row.id for row in db.resources.iter_by_creator(creator, batch_size=2)]
        assert iterated == listed
        assert [row.id for row in db.resources.iter_own(creator, batch_size=2)] == kept


def test_a_cursor_of_the_owner_is_none_of_others(db: Database, make: Factory) -> None:
    ada, bob = make_resources(make)
    page = db.resources.find_own(ada, limit=1)
    with pytest.raises(InvalidCursor):
        db.resources.find_by_creator(ada, cursor=page.next_cursor)
    with pytest.raises(InvalidCursor):
        db.resources.find_own(bob, cursor=page.next_cursor)


def test_a_user_who_is_absent_has_created_nothing(db: Database) -> None:
    assert (db.resources.find_by_creator(1)).items == []
    assert (db.resources.find_own(1)).items == []


@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize("types", [None, ["Note"], ["Api", "Note"], []])
def test_find_many_merges_the_types_by_time(
    db: Database,
    admin: Connection[Any],
    make: Factory,
    types: list[ResourceType] | None,
    limit: int,
) -> None:
    make_resources(make)

    def fetch(cursor: str | None) -> Page[Resource]:
        return db.resources.find_many(resource_types=types, cursor=cursor, limit=limit)

    wanted = list(TYPES) if types is None else types
    found = expected(admin, "resources", f"resource_type = ANY(%s) AND {LISTED}", wanted)
    assert bool(found) is bool(wanted)
    assert walked(fetch) == found
    rows = db.resources.iter_many(resource_types=types, batch_size=3)
    assert [row.id for row in rows] == found


def test_types_in_another_order_are_the_same_listing(db: Database, make: Factory) -> None:
    make_resources(make)
    find_many = db.resources.find_many
    page = find_many(resource_types=["Note", "Code"], limit=1)
    again = find_many(resource_types=["Code", "Note", "Code"], cursor=page.next_cursor)
    assert again.items
    with pytest.raises(InvalidCursor):
        find_many(resource_types=["Note"], cursor=page.next_cursor)


@pytest.mark.parametrize("of_one_user", [False, True])
@pytest.mark.parametrize("statuses", [None, ["Scheduled"], ["Completed", "Scheduled"]])
def test_find_many_runs_by_user_and_status(
    db: Database,
    admin: Connection[Any],
    make: Factory,
    statuses: list[RunStatus] | None,
    *,
    of_one_user: bool,
) -> None:
    ada, bob = make.user(), make.user()
    for n in range(30):
        make.run(
            (ada, bob)[n % 3 == 0],
            status=STATUSES[n % 4 % 3],
            created_at=START + n // 4 * timedelta(1),
        )
    user_id = ada if of_one_user else None

    def fetch(cursor: str | None) -> Page[Run]:
        return db.runs.find_many(user_id=user_id, statuses=statuses, cursor=cursor, limit=4)

    found = expected(
        admin,
        "runs",
        "status = ANY(%s) AND user_id = ANY(%s)",
        list(STATUSES) if statuses is None else statuses,
        [ada] if of_one_user else [ada, bob],
    )
    assert found
    assert walked(fetch) == found
    rows = db.runs.iter_many(user_id=user_id, statuses=statuses, batch_size=7)
    assert [run.id for run in rows] == found


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    with pytest.raises(InvalidInput, match="created_by_id: must be from 1"):
        unopened.resources.find_by_creator(0)
    with pytest.raises(InvalidInput, match="user_id: must be an int, not str"):
        unopened.resources.find_own("1")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_types: must be one of Api"):
        unopened.resources.find_many(resource_types=["Song"])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="resource_types: must be a list"):
        unopened.resources.iter_many(resource_types="Note")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="statuses: must be one of Scheduled"):
        unopened.runs.find_many(statuses=["Done"])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
        unopened.resources.find_many(limit=0)
