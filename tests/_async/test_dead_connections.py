"""Connections that died in the pool, or serve no more: who uses them next notices nothing."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    AsyncExecutor,
    AsyncTransaction,
    CreateUser,
    DatabaseError,
    RetryEvent,
    Unavailable,
    UpdateUser,
)

from ._compat import AsyncLoan, Call, gather, until
from .whole_pool import check_whole

logger = logging.getLogger(__name__)

KILL = """
SELECT pid, pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'vrooli_data'
"""
# Not whether there are none: a pool opens new ones as soon as it notices.
GONE = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY(%s))"
#: Seconds that a call on a dead connection may take: some ms, or more where the machine is busy,
#: but not as long as a pool waits for a connection.
AT_ONCE = 10.0


async def kill_all(admin: Connection[Any]) -> int:
    """End every session of the layer in this database, and wait until these are gone."""
    killed = [pid for pid, _ in admin.execute(KILL)]
    await until(admin, GONE, killed)
    return len(killed)


def names(admin: Connection[Any]) -> list[str]:
    return sorted(name for (name,) in admin.execute("SELECT name FROM users"))


async def pid(tx: AsyncTransaction) -> int:
    return tx.connection.info.backend_pid


async def create(tx: AsyncTransaction, name: str) -> None:
    await tx.users.create(CreateUser(name=name))


async def timed(call: Call) -> float:
    started = time.perf_counter()
    await call()
    return time.perf_counter() - started


@pytest.mark.parametrize("size", [8, 20])
@pytest.mark.parametrize("at_once", [False, True])
async def test_a_pool_of_dead_connections_serves_without_an_error(
    database_url: str,
    admin: Connection[Any],
    size: int,
    at_once: bool,
) -> None:
    retried: list[RetryEvent] = []
    async with AsyncDatabase.connect(
        database_url, min_size=size, max_size=size, on_retry=retried.append
    ) as db:
        calls: dict[str, Call] = {
            "read": lambda: db.users.find_by_handle("ada"),
            "write": lambda: db.users.create(CreateUser(name="Ada")),
            "transact": lambda: db.transact(partial(create, name="Ada")),
        }
        for kind, call in calls.items():
            await check_whole(db, size)
            assert await kill_all(admin) >= size
            if at_once:
                took = await gather(*[partial(timed, call)] * size)
            else:
                took = [await timed(call) for _ in range(size)]
            logger.info("%s after %d kills: at most %.1f ms", kind, size, max(took) * 1000)
            assert max(took) < AT_ONCE
        await check_whole(db, size)
    assert retried == []
    assert names(admin) == ["Ada"] * 2 * size


async def test_a_transaction_whose_connection_dies_runs_again_and_commits_once(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    pids: list[int] = []

    async def work(tx: AsyncTransaction) -> str:
        pids.append(await pid(tx))
        await create(tx, f"attempt {len(pids)}")
        if len(pids) == 1:
            await kill_all(admin)
        return (await tx.users.create(CreateUser(name="Eve"))).name

    assert await db.transact(work) == "Eve"
    assert len(set(pids)) == 2
    assert names(admin) == ["Eve", "attempt 2"]
    await check_whole(db, 4)


async def test_a_connection_that_dies_just_before_commit_is_tried_again(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    attempts: list[int] = []

    async def work(tx: AsyncTransaction) -> None:
        attempts.append(await pid(tx))
        await create(tx, f"attempt {len(attempts)}")
        if len(attempts) == 1:
            await kill_all(admin)

    await db.transact(work)
    assert names(admin) == ["attempt 2"]


async def test_a_connection_that_dies_in_a_single_transaction_is_an_error_and_nothing_is_written(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    called: list[str] = []

    async def callback() -> None:
        called.append("committed")

    with pytest.raises(Unavailable):
        async with db.transaction() as tx:
            await create(tx, "Ada")
            tx.on_commit(callback)
            await kill_all(admin)
            await create(tx, "Eve")
    assert (names(admin), called) == ([], [])
    await check_whole(db, 4)


async def test_an_error_swallowed_after_the_connection_died_is_still_one(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    with pytest.raises(Unavailable, match="before COMMIT; nothing was committed"):
        async with db.transaction() as tx:
            await create(tx, "Ada")
            await kill_all(admin)
            with pytest.raises(Unavailable):
                await create(tx, "Eve")
    assert names(admin) == []


async def test_a_connection_that_died_hides_no_error_of_a_savepoints_block(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx, tx.savepoint():
            await create(tx, "Ada")
            await kill_all(admin)
            raise ZeroDivisionError
    await check_whole(db, 4)


async def test_a_write_in_a_read_only_transaction_is_its_callers_mistake_alone(
    database_url: str, admin: Connection[Any]
) -> None:
    retried: list[RetryEvent] = []
    async with AsyncDatabase.connect(database_url, max_size=1, on_retry=retried.append) as db:
        before = await db.transact(pid)
        with pytest.raises(DatabaseError) as caught:
            await db.transact(partial(create, name="Ada"), read_only=True)
        assert caught.value.sqlstate == "25006"
        assert await db.transact(pid) == before
    assert retried == []


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_changed_table_disturbs_no_prepared_query(
    database_url: str, admin: Connection[Any], make: Factory, at_once: bool
) -> None:
    user_id = make.user()
    async with AsyncDatabase.connect(database_url, min_size=4, max_size=4) as db:

        async def use() -> None:
            assert await db.users.find_by_id(user_id) is not None
            assert await db.users.update(user_id, UpdateUser(name="Eve")) is not None
            await db.transact(lambda tx: tx.users.find_by_id(user_id))

        for length in (300, 301):
            # Each of the pool's connections has it prepared.
            await gather(*[use] * 8)
            admin.execute(f"ALTER TABLE users ALTER name TYPE varchar({length})".encode())
            if at_once:
                await gather(*[use] * 8)
            else:
                for _ in range(8):
                    await use()
        await check_whole(db, 4)


async def test_a_changed_table_disturbs_no_held_connection(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    async with db.connection() as held:
        pid = held.connection.info.backend_pid

        async def use() -> None:
            ada = await held.users.create(CreateUser(name="Ada"))
            assert await held.users.find_by_id(ada.id) == ada
            assert await held.users.find_by_public_id(ada.public_id) == ada
            assert await held.users.update(ada.id, UpdateUser(name="Eve")) is not None
            assert (await held.users.find_many(limit=1)).items != []
            # Several statements in a transaction of their own.
            assert await held.users.delete(ada.id)

        await use()
        for length in (300, 301):
            admin.execute(f"ALTER TABLE users ALTER name TYPE varchar({length})".encode())
            await use()
        for lost in (b"DEALLOCATE ALL", b"DISCARD ALL"):
            # Behind psycopg's back.
            held.connection.pgconn.exec_(lost)
            await use()
            # The layer goes on to prepare.
            prepared = await held.connection.execute(
                "SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'users.find_by_id '"
            )
            assert await prepared.fetchone() == (1,)
        assert held.connection.info.backend_pid == pid
    assert names(admin) == []


async def test_a_table_that_changes_in_a_transaction_on_a_held_connection_aborts_it(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    async with db.connection() as held:
        assert await held.users.find_by_id(user_id) is not None
        admin.execute("ALTER TABLE users ALTER name TYPE varchar(300)")
        await held.connection.execute("BEGIN")
        with pytest.raises(DatabaseError) as caught:
            await held.users.find_by_id(user_id)
        assert caught.value.sqlstate == "0A000"
        await held.connection.execute("ROLLBACK")
        assert await held.users.find_by_id(user_id) is not None


@pytest.mark.parametrize("at_once", [False, True])
async def test_prepared_statements_that_a_pooler_lost_are_prepared_no_more(
    database_url: str, make: Factory, at_once: bool
) -> None:
    make.user(handle="ada")
    async with AsyncDatabase.connect(database_url, min_size=4, max_size=4) as db:

        async def use() -> None:
            assert await db.users.find_by_handle("ada") is not None
            await db.transact(partial(create, name="Ada"), timeout=10.0)

        async def hold(left: int) -> None:
            with AsyncLoan(db._pool) as loan:
                connection = await loan.take()
                session: Any = connection.session
                users = type(db.users)(AsyncExecutor(session))
                assert await users.find_by_handle("ada") is not None
                # Behind the layer's back.
                connection.pgconn.exec_(b"DEALLOCATE ALL")
                if left > 1:
                    await hold(left - 1)
                await loan.give_back()

        await hold(4)
        if at_once:
            await gather(*[use] * 8)
        for _ in range(12):
            await use()
        async with db.transaction() as tx:
            cursor = await tx.connection.execute(
                "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%.find_by_handle %'"
            )
            assert await cursor.fetchall() == []
        await check_whole(db, 4)
