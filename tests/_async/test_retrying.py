"""Attempts: what is tried again, what never is, and what an attempt keeps of the one before."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import Connection, IsolationLevel, conninfo

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    AsyncTransaction,
    CreateUser,
    DeadlockDetected,
    InvalidInput,
    RetryEvent,
    RetryPolicy,
    SerializationFailure,
    UpdateUser,
    User,
)

from ._compat import gather, until

#: Raises an error with the code that is given as the parameter.
RAISE = "DO $$ BEGIN RAISE SQLSTATE '{}'; END $$"


def take_the_other_off_call(admin: Connection[Any], name: str) -> None:
    """Do, in a serializable transaction of its own, what write skew needs as its second half."""
    admin.isolation_level = IsolationLevel.SERIALIZABLE
    with admin.transaction():
        admin.execute("SELECT count(*) FROM users WHERE NOT is_bot").fetchone()
        admin.execute("UPDATE users SET is_bot = true WHERE name = %s", (name,))


async def on_call(tx: AsyncTransaction) -> int:
    cursor = await tx.connection.execute("SELECT count(*) FROM users WHERE NOT is_bot")
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("way_out", ["end", "return", "break"])
async def test_a_serialization_failure_at_commit_overrides_every_way_out_of_the_block(
    db: AsyncDatabase, admin: Connection[Any], make: Factory, way_out: str
) -> None:
    ada = make.user(name="Ada")
    make.user(name="Bob")
    seen: list[tuple[int, int]] = []

    async def leave_call() -> str:
        async for attempt in db.retrying():
            async with attempt, db.serializable() as tx:
                seen.append((attempt.number, await on_call(tx)))
                await tx.users.update(ada, UpdateUser(is_bot=True))
                if attempt.number == 1:
                    take_the_other_off_call(admin, "Bob")
                if way_out == "return":
                    return way_out
                if way_out == "break":
                    break
        return way_out

    assert await leave_call() == way_out
    assert seen == [(1, 2), (2, 1)]
    assert admin.execute("SELECT count(*) FROM users WHERE is_bot").fetchone() == (2,)


async def test_transact_returns_what_the_attempt_returned_that_committed(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    ada = make.user(name="Ada")
    make.user(name="Bob")
    seen: list[int] = []

    async def body(tx: AsyncTransaction) -> int:
        count = await on_call(tx)
        await tx.users.update(ada, UpdateUser(is_bot=True))
        seen.append(count)
        if len(seen) == 1:
            take_the_other_off_call(admin, "Bob")
        return count

    assert await db.transact(body) == 1
    assert seen == [2, 1]


async def test_a_deadlock_is_tried_again(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    first, second = make.user(), make.user()
    events: list[RetryEvent] = []

    async def lock(ids: tuple[int, int]) -> None:
        async def body(tx: AsyncTransaction) -> None:
            await tx.users.update(ids[0], UpdateUser(is_private=True))
            # Neither asks for its second row before both have their first; a second attempt comes
            # alone, and finds the barrier down.
            admin.execute("SELECT nextval('steps')")
            await until(admin, "SELECT last_value >= 2 FROM steps")
            await tx.users.update(ids[1], UpdateUser(is_private=True))

        await db.transact(body, isolation="read committed")

    admin.execute("CREATE SEQUENCE steps")
    url = conninfo.make_conninfo(database_url, options="-c deadlock_timeout=20ms")
    async with AsyncDatabase.connect(url, on_retry=events.append) as db:
        await gather(lambda: lock((first, second)), lambda: lock((second, first)))
    assert admin.execute("SELECT revision FROM users").fetchall() == [(2,), (2,)]
    # Once or more: the second attempt may take its first row before the other is woken for it.
    assert {event.sqlstate for event in events} == {"40P01"}


@pytest.mark.parametrize(
    ("code", "kind"), [("40001", SerializationFailure), ("40P01", DeadlockDetected)]
)
async def test_when_attempts_run_out_the_last_error_is_raised_with_a_note(
    database_url: str, code: str, kind: type[Exception]
) -> None:
    events: list[RetryEvent] = []
    policy = RetryPolicy(attempts=3, wait_initial=0.001)

    async def body(tx: AsyncTransaction) -> None:
        async with tx.savepoint():
            pass
        await tx.connection.execute("SELECT 1")
        await fail(tx, code)

    async with AsyncDatabase.connect(database_url, retry=policy, on_retry=events.append) as db:
        with pytest.raises(kind) as caught:
            await db.transact(body)
    assert "gave up after 3 attempts" in "".join(caught.value.__notes__)
    assert [event.attempt for event in events] == [1, 2]
    assert {(event.reason, event.sqlstate) for event in events} == {("conflict", code)}
    assert all(0 <= event.wait <= 0.002 for event in events)


async def fail(tx: AsyncTransaction, code: str) -> None:
    """Fail with a code inside one of the layer's own statements."""
    await tx.connection.execute(
        "CREATE OR REPLACE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE SQLSTATE '{code}'; END $$"
    )
    await tx.connection.execute(
        "CREATE TRIGGER fail BEFORE INSERT ON users EXECUTE FUNCTION pg_temp.fail()"
    )
    await tx.users.create(CreateUser(name="Ada"))


async def test_an_error_of_psycopg_itself_is_classified_alike(db: AsyncDatabase) -> None:
    attempts: list[int] = []
    async for attempt in db.retrying(RetryPolicy(wait_initial=0)):
        async with attempt, db.transaction() as tx:
            attempts.append(attempt.number)
            if attempt.number < 3:
                await tx.connection.execute(RAISE.format("40001"))
    assert attempts == [1, 2, 3]


@pytest.mark.parametrize("code", ["23505", "22003", "57014", "55P03", "0A000", "XX000", "P0001"])
async def test_any_other_code_is_raised_at_once(db: AsyncDatabase, code: str) -> None:
    attempts: list[int] = []

    async def body(tx: AsyncTransaction) -> None:
        attempts.append(1)
        await tx.connection.execute(RAISE.format(code))

    with pytest.raises(Exception) as caught:  # noqa: PT011 (its code is compared)
        await db.transact(body)
    assert getattr(caught.value, "sqlstate", None) == code
    assert len(attempts) == 1


async def test_an_error_of_the_callers_own_is_raised_at_once(db: AsyncDatabase) -> None:
    attempts: list[int] = []

    async def body(tx: AsyncTransaction) -> None:
        attempts.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await db.transact(body)
    assert len(attempts) == 1


async def test_the_time_in_all_ends_the_attempts(db: AsyncDatabase) -> None:
    attempts: list[int] = []
    policy = RetryPolicy(attempts=1000, timeout=1.0, wait_initial=0.05, wait_max=0.05)
    with pytest.raises(psycopg.errors.SerializationFailure) as caught:
        async for attempt in db.retrying(policy):
            async with attempt, db.transaction() as tx:
                attempts.append(attempt.number)
                await tx.connection.execute(RAISE.format("40001"))
    assert 1 < len(attempts) < 1000
    assert "gave up after" in "".join(caught.value.__notes__)


async def test_one_attempt_has_no_second(db: AsyncDatabase) -> None:
    attempts: list[int] = []
    with pytest.raises(Exception) as caught:  # noqa: PT011 (its code is compared)
        async for attempt in db.retrying(RetryPolicy(attempts=1)):
            async with attempt, db.transaction() as tx:
                attempts.append(attempt.number)
                await tx.connection.execute(RAISE.format("40001"))
    assert getattr(caught.value, "sqlstate", None) == "40001"
    assert attempts == [1]


async def test_public_ids_stay_the_same_over_the_attempts(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    made: list[list[str]] = []

    async def body(tx: AsyncTransaction) -> list[User]:
        users = [await tx.users.create(CreateUser(name=name)) for name in ("Ada", "Bea")]
        made.append([user.public_id for user in users])
        if len(made) == 1:
            await tx.connection.execute(RAISE.format("40001"))
        return users

    users = await db.transact(body)
    assert made[0] == made[1] == [user.public_id for user in users]
    assert made[0][0] != made[0][1]
    later = await db.users.create(CreateUser(name="Eve"))
    assert later.public_id not in made[0]


async def test_the_connection_is_free_while_an_attempt_waits(database_url: str) -> None:
    free: list[int] = []

    def look(event: RetryEvent) -> None:
        free.append(db.pool_stats()["pool_available"])

    db = AsyncDatabase.connect(database_url, max_size=1, on_retry=look)
    async with db:
        attempts: list[int] = []
        async for attempt in db.retrying():
            async with attempt, db.transaction() as tx:
                attempts.append(attempt.number)
                if attempt.number == 1:
                    await tx.connection.execute(RAISE.format("40001"))
    assert attempts == [1, 2]
    assert free == [1]


async def test_a_hook_that_fails_ends_nothing(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_too(event: RetryEvent) -> None:
        raise ZeroDivisionError

    async with AsyncDatabase.connect(database_url, on_retry=fail_too) as db:
        attempts: list[int] = []
        async for attempt in db.retrying():
            async with attempt, db.transaction() as tx:
                attempts.append(attempt.number)
                if attempt.number == 1:
                    await tx.connection.execute(RAISE.format("40001"))
    assert attempts == [1, 2]
    assert "on_retry failed" in caplog.text


async def test_try_each_hands_a_serialization_failure_on_to_the_next_attempt(
    db: AsyncDatabase, make: Factory
) -> None:
    attempts: list[int] = []

    async def stumble(number: int) -> int:
        if len(attempts) == 1 and number == 2:
            await current[0].connection.execute(RAISE.format("40001"))
        return number

    current: list[AsyncTransaction] = []
    async for attempt in db.retrying():
        async with attempt, db.serializable() as tx:
            attempts.append(attempt.number)
            current[:] = [tx]
            result = await tx.try_each([1, 2, 3], stumble)
            assert [number for _, number in result.successes] == [1, 2, 3]
    assert attempts == [1, 2]


async def test_a_read_after_a_taken_key_keeps_serializable_transactions_serializable(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="ada")

    async def body(tx: AsyncTransaction) -> None:
        await tx.users.create(CreateUser(name="Ada", handle="ada"))

    with pytest.raises(AlreadyExists):
        await db.transact(body)


async def test_counting_up_one_row_loses_nothing(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource()
    workers, rounds = 8, 10

    async def count(tx: AsyncTransaction) -> None:
        resource = await tx.resources.find_by_id(resource_id)
        assert resource is not None
        await tx.connection.execute(
            "UPDATE resources SET views = %s WHERE id = %s", (resource.views + 1, resource_id)
        )

    async def work() -> None:
        for _ in range(rounds):
            await db.transact(count, policy=RetryPolicy(attempts=50, timeout=30))

    async with AsyncDatabase.connect(database_url, max_size=workers) as db:
        await gather(*[work] * workers)
    assert admin.execute("SELECT views FROM resources").fetchone() == (workers * rounds,)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempts", 0),
        ("attempts", -1),
        ("attempts", 2.0),
        ("attempts", True),
        ("timeout", -0.1),
        ("timeout", float("inf")),
        ("wait_initial", float("nan")),
        ("wait_max", "1"),
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused(field: str, value: Any) -> None:
    given: dict[str, Any] = {field: value}
    with pytest.raises(InvalidInput) as caught:
        RetryPolicy(**given)
    assert caught.value.field == field


async def test_what_is_no_policy_is_refused(db: AsyncDatabase) -> None:
    with pytest.raises(InvalidInput, match="retry: must be a RetryPolicy, not int"):
        AsyncDatabase.connect("host=/nowhere", retry=3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="policy: must be a RetryPolicy, not dict"):
        db.retrying({})  # type: ignore[arg-type]
