"""A mix of transactions that conflict, and the number of their anomalies."""

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

#: More rows than are used. A table of one page is scanned, and a scan conflicts with any write.
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


#: What `transact` raises at last: our error from COMMIT, psycopg's from `tx.connection`.
GAVE_UP = (SerializationFailure, psycopg.errors.SerializationFailure)


class Job(NamedTuple):
    """One transaction. Its steps return whether they saw an anomaly. Each attempt restarts them."""

    anomaly: str
    steps: Callable[[], Steps[bool]]
    read_only: bool = False


class Soak(NamedTuple):
    """The result of one soak."""

    seconds: float
    transactions: int
    #: By name.
    anomalies: Counter[str]
    retries: int
    give_ups: int


class _Tally:
    """The results of the workers: lists, because threads append to them at the same time."""

    def __init__(self) -> None:
        #: Each committed transaction, and whether it saw an anomaly.
        self.committed: list[tuple[Job, bool]] = []
        self.retries: list[RetryEvent] = []
        self.give_ups: list[Job] = []

    def soak(self, seconds: float, connection: Connection[Row]) -> Soak:
        """Return the result, with the anomalies that the tables show at the end."""
        found = Counter(job.anomaly for job, anomaly in self.committed if anomaly)
        found[WRONG_TOTAL] += take(connection, audit())
        increments = sum(job.anomaly == LOST_INCREMENT for job, _ in self.committed)
        [(counted,)] = connection.execute("SELECT sum(value)::integer FROM counters").fetchall()
        found[LOST_INCREMENT] = increments - counted
        return Soak(seconds, len(self.committed), found, len(self.retries), len(self.give_ups))


def soak_threads(url: str, isolation: Isolation, transactions: int) -> Soak:
    """Run the mix on the synchronous face. Each worker is a thread."""
    tally = _Tally()

    def work(worker: int) -> None:
        for job in islice(jobs(worker), ceil(transactions / WORKERS)):
            try:
                anomaly = db.transact(
                    partial(run_sync, job),
                    isolation=isolation,
                    read_only=job.read_only,
                )
            except GAVE_UP:
                tally.give_ups.append(job)
            else:
                tally.committed.append((job, anomaly))

    with psycopg.connect(url, autocommit=True) as connection:
        prepare(connection)
        with Database.connect(url, max_size=WORKERS, on_retry=tally.retries.append) as db:
            started = time.perf_counter()
            in_threads(work, WORKERS)
            seconds = time.perf_counter() - started
        return tally.soak(seconds, connection)


def soak_tasks(url: str, isolation: Isolation, transactions: int) -> Soak:
    """Run the mix on the asynchronous face. Each worker is a task."""
    tally = _Tally()

    async def work(db: AsyncDatabase, worker: int) -> None:
        for job in islice(jobs(worker), ceil(transactions / WORKERS)):
            try:
                anomaly = await db.transact(
                    partial(run_async, job),
                    isolation=isolation,
                    read_only=job.read_only,
                )
            except GAVE_UP:
                tally.give_ups.append(job)
            else:
                tally.committed.append((job, anomaly))

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


def run_sync(job: Job, tx: Transaction) -> bool:
    """Run the steps in a transaction, and tell whether they saw an anomaly."""
    return take(tx.connection, job.steps())


async def run_async(job: Job, tx: AsyncTransaction) -> bool:
    """Run the steps in an asynchronous transaction, and tell whether they saw an anomaly."""
    return await take_async(tx.connection, job.steps())


def prepare(connection: Connection[Row]) -> None:
    """Recreate the tables."""
    connection.execute(_SCHEMA)
    connection.execute(_VACUUM)


def jobs(seed: int) -> Iterator[Job]:
    """Yield the transactions of one worker: transfers, audits, changes of shift, increments."""
    random = Random(seed)
    while True:
        kind = random.random()
        if kind < 0.4:
            payer, payee = random.sample(range(_ACCOUNTS), 2)
            yield Job(WRONG_TOTAL, partial(transfer, payer, payee))
        elif kind < 0.5:
            yield Job(WRONG_TOTAL, audit, read_only=True)
        elif kind < 0.75:
            member = random.randrange(2 * _PAIRS)
            yield Job(NOBODY_ON_CALL, partial(change_shift, member, member ^ 1))
        else:
            yield Job(LOST_INCREMENT, partial(increment, random.randrange(_COUNTERS)))


def transfer(payer: int, payee: int) -> Steps[bool]:
    """Move 1 by reading and writing both balances, in the order of ids against deadlocks."""
    balances = {}
    for account in sorted((payer, payee)):
        [(balances[account],)] = yield _READ_BALANCE, (account,)
    balances[payer] -= 1
    balances[payee] += 1
    for account, balance in balances.items():
        yield "UPDATE accounts SET balance = %s WHERE id = %s", (balance, account)
    return False


def audit() -> Steps[bool]:
    """Add up all balances, read one by one. A wrong total is an anomaly."""
    total = 0
    for account in range(_ACCOUNTS):
        [(balance,)] = yield _READ_BALANCE, (account,)
        total += balance
    return total != _TOTAL


def change_shift(member: int, other: int) -> Steps[bool]:
    """Go off call if the other is on call, else go on call. Both off call is an anomaly."""
    on_call = {}
    for one in (member, other):
        [(on_call[one],)] = yield "SELECT on_call FROM shifts WHERE id = %s", (one,)
    yield (
        "UPDATE shifts SET on_call = %s WHERE id = %s",
        (not on_call[member] or not on_call[other], member),
    )
    return not any(on_call.values())


def increment(counter: int, think: float = 0.0) -> Steps[bool]:
    """Read a counter, think, and write it, increased by 1. The sum shows lost increments."""
    [(value,)] = yield "SELECT value FROM counters WHERE id = %s", (counter,)
    yield think
    yield "UPDATE counters SET value = %s WHERE id = %s", (value + 1, counter)
    return False
