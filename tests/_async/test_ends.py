"""What is used after its end, or where it does not belong, is refused and does no harm."""

from __future__ import annotations

import contextvars
import copy
import pickle
from functools import partial
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    AsyncTransaction,
    CreateUser,
    InvalidInput,
    InvalidUse,
)

from ._compat import Started, run_in
from .whole_pool import check_whole


async def create(tx: AsyncTransaction, name: str = "Ada") -> None:
    await tx.users.create(CreateUser(name=name))


async def test_a_held_connection_ends_with_its_block(database_url: str) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        async with db.connection() as held:
            pass
        # The same connection, in the hands of another.
        async with db.transaction():
            with pytest.raises(InvalidUse, match="given back"):
                await held.users.create(CreateUser(name="Ada"))
            with pytest.raises(InvalidUse, match="given back"):
                await held.resources.increment_views("abcdefghijkl")
            with pytest.raises(InvalidUse, match="given back"):
                _ = held.connection


async def test_a_transactions_connection_ends_with_its_block(db: AsyncDatabase) -> None:
    async with db.transaction() as tx:
        pass
    with pytest.raises(InvalidUse, match="over"):
        _ = tx.connection
    with pytest.raises(InvalidUse, match="over"):
        await tx.try_each([], partial(work, tx))


async def work(tx: AsyncTransaction, item: int) -> None:
    raise AssertionError


async def test_a_write_beside_the_open_transaction_is_refused_and_a_read_is_not(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    async with db.transaction() as tx:
        with pytest.raises(InvalidUse, match=r"users\.create cannot begin inside a transaction"):
            await db.users.create(CreateUser(name="Ada"))
        assert await db.users.find_by_id(user_id) is not None
        await create(tx)
        # Another task or thread is nobody's child.
        await Started(lambda: db.users.create(CreateUser(name="Bea"))).result()
    await db.users.create(CreateUser(name="Eve"))
    assert admin.execute("SELECT count(*) FROM users").fetchone() == (4,)


async def test_a_block_that_is_left_in_another_context_gives_its_connection_back(
    database_url: str,
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=2) as db:
        for _ in range(4):
            attempt = await db.retrying().__anext__()
            block = db.transaction()
            for each in (attempt, block):
                await run_in(contextvars.copy_context(), each.__aenter__)
            for each in (block, attempt):
                leave = partial(each.__aexit__, None, None, None)
                await run_in(contextvars.copy_context(), leave)
        await check_whole(db, 2)


async def test_attempts_are_used_up_once(db: AsyncDatabase) -> None:
    attempts = db.retrying()
    async for attempt in attempts:
        async with attempt, db.serializable() as tx:
            await create(tx)
    with pytest.raises(InvalidUse, match="call retrying"):
        async for _ in attempts:
            raise AssertionError


async def test_a_closed_database_stays_closed(database_url: str) -> None:
    db = AsyncDatabase.connect(database_url)
    await db.open()
    await db.close()
    with pytest.raises(InvalidUse, match="connect anew"):
        await db.open()


async def test_a_database_shows_where_it_leads_and_is_not_copied(database_url: str) -> None:
    async with AsyncDatabase.connect(f"{database_url} password=secret", max_size=3) as db:
        assert "dbname=" in repr(db)
        assert repr(db).endswith("of 3>")
        assert "secret" not in repr(db)
        for copied in (pickle.dumps, copy.copy):
            with pytest.raises(InvalidUse, match="in each process"):
                copied(db)


async def test_work_that_cannot_be_done_is_refused(db: AsyncDatabase) -> None:
    with pytest.raises(InvalidInput, match="body: must be a function, not int"):
        await db.transact(5)  # type: ignore[arg-type]
    async with db.transaction() as tx:
        with pytest.raises(InvalidInput, match="callback: must be a function, not None"):
            tx.on_commit(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("conninfo", 5),
        ("application_name", 5),
        ("application_name", "a\0b"),
        ("prepare", "no"),
        ("merge_reads", 1),
        ("pipeline", 1),
        ("on_query", 3),
        ("on_retry", "log"),
    ],
)
async def test_a_wrong_option_is_refused(field: str, value: Any) -> None:
    options = {"conninfo": "host=/nowhere", field: value}
    with pytest.raises(InvalidInput, match=f"^{field}: must"):
        AsyncDatabase.connect(**options)
