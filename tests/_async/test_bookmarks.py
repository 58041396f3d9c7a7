"""Bookmarks: adding and removing one, whether one exists, and a user's list."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import AsyncDatabase, InvalidInput, MissingReference, NotFound

from ._compat import Started, gather, until_waiting

#: The counter of each resource and the number of its bookmarks.
COUNTED = """
SELECT
    resources.bookmarks,
    (SELECT count(*) FROM bookmarks WHERE bookmarks.resource_id = resources.id)
FROM resources
ORDER BY resources.id
"""


async def test_add_and_remove_move_row_and_counter_and_nothing_else(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    first, second = make.resource(), make.resource()
    before = await db.resources.find_many_by_id([first, second])
    assert await db.bookmarks.add(ada, first) is True
    assert await db.bookmarks.add(bob, first) is True
    assert await db.bookmarks.add(ada, second) is True
    assert await db.bookmarks.exists(ada, first)
    assert admin.execute(COUNTED).fetchall() == [(2, 2), (1, 1)]
    assert await db.bookmarks.remove(ada, first) is True
    assert not await db.bookmarks.exists(ada, first)
    assert await db.bookmarks.exists(bob, first)
    assert admin.execute(COUNTED).fetchall() == [(1, 1), (1, 1)]
    after = await db.resources.find_many_by_id([first, second])
    assert [(r.revision, r.updated_at) for r in after] == [
        (r.revision, r.updated_at) for r in before
    ]
    assert admin.execute("SELECT count(*) FROM counter_reconciliations").fetchone() == (0,)


async def test_a_second_add_or_remove_changes_nothing(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    assert await db.bookmarks.add(ada, note) is True
    assert await db.bookmarks.add(ada, note) is False
    assert admin.execute(COUNTED).fetchall() == [(1, 1)]
    assert await db.bookmarks.remove(ada, note) is True
    assert await db.bookmarks.remove(ada, note) is False
    assert admin.execute(COUNTED).fetchall() == [(0, 0)]


async def test_add_names_the_absent_or_deleted_resource_or_the_absent_user(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    gone = make.resource(is_deleted=True, deleted_at="2026-01-01Z")
    for resource_id in (gone, gone + 1):
        with pytest.raises(NotFound, match="no such resource") as absent:
            await db.bookmarks.add(ada, resource_id)
        assert absent.value.query == "bookmarks.add"
    with pytest.raises(MissingReference) as caught:
        await db.bookmarks.add(ada + 1, note)
    assert caught.value.field == "user_id"
    assert admin.execute(COUNTED).fetchall() == [(0, 0), (0, 0)]


async def test_a_bookmark_of_a_deleted_resource_can_be_removed(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    await db.bookmarks.add(ada, note)
    await db.resources.soft_delete(note, ada)
    assert await db.bookmarks.remove(ada, note) is True
    assert await db.bookmarks.remove(ada, note + 1) is False
    assert admin.execute(COUNTED).fetchall() == [(0, 0)]


async def test_remove_does_not_lower_the_counter_below_zero(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    make.bookmark(ada, note)
    assert await db.bookmarks.remove(ada, note) is True
    assert admin.execute(COUNTED).fetchall() == [(0, 0)]


async def test_of_eight_adds_and_removals_at_once_one_counts(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    assert sum(await gather(*[lambda: db.bookmarks.add(ada, note)] * 8)) == 1
    assert admin.execute(COUNTED).fetchall() == [(1, 1)]
    assert sum(await gather(*[lambda: db.bookmarks.remove(ada, note)] * 8)) == 1
    assert admin.execute(COUNTED).fetchall() == [(0, 0)]


async def test_an_add_that_waited_for_the_same_add_finds_it(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    async with db.transaction() as tx:
        await tx.bookmarks.add(ada, note)
        second = Started(lambda: db.bookmarks.add(ada, note))
        await until_waiting(admin)
    assert await second.result() is False
    assert admin.execute(COUNTED).fetchall() == [(1, 1)]


async def test_a_removal_that_waited_for_the_same_removal_finds_nothing(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    await db.bookmarks.add(ada, note)
    async with db.transaction() as tx:
        await tx.bookmarks.remove(ada, note)
        second = Started(lambda: db.bookmarks.remove(ada, note))
        await until_waiting(admin)
    assert await second.result() is False
    assert admin.execute(COUNTED).fetchall() == [(0, 0)]


async def test_an_add_that_waited_for_a_soft_deletion_finds_no_resource(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    async with db.transaction() as tx:
        await tx.resources.soft_delete(note, ada)
        second = Started(lambda: db.bookmarks.add(ada, note))
        await until_waiting(admin)
    with pytest.raises(NotFound):
        await second.result()
    assert admin.execute(COUNTED).fetchall() == [(0, 0)]


async def test_an_add_that_waits_for_its_user_holds_no_resource(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource()
    with admin.transaction():
        # As users.delete does: first the user, then the resources.
        admin.execute("SELECT FROM users FOR UPDATE")
        second = Started(lambda: db.bookmarks.add(ada, note))
        await until_waiting(admin)
        assert admin.execute("SELECT FROM resources FOR UPDATE NOWAIT").rowcount == 1
        admin.execute("DELETE FROM users")
    with pytest.raises(MissingReference) as caught:
        await second.result()
    assert caught.value.field == "user_id"
    assert admin.execute(COUNTED).fetchall() == [(0, 0)]


async def test_removals_and_deletions_that_wait_for_a_resource_hold_no_bookmark(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note, kept = make.user(), make.resource(), make.resource()
    await db.bookmarks.add(ada, note)
    await db.bookmarks.add(ada, kept)
    with admin.transaction():
        # As resources.delete does: first the resource, then its bookmarks.
        admin.execute("SELECT FROM resources WHERE id = %s FOR UPDATE", (note,))
        removal = Started(lambda: db.bookmarks.remove(ada, note))
        await until_waiting(admin)
        deletion = Started(lambda: db.users.delete(ada))
        await until_waiting(admin, 2)
        assert admin.execute("SELECT FROM bookmarks FOR UPDATE NOWAIT").rowcount == 2
        admin.execute("DELETE FROM resources WHERE id = %s", (note,))
    assert await removal.result() is False
    assert await deletion.result() is True
    assert admin.execute(COUNTED).fetchall() == [(0, 0)]


async def test_exists_depends_on_the_user_and_the_resource(
    db: AsyncDatabase, make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    first, second = make.resource(), make.resource()
    make.bookmark(ada, first)
    assert await db.bookmarks.exists(ada, first) is True
    assert await db.bookmarks.exists(ada, second) is False
    assert await db.bookmarks.exists(bob, first) is False
    assert await db.bookmarks.exists(bob + 1, 2**63 - 1) is False


async def test_list_by_user_pages_both_ways_through_equal_times(
    db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    resources = [make.resource() for _ in range(7)]
    for n, resource_id in enumerate(resources):
        make.bookmark(ada, resource_id, created_at=f"2026-01-0{1 + n // 4}Z")
    make.bookmark(make.user(), resources[0])
    pages = [await db.bookmarks.list_by_user(ada, limit=3)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(await db.bookmarks.list_by_user(ada, limit=3, cursor=cursor))
    found = [item.resource_id for page in pages for item in page.items]
    assert found == resources[::-1]
    back = await db.bookmarks.list_by_user(ada, limit=3, cursor=pages[2].previous_cursor)
    assert back == pages[1]


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    with pytest.raises(InvalidInput, match="user_id: must be"):
        await unopened.bookmarks.exists(0, 1)
    with pytest.raises(InvalidInput, match="resource_id: must be"):
        await unopened.bookmarks.exists(1, 2**63)
    with pytest.raises(InvalidInput, match="user_id: must be an int, not str"):
        await unopened.bookmarks.add("1", 1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="resource_id: must be"):
        await unopened.bookmarks.add(1, 0)
    with pytest.raises(InvalidInput, match="user_id: must be"):
        await unopened.bookmarks.remove(-1, 1)
    with pytest.raises(InvalidInput, match="resource_id: must be an int, not bool"):
        await unopened.bookmarks.remove(1, True)
    with pytest.raises(InvalidInput, match="user_id: must be"):
        await unopened.bookmarks.list_by_user("1")  # type: ignore[arg-type]
