# Generated from tests/_async/test_retrying.py by tools/unasync.py. Do not edit.
"""Attempts: what is tried again, what never is, and what an attempt keeps of the one before."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import Connection, IsolationLevel, conninfo

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    CreateUser,
    Database,
    DeadlockDetected,
    InvalidInput,
    RetryEvent,
    RetryPolicy,
    SerializationFailure,
    Transaction,
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


def on_call(tx: Transaction) -> int:
    cursor = tx.connection.execute("SELECT count(*) FROM users WHERE NOT is_bot")
    row = cursor.fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("way_out", ["end", "return", "break"])
def test_a_serialization_failure_at_commit_overrides_every_way_out_of_the_block(
    db: Database, admin: Connection[Any], make: Factory, way_out: str
) -> None:
    ada = make.user(name="Ada")
    make.user(name="Bob")
    seen: list[tuple[int, int]] = []

    def leave_call() -> str:
        for attempt in db.retrying():
            with attempt, db.serializable() as tx:
                seen.append((attempt.number, on_call(tx)))
                tx.users.update(ada, UpdateUser(is_bot=True))
                if attempt.number == 1:
                    take_the_other_off_call(admin, "Bob")
                if way_out == "return":
                    return way_out
                if way_out == "break":
                    break
        return way_out

    assert leave_call() == way_out
    assert seen == [(1, 2), (2, 1)]
    assert admin.execute("SELECT count(*) FROM users WHERE is_bot").fetchone() == (2,)


def test_transact_returns_what_the_attempt_returned_that_committed(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    ada = make.user(name="Ada")
    make.user(name="Bob")
    seen: list[int] = []

    def body(tx: Transaction) -> int:
        count = on_call(tx)
        tx.users.update(ada, UpdateUser(is_bot=True))
        seen.append(count)
        if len(seen) == 1:
            take_the_other_off_call(admin, "Bob")
        return count

    assert db.transact(body) == 1
    assert seen == [2, 1]


def test_a_deadlock_is_tried_again(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    first, second = make.user(), make.user()
    events: list[RetryEvent] = []

    def lock(ids: tuple[int, int]) -> None:
        def body(tx: Transaction) -> None:
            tx.users.update(ids[0], UpdateUser(is_private=True))
            # Neither asks for its second row before both have their first; a second attempt comes
            # alone, and finds the barrier down.
            admin.execute("SELECT nextval('steps')")
            until(admin, "SELECT last_value >= 2 FROM steps")
            tx.users.update(ids[1], UpdateUser(is_private=True))

        db.transact(body, isolation="read committed")

    admin.execute("CREATE SEQUENCE steps")
    url = conninfo.make_conninfo(database_url, options="-c deadlock_timeout=20ms")
    with Database.connect(url, on_retry=events.append) as db:
        gather(lambda: lock((first, second)), lambda: lock((second, first)))
    assert admin.execute("SELECT revision FROM users").fetchall() == [(2,), (2,)]
    # Once or more: the second attempt may take its first row before the other is woken for it.
    assert {event.sqlstate for event in events} == {"40P01"}


@pytest.mark.parametrize(
    ("code", "kind"), [("40001", SerializationFailure), ("40P01", DeadlockDetected)]
)
def test_when_attempts_run_out_the_last_error_is_raised_with_a_note(
    database_url: str, code: str, kind: type[Exception]
) -> None:
    events: list[RetryEvent] = []
    policy = RetryPolicy(attempts=3, wait_initial=0.001)

    def body(tx: Transaction) -> None:
        with tx.savepoint():
            pass
        tx.connection.execute("SELECT 1")
        fail(tx, code)

    with Database.connect(database_url, retry=policy, on_retry=events.append) as db:
        with pytest.raises(kind) as caught:
            db.transact(body)
    assert "gave up after 3 attempts" in "".join(caught.value.__notes__)
    assert [event.attempt for event in events] == [1, 2]
    assert {(event.reason, event.sqlstate) for event in events} == {("conflict", code)}
    assert all(0 <= event.wait <= 0.002 for event in events)


def fail(tx: Transaction, code: str) -> None:
    """Fail with a code inside one of the layer's own statements."""
    tx.connection.execute(
        "CREATE OR REPLACE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE SQLSTATE '{code}'; END $$"
    )
    tx.connection.execute(
        "CREATE TRIGGER fail BEFORE INSERT ON users EXECUTE FUNCTION pg_temp.fail()"
    )
    tx.users.create(CreateUser(name="Ada"))


def test_an_error_of_psycopg_itself_is_classified_alike(db: Database) -> None:
    attempts: list[int] = []
    for attempt in db.retrying(RetryPolicy(wait_initial=0)):
        with attempt, db.transaction() as tx:
            attempts.append(attempt.number)
            if attempt.number < 3:
                tx.connection.execute(RAISE.format("40001"))
    assert attempts == [1, 2, 3]


@pytest.mark.parametrize("code", ["23505", "22003", "57014", "55P03", "0A000", "XX000", "P0001"])
def test_any_other_code_is_raised_at_once(db: Database, code: str) -> None:
    attempts: list[int] = []

    def body(tx: Transaction) -> None:
        attempts.append(1)
        tx.connection.execute(RAISE.format(code))

    with pytest.raises(Exception) as caught:  # noqa: PT011 (its code is compared)
        db.transact(body)
    assert getattr(caught.value, "sqlstate", None) == code
    assert len(attempts) == 1


def test_an_error_of_the_callers_own_is_raised_at_once(db: Database) -> None:
    attempts: list[int] = []

    def body(tx: Transaction) -> None:
        attempts.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        db.transact(body)
    assert len(attempts) == 1


def test_the_time_in_all_ends_the_attempts(db: Database) -> None:
    attempts: list[int] = []
    policy = RetryPolicy(attempts=1000, timeout=1.0, wait_initial=0.05, wait_max=0.05)
    with pytest.raises(psycopg.errors.SerializationFailure) as caught:
        for attempt in db.retrying(policy):
            with attempt, db.transaction() as tx:
                attempts.append(attempt.number)
                tx.connection.execute(RAISE.format("40001"))
    assert 1 < len(attempts) < 1000
    assert "gave up after" in "".join(caught.value.__notes__)


def test_one_attempt_has_no_second(db: Database) -> None:
    attempts: list[int] = []
    with pytest.raises(Exception) as caught:  # noqa: PT011 (its code is compared)
        for attempt in db.retrying(RetryPolicy(attempts=1)):
            with attempt, db.transaction() as tx:
                attempts.append(attempt.number)
                tx.connection.execute(RAISE.format("40001"))
    assert getattr(caught.value, "sqlstate", None) == "40001"
    assert attempts == [1]


def test_public_ids_stay_the_same_over_the_attempts(db: Database, admin: Connection[Any]) -> None:
    made: list[list[str]] = []

    def body(tx: Transaction) -> list[User]:
        users = [tx.users.create(CreateUser(name=name)) for name in ("Ada", "Bea")]
        made.append([user.public_id for user in users])
        if len(made) == 1:
            tx.connection.execute(RAISE.format("40001"))
        return users

    users = db.transact(body)
    assert made[0] == made[1] == [user.public_id for user in users]
    assert made[0][0] != made[0][1]
    later = db.users.create(CreateUser(name="Eve"))
    assert later.public_id not in made[0]


def test_the_connection_is_free_while_an_attempt_waits(database_url: str) -> None:
    free: list[int] = []

    def look(event: RetryEvent) -> None:
        free.append(db.pool_stats()["pool_available"])

    db = Database.connect(database_url, max_size=1, on_retry=look)
    with db:
        attempts: list[int] = []
        for attempt in db.retrying():
            with attempt, db.transaction() as tx:
                attempts.append(attempt.number)
                if attempt.number == 1:
                    tx.connection.execute(RAISE.format("40001"))
    assert attempts == [1, 2]
    assert free == [1]


def test_a_hook_that_fails_ends_nothing(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_too(event: RetryEvent) -> None:
        raise ZeroDivisionError

    with Database.connect(database_url, on_retry=fail_too) as db:
        attempts: list[int] = []
        for attempt in db.retrying():
            with attempt, db.transaction() as tx:
                attempts.append(attempt.number)
                if attempt.number == 1:
                    tx.connection.execute(RAISE.format("40001"))
    assert attempts == [1, 2]
    assert "on_retry failed" in caplog.text


def test_try_each_hands_a_serialization_failure_on_to_the_next_attempt(
    db: Database, make: Factory
) -> None:
    attempts: list[int] = []

    def stumble(number: int) -> int:
        if len(attempts) == 1 and number == 2:
            current[0].connection.execute(RAISE.format("40001"))
        return number

    current: list[Transaction] = []
    for attempt in db.retrying():
        with attempt, db.serializable() as tx:
            attempts.append(attempt.number)
            current[:] = [tx]
            result = tx.try_each([1, 2, 3], stumble)
            assert [number for _, number in result.successes] == [1, 2, 3]
    assert attempts == [1, 2]


def test_a_read_after_a_taken_key_keeps_serializable_transactions_serializable(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="ada")

    def body(tx: Transaction) -> None:
        tx.users.create(CreateUser(name="Ada", handle="ada"))

    with pytest.raises(AlreadyExists):
        db.transact(body)


def test_counting_up_one_row_loses_nothing(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource()
    workers, rounds = 8, 10

    def count(tx: Transaction) -> None:
        resource = tx.resources.find_by_id(resource_id)
        assert resource is not None
        tx.connection.execute(
            "UPDATE resources SET views = %s WHERE id = %s", (resource.views + 1, resource_id)
        )

    def work() -> None:
        for _ in range(rounds):
            db.transact(count, policy=RetryPolicy(attempts=50, timeout=30))

    with Database.connect(database_url, max_size=workers) as db:
        gather(*[work] * workers)
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
def test_a_policy_that_makes_no_sense_is_refused(field: str, value: Any) -> None:
    given: dict[str, Any] = {field: value}
    with pytest.raises(InvalidInput) as caught:
        RetryPolicy(**given)
    assert caught.value.field == field


def test_what_is_no_policy_is_refused(db: Database) -> None:
    with pytest.raises(InvalidInput, match="retry: must be a RetryPolicy, not int"):
        Database.connect("host=/nowhere", retry=3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="policy: must be a RetryPolicy, not dict"):
        db.retrying({})  # type: ignore[arg-type]
