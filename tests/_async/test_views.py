"""Views of many resources at once, and the buffer that sums them up."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    AsyncViewBuffer,
    CommitUnknown,
    DatabaseError,
    InvalidInput,
    VrooliDataError,
)

from ._compat import Started, pause, until, until_waiting

FIRST, SECOND, GONE, ABSENT = ("a" * 12, "b" * 12, "c" * 12, "d" * 12)
#: Seconds after which no test looks.
NEVER = 100_000.0


@pytest.fixture
def resources(make: Factory) -> None:
    for public_id in (FIRST, SECOND):
        make.resource(public_id=public_id)
    make.resource(public_id=GONE, is_deleted=True, deleted_at="2026-01-01Z")


class Interruption(BaseException):
    """What a signal handler raises."""


def views(admin: Connection[Any]) -> list[int]:
    return [count for (count,) in admin.execute("SELECT views FROM resources ORDER BY id")]


@pytest.mark.usefixtures("resources")
async def test_add_views_adds_to_each_and_leaves_out_who_is_not_there(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    changes = "SELECT revision, updated_at FROM resources ORDER BY id"
    before = admin.execute(changes).fetchall()
    assert await db.counters.add_views({SECOND: 2, FIRST: 3, GONE: 4, ABSENT: 5}) == 2
    assert await db.counters.add_views({FIRST: 1}) == 1
    assert await db.counters.add_views({}) == 0
    assert views(admin) == [4, 2, 0]
    assert admin.execute(changes).fetchall() == before


@pytest.mark.usefixtures("resources")
async def test_add_views_waits_in_the_order_of_ids_and_adds_to_what_it_waited_for(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    with admin.transaction():
        admin.execute("UPDATE resources SET views = 10 WHERE public_id = %s", (FIRST,))
        second = Started(lambda: db.counters.add_views({SECOND: 1, FIRST: 1}))
        await until_waiting(admin)
        # It holds no later row.
        free = "SELECT FROM resources WHERE public_id = %s FOR UPDATE NOWAIT"
        assert admin.execute(free, (SECOND,)).rowcount == 1
    assert await second.result() == 2
    assert views(admin) == [11, 1, 0]


@pytest.mark.usefixtures("resources")
async def test_a_buffer_writes_at_the_end_of_its_block(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async with AsyncViewBuffer(db, interval=NEVER) as buffer:
        for public_id in (SECOND, FIRST, FIRST, GONE, ABSENT):
            buffer.add(public_id)
        assert views(admin) == [0, 0, 0]
    assert views(admin) == [2, 1, 0]
    await buffer.flush()
    assert views(admin) == [2, 1, 0]


@pytest.mark.usefixtures("resources")
async def test_a_buffer_writes_every_so_often_and_when_it_is_full(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    total = "SELECT sum(views) = %s FROM resources"
    async with AsyncViewBuffer(db, interval=0.01) as buffer:
        buffer.add(FIRST)
        await until(admin, total, 1)
        buffer.add(FIRST)
        await until(admin, total, 2)
    async with AsyncViewBuffer(db, interval=NEVER, max_views=3) as buffer:
        for _ in range(3):
            buffer.add(SECOND)
        await until(admin, total, 5)


@pytest.mark.usefixtures("resources")
async def test_a_write_that_fails_keeps_its_views_for_the_next(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    errors: list[VrooliDataError] = []
    async with AsyncViewBuffer(db, interval=NEVER, max_views=2, on_error=errors.append) as buffer:
        admin.execute("ALTER TABLE resources ADD CONSTRAINT few CHECK (views < 2)")
        buffer.add(FIRST)
        await buffer.flush()
        buffer.add(FIRST)
        with pytest.raises(VrooliDataError):
            await buffer.flush()
        # And beside the caller, as it is full now.
        buffer.add(SECOND)
        while not errors:
            await pause(0.005)
        admin.execute("ALTER TABLE resources DROP CONSTRAINT few")
    assert views(admin) == [2, 1, 0]


@pytest.mark.usefixtures("resources")
async def test_a_hook_that_raises_does_not_end_the_writes(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    called: list[VrooliDataError] = []

    def fail(error: VrooliDataError) -> None:
        called.append(error)
        raise ZeroDivisionError

    async with AsyncViewBuffer(db, interval=0.01, on_error=fail) as buffer:
        admin.execute("ALTER TABLE resources ADD CONSTRAINT few CHECK (views < 1)")
        buffer.add(FIRST)
        while len(called) < 2:
            await pause(0.005)
        admin.execute("ALTER TABLE resources DROP CONSTRAINT few")
        await until(admin, "SELECT sum(views) = 1 FROM resources")


@pytest.mark.usefixtures("resources")
async def test_an_interrupted_write_keeps_its_views_for_the_next(
    db: AsyncDatabase, admin: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = type(db.counters)
    add_views = repository.add_views

    async def interrupt(counters: Any, views: dict[str, int]) -> None:
        await add_views(counters, views)
        raise Interruption

    buffer = AsyncViewBuffer(db)
    buffer.add(FIRST)
    with monkeypatch.context() as patched:
        patched.setattr(repository, "add_views", interrupt)
        with pytest.raises(Interruption):
            await buffer.flush()
    assert views(admin) == [0, 0, 0]
    buffer.add(FIRST)
    await buffer.flush()
    assert views(admin) == [2, 0, 0]


@pytest.mark.usefixtures("resources")
@pytest.mark.parametrize(("outcome", "count"), [("committed", 0), ("aborted", 1)])
async def test_views_of_an_unknown_outcome_are_held_back_until_it_is_known(
    db: AsyncDatabase,
    admin: Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    outcome: str,
    count: int,
) -> None:
    answers = ["unknown", outcome]

    async def ask() -> str:
        return answers.pop(0)

    async def lose(*_: object, **__: object) -> None:
        raise CommitUnknown("the reply was lost", ask=ask)

    async with AsyncViewBuffer(db, interval=NEVER) as buffer:
        with monkeypatch.context() as patched:
            patched.setattr(db, "transact", lose)
            buffer.add(FIRST)
            with pytest.raises(CommitUnknown):
                await buffer.flush()
        buffer.add(SECOND)
        await buffer.flush()
        assert views(admin) == [0, 1, 0]
    assert views(admin) == [count, 1, 0]
    assert answers == []


async def test_an_outcome_that_stays_unknown_is_raised_at_the_end(
    db: AsyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> str:
        raise DatabaseError("out of reach")

    async def lose(*_: object, **__: object) -> None:
        raise CommitUnknown("the reply was lost", ask=ask)

    with pytest.raises(CommitUnknown):
        async with AsyncViewBuffer(db, interval=NEVER) as buffer:
            monkeypatch.setattr(db, "transact", lose)
            buffer.add(FIRST)


async def test_bad_input_is_refused_before_any_statement(unopened: AsyncDatabase) -> None:
    counters = unopened.counters
    with pytest.raises(InvalidInput, match="views: must be a dict, not list"):
        await counters.add_views([])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="views: must be from 1"):
        await counters.add_views({FIRST: 0})
    with pytest.raises(InvalidInput, match="views: must be a str, not int"):
        await counters.add_views({1: 1})  # type: ignore[dict-item]
    with pytest.raises(InvalidInput, match="views: must hold at most 10000 resources"):
        await counters.add_views({f"{number:012d}": 1 for number in range(10_001)})
    with pytest.raises(InvalidInput, match="interval: must be"):
        AsyncViewBuffer(unopened, interval=0)
    with pytest.raises(InvalidInput, match="max_views: must be"):
        AsyncViewBuffer(unopened, max_views=0)
    with pytest.raises(InvalidInput, match="public_id: must be a str"):
        AsyncViewBuffer(unopened).add(1)  # type: ignore[arg-type]
