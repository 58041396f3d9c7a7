"""Reads by key that one turn of the event loop makes: merged into one statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests._async._compat import PATIENCE, until
from tests._async.comments import AsyncComments
from tests._async.whole_pool import check_whole
from tests.app import SCHEMA
from tests.app.records import Comment
from tests.factories import Factory
from vrooli_data import AsyncDatabase, DatabaseError, InvalidInput, QueryEvent

#: The names of the statements that a test's database has run.
Names = list[str]


@pytest.fixture
def names() -> Names:
    return []


@pytest.fixture
async def db(database_url: str, names: Names) -> AsyncIterator[AsyncDatabase]:
    def note(event: QueryEvent) -> None:
        names.append(event.name)

    async with AsyncDatabase.connect(database_url, max_size=2, on_query=note) as database:
        names.clear()
        yield database


async def test_reads_of_one_turn_are_one_statement(
    db: AsyncDatabase, make: Factory, names: Names
) -> None:
    ids = [make.user(name=f"User {n}") for n in range(20)]
    users = await asyncio.gather(*(db.users.find_by_id(id) for id in ids))
    assert [user.id for user in users if user is not None] == ids
    assert names == ["users.find_many_by_id"]


async def test_reads_by_public_id_and_of_other_tables_are_merged_apart(
    db: AsyncDatabase, make: Factory, names: Names
) -> None:
    user_ids = [make.user(public_id=f"user0000000{n}") for n in range(3)]
    resource_ids = [make.resource(public_id=f"resource000{n}") for n in range(3)]
    found = await asyncio.gather(
        *(db.users.find_by_public_id(f"user0000000{n}") for n in range(3)),
        *(db.resources.find_by_public_id(f"resource000{n}") for n in range(3)),
        *(db.resources.find_by_id(id) for id in resource_ids),
    )
    assert [row.id for row in found if row is not None] == user_ids + resource_ids * 2
    assert sorted(names) == [
        "resources.find_many_by_id",
        "resources.find_many_by_public_id",
        "users.find_many_by_public_id",
    ]


async def test_a_lone_read_runs_the_plain_statement(
    db: AsyncDatabase, make: Factory, names: Names
) -> None:
    user_id = make.user()
    user = await db.users.find_by_id(user_id)
    assert user is not None
    assert names == ["users.find_by_id"]


async def test_absent_rows_are_none_and_equal_keys_get_records_of_their_own(
    db: AsyncDatabase, make: Factory
) -> None:
    user_id = make.user(languages=["en"])
    first, absent, second = await asyncio.gather(
        db.users.find_by_id(user_id), db.users.find_by_id(user_id + 1), db.users.find_by_id(user_id)
    )
    assert absent is None
    assert first is not None
    assert first == second
    first.languages.append("de")
    assert first != second


async def test_merge_reads_off_runs_each_statement(
    database_url: str, make: Factory, names: Names
) -> None:
    ids = [make.user() for _ in range(3)]
    plain = AsyncDatabase.connect(
        database_url, merge_reads=False, on_query=lambda event: names.append(event.name)
    )
    async with plain as db:
        names.clear()
        await asyncio.gather(*(db.users.find_by_id(id) for id in ids))
    assert names == ["users.find_by_id"] * 3


async def test_reads_on_a_held_connection_are_never_merged(
    db: AsyncDatabase, make: Factory, names: Names
) -> None:
    ids = [make.user() for _ in range(3)]
    async with db.connection() as held:
        for id in ids:
            await held.users.find_by_id(id)
    assert names == ["users.find_by_id"] * 3


async def test_a_failure_reaches_each_caller_as_an_error_of_its_own(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    admin.execute("ALTER TABLE users RENAME COLUMN name TO called")
    failures = await asyncio.gather(
        *(db.users.find_by_id(id) for id in (1, 2, 2)), return_exceptions=True
    )
    assert [type(failure) for failure in failures] == [DatabaseError] * 3
    assert len({id(failure) for failure in failures}) == 3
    assert {getattr(failure, "query", None) for failure in failures} == {"users.find_many_by_id"}


async def test_bad_input_of_one_caller_harms_no_other(db: AsyncDatabase, make: Factory) -> None:
    user_id = make.user()
    found, refused = await asyncio.gather(
        db.users.find_by_id(user_id), db.users.find_by_id(0), return_exceptions=True
    )
    assert getattr(found, "id", None) == user_id
    assert isinstance(refused, InvalidInput)


@pytest.mark.parametrize("cancelled", [0, 1, 2])
@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_the_cancellation_of_one_caller_harms_no_other(
    db: AsyncDatabase, make: Factory, cancelled: int, turns: int
) -> None:
    ids = [make.user() for _ in range(3)]
    tasks = [asyncio.create_task(_id_of(db, id)) for id in ids]
    for _ in range(turns):
        await asyncio.sleep(0)
    tasks[cancelled].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for number, result in enumerate(results):
        if number == cancelled:
            assert isinstance(result, asyncio.CancelledError)
        else:
            assert result == ids[number]
    assert await _id_of(db, ids[cancelled]) == ids[cancelled]


#: Sessions that wait for a lock, by the query that each runs.
WAITING = """
SELECT count(*) = {}
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%find_many_by_id%'
"""


async def test_a_batch_ends_with_its_last_reader(
    db: AsyncDatabase, admin: Connection[Any], database_url: str, make: Factory
) -> None:
    ids = [make.user() for _ in range(3)]
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE users")
        tasks = [asyncio.create_task(_id_of(db, id)) for id in ids]
        await until(admin, WAITING.format(1))
        for task in tasks[:-1]:
            task.cancel()
        await asyncio.wait(tasks[:-1])
        assert admin.execute(WAITING.format(1)).fetchone() == (True,)
        tasks[-1].cancel()
        await until(admin, WAITING.format(0))
    assert all(task.cancelled() for task in tasks)
    await check_whole(db, 2)


async def test_the_strictest_reader_waits_no_longer_and_harms_no_other(
    db: AsyncDatabase, admin: Connection[Any], database_url: str, make: Factory
) -> None:
    ids = [make.user() for _ in range(3)]
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE users")
        patient = [asyncio.create_task(_id_of(db, id)) for id in ids]
        started = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await _id_of(db, ids[0])
        assert asyncio.get_running_loop().time() - started < PATIENCE
        await until(admin, WAITING.format(1))
    assert await asyncio.gather(*patient) == ids


@pytest.mark.parametrize("company", [0, 1, 2])
@pytest.mark.parametrize("closed", [0, 1, 2])
@pytest.mark.parametrize("turns", [0, 1])
async def test_a_closed_coroutine_stops_no_read(
    db: AsyncDatabase, make: Factory, company: int, closed: int, turns: int
) -> None:
    ids = [make.user() for _ in range(3)]
    tasks = [asyncio.create_task(_id_of(db, id)) for id in ids[:closed]]
    # They begin before the one that is closed, and the others behind it.
    await asyncio.sleep(0)
    coroutine = _id_of(db, ids[0])
    coroutine.send(None)
    tasks += [asyncio.create_task(_id_of(db, id)) for id in ids[closed : closed + company]]
    for _ in range(turns):
        await asyncio.sleep(0)
    coroutine.close()
    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(*tasks) == ids[: closed + company]
        assert await _id_of(db, ids[0]) == ids[0]


async def test_more_keys_than_one_statement_takes_are_several_statements(
    db: AsyncDatabase, make: Factory, names: Names
) -> None:
    user_id = make.user()
    found = await asyncio.gather(*(db.users.find_by_id(user_id + n) for n in range(2500)))
    assert [user.id for user in found if user is not None] == [user_id]
    assert names == ["users.find_many_by_id"] * 3


async def _id_of(db: AsyncDatabase, id: int) -> int | None:
    user = await db.users.find_by_id(id)
    return None if user is None else user.id


@pytest.fixture
def comments(db: AsyncDatabase, admin: Connection[Any]) -> AsyncComments:
    admin.execute(SCHEMA.read_bytes())
    admin.execute(
        "INSERT INTO comments (slug, body) SELECT 's' || n, 'x' FROM generate_series(1, 9) AS n"
    )
    return AsyncComments(db)


async def test_reads_of_an_application_are_merged(comments: AsyncComments, names: Names) -> None:
    found = await asyncio.gather(
        *(comments.find_by_id(id) for id in (1, 2, 99)),
        *(comments.find_by_slug(slug) for slug in ("s3", "s4")),
    )
    assert [comment and comment.id for comment in found] == [1, 2, None, 3, 4]
    assert sorted(names) == ["comments.find_many_by_id", "comments.find_many_by_slug"]


@pytest.mark.parametrize("key", ["2", True, 2**70, "a\0b", "\ud800", [1], None], ids=repr)
async def test_a_key_that_the_others_could_not_go_with_goes_alone(
    comments: AsyncComments, names: Names, key: Any
) -> None:
    calls = [comments.find_by_id(1), comments.find_by_id(key), comments.find_by_id(2)]
    one, odd, two = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(one, Comment)
    assert isinstance(two, Comment)
    assert (one.id, two.id) == (1, 2)
    assert "comments.find_many_by_id" in names
    # What psycopg and the server make of it by itself.
    assert isinstance(odd, DatabaseError | InvalidInput | None | Comment)
    if key == "2":
        assert odd == two


async def test_an_odd_text_harms_no_read_that_comes_along(comments: AsyncComments) -> None:
    slugs = ["s1", "a\0b", "\ud800", "line\nbreak", "s2"]
    first, nul, surrogate, line, second = await asyncio.gather(
        *(comments.find_by_slug(slug) for slug in slugs), return_exceptions=True
    )
    assert [getattr(found, "slug", None) for found in (first, second)] == ["s1", "s2"]
    assert isinstance(nul, InvalidInput)
    assert isinstance(surrogate, InvalidInput)
    assert line is None
