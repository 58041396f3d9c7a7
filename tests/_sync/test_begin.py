# Generated from tests/_async/test_begin.py by tools/unasync.py. Do not edit.
"""BEGIN travels with the first statement of a transaction, and nothing comes before it."""

from __future__ import annotations

from collections.abc import Iterator
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
    CommitUnknown,
    CreateUser,
    Database,
    InvalidUse,
    QueryEvent,
    Timeout,
    Transaction,
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
def db(proxy: Proxy) -> Iterator[Database]:
    """Open the test's database through the proxy, with one connection that has prepared a write."""
    with Database.connect(
        proxy.url, min_size=1, max_size=1, timeout=PATIENCE, commit_timeout=PATIENCE
    ) as database:
        for _ in range(2):
            create(database, "Warm")
        yield database


def create(db: Database, name: str, **options: Any) -> None:
    with db.transaction(**options) as tx:
        tx.users.create(CreateUser(name=name))


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
def test_a_transaction_of_one_write_takes_two_round_trips(
    db: Database, proxy: Proxy, admin: Connection[Any], options: dict[str, Any]
) -> None:
    create(db, "Warm", **options)
    before = proxy.requests
    create(db, "Ada", **options)
    assert proxy.requests - before == 2
    assert names(admin) == ["Ada"]


def test_a_transaction_of_one_read_takes_two_round_trips(
    db: Database, proxy: Proxy, make: Factory
) -> None:
    user_id = make.user()

    def read() -> None:
        with db.transaction(read_only=True, isolation="repeatable read") as tx:
            assert tx.users.find_by_id(user_id) is not None

    read()
    before = proxy.requests
    read()
    assert proxy.requests - before == 2


def test_a_transaction_without_a_statement_sends_nothing(db: Database, proxy: Proxy) -> None:
    called: list[str] = []

    def callback() -> None:
        called.append("committed")

    before = proxy.requests
    with db.transaction() as tx:
        tx.on_commit(callback)
    with pytest.raises(Undo):
        with db.transaction():
            raise Undo
    assert proxy.requests == before
    assert called == ["committed"]


def write_by_query(tx: Transaction) -> None:
    tx.users.create(CreateUser(name="Ada"))


def write_by_connection(tx: Transaction) -> None:
    tx.connection.execute("INSERT INTO users (public_id, name) VALUES ('ada000000000', 'Ada')")


def write_in_nested_transaction(tx: Transaction) -> None:
    with tx.connection.transaction(), tx.connection.pipeline():
        write_by_connection(tx)


def write_behind_savepoint(tx: Transaction) -> None:
    with tx.savepoint():
        tx.users.create(CreateUser(name="Ada"))


def write_by_copy(tx: Transaction) -> None:
    tx.users.bulk_create([CreateUser(name="Ada")])


def write_by_connections_copy(tx: Transaction) -> None:
    with (
        tx.connection.cursor() as cursor,
        cursor.copy("COPY users (public_id, name) FROM STDIN") as copy,
    ):
        copy.write_row(("ada000000000", "Ada"))


def write_for_each(tx: Transaction) -> None:
    def work(name: str) -> None:
        tx.users.create(CreateUser(name=name))

    tx.try_each(["Ada"], work)


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
def test_whatever_comes_first_is_part_of_the_transaction(
    database_url: str,
    admin: Connection[Any],
    write: Use[Transaction],
    is_prepared: bool,
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        if is_prepared:
            create(db, "Warm")
        with pytest.raises(Undo):
            with db.transaction() as tx:
                write(tx)
                raise Undo
        assert names(admin) == []
        with db.transaction(isolation="serializable", timeout=PATIENCE) as tx:
            write(tx)
            cursor = tx.connection.execute(
                "SELECT current_setting('transaction_isolation'),"
                " current_setting('statement_timeout')"
            )
            assert cursor.fetchone() == ("serializable", f"{PATIENCE / 60:g}min")
        assert names(admin) == ["Ada"]
        check_whole(db, 1)


def test_the_first_statements_error_is_raised_where_it_is_called(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    make.user(name="Bea", handle="bea_lovelace")
    with pytest.raises(TransactionAborted, match="was caught there"):
        with db.transaction() as tx:
            with pytest.raises(AlreadyExists):
                tx.users.create(CreateUser(name="Eve", handle="bea_lovelace"))
            with pytest.raises(TransactionAborted):
                tx.users.create(CreateUser(name="Ada"))
    assert names(admin) == ["Bea"]
    check_whole(db, 1)


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_executed_when_the_server_refuses_to_begin(
    db: Database,
    admin: Connection[Any],
    write: Use[Transaction],
) -> None:
    with pytest.raises(TransactionAborted, match="was caught there"):
        with db.transaction() as tx:
            opening: Any = tx._runner._opening
            opening._opener = opening._opener._replace(statements=(b"BEGIN NONSENSE",))
            for _ in range(2):
                with pytest.raises((VrooliDataError, psycopg.Error)) as caught:
                    write(tx)
                # The latter for what comes after the refusal.
                assert getattr(caught.value, "sqlstate", None) in ("42601", "25P02")
    assert names(admin) == []
    create(db, "Ada")
    assert names(admin) == ["Ada"]
    check_whole(db, 1)


@pytest.mark.parametrize("way", [Way.CUT_BEFORE, Way.CUT_AFTER, Way.DROP_REPLY])
def test_a_first_statement_that_is_lost_is_sent_on_another_connection(
    db: Database, proxy: Proxy, admin: Connection[Any], way: Way
) -> None:
    for name, options in {"Ada": {}, "Eve": {"timeout": PATIENCE}}.items():
        proxy.fail_once_at(name.encode(), way)
        create(db, name, **options)
    assert proxy.failures == 2
    assert names(admin) == ["Ada", "Eve"]
    check_whole(db, 1)


def test_a_savepoint_that_comes_first_and_is_lost_is_sent_on_another_connection(
    db: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_once_at(b"BEGIN", Way.DROP_REPLY)
    with db.transaction() as tx, tx.savepoint():
        tx.users.create(CreateUser(name="Ada"))
    assert (proxy.failures, names(admin)) == (1, ["Ada"])


def test_a_statement_that_ends_a_new_connection_too_is_not_sent_again(
    db: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_at(b"Ada", Way.DROP_REPLY)
    with pytest.raises(Unavailable):
        create(db, "Ada")
    # A new connection prepares the statement, after BEGIN by itself.
    assert proxy.failures == 2
    proxy.fail_no_more()
    assert names(admin) == []
    check_whole(db, 1)


def test_nothing_is_written_after_a_first_statement_that_was_interrupted_and_lost(
    db: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_once_at(b"Ada", Way.DROP_REPLY)
    with pytest.raises(Unavailable, match="lost before COMMIT"):
        with db.transaction() as tx:
            runner: Any = tx._runner
            replace = runner._replace

            def interrupted(error: VrooliDataError) -> None:
                runner._replace = replace
                raise Undo

            runner._replace = interrupted
            with pytest.raises(Undo):
                write_by_query(tx)
            for write in (write_by_query, write_behind_savepoint, write_by_copy):
                with pytest.raises(VrooliDataError):
                    write(tx)
    assert (proxy.failures, names(admin)) == (1, [])
    create(db, "Ada")
    assert names(admin) == ["Ada"]
    check_whole(db, 1)


@pytest.mark.parametrize("is_prepared", [True, False])
def test_what_was_interrupted_at_the_reply_to_begin_is_rolled_back(
    database_url: str, admin: Connection[Any], is_prepared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> bool:
        raise Undo

    with Database.connect(database_url, max_size=1) as db:
        if is_prepared:
            create(db, "Warm")
            create(db, "Warm")
        with pytest.raises(TransactionAborted, match="was caught there"):
            with db.transaction() as tx:
                with monkeypatch.context() as patch, pytest.raises(Undo):
                    patch.setattr("vrooli_data._opening._has_begun", interrupted)
                    write_by_query(tx)
                with pytest.raises(TransactionAborted):
                    write_by_query(tx)
        assert names(admin) == []
        check_whole(db, 1)


def test_a_reply_that_was_not_read_to_its_end_is_nobody_elses(
    db: Database, admin: Connection[Any], make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = make.user(name="Bea")
    for _ in range(2):
        with db.transaction() as tx:
            tx.users.find_by_id(user_id)

    def interrupted(_: object) -> Any:
        raise Undo

    with pytest.raises(Unavailable):
        with db.transaction() as tx:
            with monkeypatch.context() as patch, pytest.raises(Undo):
                patch.setattr("vrooli_data._opening.generators.fetch", interrupted)
                write_by_query(tx)
            with pytest.raises(VrooliDataError):
                tx.users.find_by_id(user_id)
    assert names(admin) == ["Bea"]
    check_whole(db, 1)


def test_a_connection_that_was_idle_too_long_before_the_first_statement_is_replaced(
    db: Database, admin: Connection[Any]
) -> None:
    with db.transaction() as tx:
        runner: Any = tx._runner
        pgconn = runner._connection.pgconn
        process = pgconn.backend_pid
        # Behind the layer's back: otherwise the transaction would have begun.
        pgconn.exec_(b"SET idle_session_timeout = 1")
        until(admin, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)", process)
        write_by_query(tx)
    assert names(admin) == ["Ada"]
    check_whole(db, 1)


def test_a_lent_connection_is_not_replaced(
    db: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_once_at(b"Ada", Way.DROP_REPLY)
    with pytest.raises(Unavailable):
        with db.transaction() as tx:
            assert not tx.connection.closed
            tx.users.create(CreateUser(name="Ada"))
    assert (proxy.failures, names(admin)) == (1, [])


def write_by_pgconn(tx: Transaction) -> None:
    result = tx.connection.pgconn.exec_(
        b"INSERT INTO users (public_id, name) VALUES ('ada000000000', 'Ada')"
    )
    assert result.status == ExecStatus.COMMAND_OK


@pytest.mark.parametrize("is_tracked", [True, False])
def test_what_libpq_sends_first_on_the_lent_connection_is_part_of_the_transaction(
    database_url: str, admin: Connection[Any], is_tracked: bool
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        with pytest.raises(Undo):
            with db.transaction(track_commit=is_tracked) as tx:
                write_by_pgconn(tx)
                raise Undo
        assert names(admin) == []
        with db.transaction(track_commit=is_tracked, timeout=PATIENCE) as tx:
            write_by_pgconn(tx)
        with db.transaction(track_commit=is_tracked, timeout=PATIENCE) as tx:
            tx.connection.pgconn.exec_(b"SELECT 1")
            tx.users.create(CreateUser(name="Bea"))
            cursor = tx.connection.execute("SHOW statement_timeout")
            assert cursor.fetchone() == (f"{PATIENCE / 60:g}min",)
        assert names(admin) == ["Ada", "Bea"]
        with pytest.raises(TransactionAborted, match="was caught there"):
            with db.transaction() as tx:
                tx.connection.pgconn.exec_(b"NONSENSE")
        check_whole(db, 1)


@pytest.mark.parametrize("is_tracked", [True, False])
def test_a_transaction_that_libpq_ends_on_the_lent_connection_is_reported_so(
    database_url: str, admin: Connection[Any], is_tracked: bool
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        # On the asynchronous face, the call has read the reply that holds the xid.
        with pytest.raises((InvalidUse, CommitUnknown), match="ended inside its block"):
            with db.transaction(track_commit=is_tracked) as tx:
                write_by_pgconn(tx)
                tx.connection.pgconn.exec_(b"COMMIT")
        assert names(admin) == ["Ada"]
        check_whole(db, 1)


@pytest.mark.parametrize("is_undone", [False, True])
def test_a_connection_that_is_lent_and_not_used_stays_in_the_pool(
    database_url: str, is_undone: bool
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        with db.connection() as held:
            process = held.connection.info.backend_pid
        with suppress(Undo):
            with db.transaction(timeout=PATIENCE) as tx:
                assert tx.connection is tx.connection
                if is_undone:
                    raise Undo
        with db.connection() as held:
            assert held.connection.info.backend_pid == process
        check_whole(db, 1)


@pytest.mark.parametrize("write", [write_by_query, write_by_connection, write_behind_savepoint])
def test_a_lent_connection_does_not_hold_up_what_comes_first(
    db: Database, admin: Connection[Any], write: Use[Transaction]
) -> None:
    with db.transaction() as tx:
        connection = tx.connection
        write(tx)
        cursor = connection.execute("SELECT count(*) FROM users WHERE name = 'Ada'")
        assert cursor.fetchone() == (1,)
    assert names(admin) == ["Ada"]
    check_whole(db, 1)


@pytest.mark.parametrize("way", [Way.CUT_BEFORE, Way.DROP_REPLY])
@pytest.mark.parametrize("write", [write_by_connection, write_by_connections_copy])
def test_a_begin_that_is_lost_on_a_lent_connection_is_a_new_attempt(
    db: Database,
    proxy: Proxy,
    admin: Connection[Any],
    way: Way,
    write: Use[Transaction],
) -> None:
    proxy.fail_once_at(b"BEGIN", way)
    db.transact(write)
    assert (proxy.failures, names(admin)) == (1, ["Ada"])
    proxy.fail_once_at(b"BEGIN", way)
    with suppress(Unavailable):
        with db.transaction() as tx:
            assert not tx.connection.closed
    assert proxy.failures == 2
    check_whole(db, 1)


def test_a_commit_that_is_lost_after_a_lent_connection_was_used_is_found(
    db: Database, proxy: Proxy, admin: Connection[Any]
) -> None:
    proxy.fail_once_at_commit(b"ada000000000", Way.DROP_REPLY)
    with db.transaction() as tx:
        write_by_connection(tx)
    assert (proxy.failures, names(admin)) == (1, ["Ada"])


@pytest.mark.parametrize("lost", [None, b"DEALLOCATE ALL"])
def test_a_stale_statement_that_comes_first_is_prepared_again(
    database_url: str, admin: Connection[Any], lost: bytes | None
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        for _ in range(2):
            create(db, "Warm")
        if lost is None:
            admin.execute("ALTER TABLE users ALTER name TYPE varchar(300)")
        else:
            with db.connection() as held:
                session: Any = held._runner._session
            # Behind the layer's back.
            session.connection.pgconn.exec_(lost)
        create(db, "Ada")
        assert names(admin) == ["Ada"]
        check_whole(db, 1)


def test_nothing_is_written_after_an_interruption_while_a_statement_is_prepared_again(
    database_url: str, admin: Connection[Any]
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        for _ in range(2):
            create(db, "Warm")
        admin.execute("ALTER TABLE users ALTER name TYPE varchar(300)")
        with pytest.raises(TransactionAborted, match="was caught there"):
            with db.transaction() as tx:
                session: Any = tx._runner._session
                command = session.command

                def interrupted(statement: bytes) -> None:
                    session.command = command
                    command(statement)
                    raise Undo

                session.command = interrupted
                with pytest.raises(Undo):
                    write_by_query(tx)
                with pytest.raises(TransactionAborted):
                    write_by_query(tx)
        assert names(admin) == []
        create(db, "Ada")
        assert names(admin) == ["Ada"]
        check_whole(db, 1)


def test_the_timeout_limits_the_first_statement(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Ada")
    create(db, "Warm", timeout=PATIENCE)
    with db.transaction() as tx:
        assert tx.users.update(user_id, UpdateUser(name="Bea")) is not None
    with admin.transaction():
        admin.execute("SELECT FROM users WHERE id = %s FOR UPDATE", (user_id,))
        with pytest.raises(Timeout):
            with db.transaction(timeout=0.1) as tx:
                tx.users.update(user_id, UpdateUser(name="Eve"))
    check_whole(db, 1)


def test_a_snapshot_is_that_of_the_first_statement(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    with db.transaction(isolation="repeatable read") as tx:
        first = make.user()
        assert tx.users.find_by_id(first) is not None
        second = make.user()
        assert tx.users.find_by_id(second) is None


def test_a_first_statement_is_reported_once_with_its_own_name(
    database_url: str, admin: Connection[Any]
) -> None:
    events: list[QueryEvent] = []
    with Database.connect(database_url, max_size=1, on_query=events.append) as db:
        create(db, "Ada")
        events.clear()
        with db.transaction() as tx:
            tx.users.create(CreateUser(name="Bea", handle="bea_lovelace"))
        with pytest.raises(AlreadyExists):
            with db.transaction() as tx:
                tx.users.create(CreateUser(name="Eve", handle="bea_lovelace"))
    assert [(event.name, event.rows, event.sqlstate) for event in events] == [
        ("users.create", 1, None),
        ("users.create", 0, "23505"),
    ]
