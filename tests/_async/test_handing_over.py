"""One transaction, or one held connection, in several hands: one after the other, never at once."""

from __future__ import annotations

import gc
import weakref
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, Connection, conninfo

from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    AsyncTransaction,
    CreateUser,
    DatabaseError,
    InvalidUse,
    Timeout,
    Unavailable,
    UpdateUser,
    User,
)

from ._compat import Started, Use, pause, until_waiting
from .whole_pool import check_whole

SIZE = 4
LOCK = "SELECT id FROM users WHERE id = %s FOR UPDATE"


def names(admin: Connection[Any]) -> list[str]:
    return [name for (name,) in admin.execute("SELECT name FROM users ORDER BY name")]


async def create(tx: AsyncTransaction, name: str) -> User:
    return await tx.users.create(CreateUser(name=name))


async def create_behind_savepoint(tx: AsyncTransaction, name: str) -> None:
    async with tx.savepoint():
        await create(tx, name)
    with pytest.raises(ZeroDivisionError):
        async with tx.savepoint():
            await create(tx, "Lost")
            raise ZeroDivisionError


async def rename(tx: AsyncTransaction, user_id: int) -> User | None:
    return await tx.users.update(user_id, UpdateUser(name="Renamed"))


async def test_each_step_of_a_transaction_may_be_in_other_hands(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(names(admin))

    block = db.transaction()
    tx = await Started(block.__aenter__).result()
    await Started(partial(create, tx, "Ada")).result()
    await Started(partial(create_behind_savepoint, tx, "Bea")).result()
    tx.on_commit(look)
    await Started(partial(tx.try_each, ["Cleo"], partial(create, tx))).result()
    assert names(admin) == []
    await Started(partial(block.__aexit__, None, None, None)).result()
    assert seen == [["Ada", "Bea", "Cleo"]]
    await check_whole(db, SIZE)


async def test_attempts_may_be_in_other_hands(db: AsyncDatabase, admin: Connection[Any]) -> None:
    attempt = await db.retrying().__anext__()
    block = db.serializable()
    await Started(attempt.__aenter__).result()
    tx = await Started(block.__aenter__).result()
    await Started(partial(create, tx, "Ada")).result()
    for each in (block, attempt):
        await Started(partial(each.__aexit__, None, None, None)).result()
    assert names(admin) == ["Ada"]
    await check_whole(db, SIZE)


async def test_a_savepoint_opened_in_one_hand_may_be_undone_in_another(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async with db.transaction() as tx:
        await create(tx, "Ada")
        savepoint = tx.savepoint()
        await Started(savepoint.__aenter__).result()
        await Started(partial(create, tx, "Lost")).result()
        error = ZeroDivisionError()
        await Started(partial(savepoint.__aexit__, type(error), error, None)).result()
    assert names(admin) == ["Ada"]


async def test_two_at_once_are_refused_in_every_method_and_harm_nothing(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()

    async def nothing() -> None:
        raise AssertionError

    async with db.transaction() as tx:
        with admin.transaction():
            admin.execute(LOCK, (user_id,))
            other = Started(partial(rename, tx, user_id))
            await until_waiting(admin)
            with pytest.raises(InvalidUse, match="another call is under way"):
                await create(tx, "Lost")
            with pytest.raises(InvalidUse, match="another call is under way"):
                await tx.users.delete(user_id)
            with pytest.raises(InvalidUse, match="another call is under way"):
                async with tx.savepoint():
                    raise AssertionError
            with pytest.raises(InvalidUse, match="another call is under way"):
                await tx.try_each(["Lost"], partial(create, tx))
            with pytest.raises(InvalidUse, match="another call is under way"):
                tx.on_commit(nothing)
            with pytest.raises(InvalidUse, match="another call is under way"):
                _ = tx.connection
        assert await other.result() is not None
        await create(tx, "Ada")
    assert names(admin) == ["Ada", "Renamed"]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_call_that_outlives_the_block_is_undone_with_it(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, fails: bool
) -> None:
    user_id = make.user(name="Eve")
    seen = ZeroDivisionError if fails else InvalidUse
    with admin.transaction():
        admin.execute(LOCK, (user_id,))
        with pytest.raises(seen, match=None if fails else "still under way at the end"):
            async with db.transaction() as tx:
                await create(tx, "Lost")
                other = Started(partial(rename, tx, user_id))
                await until_waiting(admin)
                if fails:
                    raise ZeroDivisionError
        with pytest.raises(Unavailable):
            await other.result()
    await check_whole(db, SIZE)
    assert names(admin) == ["Eve"]


async def test_a_call_through_psycopg_that_outlives_the_block_is_undone_with_it(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Eve")
    with admin.transaction():
        admin.execute(LOCK, (user_id,))
        with pytest.raises(InvalidUse, match="still under way at the end"):
            async with db.transaction() as tx:
                await create(tx, "Lost")
                connection = tx.connection
                statement = partial(connection.execute, "UPDATE users SET name = 'Lost'")
                other = Started(statement)
                await until_waiting(admin)
        with pytest.raises(psycopg.OperationalError):
            await other.result()
    await check_whole(db, SIZE)
    assert names(admin) == ["Eve"]


async def test_a_call_through_psycopg_that_has_sent_nothing_is_undone_with_the_block(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async def listen(connection: AsyncConnection[Any]) -> None:
        async for _ in connection.notifies():
            raise AssertionError

    with pytest.raises(InvalidUse, match="still under way at the end"):
        async with db.transaction() as tx:
            await create(tx, "Lost")
            connection = tx.connection
            other = Started(partial(listen, connection))
            while not connection.lock.locked():
                await pause(0.001)
    with pytest.raises(psycopg.OperationalError):
        await other.result()
    await check_whole(db, SIZE)
    assert names(admin) == []


async def leave_copy_in(connection: AsyncConnection[Any]) -> object:
    copying = connection.cursor().copy("COPY users (public_id, name) FROM STDIN")
    await copying.__aenter__()
    return copying


async def leave_copy_out(connection: AsyncConnection[Any]) -> object:
    copying = connection.cursor().copy("COPY (SELECT generate_series(1, 100000)) TO STDOUT")
    await copying.__aenter__()
    return copying


async def leave_stream(connection: AsyncConnection[Any]) -> object:
    stream = connection.cursor().stream("SELECT generate_series(1, 100000)")
    await anext(stream)
    return stream


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("leave", [leave_copy_in, leave_copy_out, leave_stream])
async def test_what_is_left_open_through_psycopg_is_undone_with_the_block(
    db: AsyncDatabase, admin: Connection[Any], leave: Use[AsyncConnection[Any]], fails: bool
) -> None:
    kept: list[object] = []
    seen = ZeroDivisionError if fails else InvalidUse
    with pytest.raises(seen, match=None if fails else "still under way at the end"):
        async with db.transaction() as tx:
            await create(tx, "Lost")
            kept.append(await leave(tx.connection))
            if fails:
                raise ZeroDivisionError
    await check_whole(db, SIZE)
    assert names(admin) == []


@pytest.mark.parametrize("leave", [leave_copy_in, leave_copy_out, leave_stream])
async def test_what_is_left_open_through_psycopg_in_a_savepoint_is_undone_with_the_transaction(
    db: AsyncDatabase, admin: Connection[Any], leave: Use[AsyncConnection[Any]]
) -> None:
    kept: list[object] = []
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx, tx.savepoint():
            await create(tx, "Lost")
            kept.append(await leave(tx.connection))
            raise ZeroDivisionError
    await check_whole(db, SIZE)
    assert names(admin) == []


async def test_a_call_that_outlives_its_savepoint_is_undone_with_the_transaction(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Eve")
    with admin.transaction():
        admin.execute(LOCK, (user_id,))
        with pytest.raises(ZeroDivisionError):
            async with db.transaction() as tx:
                await create(tx, "Lost")
                async with tx.savepoint():
                    other = Started(partial(rename, tx, user_id))
                    await until_waiting(admin)
                    raise ZeroDivisionError
        with pytest.raises(Unavailable):
            await other.result()
    await check_whole(db, SIZE)
    assert names(admin) == ["Eve"]


async def test_a_lone_write_does_not_slip_into_what_fails_beside_it(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    """A held connection serves one call at a time, and methods of several statements whole."""
    user_id = make.user(name="Eve")
    admin.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
        " CREATE TRIGGER refuse BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    async with db.connection() as held:
        with admin.transaction():
            admin.execute(LOCK, (user_id,))
            # It has locked the user when its second statement fails.
            deletion = Started(partial(held.users.delete, user_id))
            await until_waiting(admin)
            creation = Started(partial(held.users.create, CreateUser(name="Ada")))
            await pause(0)
        with pytest.raises(DatabaseError):
            await deletion.result()
        await creation.result()
    assert names(admin) == ["Ada", "Eve"]


async def lose(connection: AsyncConnection[Any], user_id: int) -> None:
    with pytest.raises(psycopg.OperationalError):
        await connection.execute(LOCK, (user_id,))


async def test_a_session_that_is_closed_under_a_call_is_freed_by_the_last_to_leave(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    with admin.transaction():
        admin.execute(LOCK, (user_id,))
        async with db.connection() as held:
            connection = held.connection
            pgconn: Any = connection.pgconn
            other = Started(partial(lose, connection, user_id))
            await until_waiting(admin)
            await connection.close()
            # The other call is still inside libpq.
            assert pgconn.pgconn_ptr is not None
            await other.result()
            with pytest.raises(Unavailable):
                await held.users.find_by_id(user_id)
    session = weakref.ref(pgconn)
    del connection, pgconn, other, held
    gc.collect()
    assert session() is None
    await check_whole(db, SIZE)


async def test_a_held_connection_is_given_back_when_its_last_call_has_ended(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Eve")
    url = conninfo.make_conninfo(database_url, options="-c lock_timeout=300ms")
    async with AsyncDatabase.connect(url, max_size=1) as db:
        with admin.transaction():
            admin.execute(LOCK, (user_id,))
            async with db.connection() as held:
                renaming = partial(held.users.update, user_id, UpdateUser(name="Renamed"))
                renamed = Started(renaming)
                await until_waiting(admin)
            # The block has waited for the server's verdict.
            assert await db.users.find_by_id(user_id) is not None
            with pytest.raises(Timeout):
                await renamed.result()
        with pytest.raises(InvalidUse, match="given back"):
            await renaming()
        await check_whole(db, 1)
    assert names(admin) == ["Eve"]
