"""A listener yields every event once, also after a lost connection and from any valid position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.factories import Factory
from tests.pooler import open_pooler
from vrooli_data import (
    AsyncDatabase,
    AsyncListener,
    ChangeEvent,
    CreateEvent,
    EventsMissed,
    InvalidInput,
    InvalidUse,
    OtherServer,
    Unavailable,
)

from ._compat import PATIENCE, Started, until
from .horizon import HAS_LOOKED, until_shown

#: Seconds between two looks: so long that only a notification wakes within the test.
NEVER = 10 * PATIENCE
_SESSIONS = """
SELECT count(*) = {}
FROM pg_stat_activity
WHERE datname = current_database() AND query ~ '{}' AND state = 'idle'
"""
LISTENS = _SESSIONS.format(1, HAS_LOOKED)
NOBODY_LISTENS = _SESSIONS.format(0, HAS_LOOKED)
KILL = f"""
SELECT count(pg_terminate_backend(pid, 60000)) = 1
FROM pg_stat_activity
WHERE datname = current_database() AND query ~ '{HAS_LOOKED}'
"""


class Listening:
    """A task that collects the events of a listener."""

    def __init__(self, listener: AsyncListener, count: int) -> None:
        self.listener = listener
        self.events: list[ChangeEvent] = []
        self._count = count
        self._started = Started(self._run)

    async def _run(self) -> None:
        async for event in self.listener:
            self.events.append(event)
            if len(self.events) == self._count:
                return

    async def result(self) -> list[int]:
        """Wait for the end; return the entities of the events."""
        await self._started.result()
        return [event.entity_id for event in self.events]


def event(entity_id: int) -> CreateEvent:
    return CreateEvent(user_id=1, entity_type="invoice", entity_id=entity_id, change_type="paid")


def notify(admin: Connection[Any]) -> None:
    admin.execute("NOTIFY vrooli_data_events")


async def test_a_listener_yields_earlier_and_new_events(db: AsyncDatabase, make: Factory) -> None:
    start = await db.events.position()
    for number in (1, 2, 3):
        make.event(1, entity_id=number)
    heard = Listening(db.events.listen(start, batch_size=2, poll_interval=0.01), 5)
    for number in (4, 5):
        await db.events.record(event(number))
    assert await heard.result() == [1, 2, 3, 4, 5]
    listener = heard.listener
    assert listener.position == heard.events[-1].position
    await db.events.record(event(6))
    # The same listener goes on where its last loop ended.
    async for each in listener:
        assert each.entity_id == 6
        break


async def test_without_a_position_a_listener_yields_new_events_only(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.event(1, entity_id=1)
    await until_shown(admin)
    listener = db.events.listen(poll_interval=0.01)
    heard = Listening(listener, 1)
    await until(admin, LISTENS)
    make.event(1, entity_id=2)
    assert await heard.result() == [2]


async def test_a_notification_wakes_a_listener(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    heard = Listening(db.events.listen(await db.events.position(), poll_interval=NEVER), 1)
    await until(admin, LISTENS)
    make.event(1, entity_id=1)
    await until_shown(admin)
    notify(admin)
    assert await heard.result() == [1]


async def test_one_notification_is_enough_if_an_older_transaction_still_hides_the_event(
    db: AsyncDatabase,
    admin: Connection[Any],
    make: Factory,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Tests of other databases of the server may hide it for longer than a listener looks often.
    monkeypatch.setattr("vrooli_data._listening._ROUNDS", 10_000)
    listener = db.events.listen(await db.events.position(), poll_interval=NEVER)
    heard = Listening(listener, 1)
    await until(admin, LISTENS)
    with psycopg.connect(database_url) as open_before:
        open_before.execute("SELECT pg_current_xact_id()")
        make.event(1, entity_id=1)
        notify(admin)
    assert await heard.result() == [1]


async def test_a_listener_continues_without_gap_or_duplicate_after_its_session_was_ended(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    heard = Listening(db.events.listen(await db.events.position(), poll_interval=0.01), 40)
    for number in range(1, 41):
        make.event(1, entity_id=number)
        if number % 10 == 5:
            await until(admin, KILL)
    assert await heard.result() == list(range(1, 41))


async def test_a_listener_skips_other_entities(db: AsyncDatabase, make: Factory) -> None:
    start = await db.events.position()
    for number in range(1, 5):
        make.event(1, entity_id=number, entity_type="order" if number % 2 else "invoice")
    listener = db.events.listen(start, entity_types=["order"], poll_interval=0.01)
    assert await Listening(listener, 2).result() == [1, 3]


async def test_events_missed_is_raised_if_unread_events_are_pruned(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    start = await db.events.position()
    for number in (1, 2, 3):
        make.event(1, entity_id=number)
    await until_shown(admin)
    with pytest.raises(EventsMissed, match="pruned"):
        async for each in db.events.listen(start, batch_size=1):
            admin.execute(
                "WITH pruned AS (DELETE FROM change_events WHERE entity_id < 3 "
                "RETURNING xid, seq) INSERT INTO pruned_events (xid, seq) "
                "SELECT xid, seq FROM pruned ORDER BY xid DESC LIMIT 1"
            )
            assert each.entity_id == 1


async def test_a_position_of_another_server_is_refused(db: AsyncDatabase) -> None:
    with pytest.raises(OtherServer):
        async for _ in db.events.listen("1/2/3"):
            pass


@pytest.mark.parametrize("ending", [AsyncListener.stop, None], ids=["stop", "close"])
async def test_stop_and_close_end_a_waiting_loop_without_an_error(
    database_url: str,
    admin: Connection[Any],
    ending: Callable[[AsyncListener], None] | None,
) -> None:
    async with AsyncDatabase.connect(database_url) as db:
        listener = db.events.listen(poll_interval=NEVER)
        heard = Listening(listener, 1)
        await until(admin, LISTENS)
        if ending is not None:
            ending(listener)
            assert await heard.result() == []
    assert await heard.result() == []
    # It stays stopped, and has left no session behind.
    assert await Listening(listener, 1).result() == []
    await until(admin, NOBODY_LISTENS)


async def test_breaking_out_of_a_loop_closes_its_connection(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    start = await db.events.position()
    make.event(1)
    async for _ in db.events.listen(start, poll_interval=0.01):
        break
    await until(admin, NOBODY_LISTENS)


async def test_a_listener_refuses_a_second_loop_at_the_same_time(
    db: AsyncDatabase, make: Factory
) -> None:
    start = await db.events.position()
    make.event(1)
    listener = db.events.listen(start, poll_interval=0.01)
    async for _ in listener:
        with pytest.raises(InvalidUse, match="one loop at a time"):
            async for _ in listener:
                pass
        break


async def test_a_second_loop_may_follow_one_that_ended_by_break(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    start = await db.events.position()
    for number in (1, 2, 3):
        make.event(1, entity_id=number)
    await until_shown(admin)
    listener = db.events.listen(start, poll_interval=0.01)
    seen: list[int] = []
    for _ in range(3):
        async for event in listener:
            seen.append(event.entity_id)
            break
    assert seen == [1, 2, 3]
    await until(admin, NOBODY_LISTENS)


async def test_a_listener_connects_to_its_own_conninfo_instead_of_the_pooler(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    with open_pooler(database_url) as pooled:
        async with AsyncDatabase.connect(pooled) as db:
            with pytest.raises(
                InvalidUse, match=r"a listener needs a session of its own.*conninfo="
            ):
                db.events.listen()
            with pytest.raises(InvalidUse, match="a pooler stands between"):
                async for _ in db.events.listen(conninfo=pooled):
                    pass
            start = await db.events.position()
            heard = Listening(
                db.events.listen(start, poll_interval=NEVER, conninfo=database_url), 1
            )
            await until(admin, LISTENS)
            make.event(1, entity_id=1)
            await until_shown(admin)
            notify(admin)
            assert await heard.result() == [1]
            # What needs no session of its own goes through the pooler.
            assert len((await db.events.list_after(start)).events) == 1


async def test_the_first_connection_to_an_unreachable_server_raises(db: AsyncDatabase) -> None:
    with pytest.raises(Unavailable):
        async for _ in db.events.listen(conninfo="host=/nowhere"):
            pass


async def test_bad_input_is_refused_before_any_statement(
    unopened: AsyncDatabase, db: AsyncDatabase
) -> None:
    bad: list[tuple[str, Any]] = [
        ("after", "1/2"),
        ("after", 1),
        ("entity_types", "order"),
        ("batch_size", 0),
        ("poll_interval", 0),
        ("poll_interval", "1"),
        ("conninfo", "no=such"),
    ]
    for field, value in bad:
        with pytest.raises(InvalidInput, match=f"^{field}: "):
            unopened.events.listen(**{field: value})
    with pytest.raises(InvalidUse, match="not open"):
        unopened.events.listen()
    async with db.connection() as held:
        assert not hasattr(held.events, "listen")
