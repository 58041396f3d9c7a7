"""A mix of transactions that lower isolation levels spoil, and the count of what was spoilt."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from math import ceil
from random import Random
from typing import NamedTuple

import psycopg
from psycopg import Connection

from vrooli_data import (
    AsyncDatabase,
    AsyncTransaction,
    Database,
    Isolation,
    RetryEvent,
    SerializationFailure,
    Transaction,
)
from vrooli_data._rows import Row

from ._steps import Steps, in_tasks, in_threads, take, take_async

WORKERS = 16
_ACCOUNTS = 20
_TOTAL = 100 * _ACCOUNTS
_PAIRS = 10
_COUNTERS = 10

#: More rows than are used: a table of one page is scanned, and a scan conflicts with every write.
_SCHEMA = """
DROP TABLE IF EXISTS accounts, shifts, counters;
CREATE TABLE accounts (id integer PRIMARY KEY, balance integer NOT NULL) WITH (fillfactor = 50);
CREATE TABLE shifts (id integer PRIMARY KEY, on_call boolean NOT NULL) WITH (fillfactor = 50);
CREATE TABLE counters (id integer PRIMARY KEY, value integer NOT NULL) WITH (fillfactor = 50);
INSERT INTO accounts SELECT id, 100 FROM generate_series(0, 4999) AS id;
INSERT INTO shifts SELECT id, TRUE FROM generate_series(0, 4999) AS id;
INSERT INTO counters SELECT id, 0 FROM generate_series(0, 4999) AS id;
"""
_VACUUM = "VACUUM ANALYZE accounts, shifts, counters"

_READ_BALANCE = "SELECT balance FROM accounts WHERE id = %s"

WRONG_TOTAL = "wrong totals"
NOBODY_ON_CALL = "nobody on call"
LOST_INCREMENT = "lost increments"


#: What `transact` raises in the end: the layer's own from COMMIT, psycopg's from `tx.connection`.
GAVE_UP = (SerializationFailure, psycopg.errors.SerializationFailure)


class Plan(NamedTuple):
    """One transaction: its steps, which begin anew with each attempt, and tell of an anomaly."""

    anomaly: str
    steps: Callable[[], Steps[bool]]
    read_only: bool = False


class Soak(NamedTuple):
    """What one soak did and found."""

    seconds: float
    transactions: int
    #: By what they are called.
    anomalies: Counter[str]
    retries: int
    give_ups: int


class _Tally:
    """What the workers saw; in lists, because threads may append to them at once."""

    def __init__(self) -> None:
        #: Of each committed transaction, the plan and whether it met an anomaly.
        self.committed: list[tuple[Plan, bool]] = []
        self.retries: list[RetryEvent] = []
        self.give_ups: list[Plan] = []

    def soak(self, seconds: float, connection: Connection[Row]) -> Soak:
        """Sum up, with what the tables hold in the end."""
        found = Counter(plan.anomaly for plan, anomaly in self.committed if anomaly)
        found[WRONG_TOTAL] += take(connection, audit())
        increments = sum(plan.anomaly == LOST_INCREMENT for plan, _ in self.committed)
        [(counted,)] = connection.execute("SELECT sum(value)::integer FROM counters").fetchall()
        found[LOST_INCREMENT] = increments - counted
        return Soak(seconds, len(self.committed), found, len(self.retries), len(self.give_ups))


def soak_threads(url: str, isolation: Isolation, transactions: int) -> Soak:
    """Run the mix on the synchronous face, a thread for each worker."""
    tally = _Tally()

    def work(worker: int) -> None:
        for plan in islice(plans(worker), ceil(transactions / WORKERS)):
            try:
                anomaly = db.transact(
                    partial(take_plan, plan),
                    isolation=isolation,
                    read_only=plan.read_only,
                )
            except GAVE_UP:
                tally.give_ups.append(plan)
            else:
                tally.committed.append((plan, anomaly))

    with psycopg.connect(url, autocommit=True) as connection:
        prepare(connection)
        with Database.connect(url, max_size=WORKERS, on_retry=tally.retries.append) as db:
            started = time.perf_counter()
            in_threads(work, WORKERS)
            seconds = time.perf_counter() - started
        return tally.soak(seconds, connection)


def soak_tasks(url: str, isolation: Isolation, transactions: int) -> Soak:
    """Run the mix on the asynchronous face, a task for each worker."""
    tally = _Tally()

    async def work(db: AsyncDatabase, worker: int) -> None:
        for plan in islice(plans(worker), ceil(transactions / WORKERS)):
            try:
                anomaly = await db.transact(
                    partial(take_plan_async, plan),
                    isolation=isolation,
                    read_only=plan.read_only,
                )
            except GAVE_UP:
                tally.give_ups.append(plan)
            else:
                tally.committed.append((plan, anomaly))

    async def run() -> float:
        async with AsyncDatabase.connect(
            url, max_size=WORKERS, on_retry=tally.retries.append
        ) as db:
            started = time.perf_counter()
            await in_tasks(partial(work, db), WORKERS)
            return time.perf_counter() - started

    with psycopg.connect(url, autocommit=True) as connection:
        prepare(connection)
        return tally.soak(asyncio.run(run()), connection)


def take_plan(plan: Plan, tx: Transaction) -> bool:
    """Take the steps in a transaction; tell whether they met an anomaly."""
    return take(tx.connection, plan.steps())


async def take_plan_async(plan: Plan, tx: AsyncTransaction) -> bool:
    """Take the steps in an asynchronous transaction; tell whether they met an anomaly."""
    return await take_async(tx.connection, plan.steps())


def prepare(connection: Connection[Row]) -> None:
    """Make the tables anew."""
    connection.execute(_SCHEMA)
    connection.execute(_VACUUM)


def plans(seed: int) -> Iterator[Plan]:
    """Yield what one worker does: transfers, some audits, changes of shift, and increments."""
    random = Random(seed)
    while True:
        kind = random.random()
        if kind < 0.4:
            payer, payee = random.sample(range(_ACCOUNTS), 2)
            yield Plan(WRONG_TOTAL, partial(transfer, payer, payee))
        elif kind < 0.5:
            yield Plan(WRONG_TOTAL, audit, read_only=True)
        elif kind < 0.75:
            member = random.randrange(2 * _PAIRS)
            yield Plan(NOBODY_ON_CALL, partial(change_shift, member, member ^ 1))
        else:
            yield Plan(LOST_INCREMENT, partial(increment, random.randrange(_COUNTERS)))


def transfer(payer: int, payee: int) -> Steps[bool]:
    """Move 1 by reading both balances and writing both; in the order of ids, against deadlocks."""
    balances = {}
    for account in sorted((payer, payee)):
        [(balances[account],)] = yield _READ_BALANCE, (account,)
    balances[payer] -= 1
    balances[payee] += 1
    for account, balance in balances.items():
        yield "UPDATE accounts SET balance = %s WHERE id = %s", (balance, account)
    return False


def audit() -> Steps[bool]:
    """Add up all balances, read one by one; the total is an anomaly when it is another one."""
    total = 0
    for account in range(_ACCOUNTS):
        [(balance,)] = yield _READ_BALANCE, (account,)
        total += balance
    return total != _TOTAL


def change_shift(member: int, other: int) -> Steps[bool]:
    """Go off call when the other is on call, and on call when not; both off is an anomaly."""
    on_call = {}
    for one in (member, other):
        [(on_call[one],)] = yield "SELECT on_call FROM shifts WHERE id = %s", (one,)
    yield (
        "UPDATE shifts SET on_call = %s WHERE id = %s",
        (not on_call[member] or not on_call[other], member),
    )
    return not any(on_call.values())


def increment(counter: int, think: float = 0.0) -> Steps[bool]:
    """Read a counter, think, and write it, higher by 1; whether it was lost shows in the end."""
    [(value,)] = yield "SELECT value FROM counters WHERE id = %s", (counter,)
    yield think
    yield "UPDATE counters SET value = %s WHERE id = %s", (value + 1, counter)
    return False
