# Generated from tests/_async/test_handing_over.py by tools/unasync.py. Do not edit.
"""One transaction, or one held connection, in several hands: one after the other, never at once."""

from __future__ import annotations

import gc
import weakref
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo

from tests.factories import Factory
from vrooli_data import (
    CreateUser,
    Database,
    DatabaseError,
    InvalidUse,
    Timeout,
    Transaction,
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


def create(tx: Transaction, name: str) -> User:
    return tx.users.create(CreateUser(name=name))


def create_behind_savepoint(tx: Transaction, name: str) -> None:
    with tx.savepoint():
        create(tx, name)
    with pytest.raises(ZeroDivisionError):
        with tx.savepoint():
            create(tx, "Lost")
            raise ZeroDivisionError


def rename(tx: Transaction, user_id: int) -> User | None:
    return tx.users.update(user_id, UpdateUser(name="Renamed"))


def test_each_step_of_a_transaction_may_be_in_other_hands(
    db: Database, admin: Connection[Any]
) -> None:
    seen: list[list[str]] = []

    def look() -> None:
        seen.append(names(admin))

    block = db.transaction()
    tx = Started(block.__enter__).result()
    Started(partial(create, tx, "Ada")).result()
    Started(partial(create_behind_savepoint, tx, "Bea")).result()
    tx.on_commit(look)
    Started(partial(tx.try_each, ["Cleo"], partial(create, tx))).result()
    assert names(admin) == []
    Started(partial(block.__exit__, None, None, None)).result()
    assert seen == [["Ada", "Bea", "Cleo"]]
    check_whole(db, SIZE)


def test_attempts_may_be_in_other_hands(db: Database, admin: Connection[Any]) -> None:
    attempt = db.retrying().__next__()
    block = db.serializable()
    Started(attempt.__enter__).result()
    tx = Started(block.__enter__).result()
    Started(partial(create, tx, "Ada")).result()
    for each in (block, attempt):
        Started(partial(each.__exit__, None, None, None)).result()
    assert names(admin) == ["Ada"]
    check_whole(db, SIZE)


def test_a_savepoint_opened_in_one_hand_may_be_undone_in_another(
    db: Database, admin: Connection[Any]
) -> None:
    with db.transaction() as tx:
        create(tx, "Ada")
        savepoint = tx.savepoint()
        Started(savepoint.__enter__).result()
        Started(partial(create, tx, "Lost")).result()
        error = ZeroDivisionError()
        Started(partial(savepoint.__exit__, type(error), error, None)).result()
    assert names(admin) == ["Ada"]


def test_two_at_once_are_refused_in_every_method_and_harm_nothing(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()

    def nothing() -> None:
        raise AssertionError

    with db.transaction() as tx:
        with admin.transaction():
            admin.execute(LOCK, (user_id,))
            other = Started(partial(rename, tx, user_id))
            until_waiting(admin)
            with pytest.raises(InvalidUse, match="another call is under way"):
                create(tx, "Lost")
            with pytest.raises(InvalidUse, match="another call is under way"):
                tx.users.delete(user_id)
            with pytest.raises(InvalidUse, match="another call is under way"):
                with tx.savepoint():
                    raise AssertionError
            with pytest.raises(InvalidUse, match="another call is under way"):
                tx.try_each(["Lost"], partial(create, tx))
            with pytest.raises(InvalidUse, match="another call is under way"):
                tx.on_commit(nothing)
            with pytest.raises(InvalidUse, match="another call is under way"):
                _ = tx.connection
        assert other.result() is not None
        create(tx, "Ada")
    assert names(admin) == ["Ada", "Renamed"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_call_that_outlives_the_block_is_undone_with_it(
    db: Database, admin: Connection[Any], make: Factory, fails: bool
) -> None:
    user_id = make.user(name="Eve")
    seen = ZeroDivisionError if fails else InvalidUse
    with admin.transaction():
        admin.execute(LOCK, (user_id,))
        with pytest.raises(seen, match=None if fails else "still under way at the end"):
            with db.transaction() as tx:
                create(tx, "Lost")
                other = Started(partial(rename, tx, user_id))
                until_waiting(admin)
                if fails:
                    raise ZeroDivisionError
        with pytest.raises(Unavailable):
            other.result()
    check_whole(db, SIZE)
    assert names(admin) == ["Eve"]


def test_a_call_through_psycopg_that_outlives_the_block_is_undone_with_it(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Eve")
    with admin.transaction():
        admin.execute(LOCK, (user_id,))
        with pytest.raises(InvalidUse, match="still under way at the end"):
            with db.transaction() as tx:
                create(tx, "Lost")
                connection = tx.connection
                statement = partial(connection.execute, "UPDATE users SET name = 'Lost'")
                other = Started(statement)
                until_waiting(admin)
        with pytest.raises(psycopg.OperationalError):
            other.result()
    check_whole(db, SIZE)
    assert names(admin) == ["Eve"]


def test_a_call_through_psycopg_that_has_sent_nothing_is_undone_with_the_block(
    db: Database, admin: Connection[Any]
) -> None:
    def listen(connection: Connection[Any]) -> None:
        for _ in connection.notifies():
            raise AssertionError

    with pytest.raises(InvalidUse, match="still under way at the end"):
        with db.transaction() as tx:
            create(tx, "Lost")
            connection = tx.connection
            other = Started(partial(listen, connection))
            while not connection.lock.locked():
                pause(0.001)
    with pytest.raises(psycopg.OperationalError):
        other.result()
    check_whole(db, SIZE)
    assert names(admin) == []


def leave_copy_in(connection: Connection[Any]) -> object:
    copying = connection.cursor().copy("COPY users (public_id, name) FROM STDIN")
    copying.__enter__()
    return copying


def leave_copy_out(connection: Connection[Any]) -> object:
    copying = connection.cursor().copy("COPY (SELECT generate_series(1, 100000)) TO STDOUT")
    copying.__enter__()
    return copying


def leave_stream(connection: Connection[Any]) -> object:
    stream = connection.cursor().stream("SELECT generate_series(1, 100000)")
    next(stream)
    return stream


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("leave", [leave_copy_in, leave_copy_out, leave_stream])
def test_what_is_left_open_through_psycopg_is_undone_with_the_block(
    db: Database, admin: Connection[Any], leave: Use[Connection[Any]], fails: bool
) -> None:
    kept: list[object] = []
    seen = ZeroDivisionError if fails else InvalidUse
    with pytest.raises(seen, match=None if fails else "still under way at the end"):
        with db.transaction() as tx:
            create(tx, "Lost")
            kept.append(leave(tx.connection))
            if fails:
                raise ZeroDivisionError
    check_whole(db, SIZE)
    assert names(admin) == []


@pytest.mark.parametrize("leave", [leave_copy_in, leave_copy_out, leave_stream])
def test_what_is_left_open_through_psycopg_in_a_savepoint_is_undone_with_the_transaction(
    db: Database, admin: Connection[Any], leave: Use[Connection[Any]]
) -> None:
    kept: list[object] = []
    with pytest.raises(ZeroDivisionError):
        with db.transaction() as tx, tx.savepoint():
            create(tx, "Lost")
            kept.append(leave(tx.connection))
            raise ZeroDivisionError
    check_whole(db, SIZE)
    assert names(admin) == []


def test_a_call_that_outlives_its_savepoint_is_undone_with_the_transaction(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Eve")
    with admin.transaction():
        admin.execute(LOCK, (user_id,))
        with pytest.raises(ZeroDivisionError):
            with db.transaction() as tx:
                create(tx, "Lost")
                with tx.savepoint():
                    other = Started(partial(rename, tx, user_id))
                    until_waiting(admin)
                    raise ZeroDivisionError
        with pytest.raises(Unavailable):
            other.result()
    check_whole(db, SIZE)
    assert names(admin) == ["Eve"]


def test_a_lone_write_does_not_slip_into_what_fails_beside_it(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    """A held connection serves one call at a time, and methods of several statements whole."""
    user_id = make.user(name="Eve")
    admin.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
        " CREATE TRIGGER refuse BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    with db.connection() as held:
        with admin.transaction():
            admin.execute(LOCK, (user_id,))
            # It has locked the user when its second statement fails.
            deletion = Started(partial(held.users.delete, user_id))
            until_waiting(admin)
            creation = Started(partial(held.users.create, CreateUser(name="Ada")))
            pause(0)
        with pytest.raises(DatabaseError):
            deletion.result()
        creation.result()
    assert names(admin) == ["Ada", "Eve"]


def lose(connection: Connection[Any], user_id: int) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute(LOCK, (user_id,))


def test_a_session_that_is_closed_under_a_call_is_freed_by_the_last_to_leave(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    with admin.transaction():
        admin.execute(LOCK, (user_id,))
        with db.connection() as held:
            connection = held.connection
            pgconn: Any = connection.pgconn
            other = Started(partial(lose, connection, user_id))
            until_waiting(admin)
            connection.close()
            # The other call is still inside libpq.
            assert pgconn.pgconn_ptr is not None
            other.result()
            with pytest.raises(Unavailable):
                held.users.find_by_id(user_id)
    session = weakref.ref(pgconn)
    del connection, pgconn, other, held
    gc.collect()
    assert session() is None
    check_whole(db, SIZE)


def test_a_held_connection_is_given_back_when_its_last_call_has_ended(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Eve")
    url = conninfo.make_conninfo(database_url, options="-c lock_timeout=300ms")
    with Database.connect(url, max_size=1) as db:
        with admin.transaction():
            admin.execute(LOCK, (user_id,))
            with db.connection() as held:
                renaming = partial(held.users.update, user_id, UpdateUser(name="Renamed"))
                renamed = Started(renaming)
                until_waiting(admin)
            # The block has waited for the server's verdict.
            assert db.users.find_by_id(user_id) is not None
            with pytest.raises(Timeout):
                renamed.result()
        with pytest.raises(InvalidUse, match="given back"):
            renaming()
        check_whole(db, 1)
    assert names(admin) == ["Eve"]
