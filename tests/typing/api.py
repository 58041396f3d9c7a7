"""How the public API looks to a type checker; checked by mypy, never run."""

from __future__ import annotations

from typing import assert_type

from vrooli_data import (
    AsyncDatabase,
    AsyncTransaction,
    CreateUser,
    Database,
    ExecutionStats,
    Page,
    Resource,
    ResourceWithLatestVersion,
    Run,
    RunDetails,
    Transaction,
    TryEachResult,
    UpdateUser,
    User,
    UserWithTeams,
)


def sync_reads(db: Database) -> None:
    assert_type(db.users.find_by_id(1), User | None)
    assert_type(db.users.find_with_teams("x"), UserWithTeams | None)
    assert_type(db.users.find_many_by_id([1]), list[User])
    assert_type(db.users.find_many_by_public_id(["x"]), list[User])
    assert_type(db.users.find_many_by_public_id(("x", "y")), list[User])
    assert_type(db.users.create(CreateUser(name="Ada", languages=("en",))), User)
    assert_type(db.users.update(1, UpdateUser(handle=None)), User | None)
    assert_type(db.users.delete(1), bool)
    assert_type(db.resources.find_by_type("Routine", order_by="score"), Page[Resource])
    for resource in db.resources.find_by_type("Routine"):
        assert_type(resource, Resource)
    assert_type(len(db.users.find_many()), int)
    assert_type(db.resources.find_with_latest_version("x"), ResourceWithLatestVersion | None)
    assert_type(db.runs.find_with_details(1), RunDetails | None)
    assert_type(db.runs.find_by_status(["Scheduled"]).items, list[Run])
    assert_type(db.runs.get_execution_stats(), ExecutionStats)
    db.resources.find_by_type("routine")  # type: ignore[arg-type]
    db.resources.find_by_type("Routine", order_by="name")  # type: ignore[arg-type]
    db.users.update(1, UpdateUser(name=None))  # type: ignore[arg-type]
    db.users.update(1, CreateUser(name="Ada"))  # type: ignore[arg-type]


def sync_loop(db: Database) -> User:
    user: User
    for attempt in db.retrying():
        with attempt, db.serializable() as tx:
            assert_type(tx, Transaction)
            assert_type(attempt.number, int)
            user = tx.users.create(CreateUser(name="Ada"))
    return user


def sync_function(db: Database) -> None:
    def body(tx: Transaction) -> User | None:
        return tx.users.find_by_id(1)

    assert_type(db.transact(body), User | None)
    with db.transaction() as tx:
        result = tx.try_each(["a"], lambda name: tx.users.create(CreateUser(name=name)))
        assert_type(result, TryEachResult[User])
        tx.on_commit(lambda: None)


async def async_reads(db: AsyncDatabase) -> None:
    assert_type(await db.users.find_by_id(1), User | None)
    assert_type(await db.resources.find_by_type("Routine"), Page[Resource])
    async with db.connection() as held:
        assert_type(await held.runs.get_execution_stats(user_id=1), ExecutionStats)


async def async_loop(db: AsyncDatabase) -> User:
    user: User
    async for attempt in db.retrying():
        async with attempt, db.serializable() as tx:
            assert_type(tx, AsyncTransaction)
            user = await tx.users.create(CreateUser(name="Ada"))
    return user


async def async_function(db: AsyncDatabase) -> None:
    async def body(tx: AsyncTransaction) -> User | None:
        return await tx.users.find_by_id(1)

    async def callback() -> None: ...

    assert_type(await db.transact(body), User | None)
    async with db.transaction() as tx:
        tx.on_commit(callback)
        await tx.connection.execute("SELECT 1")
