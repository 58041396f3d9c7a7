# Generated from tests/_async/test_resources.py by tools/unasync.py. Do not edit.
"""Resources: look-ups, pages and trends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    Database,
    InvalidCursor,
    InvalidInput,
    Page,
    Resource,
    ResourceOrder,
    ResourceType,
    UserSummary,
)

ORDERS = get_args(ResourceOrder)


@pytest.fixture
def listed(make: Factory) -> list[int]:
    """Make 23 listed routines with many ties in every order."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        make.resource(
            score=n % 3 - 1,
            bookmarks=n % 2,
            views=n % 5,
            created_at=start + timedelta(days=n % 4),
            updated_at=start + timedelta(microseconds=n % 6),
        )
        for n in range(23)
    ]


def oracle(admin: Connection[Any], order_by: ResourceOrder) -> list[int]:
    """Return the ids in the order that the whole list has."""
    rows = admin.execute(f"SELECT id FROM resources ORDER BY {order_by} DESC, id DESC")
    return [id for (id,) in rows.fetchall()]


def walk(db: Database, order_by: ResourceOrder, limit: int) -> list[Page[Resource]]:
    """Return all pages, forward."""
    pages = [db.resources.find_by_type("Routine", order_by=order_by, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        page = db.resources.find_by_type("Routine", order_by=order_by, cursor=cursor, limit=limit)
        pages.append(page)
    return pages


def ids(page: Page[Resource]) -> list[int]:
    return [item.id for item in page.items]


def test_find_by_id_and_public_id_return_the_whole_row(db: Database, make: Factory) -> None:
    author = make.user()
    resource_id = make.resource(
        public_id="abcdefghijkl",
        resource_type="Code",
        is_private=True,
        score=-3,
        bookmarks=2,
        views=5,
        created_by_id=author,
    )
    version_id = make.version(resource_id)
    resource = db.resources.find_by_id(resource_id)
    assert resource is not None
    assert resource == db.resources.find_by_public_id("abcdefghijkl")
    assert (resource.resource_type, resource.is_private) == ("Code", True)
    assert (resource.score, resource.bookmarks, resource.views) == (-3, 2, 5)
    assert (resource.created_by_id, resource.latest_version_id) == (author, version_id)
    assert (resource.is_deleted, resource.deleted_at, resource.deleted_by_id) == (False, None, None)


def test_an_absent_resource_is_none(db: Database) -> None:
    assert db.resources.find_by_id(1) is None
    assert db.resources.find_by_public_id("zzzzzzzzzzzz") is None
    assert db.resources.find_with_latest_version("zzzzzzzzzzzz") is None


def test_find_with_latest_version_returns_creator_and_version(db: Database, make: Factory) -> None:
    author = make.user(public_id="adaadaadaada", name="Ada", handle="ada")
    resource_id = make.resource(public_id="abcdefghijkl", created_by_id=author)
    make.version(resource_id, version_label="0.9")
    config = {"nested": [1, 2.5, None, {"text": "é"}]}
    version_id = make.version(resource_id, version_index=1, version_label="1.0", config=config)
    resource = db.resources.find_with_latest_version("abcdefghijkl")
    assert resource is not None
    assert resource.id == resource_id
    assert resource.creator == UserSummary("adaadaadaada", "Ada", "ada")
    assert resource.latest_version is not None
    assert (resource.latest_version.id, resource.latest_version.version_index) == (version_id, 1)
    assert resource.latest_version.config == config


def test_find_with_latest_version_without_creator_or_version_has_none(
    db: Database, make: Factory
) -> None:
    make.resource(public_id="abcdefghijkl")
    resource = db.resources.find_with_latest_version("abcdefghijkl")
    assert resource is not None
    assert resource.creator is None
    assert resource.latest_version is None


@pytest.mark.parametrize("order_by", ORDERS)
@pytest.mark.parametrize("limit", [1, 4, 22, 23, 24])
@pytest.mark.usefixtures("listed")
def test_pages_forward_and_backward_are_the_whole_list(
    db: Database,
    admin: Connection[Any],
    order_by: ResourceOrder,
    limit: int,
) -> None:
    pages = walk(db, order_by, limit)
    assert [id for page in pages for id in ids(page)] == oracle(admin, order_by)
    assert pages[0].previous_cursor is None
    assert [page.has_next_page for page in pages] == [True] * (len(pages) - 1) + [False]
    page = pages[-1]
    for expected in reversed(pages[:-1]):
        page = db.resources.find_by_type(
            "Routine", order_by=order_by, cursor=page.previous_cursor, limit=limit
        )
        assert page == expected


def test_find_by_type_shows_listed_resources_of_the_type_alone(db: Database, make: Factory) -> None:
    shown = make.resource()
    make.resource(resource_type="Code")
    make.resource(is_private=True)
    make.resource(is_deleted=True, deleted_at="2026-01-01Z")
    make.resource(has_complete_version=False)
    assert ids(db.resources.find_by_type("Routine")) == [shown]


def test_an_empty_list_is_one_page_without_cursors(db: Database) -> None:
    page = db.resources.find_by_type("Routine")
    assert page == Page([], None, None)
    assert not page.has_next_page


@pytest.mark.usefixtures("listed")
def test_rows_inserted_and_deleted_between_pages_move_no_other_row(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    expected = oracle(admin, "score")
    first = db.resources.find_by_type("Routine", order_by="score", limit=5)
    admin.execute("DELETE FROM resources WHERE id = %s", (expected[4],))
    make.resource(score=99)
    second = db.resources.find_by_type(
        "Routine", order_by="score", limit=5, cursor=first.next_cursor
    )
    assert ids(second) == expected[5:10]


@pytest.mark.usefixtures("listed")
def test_when_all_that_follows_is_gone_the_way_back_includes_the_row_of_the_cursor(
    db: Database, admin: Connection[Any]
) -> None:
    expected = oracle(admin, "score")
    first = db.resources.find_by_type("Routine", order_by="score", limit=5)
    admin.execute("DELETE FROM resources WHERE id = ANY(%s)", (expected[5:],))
    empty = db.resources.find_by_type(
        "Routine", order_by="score", limit=5, cursor=first.next_cursor
    )
    assert (ids(empty), empty.next_cursor) == ([], None)
    back = db.resources.find_by_type(
        "Routine", order_by="score", limit=5, cursor=empty.previous_cursor
    )
    assert ids(back) == expected[:5]


@pytest.mark.usefixtures("listed")
def test_when_all_that_precedes_is_gone_the_way_on_includes_the_row_of_the_cursor(
    db: Database, admin: Connection[Any]
) -> None:
    expected = oracle(admin, "score")
    second = (walk(db, "score", 5))[1]
    admin.execute("DELETE FROM resources WHERE id = ANY(%s)", (expected[:5],))
    empty = db.resources.find_by_type(
        "Routine", order_by="score", limit=5, cursor=second.previous_cursor
    )
    assert (ids(empty), empty.previous_cursor) == ([], None)
    onward = db.resources.find_by_type(
        "Routine", order_by="score", limit=5, cursor=empty.next_cursor
    )
    assert ids(onward) == expected[5:10]


@pytest.mark.usefixtures("listed")
def test_a_cursor_serves_the_order_it_was_made_in_alone(db: Database) -> None:
    page = db.resources.find_by_type("Routine", order_by="score", limit=5)
    with pytest.raises(InvalidCursor, match=r"not issued by resources\.find_by_type for these"):
        db.resources.find_by_type("Routine", order_by="views", cursor=page.next_cursor)


def test_find_trending_ranks_by_score_then_bookmarks_then_views_then_id(
    db: Database, make: Factory
) -> None:
    low = make.resource(score=1, bookmarks=9, views=9)
    few_views = make.resource(score=2, bookmarks=1, views=1)
    many_views = make.resource(score=2, bookmarks=1, views=2)
    bookmarked = make.resource(score=2, bookmarks=2)
    newer = make.resource(score=2, bookmarks=2)
    trending = db.resources.find_trending()
    assert [item.id for item in trending] == [newer, bookmarked, many_views, few_views, low]
    assert [item.id for item in db.resources.find_trending(limit=2)] == [newer, bookmarked]


def test_find_trending_shows_listed_resources_of_the_last_days_alone(
    db: Database, make: Factory
) -> None:
    now = datetime.now(UTC)
    shown = make.resource(created_at=now - timedelta(days=2, hours=23))
    make.resource(created_at=now - timedelta(days=3, hours=1))
    make.resource(is_private=True)
    make.resource(is_deleted=True, deleted_at=now)
    make.resource(has_complete_version=False)
    assert [item.id for item in db.resources.find_trending(days=3)] == [shown]


def test_find_trending_knows_every_type(db: Database, make: Factory) -> None:
    shown = [make.resource(resource_type=type_) for type_ in get_args(ResourceType)]
    found = db.resources.find_trending()
    assert [item.id for item in found] == shown[::-1]


def test_find_trending_ranks_many_as_it_ranks_few(db: Database, admin: Connection[Any]) -> None:
    """From 1001 recent resources on, they are walked in order and not sorted."""
    admin.execute(
        "INSERT INTO resources (public_id, resource_type, has_complete_version, score, created_at)"
        " SELECT lpad(n::text, 12, '0'), 'Note', true, mod(n * 7919, 100),"
        " now() - mod(n, 4) * interval '23 hours' FROM generate_series(1, 1400) AS n"
    )
    for days, count in ((1, 700), (2, 1050), (3, 1400)):
        wanted = admin.execute(
            "SELECT id FROM resources WHERE created_at >= now() - make_interval(days => %s)"
            " ORDER BY score DESC, id DESC",
            (days,),
        ).fetchall()
        assert len(wanted) == count
        found = db.resources.find_trending(days=days, limit=500)
        assert [item.id for item in found] == [id for (id,) in wanted[:500]]


@pytest.mark.parametrize("limit", [0, 501, -1, True, 2.0, "20", None])
def test_a_limit_out_of_range_is_refused(unopened: Database, limit: int) -> None:
    with pytest.raises(InvalidInput, match=r"\Alimit: must be"):
        unopened.resources.find_by_type("Routine", limit=limit)
    with pytest.raises(InvalidInput, match=r"\Alimit: must be"):
        unopened.resources.find_trending(limit=limit)


@pytest.mark.parametrize("days", [0, -1, 2**31, False, 1.5])
def test_days_out_of_range_are_refused(unopened: Database, days: int) -> None:
    with pytest.raises(InvalidInput, match=r"\Adays: must be"):
        unopened.resources.find_trending(days=days)


def test_the_longest_time_of_trending_is_accepted(db: Database, make: Factory) -> None:
    shown = make.resource(created_at="1500-01-01Z")
    assert [item.id for item in db.resources.find_trending(days=365_000)] == [shown]


def test_a_choice_outside_its_set_is_refused(unopened: Database) -> None:
    type_: Any = "routine"
    order: Any = "id; DROP TABLE users"
    with pytest.raises(InvalidInput, match=r"\Aresource_type: must be one of Api, Code"):
        unopened.resources.find_by_type(type_)
    with pytest.raises(InvalidInput, match=r"\Aorder_by: must be one of created_at"):
        unopened.resources.find_by_type("Routine", order_by=order)
    with pytest.raises(InvalidInput, match=r"\Aresource_type"):
        unopened.resources.find_by_type([])  # type: ignore[arg-type]
