"""What is done through `.connection` does not reach the next user of the pool's connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypeAlias

import psycopg
import pytest
from psycopg import AsyncConnection, AsyncRawCursor, AsyncServerCursor, Connection
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    AsyncHeldConnection,
    AsyncTransaction,
    CreateUser,
    InvalidUse,
    TransactionAborted,
)

from ._compat import Started, Use, set_autocommit, set_transactions, until, until_waiting
from .whole_pool import check_whole

Spoil: TypeAlias = Use[AsyncConnection[Any]]
Owner: TypeAlias = AsyncHeldConnection | AsyncTransaction

#: What the next user finds on the server, one row.
STATE = """
SELECT
    current_user::text,
    session_user::text,
    (SELECT array_agg(format('%s = %s', name, setting) ORDER BY name) FROM pg_settings
     WHERE source = 'session'),
    (SELECT json_agg(name) FROM pg_cursors WHERE is_holdable),
    (SELECT json_agg(name) FROM pg_prepared_statements
     WHERE from_sql OR statement LIKE '%spoilt%'),
    (SELECT json_agg(channel) FROM pg_listening_channels() AS channel),
    (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
    (SELECT count(*) FROM pg_class WHERE pg_my_temp_schema() = relnamespace),
    nullif(current_setting('vrooli.tenant', true), '')
"""


#: What its maker has forgotten to end.
KEPT: list[object] = []


class Upper(TextLoader):
    """Reads texts as nobody expects."""

    def load(self, data: Any) -> str:
        return str(super().load(data)).upper()


def run(*statements: str) -> Spoil:
    async def spoil(connection: AsyncConnection[Any]) -> None:
        for statement in statements:
            await connection.execute(statement.encode())

    return spoil


async def set_attributes(connection: AsyncConnection[Any]) -> None:
    connection.row_factory = dict_row
    connection.cursor_factory = AsyncRawCursor
    connection.server_cursor_factory = Unusable
    connection.prepare_threshold = None
    connection.prepared_max = 1
    connection.adapters.register_loader("text", Upper)
    connection.add_notice_handler(fail)
    connection.add_notify_handler(fail)
    # What an application may think of.
    connection.tenant = "a"  # type: ignore[attr-defined]


class Unusable(AsyncServerCursor[Any]):
    """A cursor that nobody else wants."""


def fail(_: object) -> None:
    raise AssertionError


async def prepare_by_libpq(connection: AsyncConnection[Any]) -> None:
    connection.pgconn.prepare(b"mine", b"SELECT 'spoilt'")


async def lose_prepared(connection: AsyncConnection[Any]) -> None:
    # Behind psycopg's back.
    connection.pgconn.exec_(b"DEALLOCATE ALL")


async def prepare_by_psycopg(connection: AsyncConnection[Any]) -> None:
    for _ in range(8):
        await connection.execute("SELECT 1")


async def fill_a_pipeline(connection: AsyncConnection[Any]) -> None:
    await connection.pipeline().__aenter__()
    await connection.execute("SELECT 1")


async def leave_a_stream(connection: AsyncConnection[Any]) -> None:
    stream = connection.cursor().stream("SELECT generate_series(1, 100000)")
    KEPT.append(stream)
    async for _ in stream:
        break


async def close(connection: AsyncConnection[Any]) -> None:
    await connection.close()


ANYWHERE: dict[str, Spoil] = {
    "attributes": set_attributes,
    "settings": run(
        "SET statement_timeout = 1234",
        "SET search_path = nowhere, public",
        "SET TimeZone = 'Asia/Tokyo'",
        "SET DateStyle = 'German'",
        "SET IntervalStyle = 'iso_8601'",
        "SET jit = on",
        "SET plan_cache_mode = force_custom_plan",
        "SET client_encoding = 'LATIN1'",
        "SET enable_indexscan = off",
        "SET bytea_output = 'escape'",
        "SET vrooli.tenant = '5'",
    ),
    "transactions": run(
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"
    ),
    "role": run("SET ROLE pg_read_all_data"),
    "session authorization": run("SET SESSION AUTHORIZATION pg_monitor"),
    "temporary table": run("CREATE TEMP TABLE users AS SELECT 'spoilt' AS id"),
    "temporary function": run("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
    "holdable cursor": run("DECLARE spoilt CURSOR WITH HOLD FOR SELECT 1"),
    "prepared statement": run("PREPARE spoilt AS SELECT 1", 'PREPARE "2; DROP" AS SELECT 1'),
    "prepared like psycopg's": run("PREPARE _pg3_99 AS SELECT 1"),
    "prepared by libpq": prepare_by_libpq,
    "prepared by psycopg": prepare_by_psycopg,
    "nothing prepared": lose_prepared,
    "listen": run("LISTEN spoilt"),
    "advisory lock": run("SELECT pg_advisory_lock(1), pg_advisory_lock_shared(2)"),
    "closed": close,
}
#: What cannot be done inside a transaction.
OUTSIDE: dict[str, Spoil] = {
    "autocommit": set_autocommit,
    "transaction attributes": set_transactions,
    "discard all": run("DISCARD ALL", "DISCARD ALL"),
    "open transaction": run(
        "BEGIN", "INSERT INTO users (public_id, name) VALUES ('abcdefghijkl', 'Ada')"
    ),
    "failed transaction": run("BEGIN", "SAVEPOINT a"),
    "pipeline": fill_a_pipeline,
    "stream": leave_a_stream,
}


@asynccontextmanager
async def held(db: AsyncDatabase) -> AsyncIterator[Owner]:
    async with db.connection() as held:
        yield held


@asynccontextmanager
async def transaction(db: AsyncDatabase) -> AsyncIterator[Owner]:
    async with db.transaction() as tx:
        yield tx


async def state(db: AsyncDatabase) -> tuple[Any, ...]:
    """Look through a connection that nobody has used beside the layer."""
    async with db.connection() as held:
        connection = held.connection
        row = await (await connection.execute(STATE, prepare=False)).fetchone()
        attributes = (
            connection.row_factory,
            connection.cursor_factory,
            connection.server_cursor_factory,
            connection.autocommit,
            connection.prepare_threshold,
            connection.prepared_max,
            connection.isolation_level,
            connection.read_only,
            connection.deferrable,
            connection.adapters.get_loader(25, psycopg.pq.Format.TEXT),
            hasattr(connection, "tenant"),
        )
        await connection.execute("DO $$ BEGIN RAISE WARNING 'heard by nobody'; END $$")
        return (*(row or ()), *attributes)


async def pid(db: AsyncDatabase) -> int:
    async with db.connection() as held:
        return held.connection.info.backend_pid


SPOILT = [
    *[pytest.param(held, spoil, id=f"held, {name}") for name, spoil in ANYWHERE.items()],
    *[pytest.param(held, spoil, id=f"held, {name}") for name, spoil in OUTSIDE.items()],
    *[
        pytest.param(transaction, spoil, id=f"transaction, {name}")
        for name, spoil in ANYWHERE.items()
        if name != "closed"
    ],
]


@pytest.mark.parametrize(("owner", "spoil"), SPOILT)
async def test_what_was_done_to_a_connection_ends_with_its_block(
    database_url: str,
    make: Factory,
    caplog: pytest.LogCaptureFixture,
    owner: Callable[[AsyncDatabase], Any],
    spoil: Spoil,
) -> None:
    user_id = make.user()
    async with AsyncDatabase.connect(database_url, max_size=1, statement_timeout=30) as db:
        await db.users.find_by_id(user_id)
        before = await state(db)
        for _ in range(2):
            async with owner(db) as lent:
                await spoil(lent.connection)
            # Each borrows the same connection, or the one in its place.
            ada = await db.users.create(CreateUser(name="Ada"))
            assert await db.users.find_by_id(ada.id) == ada
            assert await db.transact(lambda tx: tx.users.find_by_id(user_id)) is not None
            assert await state(db) == before
    assert "heard by nobody" not in caplog.text
    # Nothing that was acknowledged is lost, and nothing else is there.
    rows = make.connection.execute("SELECT name FROM users WHERE id <> %s", (user_id,))
    assert rows.fetchall() == [("Ada",)] * 2


async def test_what_is_set_on_a_connection_is_not_the_layers(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="ada")
    async with db.connection() as held:
        await set_attributes(held.connection)
        await set_autocommit(held.connection)
        await held.connection.rollback()
        user = await held.users.find_by_id(user_id)
        assert user is not None
        assert (user.id, user.name) == (user_id, "ada")
        await held.users.create(CreateUser(name="Eve"))
        # Its own is what it set.
        cursor = await held.connection.execute("SELECT 'ada' AS name")
        row: object = await cursor.fetchone()
        assert row == {"name": "ADA"}
    async with db.transaction() as tx:
        await set_attributes(tx.connection)
        assert (await tx.users.find_by_id(user_id)) == user
    assert admin.execute("SELECT name FROM users ORDER BY id").fetchall() == [("ada",), ("Eve",)]


@pytest.mark.parametrize("owner", [held, transaction])
async def test_a_connection_that_is_kept_leads_nowhere(
    database_url: str, owner: Callable[[AsyncDatabase], Any]
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        before = await state(db)
        async with owner(db) as lent:
            kept = lent.connection
            cursor = kept.cursor()
            assert kept is lent.connection
        for use in (kept, cursor):
            with pytest.raises(psycopg.OperationalError):
                await use.execute("SET TimeZone = 'Asia/Tokyo'")
        kept.row_factory = dict_row
        kept.add_notice_handler(fail)
        await kept.close()
        assert kept.closed
        assert await state(db) == before


async def test_a_connection_that_is_in_use_at_the_end_is_discarded(
    database_url: str, admin: Connection[Any]
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        async with db.connection() as held:
            sleeper = held.connection
            number = sleeper.info.backend_pid
            sleeping = Started(lambda: sleeper.execute("SELECT pg_sleep(60)"))
            await until(
                admin,
                "SELECT count(*) = 1 FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event = 'PgSleep'",
            )
        with pytest.raises(psycopg.OperationalError):
            await sleeping.result()
        assert await pid(db) != number
        await check_whole(db, 1)


async def test_only_a_connection_that_was_lent_out_is_restored(
    database_url: str, admin: Connection[Any]
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        number = await pid(db)
        last = "SELECT query FROM pg_stat_activity WHERE pid = %s"

        async def was_restored() -> bool:
            ((query,),) = admin.execute(last, (number,)).fetchall()
            return str(query).startswith("/* vrooli_data:set_session */")

        assert await was_restored()
        async with db.connection() as held:
            await held.users.find_by_handle("ada")
        assert not await was_restored()
        await db.transact(lambda tx: tx.users.find_by_handle("ada"))
        assert not await was_restored()
        assert await pid(db) == number
        assert await was_restored()


async def test_calls_join_a_transaction_that_their_caller_began(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Ada")
    for end, left in ((b"ROLLBACK", [("Ada",)]), (b"COMMIT", [("Eve",)])):
        async with db.connection() as held:
            await held.connection.execute("BEGIN")
            await held.users.create(CreateUser(name="Eve"))
            # Of several statements.
            assert await held.users.delete(user_id)
            await held.connection.execute(end)
        assert admin.execute("SELECT name FROM users").fetchall() == left


async def test_a_write_in_a_transaction_that_is_left_open_is_not_lost_in_silence(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Ada")

    async def create(held: AsyncHeldConnection) -> None:
        await held.users.create(CreateUser(name="Eve"))

    async def delete(held: AsyncHeldConnection) -> None:
        await held.users.delete(user_id)

    for write in (create, delete):
        with pytest.raises(TransactionAborted, match="still open at the end of the block"):
            async with db.connection() as held:
                await set_autocommit(held.connection)
                await write(held)
        with pytest.raises(ZeroDivisionError):
            async with db.connection() as held:
                await set_autocommit(held.connection)
                await write(held)
                raise ZeroDivisionError
    assert admin.execute("SELECT name FROM users").fetchall() == [("Ada",)]
    async with db.connection() as held:
        await create(held)
        # Nothing is lost with this one.
        await set_autocommit(held.connection)
    await check_whole(db, 4)


@asynccontextmanager
async def copy_in(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    await connection.execute("CREATE TEMP TABLE copied (id int)")
    async with connection.cursor().copy("COPY pg_temp.copied FROM STDIN") as copy:
        await copy.write_row((1,))
        yield


@asynccontextmanager
async def copy_out(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    statement = "COPY (SELECT generate_series(1, 1000)) TO STDOUT"
    async with connection.cursor().copy(statement) as copy:
        assert await copy.read_row() == ("1",)
        yield
        # Otherwise psycopg cancels it, which aborts a transaction.
        while await copy.read_row() is not None:
            pass


@asynccontextmanager
async def stream(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    count = 0
    async for _ in connection.cursor().stream("SELECT generate_series(1, 10000)"):
        count += 1
        if count == 1:
            yield
    assert count == 10_000


@asynccontextmanager
async def pipeline(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    async with connection.pipeline():
        yield


async def savepoint(owner: Any) -> None:
    async with owner.savepoint():
        pass


#: What is left open, and what a refusal says.
LEFT_OPEN: dict[str, tuple[Callable[[AsyncConnection[Any]], Any], str]] = {
    "copy in": (copy_in, "a COPY is open on `.connection`: leave its block first"),
    "copy out": (copy_out, "a COPY is open on `.connection`: leave its block first"),
    "stream": (stream, r"a stream\(\) is open on `.connection`: read it to its end or close it"),
    "pipeline": (pipeline, "a pipeline is open on `.connection`: leave its block first"),
}
CALLS: dict[str, Use[Owner]] = {
    "read": lambda owner: owner.users.find_by_handle("ada"),
    "write": lambda owner: owner.users.create(CreateUser(name="Ada")),
    "bulk": lambda owner: owner.users.bulk_create([CreateUser(name="Ada")]),
    "batches": lambda owner: owner.users.delete(1),
    "savepoint": savepoint,
}


OF_OWNERS = [
    pytest.param(
        owner,
        call,
        id=f"{owner.__name__}-{name}",
        marks=[pytest.mark.core] if name == "read" else [],
    )
    for owner in (held, transaction)
    for name, call in CALLS.items()
    if owner is transaction or name != "savepoint"
]


@pytest.mark.slow("what is left open on a lent connection")
@pytest.mark.parametrize(("leave_open", "problem"), LEFT_OPEN.values(), ids=LEFT_OPEN)
@pytest.mark.parametrize(("owner", "call"), OF_OWNERS)
async def test_a_call_inside_what_is_left_open_is_refused_at_once(
    db: AsyncDatabase,
    owner: Callable[[AsyncDatabase], Any],
    leave_open: Callable[[AsyncConnection[Any]], Any],
    problem: str,
    call: Use[Owner],
) -> None:
    async with owner(db) as lent:
        async with leave_open(lent.connection):
            with pytest.raises(InvalidUse, match=problem):
                await call(lent)
        # It has broken nothing, and the same call is made after the block.
        await call(lent)
    await check_whole(db, 4)


async def test_a_stream_that_was_dropped_does_not_refuse_the_next_call(db: AsyncDatabase) -> None:
    async with db.connection() as held:
        async for _ in held.connection.cursor().stream("SELECT generate_series(1, 100000)"):
            break
        assert await held.users.find_by_handle("ada") is None
    await check_whole(db, 4)


@pytest.mark.slow("what is left open on a lent connection")
@pytest.mark.parametrize("rows", [10, 100_000])
@pytest.mark.parametrize(("owner", "call"), OF_OWNERS)
async def test_a_call_after_a_copy_that_was_left_early_is_refused(
    db: AsyncDatabase, owner: Callable[[AsyncDatabase], Any], call: Use[Owner], rows: int
) -> None:
    statement = f"COPY (SELECT repeat('a', 1000) FROM generate_series(1, {rows})) TO STDOUT"
    # COMMIT finds what is left open as well; a held connection is discarded without a word.
    told = pytest.raises(InvalidUse, match="still under way")
    with told if owner is transaction else nullcontext():
        async with owner(db) as lent:
            async with lent.connection.cursor().copy(statement) as copy:
                await copy.read()
            with pytest.raises(InvalidUse, match="was not read to its end: read every row"):
                await call(lent)
    await check_whole(db, 4)


async def test_a_statement_of_another_task_or_thread_is_waited_for(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    admin.execute("SELECT pg_advisory_lock(8)")
    async with db.connection() as held:
        locker = held.connection
        locking = Started(lambda: locker.execute("SELECT pg_advisory_xact_lock(8)"))
        await until_waiting(admin)
        reading = Started(lambda: held.users.find_by_handle("ada"))
        admin.execute("SELECT pg_advisory_unlock(8)")
        assert await reading.result() is None
        await locking.result()
    await check_whole(db, 4)
