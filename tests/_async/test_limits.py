"""Numbers and lists at the limits of what is taken: the server takes what the layer takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from tests.introspection import ARGUMENTS, REPOSITORIES, SLOTS, Slot, core, item, valid
from vrooli_data import AsyncDatabase, BulkUpdateResource

from .probe import Probe, leaves, make_world

NUMBERS = sorted(
    sign * 2**bits + step for sign in (-1, 1) for bits in (0, 31, 63) for step in (-1, 0, 1)
)
PAGES = (0, 1, 500, 501)
INT_SLOTS = [slot for slot in SLOTS if core(slot.annotation) is int]
#: What the rows that are there may say to a number: the layer took it, and the server understood.
ANSWERS = frozenset(
    {
        None,
        "NotFound",
        "MissingReference",
        "StillReferenced",
        "AlreadyExists",
        "Conflict",
        "InvalidTransition",
        "OtherServer",
        "TooManyConflicts",
    }
)
#: It has to be the creator, who is the user 1.
TIED = "teams.create_with_initial_setup-team.created_by_id"
#: Lists that hold no id twice. What 10 000 ids do not find is no failure of the list.
DISTINCT: dict[str, list[Any]] = {
    "resources.bulk_soft_delete-ids": list(range(1, 10_002)),
    "resources.bulk_update-changes": [
        BulkUpdateResource(id=id, expected_revision=0, is_private=True) for id in range(1, 10_002)
    ],
}
LISTS = [each for each in ARGUMENTS if item(each.annotation) is not None]


def numbers(slot: Slot) -> Iterator[tuple[int, bool | None]]:
    """Yield numbers, each with whether it has to be taken; None where either is right."""
    if str(slot) == TIED:
        yield from ((number, number == 1) for number in NUMBERS)
    elif slot.name == "limit":
        yield from ((number, 1 <= number <= 500) for number in (*NUMBERS, *PAGES))
    elif slot.name == "id" or slot.name.endswith(("_id", "_ids")):
        yield from ((number, 0 < number < 2**63) for number in NUMBERS)
    else:
        yield from ((number, None) for number in NUMBERS)


@pytest.mark.slow("arguments at their limits")
@pytest.mark.parametrize("repository", REPOSITORIES)
async def test_a_number_is_refused_or_taken_as_it_is(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, repository: str
) -> None:
    world = make_world(make)
    taken = []
    async with db.transaction() as tx:
        probe = Probe(tx, *world)
        for slot in (slot for slot in INT_SLOTS if slot.argument.repository == repository):
            for number, is_right in numbers(slot):
                found = await probe.call(slot.argument, slot.filled(number))
                place = f"{slot} with {number}"
                if found.error == "InvalidInput":
                    assert not is_right, place
                    continue
                assert is_right is not False, place
                assert found.error in ANSWERS, place
                if slot.is_field and found.error is None:
                    assert number in leaves([row for _, row in found.found]), place
                taken.append(slot)
    assert set(taken) == {slot for slot in INT_SLOTS if slot.argument.repository == repository}


@pytest.mark.parametrize("argument", LISTS, ids=str)
async def test_the_longest_list_is_taken(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, argument: Any
) -> None:
    world = make_world(make)
    values = DISTINCT.get(str(argument)) or [valid(argument.name, item(argument.annotation))]
    values *= 10_001 // len(values)
    async with db.transaction() as tx:
        probe = Probe(tx, *world)
        longest = await probe.call(argument, values[:-1])
        longer = await probe.call(argument, values)
    assert longest.error in {None, "TooManyConflicts", "OtherServer"}
    assert longer.error == "InvalidInput"
