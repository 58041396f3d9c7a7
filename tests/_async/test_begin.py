"""BEGIN travels with the first statement of a transaction, and nothing comes before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.pq import ExecStatus

from tests.factories import Factory
from tests.proxy import Proxy, Way, open_proxy
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    AsyncTransaction,
    CommitUnknown,
    CreateUser,
    InvalidUse,
    QueryEvent,
    Timeout,
    TransactionAborted,
    Unavailable,
    UpdateUser,
    VrooliDataError,
)

from ._compat import PATIENCE, Use, until
from .whole_pool import check_whole


class Undo(Exception):
    """What leaves a block so that it is rolled back."""


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """Stand between the layer and the server."""
    with open_proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def db(proxy: Proxy) -> AsyncIterator[AsyncDatabase]:
    """Open the test's database through the proxy, with one connection that has prepared a write."""
    async with AsyncDatabase.connect(
        proxy.url, min_size=1, max_size=1, timeout=PATIENCE, commit_timeout=PATIENCE
    ) as database:
        for _ in range(2):
            await create(database, "Warm")
        yield database


async def create(db: AsyncDatabase, name: str, **options: Any) -> None:
    async with db.transaction(**options) as tx:
        await tx.users.create(CreateUser(name=name))


def names(admin: Connection[Any]) -> list[str]:
    rows = admin.execute("SELECT name FROM users WHERE name <> 'Warm' ORDER BY name")
    return [name for (name,) in rows]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"track_commit": False},
        {"isolation": "serializable"},
        {"timeout": PATIENCE},
        {"isolation": "repeatable read", "read_only": False, "timeout": PATIENCE},
    ],
    ids=str,
)
async def test_a_transaction_of_one_write_takes_two_round_trips(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any], options: dict[str, Any]
) -> None:
    await create(db, "Warm", **options)
    before = proxy.requests
    await create(db, "Ada", **options)
    assert proxy.requests - before == 2
    assert names(admin) == ["Ada"]


async def test_a_transaction_of_one_read_takes_two_round_trips(
    db: AsyncDatabase, proxy: Proxy, make: Factory
) -> None:
    user_id = make.user()

    async def read() -> None:
        async with db.transaction(read_only=True, isolation="repeatable read") as tx:
            assert await tx.users.find_by_id(user_id) is not None

    await read()
    before = proxy.requests
    await read()
    assert proxy.requests - before == 2


async def test_a_transaction_without_a_statement_sends_nothing(
    db: AsyncDatabase, proxy: Proxy
) -> None:
    called: list[str] = []

    async def callback() -> None:
        called.append("committed")

    before = proxy.requests
    async with db.transaction() as tx:
        tx.on_commit(callback)
    with pytest.raises(Undo):
        async with db.transaction():
            raise Undo
    assert proxy.requests == before
    assert called == ["committed"]


async def write_by_query(tx: AsyncTransaction) -> None:
    await tx.users.create(CreateUser(name="Ada"))


async def write_by_connection(tx: AsyncTransaction) -> None:
    await tx.connection.execute(
        "INSERT INTO users (public_id, name) VALUES ('ada000000000', 'Ada')"
    )


async def write_in_nested_transaction(tx: AsyncTransaction) -> None:
    async with tx.connection.transaction(), tx.connection.pipeline():
        await write_by_connection(tx)


async def write_behind_savepoint(tx: AsyncTransaction) -> None:
    async with tx.savepoint():
        await tx.users.create(CreateUser(name="Ada"))


async def write_by_copy(tx: AsyncTransaction) -> None:
    await tx.users.bulk_create([CreateUser(name="Ada")])


async def write_by_connections_copy(tx: AsyncTransaction) -> None:
    async with (
        tx.connection.cursor() as cursor,
        cursor.copy("COPY users (public_id, name) FROM STDIN") as copy,
    ):
        await copy.write_row(("ada000000000", "Ada"))


async def write_for_each(tx: AsyncTransaction) -> None:
    async def work(name: str) -> None:
        await tx.users.create(CreateUser(name=name))

    await tx.try_each(["Ada"], work)


WRITES = [
    write_by_query,
    write_by_connection,
    write_in_nested_transaction,
    write_behind_savepoint,
    write_by_copy,
    write_by_connections_copy,
    write_for_each,
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("is_prepared", [True, False])
async def test_whatever_comes_first_is_part_of_the_transaction(
    database_url: str,
    admin: Connection[Any],
    write: Use[AsyncTransaction],
    is_prepared: bool,
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        if is_prepared:
            await create(db, "Warm")
        with pytest.raises(Undo):
            async with db.transaction() as tx:
                await write(tx)
                raise Undo
        assert names(admin) == []
        async with db.transaction(isolation="serializable", timeout=PATIENCE) as tx:
            await write(tx)
            cursor = await tx.connection.execute(
                "SELECT current_setting('transaction_isolation'),"
                " current_setting('statement_timeout')"
            )
            assert await cursor.fetchone() == ("serializable", f"{PATIENCE / 60:g}min")
        assert names(admin) == ["Ada"]
        await check_whole(db, 1)


async def test_the_first_statements_error_is_raised_where_it_is_called(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.user(name="Bea", handle="bea_lovelace")
    with pytest.raises(TransactionAborted, match="was caught there"):
        async with db.transaction() as tx:
            with pytest.raises(AlreadyExists):
                await tx.users.create(CreateUser(name="Eve", handle="bea_lovelace"))
            with pytest.raises(TransactionAborted):
                await tx.users.create(CreateUser(name="Ada"))
    assert names(admin) == ["Bea"]
    await check_whole(db, 1)


@pytest.mark.parametrize("write", WRITES)
async def test_nothing_is_executed_when_the_server_refuses_to_begin(
    db: AsyncDatabase,
    admin: Connection[Any],
    write: Use[AsyncTransaction],
) -> None:
    with pytest.raises(TransactionAborted, match="was caught there"):
        async with db.transaction() as tx:
            opening: Any = tx._runner._opening
            opening._opener = opening._opener._replace(statements=(b"BEGIN NONSENSE",))
            for _ in range(2):
                with pytest.raises((VrooliDataError, psycopg.Error)) as caught:
                    await write(tx)
                # The latter for what comes after the refusal.
                assert getattr(caught.value, "sqlstate", None) in ("42601", "25P02")
    assert names(admin) == []
    await create(db, "Ada")
    assert names(admin) == ["Ada"]
    await check_whole(db, 1)


@pytest.mark.parametrize("way", [Way.CUT_BEFORE, Way.CUT_AFTER, Way.DROP_REPLY])
async def test_a_first_statement_that_is_lost_is_sent_on_another_connection(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any], way: Way
) -> None:
    for name, options in {"Ada": {}, "Eve": {"timeout": PATIENCE}}.items():
        proxy.fail_once_at(name.encode(), way)
        await create(db, name, **options)
    assert proxy.failures == 2
    assert names(admin) == ["Ada", "Eve"]
    await check_whole(db, 1)


async def test_a_savepoint_that_comes_first_and_is_lost_is_sent_on_another_connection(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_once_at(b"BEGIN", Way.DROP_REPLY)
    async with db.transaction() as tx, tx.savepoint():
        await tx.users.create(CreateUser(name="Ada"))
    assert (proxy.failures, names(admin)) == (1, ["Ada"])


async def test_a_statement_that_ends_a_new_connection_too_is_not_sent_again(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_at(b"Ada", Way.DROP_REPLY)
    with pytest.raises(Unavailable):
        await create(db, "Ada")
    # A new connection prepares the statement, after BEGIN by itself.
    assert proxy.failures == 2
    proxy.fail_no_more()
    assert names(admin) == []
    await check_whole(db, 1)


async def test_nothing_is_written_after_a_first_statement_that_was_interrupted_and_lost(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_once_at(b"Ada", Way.DROP_REPLY)
    with pytest.raises(Unavailable, match="lost before COMMIT"):
        async with db.transaction() as tx:
            runner: Any = tx._runner
            replace = runner._replace

            async def interrupted(error: VrooliDataError) -> None:
                runner._replace = replace
                raise Undo

            runner._replace = interrupted
            with pytest.raises(Undo):
                await write_by_query(tx)
            for write in (write_by_query, write_behind_savepoint, write_by_copy):
                with pytest.raises(VrooliDataError):
                    await write(tx)
    assert (proxy.failures, names(admin)) == (1, [])
    await create(db, "Ada")
    assert names(admin) == ["Ada"]
    await check_whole(db, 1)


@pytest.mark.parametrize("is_prepared", [True, False])
async def test_what_was_interrupted_at_the_reply_to_begin_is_rolled_back(
    database_url: str, admin: Connection[Any], is_prepared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> bool:
        raise Undo

    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        if is_prepared:
            await create(db, "Warm")
            await create(db, "Warm")
        with pytest.raises(TransactionAborted, match="was caught there"):
            async with db.transaction() as tx:
                with monkeypatch.context() as patch, pytest.raises(Undo):
                    patch.setattr("vrooli_data._opening._has_begun", interrupted)
                    await write_by_query(tx)
                with pytest.raises(TransactionAborted):
                    await write_by_query(tx)
        assert names(admin) == []
        await check_whole(db, 1)


async def test_a_reply_that_was_not_read_to_its_end_is_nobody_elses(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = make.user(name="Bea")
    for _ in range(2):
        async with db.transaction() as tx:
            await tx.users.find_by_id(user_id)

    def interrupted(_: object) -> Any:
        raise Undo

    with pytest.raises(Unavailable):
        async with db.transaction() as tx:
            with monkeypatch.context() as patch, pytest.raises(Undo):
                patch.setattr("vrooli_data._opening.generators.fetch", interrupted)
                await write_by_query(tx)
            with pytest.raises(VrooliDataError):
                await tx.users.find_by_id(user_id)
    assert names(admin) == ["Bea"]
    await check_whole(db, 1)


async def test_a_connection_that_was_idle_too_long_before_the_first_statement_is_replaced(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async with db.transaction() as tx:
        runner: Any = tx._runner
        pgconn = runner._connection.pgconn
        process = pgconn.backend_pid
        # Behind the layer's back: otherwise the transaction would have begun.
        pgconn.exec_(b"SET idle_session_timeout = 1")
        await until(
            admin, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)", process
        )
        await write_by_query(tx)
    assert names(admin) == ["Ada"]
    await check_whole(db, 1)


async def test_a_lent_connection_is_not_replaced(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_once_at(b"Ada", Way.DROP_REPLY)
    with pytest.raises(Unavailable):
        async with db.transaction() as tx:
            assert not tx.connection.closed
            await tx.users.create(CreateUser(name="Ada"))
    assert (proxy.failures, names(admin)) == (1, [])


async def write_by_pgconn(tx: AsyncTransaction) -> None:
    result = tx.connection.pgconn.exec_(
        b"INSERT INTO users (public_id, name) VALUES ('ada000000000', 'Ada')"
    )
    assert result.status == ExecStatus.COMMAND_OK


@pytest.mark.parametrize("is_tracked", [True, False])
async def test_what_libpq_sends_first_on_the_lent_connection_is_part_of_the_transaction(
    database_url: str, admin: Connection[Any], is_tracked: bool
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        with pytest.raises(Undo):
            async with db.transaction(track_commit=is_tracked) as tx:
                await write_by_pgconn(tx)
                raise Undo
        assert names(admin) == []
        async with db.transaction(track_commit=is_tracked, timeout=PATIENCE) as tx:
            await write_by_pgconn(tx)
        async with db.transaction(track_commit=is_tracked, timeout=PATIENCE) as tx:
            tx.connection.pgconn.exec_(b"SELECT 1")
            await tx.users.create(CreateUser(name="Bea"))
            cursor = await tx.connection.execute("SHOW statement_timeout")
            assert await cursor.fetchone() == (f"{PATIENCE / 60:g}min",)
        assert names(admin) == ["Ada", "Bea"]
        with pytest.raises(TransactionAborted, match="was caught there"):
            async with db.transaction() as tx:
                tx.connection.pgconn.exec_(b"NONSENSE")
        await check_whole(db, 1)


@pytest.mark.parametrize("is_tracked", [True, False])
async def test_a_transaction_that_libpq_ends_on_the_lent_connection_is_reported_so(
    database_url: str, admin: Connection[Any], is_tracked: bool
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        # On the asynchronous face, the call has read the reply that holds the xid.
        with pytest.raises((InvalidUse, CommitUnknown), match="ended inside its block"):
            async with db.transaction(track_commit=is_tracked) as tx:
                await write_by_pgconn(tx)
                tx.connection.pgconn.exec_(b"COMMIT")
        assert names(admin) == ["Ada"]
        await check_whole(db, 1)


@pytest.mark.parametrize("is_undone", [False, True])
async def test_a_connection_that_is_lent_and_not_used_stays_in_the_pool(
    database_url: str, is_undone: bool
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        async with db.connection() as held:
            process = held.connection.info.backend_pid
        with suppress(Undo):
            async with db.transaction(timeout=PATIENCE) as tx:
                assert tx.connection is tx.connection
                if is_undone:
                    raise Undo
        async with db.connection() as held:
            assert held.connection.info.backend_pid == process
        await check_whole(db, 1)


@pytest.mark.parametrize("write", [write_by_query, write_by_connection, write_behind_savepoint])
async def test_a_lent_connection_does_not_hold_up_what_comes_first(
    db: AsyncDatabase, admin: Connection[Any], write: Use[AsyncTransaction]
) -> None:
    async with db.transaction() as tx:
        connection = tx.connection
        await write(tx)
        cursor = await connection.execute("SELECT count(*) FROM users WHERE name = 'Ada'")
        assert await cursor.fetchone() == (1,)
    assert names(admin) == ["Ada"]
    await check_whole(db, 1)


@pytest.mark.parametrize("way", [Way.CUT_BEFORE, Way.DROP_REPLY])
@pytest.mark.parametrize("write", [write_by_connection, write_by_connections_copy])
async def test_a_begin_that_is_lost_on_a_lent_connection_is_a_new_attempt(
    db: AsyncDatabase,
    proxy: Proxy,
    admin: Connection[Any],
    way: Way,
    write: Use[AsyncTransaction],
) -> None:
    proxy.fail_once_at(b"BEGIN", way)
    await db.transact(write)
    assert (proxy.failures, names(admin)) == (1, ["Ada"])
    proxy.fail_once_at(b"BEGIN", way)
    with suppress(Unavailable):
        async with db.transaction() as tx:
            assert not tx.connection.closed
    assert proxy.failures == 2
    await check_whole(db, 1)


async def test_a_commit_that_is_lost_after_a_lent_connection_was_used_is_found(
    db: AsyncDatabase, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_once_at_commit(b"ada000000000", Way.DROP_REPLY)
    async with db.transaction() as tx:
        await write_by_connection(tx)
    assert (proxy.failures, names(admin)) == (1, ["Ada"])


@pytest.mark.parametrize("lost", [None, b"DEALLOCATE ALL"])
async def test_a_stale_statement_that_comes_first_is_prepared_again(
    database_url: str, admin: Connection[Any], lost: bytes | None
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        for _ in range(2):
            await create(db, "Warm")
        if lost is None:
            admin.execute("ALTER TABLE users ALTER name TYPE varchar(300)")
        else:
            async with db.connection() as held:
                session: Any = held._runner._session
            # Behind the layer's back.
            session.connection.pgconn.exec_(lost)
        await create(db, "Ada")
        assert names(admin) == ["Ada"]
        await check_whole(db, 1)


async def test_nothing_is_written_after_an_interruption_while_a_statement_is_prepared_again(
    database_url: str, admin: Connection[Any]
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1) as db:
        for _ in range(2):
            await create(db, "Warm")
        admin.execute("ALTER TABLE users ALTER name TYPE varchar(300)")
        with pytest.raises(TransactionAborted, match="was caught there"):
            async with db.transaction() as tx:
                session: Any = tx._runner._session
                command = session.command

                async def interrupted(statement: bytes) -> None:
                    session.command = command
                    await command(statement)
                    raise Undo

                session.command = interrupted
                with pytest.raises(Undo):
                    await write_by_query(tx)
                with pytest.raises(TransactionAborted):
                    await write_by_query(tx)
        assert names(admin) == []
        await create(db, "Ada")
        assert names(admin) == ["Ada"]
        await check_whole(db, 1)


async def test_the_timeout_limits_the_first_statement(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Ada")
    await create(db, "Warm", timeout=PATIENCE)
    async with db.transaction() as tx:
        assert await tx.users.update(user_id, UpdateUser(name="Bea")) is not None
    with admin.transaction():
        admin.execute("SELECT FROM users WHERE id = %s FOR UPDATE", (user_id,))
        with pytest.raises(Timeout):
            async with db.transaction(timeout=0.1) as tx:
                await tx.users.update(user_id, UpdateUser(name="Eve"))
    await check_whole(db, 1)


async def test_a_snapshot_is_that_of_the_first_statement(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    async with db.transaction(isolation="repeatable read") as tx:
        first = make.user()
        assert await tx.users.find_by_id(first) is not None
        second = make.user()
        assert await tx.users.find_by_id(second) is None


async def test_a_first_statement_is_reported_once_with_its_own_name(
    database_url: str, admin: Connection[Any]
) -> None:
    events: list[QueryEvent] = []
    async with AsyncDatabase.connect(database_url, max_size=1, on_query=events.append) as db:
        await create(db, "Ada")
        events.clear()
        async with db.transaction() as tx:
            await tx.users.create(CreateUser(name="Bea", handle="bea_lovelace"))
        with pytest.raises(AlreadyExists):
            async with db.transaction() as tx:
                await tx.users.create(CreateUser(name="Eve", handle="bea_lovelace"))
    assert [(event.name, event.rows, event.sqlstate) for event in events] == [
        ("users.create", 1, None),
        ("users.create", 0, "23505"),
    ]
