"""Counters: requests to compare them with the rows that they count, and the comparison."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import AsyncDatabase, InvalidInput, InvalidUse, NotFound, Reconciliation

from ._compat import Started, until_waiting

#: The counter of each resource, and the number of its bookmarks.
COUNTED = """
SELECT
    resources.bookmarks,
    (SELECT count(*) FROM bookmarks WHERE bookmarks.resource_id = resources.id)
FROM resources
ORDER BY resources.id
"""


def requests(admin: Connection[Any]) -> list[int]:
    """Return the ids of the resources whose counters are to be compared, in order."""
    rows = admin.execute("SELECT entity_id FROM counter_reconciliations ORDER BY entity_id")
    return [id for (id,) in rows]


async def test_reconcile_corrects_wrong_counters_and_returns_the_difference(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada = make.user()
    high, low, right = make.resource(bookmarks=3), make.resource(), make.resource()
    for resource_id in (high, low):
        make.bookmark(ada, resource_id)
    changes = "SELECT revision, updated_at FROM resources ORDER BY id"
    before = admin.execute(changes).fetchall()
    for resource_id in (high, low, right):
        await db.counters.request(resource_id)
    assert await db.counters.reconcile() == Reconciliation(checked=3, wrong=2, difference=3)
    assert admin.execute(COUNTED).fetchall() == [(1, 1), (1, 1), (0, 0)]
    assert admin.execute(changes).fetchall() == before
    # What was too low is compared once more.
    assert requests(admin) == [low]
    assert await db.counters.reconcile() == Reconciliation(1, 0, 0)
    assert await db.counters.reconcile() == Reconciliation(0, 0, 0)


async def test_the_oldest_requests_are_handled_first(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    first, second, third = (make.resource() for _ in range(3))
    make.request(first, requested_at="2026-01-03Z")
    make.request(second, requested_at="2026-01-01Z")
    make.request(third, requested_at="2026-01-02Z")
    # A request that is there keeps its place.
    await db.counters.request(second)
    assert await db.counters.reconcile(batch_size=2) == Reconciliation(2, 0, 0)
    assert requests(admin) == [first]


async def test_requests_of_others_stay_and_those_of_absent_resources_go(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.request(7)
    make.request(8, entity_type="thing")
    make.request(9, counter="likes")
    assert await db.counters.reconcile() == Reconciliation(1, 0, 0)
    assert requests(admin) == [8, 9]


async def test_all_counters_are_requested_in_batches(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    assert await db.counters.request_all() == 0
    ids = [make.resource() for _ in range(5)]
    await db.counters.request(ids[3])
    assert await db.counters.request_all(batch_size=2) == 5
    assert requests(admin) == ids
    assert await db.counters.request_all(batch_size=5) == 5
    assert await db.counters.reconcile() == Reconciliation(5, 0, 0)


async def test_a_request_of_an_absent_resource_is_not_found(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    with pytest.raises(NotFound, match="no such resource") as caught:
        await db.counters.request(1)
    assert caught.value.query == "counters.request"
    assert requests(admin) == []


async def test_a_change_that_is_not_committed_keeps_its_request(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    note = make.resource(public_id="abcdefghijkl")
    async with db.transaction() as tx:
        await tx.resources.increment_bookmarks("abcdefghijkl")
        # It does not wait, either.
        meanwhile = Started(db.counters.reconcile)
        assert await meanwhile.result() == Reconciliation(0, 0, 0)
    assert requests(admin) == [note]
    assert await db.counters.reconcile() == Reconciliation(1, 1, 1)
    assert admin.execute(COUNTED).fetchall() == [(0, 0)]


async def test_drift_that_is_committed_while_a_counter_is_compared_is_not_lost(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, note = make.user(), make.resource(bookmarks=5)
    make.request(note)
    with admin.transaction():
        # Changes of another session, between the comparison and the lock.
        make.bookmark(ada, note)
        admin.execute("UPDATE resources SET bookmarks = bookmarks + 3")
        reconciled = Started(db.counters.reconcile)
        await until_waiting(admin)
        increment = Started(lambda: db.counters.request(note))
        # The request waits until the comparison is over, and is made anew.
        await until_waiting(admin, 2)
    assert await reconciled.result() == Reconciliation(1, 1, 5)
    await increment.result()
    assert admin.execute(COUNTED).fetchall() == [(3, 1)]
    assert await db.counters.reconcile() == Reconciliation(1, 1, 2)
    assert admin.execute(COUNTED).fetchall() == [(1, 1)]


async def test_bookmarks_that_are_added_and_removed_meanwhile_are_not_corrected_away(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, bob, note = make.user(), make.user(), make.resource()
    await db.bookmarks.add(ada, note)
    admin.execute("UPDATE resources SET bookmarks = bookmarks + 2")
    make.request(note)
    async with db.transaction() as tx:
        await tx.bookmarks.add(bob, note)
        reconciled = Started(db.counters.reconcile)
        await until_waiting(admin)
    assert await reconciled.result() == Reconciliation(1, 1, 2)
    assert admin.execute(COUNTED).fetchall() == [(2, 2)]


async def test_a_removal_at_zero_while_a_counter_is_compared_is_found_by_the_next_comparison(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada, bob, note = make.user(), make.user(), make.resource()
    make.bookmark(ada, note)
    make.bookmark(bob, note)
    make.request(note)
    async with db.transaction() as tx:
        # The counter stays at zero.
        await tx.bookmarks.remove(ada, note)
        reconciled = Started(db.counters.reconcile)
        await until_waiting(admin)
    assert await reconciled.result() == Reconciliation(1, 1, 2)
    assert admin.execute(COUNTED).fetchall() == [(2, 1)]
    assert await db.counters.reconcile() == Reconciliation(1, 1, 1)
    assert admin.execute(COUNTED).fetchall() == [(1, 1)]
    assert requests(admin) == []


async def test_a_right_counter_is_not_locked(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    note = make.resource()
    make.request(note)
    with admin.transaction():
        admin.execute("SELECT FROM resources FOR UPDATE")
        assert await db.counters.reconcile() == Reconciliation(1, 0, 0)


async def test_two_reconciliations_share_the_requests(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    for _ in range(3):
        make.request(make.resource(bookmarks=1))
    async with db.transaction() as tx:
        assert await tx.counters.reconcile(batch_size=2) == Reconciliation(2, 2, 2)
        meanwhile = Started(db.counters.reconcile)
        assert await meanwhile.result() == Reconciliation(1, 1, 1)
    assert admin.execute(COUNTED).fetchall() == [(0, 0)] * 3


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_a_transaction_of_another_isolation_is_refused_and_takes_no_request(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, isolation: Any
) -> None:
    note = make.resource(bookmarks=1)
    make.request(note)
    async with db.transaction(isolation=isolation) as tx:
        with pytest.raises(InvalidUse, match="use isolation='read committed'"):
            await tx.counters.reconcile()
    assert requests(admin) == [note]


async def test_a_reconciliation_that_is_rolled_back_keeps_its_requests(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    note = make.resource(bookmarks=1)
    make.request(note)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await tx.counters.reconcile()
            raise ZeroDivisionError
    assert requests(admin) == [note]
    assert admin.execute(COUNTED).fetchall() == [(1, 0)]


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    counters = unopened.counters
    with pytest.raises(InvalidInput, match="resource_id: must be"):
        await counters.request(0)
    with pytest.raises(InvalidInput, match="batch_size: must be from 1 to 10000"):
        await counters.request_all(batch_size=0)
    with pytest.raises(InvalidInput, match="batch_size: must be an int, not bool"):
        await counters.reconcile(batch_size=True)
