# Generated from tests/_async/test_bookmarks.py by tools/unasync.py. Do not edit.
"""Bookmarks: whether one exists, and a user's list."""

from __future__ import annotations

import pytest

from tests.factories import Factory
from vrooli_data import Database, InvalidInput


def test_exists_tells_whose_bookmark_is_where(db: Database, make: Factory) -> None:
    ada, bob = make.user(), make.user()
    first, second = make.resource(), make.resource()
    make.bookmark(ada, first)
    assert db.bookmarks.exists(ada, first) is True
    assert db.bookmarks.exists(ada, second) is False
    assert db.bookmarks.exists(bob, first) is False
    assert db.bookmarks.exists(bob + 1, 2**63 - 1) is False


def test_list_by_user_pages_both_ways_through_equal_times(db: Database, make: Factory) -> None:
    ada = make.user()
    resources = [make.resource() for _ in range(7)]
    for n, resource_id in enumerate(resources):
        make.bookmark(ada, resource_id, created_at=f"2026-01-0{1 + n // 4}Z")
    make.bookmark(make.user(), resources[0])
    pages = [db.bookmarks.list_by_user(ada, limit=3)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(db.bookmarks.list_by_user(ada, limit=3, cursor=cursor))
    found = [item.resource_id for page in pages for item in page.items]
    assert found == resources[::-1]
    back = db.bookmarks.list_by_user(ada, limit=3, cursor=pages[2].previous_cursor)
    assert back == pages[1]


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    with pytest.raises(InvalidInput, match="user_id: must be"):
        unopened.bookmarks.exists(0, 1)
    with pytest.raises(InvalidInput, match="resource_id: must be"):
        unopened.bookmarks.exists(1, 2**63)
    with pytest.raises(InvalidInput, match="user_id: must be"):
        unopened.bookmarks.list_by_user("1")  # type: ignore[arg-type]
