"""Change events: recorded in the transaction of a change, in the order of their entity."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from vrooli_data import AlreadyExists, AsyncDatabase, ChangeEvent, CreateEvent, InvalidInput

from ._compat import Started, until_waiting


def event(**values: Any) -> CreateEvent:
    given: dict[str, Any] = {
        "user_id": 1,
        "entity_type": "invoice",
        "entity_id": 7,
        "change_type": "paid",
    }
    return CreateEvent(**(given | values))


async def test_a_recorded_event_is_found_as_it_was_given(db: AsyncDatabase) -> None:
    given = event(
        changed_fields=["state", "paid_at"],
        previous_data={"state": "open"},
        new_data={"state": "paid"},
        event_id=uuid4(),
    )
    recorded = await db.events.record(given)
    assert await db.events.find_by_event_id(1, recorded.event_id) == recorded
    assert recorded.event_id == given.event_id
    assert (recorded.entity_type, recorded.entity_id) == ("invoice", 7)
    assert recorded.changed_fields == ["state", "paid_at"]
    assert recorded.previous_data == {"state": "open"}
    assert recorded.new_data == {"state": "paid"}
    assert (recorded.attempts, recorded.resent_at) == (0, None)


async def test_an_id_is_made_when_none_is_given_and_no_other_event_has_it(
    db: AsyncDatabase,
) -> None:
    first, second = await db.events.record(event()), await db.events.record(event())
    assert first.event_id != second.event_id
    assert first.seq < second.seq
    assert first.previous_data is first.new_data is None
    assert await db.events.find_by_event_id(2, first.event_id) is None
    with pytest.raises(AlreadyExists, match="change_events_pkey"):
        await db.events.record(event(event_id=first.event_id))


async def test_an_event_of_a_transaction_that_was_undone_is_not_there(db: AsyncDatabase) -> None:
    recorded: list[ChangeEvent] = []
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            recorded.append(await tx.events.record(event()))
            raise ZeroDivisionError
    assert await db.events.find_by_event_id(1, recorded[0].event_id) is None


async def test_events_of_one_entity_are_numbered_in_the_order_of_their_commits(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async with db.transaction() as tx:
        first = await tx.events.record(event())
        second = Started(lambda: db.events.record(event()))
        await until_waiting(admin)
        # Of another entity, it waits for nobody.
        other = Started(lambda: db.events.record(event(entity_id=8)))
        between = await other.result()
        third = await tx.events.record(event())
    assert first.seq < between.seq < third.seq < (await second.result()).seq


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    bad: list[tuple[str, Any]] = [
        ("user_id", 0),
        ("entity_type", ""),
        ("entity_type", "x" * 65),
        ("entity_type", "resource"),
        ("entity_type", "run"),
        ("entity_id", True),
        ("change_type", "\0"),
        ("changed_fields", "name"),
        ("changed_fields", [""]),
        ("previous_data", {1: 2}),
        ("new_data", float("nan")),
        ("event_id", "not a uuid"),
    ]
    for field, value in bad:
        with pytest.raises(InvalidInput, match=f"^{field}: "):
            await unopened.events.record(event(**{field: value}))
    with pytest.raises(InvalidInput, match="user_id: must be"):
        await unopened.events.find_by_event_id(0, UUID(int=1))
    with pytest.raises(InvalidInput, match="event_id: must be a UUID"):
        await unopened.events.find_by_event_id(1, "1")  # type: ignore[arg-type]
