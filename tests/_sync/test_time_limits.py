# Generated from tests/_async/test_time_limits.py by tools/unasync.py. Do not edit.
"""Transactions that take too long: undone, told as a timeout, and not tried again."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from psycopg import Connection

from vrooli_data import CreateUser, Database, Timeout, Transaction

from ._compat import pause, until
from .whole_pool import check_whole

LIMIT = 0.2
GONE = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"


def create_slowly(tx: Transaction, attempts: list[int]) -> None:
    attempts.append(1)
    tx.users.create(CreateUser(name="Ada"))
    for _ in range(4):
        # Neither a statement nor a pause of it takes as long as the transaction may.
        pause(LIMIT / 3)
        if tx.connection.info.server_version < 170_000:
            tx.users.find_by_handle("ada")


def test_a_transaction_that_took_too_long_is_not_committed(
    db: Database, admin: Connection[Any]
) -> None:
    attempts: list[int] = []
    with pytest.raises(Timeout):
        db.transact(partial(create_slowly, attempts=attempts), timeout=LIMIT)
    assert attempts == [1]
    assert admin.execute("SELECT count(*) FROM users").fetchone() == (0,)
    check_whole(db, 4)


def test_a_transaction_that_the_server_ended_for_being_idle_is_a_timeout(
    db: Database, admin: Connection[Any]
) -> None:
    attempts: list[int] = []

    def body(tx: Transaction) -> None:
        attempts.append(1)
        tx.users.create(CreateUser(name="Ada"))
        tx.connection.execute("SET LOCAL idle_in_transaction_session_timeout = 50")
        until(admin, GONE, tx.connection.info.backend_pid)

    with pytest.raises(Timeout, match="did nothing for too long") as caught:
        db.transact(body)
    assert (attempts, caught.value.sqlstate) == ([1], "25P03")
    assert admin.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_a_stricter_limit_stays(database_url: str) -> None:
    strict = Database.connect(f"{database_url} options='-c statement_timeout=20000'")
    with strict as db:
        with db.transaction(timeout=50) as tx:
            cursor = tx.connection.execute(
                "SELECT current_setting('statement_timeout'), "
                "current_setting('idle_in_transaction_session_timeout')"
            )
            assert cursor.fetchone() == ("20s", "50s")
        with db.transaction(timeout=10) as tx:
            cursor = tx.connection.execute("SELECT current_setting('statement_timeout')")
            assert cursor.fetchone() == ("10s",)
