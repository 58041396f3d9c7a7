# Generated from tests/_async/test_anomalies.py by tools/unasync.py. Do not edit.
"""Anomalies: what lower levels let happen, and `transact` at SERIALIZABLE does not.

Each test does the same work and makes the same check at several levels, and demands the anomaly
wherever PostgreSQL allows it: a check that could not see it would fail. Interleavings are forced,
in first attempts alone; later ones run as they come.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    CreateRun,
    CreateUser,
    Database,
    Isolation,
    Transaction,
    UpdateTeam,
    UpdateUser,
)

from ._compat import Started, barrier, gather

#: As many as the database of a test has connections.
WORKERS = 4
ROUNDS = 8

only_at_read_committed = pytest.mark.parametrize(
    ("isolation", "happens"),
    [("read committed", True), ("repeatable read", False), ("serializable", False)],
)
below_serializable = pytest.mark.parametrize(
    ("isolation", "happens"),
    [("read committed", True), ("repeatable read", True), ("serializable", False)],
)


class Meeting:
    """Lets the first attempts wait for each other; who comes later walks through."""

    def __init__(self, parties: int) -> None:
        self._parties = parties
        self._barrier = barrier(parties)
        self._arrivals = count()

    def wait(self) -> None:
        if next(self._arrivals) < self._parties:
            self._barrier.wait()


class Once:
    """Does something beside a transaction, in its first attempt alone."""

    def __init__(self, *steps: Callable[[], Any]) -> None:
        self._steps = list(steps)

    def happen(self) -> None:
        while self._steps:
            Started(self._steps.pop(0)).result()


@only_at_read_committed
def test_lost_update(db: Database, make: Factory, isolation: Isolation, *, happens: bool) -> None:
    user_id = make.user()
    meeting = Meeting(2)

    def learn(language: str) -> None:
        def body(tx: Transaction) -> None:
            user = tx.users.find_by_id(user_id)
            assert user is not None
            meeting.wait()
            tx.users.update(user_id, UpdateUser(languages=[*user.languages, language]))

        db.transact(body, isolation=isolation)

    gather(partial(learn, "en"), partial(learn, "fr"))
    user = db.users.find_by_id(user_id)
    assert user is not None
    assert (set(user.languages) != {"en", "fr"}) is happens


@only_at_read_committed
def test_read_modify_write_counter(
    db: Database, make: Factory, isolation: Isolation, *, happens: bool
) -> None:
    team_id = make.team(config={"count": 0})
    meeting = Meeting(WORKERS)

    def increment(tx: Transaction) -> None:
        value = read_count(tx)
        meeting.wait()
        tx.teams.update(team_id, UpdateTeam(config={"count": value + 1}))

    def read_count(tx: Transaction) -> int:
        team = tx.teams.find_by_id(team_id)
        assert team is not None
        assert isinstance(team.config, dict)
        value = team.config["count"]
        assert isinstance(value, int)
        return value

    def work() -> None:
        for _ in range(ROUNDS):
            db.transact(increment, isolation=isolation)

    gather(*[work] * WORKERS)
    assert (db.transact(read_count) < WORKERS * ROUNDS) is happens


@only_at_read_committed
def test_transfers_change_the_total(
    db: Database, admin: Connection[Any], isolation: Isolation, *, happens: bool
) -> None:
    open_accounts(admin, WORKERS + 1)
    meeting = Meeting(WORKERS)

    def transfer(tx: Transaction, payee: int) -> None:
        payer_has, payee_has = balance(tx, 0), balance(tx, payee)
        meeting.wait()
        set_balance(tx, 0, payer_has - 1)
        set_balance(tx, payee, payee_has + 1)

    def work(worker: int) -> None:
        # All debit one account and no two credit the same: a lost credit would make up for a lost
        # debit, and the total would be right by chance.
        for _ in range(ROUNDS):
            db.transact(partial(transfer, payee=worker), isolation=isolation)

    gather(*[partial(work, worker) for worker in range(1, WORKERS + 1)])
    total = admin.execute("SELECT sum(balance)::integer FROM accounts").fetchone()
    assert (total != (100 * (WORKERS + 1),)) is happens


@only_at_read_committed
def test_audit_sees_half_a_transfer(
    db: Database, admin: Connection[Any], isolation: Isolation, *, happens: bool
) -> None:
    open_accounts(admin, 2)

    def transfer(tx: Transaction) -> None:
        set_balance(tx, 0, balance(tx, 0) - 60)
        set_balance(tx, 1, balance(tx, 1) + 60)

    meanwhile = Once(partial(db.transact, transfer, isolation=isolation))

    def audit(tx: Transaction) -> int:
        first = balance(tx, 0)
        meanwhile.happen()
        return first + balance(tx, 1)

    total = db.transact(audit, isolation=isolation, read_only=True)
    assert (total != 200) is happens


@only_at_read_committed
def test_phantom(db: Database, isolation: Isolation, *, happens: bool) -> None:
    def hire(tx: Transaction) -> None:
        tx.users.create(CreateUser(name="Grace"))

    meanwhile = Once(partial(db.transact, hire, isolation=isolation))

    def search_twice(tx: Transaction) -> tuple[int, int]:
        before = tx.users.search("grace")
        meanwhile.happen()
        return len(before), len(tx.users.search("grace"))

    before, after = db.transact(search_twice, isolation=isolation)
    assert (before != after) is happens


@below_serializable
def test_write_skew_between_two_rows(
    db: Database, make: Factory, isolation: Isolation, *, happens: bool
) -> None:
    """Hermitage's G2-item: each leaves because the other is on call."""
    ada, bob = make.user(), make.user()
    meeting = Meeting(2)

    def is_on_call(tx: Transaction, user_id: int) -> bool:
        user = tx.users.find_by_id(user_id)
        return user is not None and not user.is_bot

    def leave(tx: Transaction, leaver: int, other: int) -> None:
        can_leave = is_on_call(tx, leaver) and is_on_call(tx, other)
        meeting.wait()
        if can_leave:
            tx.users.update(leaver, UpdateUser(is_bot=True))

    def on_call(tx: Transaction) -> int:
        return is_on_call(tx, ada) + is_on_call(tx, bob)

    gather(
        *[
            partial(db.transact, partial(leave, leaver=one, other=two), isolation=isolation)
            for one, two in ((ada, bob), (bob, ada))
        ]
    )
    assert (db.transact(on_call) == 0) is happens


@below_serializable
def test_write_skew_over_a_predicate(
    db: Database, make: Factory, isolation: Isolation, *, happens: bool
) -> None:
    """Hermitage's G2: each inserts because no row matched."""
    user_id = make.user()
    meeting = Meeting(2)

    def create_unless_active(tx: Transaction) -> None:
        active = tx.runs.find_active_runs(user_id=user_id)
        meeting.wait()
        if not active.items:
            tx.runs.create(CreateRun(user_id=user_id, name="The only one"))

    gather(*[partial(db.transact, create_unless_active, isolation=isolation)] * 2)
    runs = db.runs.find_active_runs(user_id=user_id)
    assert (len(runs.items) > 1) is happens


@below_serializable
def test_read_only_anomaly(
    db: Database, admin: Connection[Any], isolation: Isolation, *, happens: bool
) -> None:
    """Fekete's: only because a report is read do the other two have no serial order.

    A withdrawal of 10 from two accounts that hold nothing is charged a fee of 1; not so after a
    deposit of 20 to the other one. The report shows the deposit, and no withdrawal.
    """
    open_accounts(admin, 2, balance=0)
    reports: list[tuple[int, int]] = []

    def deposit(tx: Transaction) -> None:
        set_balance(tx, 1, balance(tx, 1) + 20)

    def report(tx: Transaction) -> tuple[int, int]:
        return balance(tx, 0), balance(tx, 1)

    def publish() -> None:
        reports.append(db.transact(report, isolation=isolation, read_only=True))

    meanwhile = Once(partial(db.transact, deposit, isolation=isolation), publish)

    def withdraw(tx: Transaction) -> None:
        first, second = report(tx)
        meanwhile.happen()
        fee = 1 if first + second < 10 else 0
        set_balance(tx, 0, first - 10 - fee)

    db.transact(withdraw, isolation=isolation)
    assert reports == [(0, 20)]
    left = db.transact(report)
    assert left in {(-10, 20), (-11, 20)}
    assert (left == (-11, 20)) is happens


def open_accounts(admin: Connection[Any], accounts: int, balance: int = 100) -> None:
    admin.execute("CREATE TABLE accounts (id integer PRIMARY KEY, balance integer NOT NULL)")
    admin.execute(
        "INSERT INTO accounts SELECT id, %s FROM generate_series(0, %s - 1) AS id",
        (balance, accounts),
    )


def balance(tx: Transaction, account: int) -> int:
    cursor = tx.connection.execute("SELECT balance FROM accounts WHERE id = %s", (account,))
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def set_balance(tx: Transaction, account: int, amount: int) -> None:
    tx.connection.execute("UPDATE accounts SET balance = %s WHERE id = %s", (amount, account))
