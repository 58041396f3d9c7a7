# Generated from tests/_async/test_ends.py by tools/unasync.py. Do not edit.
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
    CreateUser,
    Database,
    InvalidInput,
    InvalidUse,
    Transaction,
)

from ._compat import Started, run_in
from .whole_pool import check_whole


def create(tx: Transaction, name: str = "Ada") -> None:
    tx.users.create(CreateUser(name=name))


def test_a_held_connection_ends_with_its_block(database_url: str) -> None:
    with Database.connect(database_url, max_size=1) as db:
        with db.connection() as held:
            pass
        # The same connection, in the hands of another.
        with db.transaction():
            with pytest.raises(InvalidUse, match="given back"):
                held.users.create(CreateUser(name="Ada"))
            with pytest.raises(InvalidUse, match="given back"):
                held.resources.increment_views("abcdefghijkl")
            with pytest.raises(InvalidUse, match="given back"):
                _ = held.connection


def test_a_transactions_connection_ends_with_its_block(db: Database) -> None:
    with db.transaction() as tx:
        pass
    with pytest.raises(InvalidUse, match="over"):
        _ = tx.connection
    with pytest.raises(InvalidUse, match="over"):
        tx.try_each([], partial(work, tx))


def work(tx: Transaction, item: int) -> None:
    raise AssertionError


def test_a_write_beside_the_open_transaction_is_refused_and_a_read_is_not(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    with db.transaction() as tx:
        with pytest.raises(InvalidUse, match=r"users\.create cannot begin inside a transaction"):
            db.users.create(CreateUser(name="Ada"))
        assert db.users.find_by_id(user_id) is not None
        create(tx)
        # Another task or thread is nobody's child.
        Started(lambda: db.users.create(CreateUser(name="Bea"))).result()
    db.users.create(CreateUser(name="Eve"))
    assert admin.execute("SELECT count(*) FROM users").fetchone() == (4,)


def test_a_block_that_is_left_in_another_context_gives_its_connection_back(
    database_url: str,
) -> None:
    with Database.connect(database_url, max_size=2) as db:
        for _ in range(4):
            attempt = db.retrying().__next__()
            block = db.transaction()
            for each in (attempt, block):
                run_in(contextvars.copy_context(), each.__enter__)
            for each in (block, attempt):
                leave = partial(each.__exit__, None, None, None)
                run_in(contextvars.copy_context(), leave)
        check_whole(db, 2)


def test_attempts_are_used_up_once(db: Database) -> None:
    attempts = db.retrying()
    for attempt in attempts:
        with attempt, db.serializable() as tx:
            create(tx)
    with pytest.raises(InvalidUse, match="call retrying"):
        for _ in attempts:
            raise AssertionError


def test_a_closed_database_stays_closed(database_url: str) -> None:
    db = Database.connect(database_url)
    db.open()
    db.close()
    with pytest.raises(InvalidUse, match="connect anew"):
        db.open()


def test_a_database_shows_where_it_leads_and_is_not_copied(database_url: str) -> None:
    with Database.connect(f"{database_url} password=secret", max_size=3) as db:
        assert "dbname=" in repr(db)
        assert repr(db).endswith("of 3>")
        assert "secret" not in repr(db)
        for copied in (pickle.dumps, copy.copy):
            with pytest.raises(InvalidUse, match="in each process"):
                copied(db)


def test_work_that_cannot_be_done_is_refused(db: Database) -> None:
    with pytest.raises(InvalidInput, match="body: must be a function, not int"):
        db.transact(5)  # type: ignore[arg-type]
    with db.transaction() as tx:
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
def test_a_wrong_option_is_refused(field: str, value: Any) -> None:
    options = {"conninfo": "host=/nowhere", field: value}
    with pytest.raises(InvalidInput, match=f"^{field}: must"):
        Database.connect(**options)
