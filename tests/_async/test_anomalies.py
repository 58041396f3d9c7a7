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
    AsyncDatabase,
    AsyncTransaction,
    CreateRun,
    CreateUser,
    Isolation,
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

    async def wait(self) -> None:
        if next(self._arrivals) < self._parties:
            await self._barrier.wait()


class Once:
    """Does something beside a transaction, in its first attempt alone."""

    def __init__(self, *steps: Callable[[], Any]) -> None:
        self._steps = list(steps)

    async def happen(self) -> None:
        while self._steps:
            await Started(self._steps.pop(0)).result()


@only_at_read_committed
async def test_lost_update(
    db: AsyncDatabase, make: Factory, isolation: Isolation, *, happens: bool
) -> None:
    user_id = make.user()
    meeting = Meeting(2)

    async def learn(language: str) -> None:
        async def body(tx: AsyncTransaction) -> None:
            user = await tx.users.find_by_id(user_id)
            assert user is not None
            await meeting.wait()
            await tx.users.update(user_id, UpdateUser(languages=[*user.languages, language]))

        await db.transact(body, isolation=isolation)

    await gather(partial(learn, "en"), partial(learn, "fr"))
    user = await db.users.find_by_id(user_id)
    assert user is not None
    assert (set(user.languages) != {"en", "fr"}) is happens


@only_at_read_committed
async def test_read_modify_write_counter(
    db: AsyncDatabase, make: Factory, isolation: Isolation, *, happens: bool
) -> None:
    team_id = make.team(config={"count": 0})
    meeting = Meeting(WORKERS)

    async def increment(tx: AsyncTransaction) -> None:
        value = await read_count(tx)
        await meeting.wait()
        await tx.teams.update(team_id, UpdateTeam(config={"count": value + 1}))

    async def read_count(tx: AsyncTransaction) -> int:
        team = await tx.teams.find_by_id(team_id)
        assert team is not None
        assert isinstance(team.config, dict)
        value = team.config["count"]
        assert isinstance(value, int)
        return value

    async def work() -> None:
        for _ in range(ROUNDS):
            await db.transact(increment, isolation=isolation)

    await gather(*[work] * WORKERS)
    assert (await db.transact(read_count) < WORKERS * ROUNDS) is happens


@only_at_read_committed
async def test_transfers_change_the_total(
    db: AsyncDatabase, admin: Connection[Any], isolation: Isolation, *, happens: bool
) -> None:
    open_accounts(admin, WORKERS + 1)
    meeting = Meeting(WORKERS)

    async def transfer(tx: AsyncTransaction, payee: int) -> None:
        payer_has, payee_has = await balance(tx, 0), await balance(tx, payee)
        await meeting.wait()
        await set_balance(tx, 0, payer_has - 1)
        await set_balance(tx, payee, payee_has + 1)

    async def work(worker: int) -> None:
        # All debit one account and no two credit the same: a lost credit would make up for a lost
        # debit, and the total would be right by chance.
        for _ in range(ROUNDS):
            await db.transact(partial(transfer, payee=worker), isolation=isolation)

    await gather(*[partial(work, worker) for worker in range(1, WORKERS + 1)])
    total = admin.execute("SELECT sum(balance)::integer FROM accounts").fetchone()
    assert (total != (100 * (WORKERS + 1),)) is happens


@only_at_read_committed
async def test_audit_sees_half_a_transfer(
    db: AsyncDatabase, admin: Connection[Any], isolation: Isolation, *, happens: bool
) -> None:
    open_accounts(admin, 2)

    async def transfer(tx: AsyncTransaction) -> None:
        await set_balance(tx, 0, await balance(tx, 0) - 60)
        await set_balance(tx, 1, await balance(tx, 1) + 60)

    meanwhile = Once(partial(db.transact, transfer, isolation=isolation))

    async def audit(tx: AsyncTransaction) -> int:
        first = await balance(tx, 0)
        await meanwhile.happen()
        return first + await balance(tx, 1)

    total = await db.transact(audit, isolation=isolation, read_only=True)
    assert (total != 200) is happens


@only_at_read_committed
async def test_phantom(db: AsyncDatabase, isolation: Isolation, *, happens: bool) -> None:
    async def hire(tx: AsyncTransaction) -> None:
        await tx.users.create(CreateUser(name="Grace"))

    meanwhile = Once(partial(db.transact, hire, isolation=isolation))

    async def search_twice(tx: AsyncTransaction) -> tuple[int, int]:
        before = await tx.users.search("grace")
        await meanwhile.happen()
        return len(before), len(await tx.users.search("grace"))

    before, after = await db.transact(search_twice, isolation=isolation)
    assert (before != after) is happens


@below_serializable
async def test_write_skew_between_two_rows(
    db: AsyncDatabase, make: Factory, isolation: Isolation, *, happens: bool
) -> None:
    """Hermitage's G2-item: each leaves because the other is on call."""
    ada, bob = make.user(), make.user()
    meeting = Meeting(2)

    async def is_on_call(tx: AsyncTransaction, user_id: int) -> bool:
        user = await tx.users.find_by_id(user_id)
        return user is not None and not user.is_bot

    async def leave(tx: AsyncTransaction, leaver: int, other: int) -> None:
        can_leave = await is_on_call(tx, leaver) and await is_on_call(tx, other)
        await meeting.wait()
        if can_leave:
            await tx.users.update(leaver, UpdateUser(is_bot=True))

    async def on_call(tx: AsyncTransaction) -> int:
        return await is_on_call(tx, ada) + await is_on_call(tx, bob)

    await gather(
        *[
            partial(db.transact, partial(leave, leaver=one, other=two), isolation=isolation)
            for one, two in ((ada, bob), (bob, ada))
        ]
    )
    assert (await db.transact(on_call) == 0) is happens


@below_serializable
async def test_write_skew_over_a_predicate(
    db: AsyncDatabase, make: Factory, isolation: Isolation, *, happens: bool
) -> None:
    """Hermitage's G2: each inserts because no row matched."""
    user_id = make.user()
    meeting = Meeting(2)

    async def create_unless_active(tx: AsyncTransaction) -> None:
        active = await tx.runs.find_active_runs(user_id=user_id)
        await meeting.wait()
        if not active.items:
            await tx.runs.create(CreateRun(user_id=user_id, name="The only one"))

    await gather(*[partial(db.transact, create_unless_active, isolation=isolation)] * 2)
    runs = await db.runs.find_active_runs(user_id=user_id)
    assert (len(runs.items) > 1) is happens


@below_serializable
async def test_read_only_anomaly(
    db: AsyncDatabase, admin: Connection[Any], isolation: Isolation, *, happens: bool
) -> None:
    """Fekete's: only because a report is read do the other two have no serial order.

    A withdrawal of 10 from two accounts that hold nothing is charged a fee of 1; not so after a
    deposit of 20 to the other one. The report shows the deposit, and no withdrawal.
    """
    open_accounts(admin, 2, balance=0)
    reports: list[tuple[int, int]] = []

    async def deposit(tx: AsyncTransaction) -> None:
        await set_balance(tx, 1, await balance(tx, 1) + 20)

    async def report(tx: AsyncTransaction) -> tuple[int, int]:
        return await balance(tx, 0), await balance(tx, 1)

    async def publish() -> None:
        reports.append(await db.transact(report, isolation=isolation, read_only=True))

    meanwhile = Once(partial(db.transact, deposit, isolation=isolation), publish)

    async def withdraw(tx: AsyncTransaction) -> None:
        first, second = await report(tx)
        await meanwhile.happen()
        fee = 1 if first + second < 10 else 0
        await set_balance(tx, 0, first - 10 - fee)

    await db.transact(withdraw, isolation=isolation)
    assert reports == [(0, 20)]
    left = await db.transact(report)
    assert left in {(-10, 20), (-11, 20)}
    assert (left == (-11, 20)) is happens


def open_accounts(admin: Connection[Any], accounts: int, balance: int = 100) -> None:
    admin.execute("CREATE TABLE accounts (id integer PRIMARY KEY, balance integer NOT NULL)")
    admin.execute(
        "INSERT INTO accounts SELECT id, %s FROM generate_series(0, %s - 1) AS id",
        (balance, accounts),
    )


async def balance(tx: AsyncTransaction, account: int) -> int:
    cursor = await tx.connection.execute("SELECT balance FROM accounts WHERE id = %s", (account,))
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def set_balance(tx: AsyncTransaction, account: int, amount: int) -> None:
    await tx.connection.execute("UPDATE accounts SET balance = %s WHERE id = %s", (amount, account))
