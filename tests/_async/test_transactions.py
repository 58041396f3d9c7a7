"""Transactions: what they commit, what they undo, and what they refuse."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    AsyncTransaction,
    CommittedButCallbackFailed,
    CommitUnknown,
    CreateUser,
    InvalidInput,
    InvalidUse,
    MissingReference,
    TransactionAborted,
    UpdateUser,
    User,
)

from ._compat import Started, until_waiting


def names(admin: Connection[Any]) -> list[str]:
    """Return the names of all users that are committed."""
    return [name for (name,) in admin.execute("SELECT name FROM users ORDER BY id")]


async def setting(tx: AsyncTransaction, name: str) -> str:
    cursor = await tx.connection.execute("SELECT current_setting(%s)", (name,))
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def test_a_block_that_ends_is_committed(db: AsyncDatabase, admin: Connection[Any]) -> None:
    async with db.transaction() as tx:
        user = await tx.users.create(CreateUser(name="Ada"))
        assert await tx.users.find_by_id(user.id) == user
        assert names(admin) == []
    assert names(admin) == ["Ada"]


async def test_an_error_that_leaves_the_block_undoes_it_all(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await tx.users.create(CreateUser(name="Ada"))
            raise ZeroDivisionError
    with pytest.raises(AlreadyExists):
        async with db.transaction() as tx:
            await tx.users.create(CreateUser(name="Ada", handle="ada"))
            await tx.users.create(CreateUser(name="Eve", handle="ada"))
    assert names(admin) == []


async def test_a_return_inside_the_block_commits(db: AsyncDatabase, admin: Connection[Any]) -> None:
    async def create() -> User:
        async with db.transaction() as tx:
            return await tx.users.create(CreateUser(name="Ada"))

    assert (await create()).name == "Ada"
    assert names(admin) == ["Ada"]


async def test_a_database_error_caught_inside_the_block_aborts(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="ada", name="Eve")
    with pytest.raises(TransactionAborted, match="caught there"):
        async with db.transaction() as tx:
            await tx.users.create(CreateUser(name="Ada"))
            with pytest.raises(AlreadyExists):
                await tx.users.create(CreateUser(name="Bea", handle="ada"))
    assert names(admin) == ["Eve"]


async def test_a_savepoint_undoes_its_own_block_alone(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="ada", name="Eve")
    async with db.transaction() as tx:
        await tx.users.create(CreateUser(name="Ada"))
        with pytest.raises(AlreadyExists):
            async with tx.savepoint():
                await tx.users.create(CreateUser(name="Lost"))
                async with tx.savepoint():
                    await tx.users.create(CreateUser(name="Lost too"))
                await tx.users.create(CreateUser(name="Bea", handle="ada"))
        async with tx.savepoint():
            await tx.users.create(CreateUser(name="Kept"))
    assert names(admin) == ["Eve", "Ada", "Kept"]


async def test_a_database_error_caught_inside_a_savepoint_undoes_the_savepoint(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="ada", name="Eve")
    async with db.transaction() as tx:
        await tx.users.create(CreateUser(name="Ada"))
        with pytest.raises(TransactionAborted, match="savepoint"):
            async with tx.savepoint():
                with pytest.raises(AlreadyExists):
                    await tx.users.create(CreateUser(name="Bea", handle="ada"))
    assert names(admin) == ["Eve", "Ada"]


async def test_try_each_keeps_what_succeeds_and_reports_what_fails(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="taken", name="Eve")
    async with db.transaction() as tx:
        result = await tx.try_each(
            ["one", "taken", "two"],
            lambda handle: tx.users.create(CreateUser(name=handle, handle=handle)),
        )
    assert [(index, user.name) for index, user in result.successes] == [(0, "one"), (2, "two")]
    assert [failure.index for failure in result.failures] == [1]
    assert isinstance(result.failures[0].error, AlreadyExists)
    assert names(admin) == ["Eve", "one", "two"]


async def test_try_each_reports_an_item_that_hides_its_error_as_a_failure_alone(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="taken", name="Eve")

    async def create(tx: AsyncTransaction, handle: str) -> str:
        with suppress(AlreadyExists):
            await tx.users.create(CreateUser(name=handle, handle=handle))
        return handle

    async with db.transaction() as tx:
        result = await tx.try_each(["one", "taken", "two"], partial(create, tx))
    assert result.successes == [(0, "one"), (2, "two")]
    assert [failure.index for failure in result.failures] == [1]
    assert names(admin) == ["Eve", "one", "two"]


async def test_try_each_over_the_ratio_undoes_the_whole_transaction(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="taken", name="Eve")
    handles = ["taken", "one", "taken"]
    with pytest.raises(TransactionAborted, match="2 of 3 items failed"):
        async with db.transaction() as tx:
            await tx.users.create(CreateUser(name="Parent"))
            await tx.try_each(
                handles, lambda handle: tx.users.create(CreateUser(name="X", handle=handle))
            )
    assert names(admin) == ["Eve"]
    async with db.transaction() as tx:
        result = await tx.try_each(
            handles,
            lambda handle: tx.users.create(CreateUser(name="X", handle=handle)),
            max_failure_ratio=1,
        )
        assert len(result.failures) == 2
        assert (await tx.try_each([], tx.users.find_by_id)).successes == []
    assert names(admin) == ["Eve", "X"]


async def test_on_commit_runs_after_the_commit_and_only_then(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(names(admin))

    async with db.transaction() as tx:
        await tx.users.create(CreateUser(name="Ada"))
        tx.on_commit(look)
        with pytest.raises(ZeroDivisionError):
            async with tx.savepoint():
                tx.on_commit(look)
                raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            tx.on_commit(look)
            raise ZeroDivisionError
    assert seen == [["Ada"]]


async def test_a_failed_callback_and_a_failed_commit_raise_different_errors(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    seen: list[str] = []

    async def fail() -> None:
        raise ZeroDivisionError

    async def note() -> None:
        seen.append("later")

    async def body(tx: AsyncTransaction) -> None:
        await tx.users.create(CreateUser(name="Ada"))
        tx.on_commit(fail)
        tx.on_commit(note)

    with pytest.raises(CommittedButCallbackFailed) as caught:
        await db.transact(body)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert names(admin) == ["Ada"]
    assert seen == ["later"]


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
async def test_isolation_and_limits_are_the_transactions_own(
    database_url: str, isolation: Any
) -> None:
    async with AsyncDatabase.connect(database_url, max_size=1, statement_timeout=7) as db:
        async with db.transaction(isolation=isolation, read_only=True, timeout=3.5) as tx:
            assert await setting(tx, "transaction_isolation") == isolation
            assert await setting(tx, "transaction_read_only") == "on"
            assert await setting(tx, "statement_timeout") == "3500ms"
            assert await setting(tx, "idle_in_transaction_session_timeout") == "3500ms"
        async with db.transaction() as tx:
            assert await setting(tx, "transaction_isolation") == "read committed"
            assert await setting(tx, "transaction_read_only") == "off"
            assert await setting(tx, "statement_timeout") == "7s"
            assert await setting(tx, "idle_in_transaction_session_timeout") == "0"


async def test_a_deferrable_transaction_is_serializable_and_reads(db: AsyncDatabase) -> None:
    async with db.serializable(read_only=True, deferrable=True) as tx:
        assert await setting(tx, "transaction_deferrable") == "on"
        assert await setting(tx, "transaction_isolation") == "serializable"


async def test_a_write_in_a_read_only_transaction_is_refused(db: AsyncDatabase) -> None:
    with pytest.raises(Exception, match="only reads") as caught:
        async with db.transaction(read_only=True) as tx:
            await tx.users.create(CreateUser(name="Ada"))
    assert getattr(caught.value, "sqlstate", None) == "25006"


async def test_a_constraint_checked_at_commit_is_an_error_and_commits_nothing(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource()
    admin.execute(
        "ALTER TABLE runs ALTER CONSTRAINT runs_user_id_fkey DEFERRABLE INITIALLY DEFERRED"
    )
    with pytest.raises(MissingReference) as caught:
        async with db.transaction() as tx:
            await tx.resources.increment_views(await public_id(tx, resource_id))
            await tx.connection.execute("INSERT INTO runs (user_id, name) VALUES (999, 'x')")
    assert caught.value.constraint == "runs_user_id_fkey"
    assert caught.value.field == "user_id"
    resource = await db.resources.find_by_id(resource_id)
    assert resource is not None
    assert resource.views == 0


async def public_id(tx: AsyncTransaction, resource_id: int) -> str:
    resource = await tx.resources.find_by_id(resource_id)
    assert resource is not None
    return resource.public_id


async def test_what_the_layer_does_not_cover_goes_through_psycopg(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with db.transaction() as tx:
            await tx.users.create(CreateUser(name="Ada"))
            await tx.connection.execute("SELECT * FROM nowhere")
    assert names(admin) == []


async def test_methods_of_several_queries_join_the_transaction(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            assert await tx.users.delete(user_id)
            raise ZeroDivisionError
    assert len(names(admin)) == 1
    async with db.connection() as held:
        assert await held.users.delete(user_id)
    assert names(admin) == []


async def test_nesting_is_refused_and_says_what_to_do(db: AsyncDatabase) -> None:
    async def body(tx: AsyncTransaction) -> None:
        raise AssertionError

    async with db.transaction():
        with pytest.raises(InvalidUse, match=r"inside a transaction: pass the open one on"):
            async with db.serializable():
                raise AssertionError
        with pytest.raises(InvalidUse, match="retrying cannot begin inside a transaction"):
            db.retrying()
        with pytest.raises(InvalidUse, match="inside a transaction"):
            await db.transact(body)
    async with db.transaction():
        pass


async def test_two_databases_may_have_a_transaction_each(
    db: AsyncDatabase, database_url: str, admin: Connection[Any]
) -> None:
    async with (
        AsyncDatabase.connect(database_url) as other,
        db.transaction() as first,
        other.transaction() as second,
    ):
        await first.users.create(CreateUser(name="Ada"))
        await second.users.create(CreateUser(name="Bea"))
    assert sorted(names(admin)) == ["Ada", "Bea"]


async def test_a_transaction_is_over_after_its_block(db: AsyncDatabase) -> None:
    async def nothing() -> None:
        raise AssertionError

    async with db.transaction() as tx:
        pass
    with pytest.raises(InvalidUse, match="over"):
        await tx.users.find_by_id(1)
    with pytest.raises(InvalidUse, match="over"):
        tx.on_commit(nothing)
    with pytest.raises(InvalidUse, match="over"):
        async with tx.savepoint():
            raise AssertionError


async def test_a_transaction_that_a_statement_ended_reports_how(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    with pytest.raises(TransactionAborted, match=r"by a statement of tx\.connection.*rolled back"):
        async with db.transaction() as tx:
            await tx.users.create(CreateUser(name="Ada"))
            await tx.connection.execute("ROLLBACK")
    assert names(admin) == []
    with pytest.raises(InvalidUse, match=r"by a statement of tx\.connection.*is committed"):
        async with db.transaction() as tx:
            await tx.users.create(CreateUser(name="Ada"))
            await tx.connection.execute("COMMIT")
    assert names(admin) == ["Ada"]
    with pytest.raises(CommitUnknown, match="which is not known"):
        async with db.transaction(track_commit=False) as tx:
            await tx.connection.execute("ROLLBACK")


async def test_psycopgs_connection_ends_no_transaction_of_ours(
    db: AsyncDatabase, admin: Connection[Any]
) -> None:
    async with db.transaction() as tx:
        await tx.users.create(CreateUser(name="Ada"))
        for end in (tx.connection.commit, tx.connection.rollback):
            with pytest.raises(InvalidUse, match="ends with its block"):
                await end()
        with pytest.raises(InvalidUse, match="ends with its block"):
            async with tx.connection:
                pass
        # Inside ours this is a savepoint.
        async with tx.connection.transaction():
            await tx.users.create(CreateUser(name="Bea"))
    assert names(admin) == ["Ada", "Bea"]
    async with db.connection() as held:
        await held.connection.execute("BEGIN")
        await held.users.create(CreateUser(name="Lost"))
        await held.connection.rollback()
    assert names(admin) == ["Ada", "Bea"]


async def test_a_lone_statement_that_deadlocks_is_tried_again(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    admin.execute(
        "CREATE SEQUENCE tries; CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF nextval('tries') = 1 THEN RAISE SQLSTATE '40P01'; END IF; RETURN new; END $$;"
        " CREATE TRIGGER stumble BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION stumble()"
    )
    changed = await db.users.update(user_id, UpdateUser(name="Bea"))
    assert changed is not None
    assert changed.revision == 1
    assert admin.execute("SELECT last_value FROM tries").fetchone() == (2,)


async def test_bad_options_are_refused_before_anything_is_sent(unopened: AsyncDatabase) -> None:
    with pytest.raises(InvalidInput, match="isolation: must be one of read committed"):
        async with unopened.transaction(isolation="chaos"):  # type: ignore[arg-type]
            raise AssertionError
    with pytest.raises(InvalidInput, match="deferrable: goes with"):
        async with unopened.transaction(deferrable=True):
            raise AssertionError
    with pytest.raises(InvalidInput, match="timeout: must be more than 0"):
        async with unopened.transaction(timeout=0):
            raise AssertionError
    with pytest.raises(InvalidInput, match="read_only: must be a bool"):
        async with unopened.transaction(read_only=1):  # type: ignore[arg-type]
            raise AssertionError
    with pytest.raises(InvalidInput, match="commit_timeout"):
        AsyncDatabase.connect("host=/nowhere", commit_timeout=0)


async def test_a_transaction_waits_for_a_row_lock_as_long_as_it_is_let(
    db: AsyncDatabase, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()

    async def body(tx: AsyncTransaction) -> User | None:
        return await tx.users.update(user_id, UpdateUser(name="Bea"))

    with admin.transaction():
        admin.execute("UPDATE users SET name = 'Eve', revision = revision + 1")
        update = Started(lambda: db.transact(body, isolation="read committed"))
        await until_waiting(admin)
    changed = await update.result()
    assert changed is not None
    assert (changed.name, changed.revision) == ("Bea", 2)
