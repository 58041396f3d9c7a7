# Generated from tests/_async/test_lent.py by tools/unasync.py. Do not edit.
"""What is done through `.connection` does not reach the next user of the pool's connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeAlias

import psycopg
import pytest
from psycopg import Connection, RawCursor, ServerCursor
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from tests.factories import Factory
from vrooli_data import (
    CreateUser,
    Database,
    HeldConnection,
    InvalidUse,
    Transaction,
    TransactionAborted,
)

from ._compat import Started, Use, set_autocommit, set_transactions, until, until_waiting
from .whole_pool import check_whole

Spoil: TypeAlias = Use[Connection[Any]]
Owner: TypeAlias = HeldConnection | Transaction

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
    def spoil(connection: Connection[Any]) -> None:
        for statement in statements:
            connection.execute(statement.encode())

    return spoil


def set_attributes(connection: Connection[Any]) -> None:
    connection.row_factory = dict_row
    connection.cursor_factory = RawCursor
    connection.server_cursor_factory = Unusable
    connection.prepare_threshold = None
    connection.prepared_max = 1
    connection.adapters.register_loader("text", Upper)
    connection.add_notice_handler(fail)
    connection.add_notify_handler(fail)
    # What an application may think of.
    connection.tenant = "a"  # type: ignore[attr-defined]


class Unusable(ServerCursor[Any]):
    """A cursor that nobody else wants."""


def fail(_: object) -> None:
    raise AssertionError


def prepare_by_libpq(connection: Connection[Any]) -> None:
    connection.pgconn.prepare(b"mine", b"SELECT 'spoilt'")


def lose_prepared(connection: Connection[Any]) -> None:
    # Behind psycopg's back.
    connection.pgconn.exec_(b"DEALLOCATE ALL")


def prepare_by_psycopg(connection: Connection[Any]) -> None:
    for _ in range(8):
        connection.execute("SELECT 1")


def fill_a_pipeline(connection: Connection[Any]) -> None:
    connection.pipeline().__enter__()
    connection.execute("SELECT 1")


def leave_a_stream(connection: Connection[Any]) -> None:
    stream = connection.cursor().stream("SELECT generate_series(1, 100000)")
    KEPT.append(stream)
    for _ in stream:
        break


def close(connection: Connection[Any]) -> None:
    connection.close()


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


@contextmanager
def held(db: Database) -> Iterator[Owner]:
    with db.connection() as held:
        yield held


@contextmanager
def transaction(db: Database) -> Iterator[Owner]:
    with db.transaction() as tx:
        yield tx


def state(db: Database) -> tuple[Any, ...]:
    """Look through a connection that nobody has used beside the layer."""
    with db.connection() as held:
        connection = held.connection
        row = (connection.execute(STATE, prepare=False)).fetchone()
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
        connection.execute("DO $$ BEGIN RAISE WARNING 'heard by nobody'; END $$")
        return (*(row or ()), *attributes)


def pid(db: Database) -> int:
    with db.connection() as held:
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
def test_what_was_done_to_a_connection_ends_with_its_block(
    database_url: str,
    make: Factory,
    caplog: pytest.LogCaptureFixture,
    owner: Callable[[Database], Any],
    spoil: Spoil,
) -> None:
    user_id = make.user()
    with Database.connect(database_url, max_size=1, statement_timeout=30) as db:
        db.users.find_by_id(user_id)
        before = state(db)
        for _ in range(2):
            with owner(db) as lent:
                spoil(lent.connection)
            # Each borrows the same connection, or the one in its place.
            ada = db.users.create(CreateUser(name="Ada"))
            assert db.users.find_by_id(ada.id) == ada
            assert db.transact(lambda tx: tx.users.find_by_id(user_id)) is not None
            assert state(db) == before
    assert "heard by nobody" not in caplog.text
    # Nothing that was acknowledged is lost, and nothing else is there.
    rows = make.connection.execute("SELECT name FROM users WHERE id <> %s", (user_id,))
    assert rows.fetchall() == [("Ada",)] * 2


def test_what_is_set_on_a_connection_is_not_the_layers(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="ada")
    with db.connection() as held:
        set_attributes(held.connection)
        set_autocommit(held.connection)
        held.connection.rollback()
        user = held.users.find_by_id(user_id)
        assert user is not None
        assert (user.id, user.name) == (user_id, "ada")
        held.users.create(CreateUser(name="Eve"))
        # Its own is what it set.
        cursor = held.connection.execute("SELECT 'ada' AS name")
        row: object = cursor.fetchone()
        assert row == {"name": "ADA"}
    with db.transaction() as tx:
        set_attributes(tx.connection)
        assert (tx.users.find_by_id(user_id)) == user
    assert admin.execute("SELECT name FROM users ORDER BY id").fetchall() == [("ada",), ("Eve",)]


@pytest.mark.parametrize("owner", [held, transaction])
def test_a_connection_that_is_kept_leads_nowhere(
    database_url: str, owner: Callable[[Database], Any]
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        before = state(db)
        with owner(db) as lent:
            kept = lent.connection
            cursor = kept.cursor()
            assert kept is lent.connection
        for use in (kept, cursor):
            with pytest.raises(psycopg.OperationalError):
                use.execute("SET TimeZone = 'Asia/Tokyo'")
        kept.row_factory = dict_row
        kept.add_notice_handler(fail)
        kept.close()
        assert kept.closed
        assert state(db) == before


def test_a_connection_that_is_in_use_at_the_end_is_discarded(
    database_url: str, admin: Connection[Any]
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        with db.connection() as held:
            sleeper = held.connection
            number = sleeper.info.backend_pid
            sleeping = Started(lambda: sleeper.execute("SELECT pg_sleep(60)"))
            until(
                admin,
                "SELECT count(*) = 1 FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event = 'PgSleep'",
            )
        with pytest.raises(psycopg.OperationalError):
            sleeping.result()
        assert pid(db) != number
        check_whole(db, 1)


def test_only_a_connection_that_was_lent_out_is_restored(
    database_url: str, admin: Connection[Any]
) -> None:
    with Database.connect(database_url, max_size=1) as db:
        number = pid(db)
        last = "SELECT query FROM pg_stat_activity WHERE pid = %s"

        def was_restored() -> bool:
            ((query,),) = admin.execute(last, (number,)).fetchall()
            return str(query).startswith("/* vrooli_data:set_session */")

        assert was_restored()
        with db.connection() as held:
            held.users.find_by_handle("ada")
        assert not was_restored()
        db.transact(lambda tx: tx.users.find_by_handle("ada"))
        assert not was_restored()
        assert pid(db) == number
        assert was_restored()


def test_calls_join_a_transaction_that_their_caller_began(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Ada")
    for end, left in ((b"ROLLBACK", [("Ada",)]), (b"COMMIT", [("Eve",)])):
        with db.connection() as held:
            held.connection.execute("BEGIN")
            held.users.create(CreateUser(name="Eve"))
            # Of several statements.
            assert held.users.delete(user_id)
            held.connection.execute(end)
        assert admin.execute("SELECT name FROM users").fetchall() == left


def test_a_write_in_a_transaction_that_is_left_open_is_not_lost_in_silence(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Ada")

    def create(held: HeldConnection) -> None:
        held.users.create(CreateUser(name="Eve"))

    def delete(held: HeldConnection) -> None:
        held.users.delete(user_id)

    for write in (create, delete):
        with pytest.raises(TransactionAborted, match="still open at the end of the block"):
            with db.connection() as held:
                set_autocommit(held.connection)
                write(held)
        with pytest.raises(ZeroDivisionError):
            with db.connection() as held:
                set_autocommit(held.connection)
                write(held)
                raise ZeroDivisionError
    assert admin.execute("SELECT name FROM users").fetchall() == [("Ada",)]
    with db.connection() as held:
        create(held)
        # Nothing is lost with this one.
        set_autocommit(held.connection)
    check_whole(db, 4)


@contextmanager
def copy_in(connection: Connection[Any]) -> Iterator[None]:
    connection.execute("CREATE TEMP TABLE copied (id int)")
    with connection.cursor().copy("COPY pg_temp.copied FROM STDIN") as copy:
        copy.write_row((1,))
        yield


@contextmanager
def copy_out(connection: Connection[Any]) -> Iterator[None]:
    statement = "COPY (SELECT generate_series(1, 1000)) TO STDOUT"
    with connection.cursor().copy(statement) as copy:
        assert copy.read_row() == ("1",)
        yield
        # Otherwise psycopg cancels it, which aborts a transaction.
        while copy.read_row() is not None:
            pass


@contextmanager
def stream(connection: Connection[Any]) -> Iterator[None]:
    count = 0
    for _ in connection.cursor().stream("SELECT generate_series(1, 10000)"):
        count += 1
        if count == 1:
            yield
    assert count == 10_000


@contextmanager
def pipeline(connection: Connection[Any]) -> Iterator[None]:
    with connection.pipeline():
        yield


def savepoint(owner: Any) -> None:
    with owner.savepoint():
        pass


#: What is left open, and what a refusal says.
LEFT_OPEN: dict[str, tuple[Callable[[Connection[Any]], Any], str]] = {
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
def test_a_call_inside_what_is_left_open_is_refused_at_once(
    db: Database,
    owner: Callable[[Database], Any],
    leave_open: Callable[[Connection[Any]], Any],
    problem: str,
    call: Use[Owner],
) -> None:
    with owner(db) as lent:
        with leave_open(lent.connection):
            with pytest.raises(InvalidUse, match=problem):
                call(lent)
        # It has broken nothing, and the same call is made after the block.
        call(lent)
    check_whole(db, 4)


def test_a_stream_that_was_dropped_does_not_refuse_the_next_call(db: Database) -> None:
    with db.connection() as held:
        for _ in held.connection.cursor().stream("SELECT generate_series(1, 100000)"):
            break
        assert held.users.find_by_handle("ada") is None
    check_whole(db, 4)


@pytest.mark.slow("what is left open on a lent connection")
@pytest.mark.parametrize("rows", [10, 100_000])
@pytest.mark.parametrize(("owner", "call"), OF_OWNERS)
def test_a_call_after_a_copy_that_was_left_early_is_refused(
    db: Database, owner: Callable[[Database], Any], call: Use[Owner], rows: int
) -> None:
    statement = f"COPY (SELECT repeat('a', 1000) FROM generate_series(1, {rows})) TO STDOUT"
    # COMMIT finds what is left open as well; a held connection is discarded without a word.
    told = pytest.raises(InvalidUse, match="still under way")
    with told if owner is transaction else nullcontext():
        with owner(db) as lent:
            with lent.connection.cursor().copy(statement) as copy:
                copy.read()
            with pytest.raises(InvalidUse, match="was not read to its end: read every row"):
                call(lent)
    check_whole(db, 4)


def test_a_statement_of_another_task_or_thread_is_waited_for(
    db: Database, admin: Connection[Any]
) -> None:
    admin.execute("SELECT pg_advisory_lock(8)")
    with db.connection() as held:
        locker = held.connection
        locking = Started(lambda: locker.execute("SELECT pg_advisory_xact_lock(8)"))
        until_waiting(admin)
        reading = Started(lambda: held.users.find_by_handle("ada"))
        admin.execute("SELECT pg_advisory_unlock(8)")
        assert reading.result() is None
        locking.result()
    check_whole(db, 4)
