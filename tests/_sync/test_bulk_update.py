# Generated from tests/_async/test_bulk_update.py by tools/unasync.py. Do not edit.
"""Changes of many resources in one statement."""

from __future__ import annotations

import random
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    BulkUpdate,
    BulkUpdateResource,
    Database,
    InvalidInput,
    Resource,
    TooManyConflicts,
    UpdateConflict,
    UpdateResource,
)

from ._compat import Started, gather, until_waiting


def stored(db: Database, ids: list[int]) -> list[Resource]:
    """Return resources in the order of their ids."""
    return db.resources.find_many_by_id(ids)


def private(ids: list[int], *, expected_revision: int | None = 0) -> list[BulkUpdateResource]:
    """Return changes that make resources private."""
    return [
        BulkUpdateResource(id=id, expected_revision=expected_revision, is_private=True)
        for id in ids
    ]


def test_each_resource_gets_the_fields_that_are_given_for_it(db: Database, make: Factory) -> None:
    first, second, third, other = (make.resource(score=n) for n in range(4))
    before = stored(db, [first, second, third, other])
    done = db.resources.bulk_update(
        [
            BulkUpdateResource(id=third, resource_type="Note", is_private=True),
            BulkUpdateResource(id=first, expected_revision=0, is_private=True),
            BulkUpdateResource(id=second, expected_revision=0, resource_type="Api"),
        ]
    )
    assert done == BulkUpdate(3, [])
    after = stored(db, [first, second, third, other])
    assert [(r.resource_type, r.is_private) for r in after] == [
        ("Routine", True),
        ("Api", False),
        ("Note", True),
        ("Routine", False),
    ]
    assert [r.revision for r in after] == [1, 1, 1, 0]
    assert [r.score for r in after] == [0, 1, 2, 3]
    assert [new.updated_at > old.updated_at for new, old in zip(after, before, strict=True)] == [
        True,
        True,
        True,
        False,
    ]


def test_no_changes_change_nothing(db: Database) -> None:
    assert db.resources.bulk_update([]) == BulkUpdate(0, [])
    assert db.resources.bulk_update([], max_conflict_ratio=0) == BulkUpdate(0, [])


def test_private_and_soft_deleted_resources_are_changed_too(db: Database, make: Factory) -> None:
    ids = [make.resource(is_private=True), make.resource(is_deleted=True)]
    changes = [BulkUpdateResource(id=id, resource_type="Data") for id in ids]
    assert (db.resources.bulk_update(changes)).updated == 2
    assert [r.resource_type for r in stored(db, ids)] == ["Data", "Data"]


def test_conflicts_are_named_and_the_others_are_changed(db: Database, make: Factory) -> None:
    ids = [make.resource() for _ in range(8)]
    changed, absent = ids[5], ids[-1] + 1
    db.resources.update(changed, UpdateResource(resource_type="Note"))
    done = db.resources.bulk_update([BulkUpdateResource(id=absent, is_private=True), *private(ids)])
    assert done == BulkUpdate(
        7, [UpdateConflict(changed, 0, 1), UpdateConflict(absent, None, None)]
    )
    assert [conflict.reason for conflict in done.conflicts] == ["changed", "missing"]
    after = stored(db, ids)
    assert [r.is_private for r in after] == [id != changed for id in ids]
    assert {r.revision for r in after} == {1}


@pytest.mark.parametrize(
    ("ratio", "conflicts", "is_written"),
    [(0.3, 3, True), (0.3, 4, False), (0, 0, True), (0, 1, False), (0.29, 3, False), (1, 10, True)],
)
def test_a_share_of_conflicts_is_allowed_up_to_the_ratio(
    db: Database, make: Factory, ratio: float, conflicts: int, is_written: bool
) -> None:
    ids = [make.resource() for _ in range(10)]
    changes = private(ids[conflicts:]) + private(ids[:conflicts], expected_revision=7)
    if is_written:
        done = db.resources.bulk_update(changes, max_conflict_ratio=ratio)
        assert (done.updated, len(done.conflicts)) == (10 - conflicts, conflicts)
    else:
        with pytest.raises(TooManyConflicts):
            db.resources.bulk_update(changes, max_conflict_ratio=ratio)
    written = 10 - conflicts if is_written else 0
    assert sum(r.revision for r in stored(db, ids)) == written


def test_a_ratio_that_no_float_is_equal_to_is_compared_as_written(
    db: Database, make: Factory
) -> None:
    # 0.29 * 100 is less than 29 in floating point; 29 / 100 is 0.29.
    ids = [make.resource() for _ in range(100)]
    changes = private(ids[29:]) + private(ids[:29], expected_revision=7)
    assert (db.resources.bulk_update(changes, max_conflict_ratio=0.29)).updated == 71


def test_over_the_ratio_nothing_is_written_and_the_transaction_continues(
    db: Database, make: Factory
) -> None:
    ids = [make.resource() for _ in range(3)]
    absent = ids[-1] + 1
    with db.transaction() as tx:
        tx.resources.update(ids[0], UpdateResource(resource_type="Note"))
        with pytest.raises(TooManyConflicts) as caught:
            tx.resources.bulk_update([*private(ids), *private([absent])])
        # Only now: before COMMIT, and with the transaction as it was.
        tx.resources.update(ids[1], UpdateResource(resource_type="Data"))
    assert caught.value.query == "resources.bulk_update"
    assert caught.value.conflicts == [
        UpdateConflict(ids[0], 0, 1),
        UpdateConflict(absent, 0, None),
    ]
    assert str(caught.value).startswith(
        "resources.bulk_update: 2 of 4 rows are missing or were changed since they were read, "
        "more than the share of 0.3 that is allowed; nothing was written"
    )
    after = stored(db, ids)
    assert [r.resource_type for r in after] == ["Note", "Data", "Routine"]
    assert not any(r.is_private for r in after)


def test_a_second_update_waits_and_names_what_the_first_has_changed(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    ids = [make.resource() for _ in range(4)]
    with admin.transaction():
        admin.execute("UPDATE resources SET revision = revision + 1 WHERE id = %s", [ids[2]])
        second = Started(lambda: db.resources.bulk_update(private(ids)))
        until_waiting(admin)
    assert second.result() == BulkUpdate(3, [UpdateConflict(ids[2], 0, 1)])
    assert [r.is_private for r in stored(db, ids)] == [True, True, False, True]


def test_a_second_update_that_expects_nothing_keeps_the_change_of_the_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    ids = [make.resource() for _ in range(2)]
    with admin.transaction():
        admin.execute("UPDATE resources SET resource_type = 'Note', revision = revision + 1")
        second = Started(lambda: db.resources.bulk_update(private(ids, expected_revision=None)))
        until_waiting(admin)
    assert second.result() == BulkUpdate(2, [])
    after = stored(db, ids)
    assert [(r.resource_type, r.is_private, r.revision) for r in after] == [("Note", True, 2)] * 2


def test_a_resource_that_is_deleted_meanwhile_is_missing(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    ids = [make.resource() for _ in range(4)]
    with admin.transaction():
        admin.execute("DELETE FROM resources WHERE id = %s", [ids[0]])
        second = Started(lambda: db.resources.bulk_update(private(ids)))
        until_waiting(admin)
    assert second.result() == BulkUpdate(3, [UpdateConflict(ids[0], 0, None)])


def test_rows_are_locked_in_the_order_of_their_ids(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    # The table holds them in the order in which they are given.
    last, first = make.resource(id=2), make.resource(id=1)
    with admin.transaction():
        admin.execute("SELECT FROM resources WHERE id = %s FOR UPDATE", [first])
        second = Started(lambda: db.resources.bulk_update(private([last, first])))
        until_waiting(admin)
        # It waits for the first, and so holds none behind it.
        admin.execute("SELECT FROM resources WHERE id = %s FOR UPDATE NOWAIT", [last])
    assert (second.result()).updated == 2


def test_updates_of_the_same_resources_at_once_are_all_counted(db: Database, make: Factory) -> None:
    ids = [make.resource() for _ in range(50)]
    chance = random.Random(1)

    def update() -> BulkUpdate:
        shuffled = chance.sample(ids, len(ids))
        return db.resources.bulk_update(private(shuffled, expected_revision=None))

    assert gather(*[update] * 8) == [BulkUpdate(50, [])] * 8
    assert {r.revision for r in stored(db, ids)} == {8}


def test_of_two_optimistic_updates_at_once_each_resource_takes_one(
    db: Database, make: Factory
) -> None:
    ids = [make.resource() for _ in range(20)]

    def update() -> BulkUpdate:
        return db.resources.bulk_update(private(ids), max_conflict_ratio=1)

    outcomes = gather(update, update)
    assert sorted(outcome.updated for outcome in outcomes) == [0, 20]
    assert sorted(len(outcome.conflicts) for outcome in outcomes) == [0, 20]
    assert {r.revision for r in stored(db, ids)} == {1}


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    update = unopened.resources.bulk_update
    change = BulkUpdateResource(id=1, is_private=True)
    wrong: Any = "Rotuine"
    with pytest.raises(InvalidInput, match=r"\Achanges: must be a list, not BulkUpdateResource"):
        update(change)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"\Achanges: must have at most 10000 items"):
        update(private(list(range(1, 10_002))))
    with pytest.raises(InvalidInput, match=r"\Achanges\[1\]: must be a BulkUpdateResource, not Up"):
        update([change, UpdateResource(is_private=True)])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match=r"\Achanges\[1\]: must hold at least one field"):
        update([change, BulkUpdateResource(id=2, expected_revision=0)])
    with pytest.raises(
        InvalidInput, match=r"\Achanges\[2\]\.id: must not be the same as changes\[0\]"
    ):
        update([change, BulkUpdateResource(id=2, is_private=True), change])
    with pytest.raises(InvalidInput, match=r"\Achanges\[0\]\.id: must be from 1 to"):
        update(private([0]))
    with pytest.raises(InvalidInput, match=r"\Achanges\[0\]\.expected_revision: must be from 0"):
        update(private([1], expected_revision=-1))
    with pytest.raises(InvalidInput, match=r"\Achanges\[0\]\.resource_type: must be one of Api"):
        update([BulkUpdateResource(id=1, resource_type=wrong)])
    for ratio in (-0.1, 1.1, float("nan"), True, "0.3", None):
        with pytest.raises(InvalidInput, match=r"\Amax_conflict_ratio: must be a number from 0 to"):
            update([change], max_conflict_ratio=ratio)  # type: ignore[arg-type]
