# Generated from tests/_async/test_transactions.py by tools/unasync.py. Do not edit.
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
    CommittedButCallbackFailed,
    CommitUnknown,
    CreateUser,
    Database,
    InvalidInput,
    InvalidUse,
    MissingReference,
    Transaction,
    TransactionAborted,
    UpdateUser,
    User,
)

from ._compat import Started, until_waiting


def names(admin: Connection[Any]) -> list[str]:
    """Return the names of all users that are committed."""
    return [name for (name,) in admin.execute("SELECT name FROM users ORDER BY id")]


def setting(tx: Transaction, name: str) -> str:
    cursor = tx.connection.execute("SELECT current_setting(%s)", (name,))
    row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def test_a_block_that_ends_is_committed(db: Database, admin: Connection[Any]) -> None:
    with db.transaction() as tx:
        user = tx.users.create(CreateUser(name="Ada"))
        assert tx.users.find_by_id(user.id) == user
        assert names(admin) == []
    assert names(admin) == ["Ada"]


def test_an_error_that_leaves_the_block_undoes_it_all(db: Database, admin: Connection[Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        with db.transaction() as tx:
            tx.users.create(CreateUser(name="Ada"))
            raise ZeroDivisionError
    with pytest.raises(AlreadyExists):
        with db.transaction() as tx:
            tx.users.create(CreateUser(name="Ada", handle="ada"))
            tx.users.create(CreateUser(name="Eve", handle="ada"))
    assert names(admin) == []


def test_a_return_inside_the_block_commits(db: Database, admin: Connection[Any]) -> None:
    def create() -> User:
        with db.transaction() as tx:
            return tx.users.create(CreateUser(name="Ada"))

    assert (create()).name == "Ada"
    assert names(admin) == ["Ada"]


def test_a_database_error_caught_inside_the_block_aborts(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="ada", name="Eve")
    with pytest.raises(TransactionAborted, match="caught there"):
        with db.transaction() as tx:
            tx.users.create(CreateUser(name="Ada"))
            with pytest.raises(AlreadyExists):
                tx.users.create(CreateUser(name="Bea", handle="ada"))
    assert names(admin) == ["Eve"]


def test_a_savepoint_undoes_its_own_block_alone(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="ada", name="Eve")
    with db.transaction() as tx:
        tx.users.create(CreateUser(name="Ada"))
        with pytest.raises(AlreadyExists):
            with tx.savepoint():
                tx.users.create(CreateUser(name="Lost"))
                with tx.savepoint():
                    tx.users.create(CreateUser(name="Lost too"))
                tx.users.create(CreateUser(name="Bea", handle="ada"))
        with tx.savepoint():
            tx.users.create(CreateUser(name="Kept"))
    assert names(admin) == ["Eve", "Ada", "Kept"]


def test_a_database_error_caught_inside_a_savepoint_undoes_the_savepoint(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="ada", name="Eve")
    with db.transaction() as tx:
        tx.users.create(CreateUser(name="Ada"))
        with pytest.raises(TransactionAborted, match="savepoint"):
            with tx.savepoint():
                with pytest.raises(AlreadyExists):
                    tx.users.create(CreateUser(name="Bea", handle="ada"))
    assert names(admin) == ["Eve", "Ada"]


def test_try_each_keeps_what_succeeds_and_reports_what_fails(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="taken", name="Eve")
    with db.transaction() as tx:
        result = tx.try_each(
            ["one", "taken", "two"],
            lambda handle: tx.users.create(CreateUser(name=handle, handle=handle)),
        )
    assert [(index, user.name) for index, user in result.successes] == [(0, "one"), (2, "two")]
    assert [failure.index for failure in result.failures] == [1]
    assert isinstance(result.failures[0].error, AlreadyExists)
    assert names(admin) == ["Eve", "one", "two"]


def test_try_each_reports_an_item_that_hides_its_error_as_a_failure_alone(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="taken", name="Eve")

    def create(tx: Transaction, handle: str) -> str:
        with suppress(AlreadyExists):
            tx.users.create(CreateUser(name=handle, handle=handle))
        return handle

    with db.transaction() as tx:
        result = tx.try_each(["one", "taken", "two"], partial(create, tx))
    assert result.successes == [(0, "one"), (2, "two")]
    assert [failure.index for failure in result.failures] == [1]
    assert names(admin) == ["Eve", "one", "two"]


def test_try_each_over_the_ratio_undoes_the_whole_transaction(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    make.user(handle="taken", name="Eve")
    handles = ["taken", "one", "taken"]
    with pytest.raises(TransactionAborted, match="2 of 3 items failed"):
        with db.transaction() as tx:
            tx.users.create(CreateUser(name="Parent"))
            tx.try_each(
                handles, lambda handle: tx.users.create(CreateUser(name="X", handle=handle))
            )
    assert names(admin) == ["Eve"]
    with db.transaction() as tx:
        result = tx.try_each(
            handles,
            lambda handle: tx.users.create(CreateUser(name="X", handle=handle)),
            max_failure_ratio=1,
        )
        assert len(result.failures) == 2
        assert (tx.try_each([], tx.users.find_by_id)).successes == []
    assert names(admin) == ["Eve", "X"]


def test_on_commit_runs_after_the_commit_and_only_then(
    db: Database, admin: Connection[Any]
) -> None:
    seen: list[list[str]] = []

    def look() -> None:
        seen.append(names(admin))

    with db.transaction() as tx:
        tx.users.create(CreateUser(name="Ada"))
        tx.on_commit(look)
        with pytest.raises(ZeroDivisionError):
            with tx.savepoint():
                tx.on_commit(look)
                raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        with db.transaction() as tx:
            tx.on_commit(look)
            raise ZeroDivisionError
    assert seen == [["Ada"]]


def test_a_failed_callback_and_a_failed_commit_raise_different_errors(
    db: Database, admin: Connection[Any]
) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    def note() -> None:
        seen.append("later")

    def body(tx: Transaction) -> None:
        tx.users.create(CreateUser(name="Ada"))
        tx.on_commit(fail)
        tx.on_commit(note)

    with pytest.raises(CommittedButCallbackFailed) as caught:
        db.transact(body)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert names(admin) == ["Ada"]
    assert seen == ["later"]


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_isolation_and_limits_are_the_transactions_own(database_url: str, isolation: Any) -> None:
    with Database.connect(database_url, max_size=1, statement_timeout=7) as db:
        with db.transaction(isolation=isolation, read_only=True, timeout=3.5) as tx:
            assert setting(tx, "transaction_isolation") == isolation
            assert setting(tx, "transaction_read_only") == "on"
            assert setting(tx, "statement_timeout") == "3500ms"
            assert setting(tx, "idle_in_transaction_session_timeout") == "3500ms"
        with db.transaction() as tx:
            assert setting(tx, "transaction_isolation") == "read committed"
            assert setting(tx, "transaction_read_only") == "off"
            assert setting(tx, "statement_timeout") == "7s"
            assert setting(tx, "idle_in_transaction_session_timeout") == "0"


def test_a_deferrable_transaction_is_serializable_and_reads(db: Database) -> None:
    with db.serializable(read_only=True, deferrable=True) as tx:
        assert setting(tx, "transaction_deferrable") == "on"
        assert setting(tx, "transaction_isolation") == "serializable"


def test_a_write_in_a_read_only_transaction_is_refused(db: Database) -> None:
    with pytest.raises(Exception, match="only reads") as caught:
        with db.transaction(read_only=True) as tx:
            tx.users.create(CreateUser(name="Ada"))
    assert getattr(caught.value, "sqlstate", None) == "25006"


def test_a_constraint_checked_at_commit_is_an_error_and_commits_nothing(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    resource_id = make.resource()
    admin.execute(
        "ALTER TABLE runs ALTER CONSTRAINT runs_user_id_fkey DEFERRABLE INITIALLY DEFERRED"
    )
    with pytest.raises(MissingReference) as caught:
        with db.transaction() as tx:
            tx.resources.increment_views(public_id(tx, resource_id))
            tx.connection.execute("INSERT INTO runs (user_id, name) VALUES (999, 'x')")
    assert caught.value.constraint == "runs_user_id_fkey"
    assert caught.value.field == "user_id"
    resource = db.resources.find_by_id(resource_id)
    assert resource is not None
    assert resource.views == 0


def public_id(tx: Transaction, resource_id: int) -> str:
    resource = tx.resources.find_by_id(resource_id)
    assert resource is not None
    return resource.public_id


def test_what_the_layer_does_not_cover_goes_through_psycopg(
    db: Database, admin: Connection[Any]
) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        with db.transaction() as tx:
            tx.users.create(CreateUser(name="Ada"))
            tx.connection.execute("SELECT * FROM nowhere")
    assert names(admin) == []


def test_methods_of_several_queries_join_the_transaction(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    with pytest.raises(ZeroDivisionError):
        with db.transaction() as tx:
            assert tx.users.delete(user_id)
            raise ZeroDivisionError
    assert len(names(admin)) == 1
    with db.connection() as held:
        assert held.users.delete(user_id)
    assert names(admin) == []


def test_nesting_is_refused_and_says_what_to_do(db: Database) -> None:
    def body(tx: Transaction) -> None:
        raise AssertionError

    with db.transaction():
        with pytest.raises(InvalidUse, match=r"inside a transaction: pass the open one on"):
            with db.serializable():
                raise AssertionError
        with pytest.raises(InvalidUse, match="retrying cannot begin inside a transaction"):
            db.retrying()
        with pytest.raises(InvalidUse, match="inside a transaction"):
            db.transact(body)
    with db.transaction():
        pass


def test_two_databases_may_have_a_transaction_each(
    db: Database, database_url: str, admin: Connection[Any]
) -> None:
    with (
        Database.connect(database_url) as other,
        db.transaction() as first,
        other.transaction() as second,
    ):
        first.users.create(CreateUser(name="Ada"))
        second.users.create(CreateUser(name="Bea"))
    assert sorted(names(admin)) == ["Ada", "Bea"]


def test_a_transaction_is_over_after_its_block(db: Database) -> None:
    def nothing() -> None:
        raise AssertionError

    with db.transaction() as tx:
        pass
    with pytest.raises(InvalidUse, match="over"):
        tx.users.find_by_id(1)
    with pytest.raises(InvalidUse, match="over"):
        tx.on_commit(nothing)
    with pytest.raises(InvalidUse, match="over"):
        with tx.savepoint():
            raise AssertionError


def test_a_transaction_that_a_statement_ended_reports_how(
    db: Database, admin: Connection[Any]
) -> None:
    with pytest.raises(TransactionAborted, match=r"by a statement of tx\.connection.*rolled back"):
        with db.transaction() as tx:
            tx.users.create(CreateUser(name="Ada"))
            tx.connection.execute("ROLLBACK")
    assert names(admin) == []
    with pytest.raises(InvalidUse, match=r"by a statement of tx\.connection.*is committed"):
        with db.transaction() as tx:
            tx.users.create(CreateUser(name="Ada"))
            tx.connection.execute("COMMIT")
    assert names(admin) == ["Ada"]
    with pytest.raises(CommitUnknown, match="which is not known"):
        with db.transaction(track_commit=False) as tx:
            tx.connection.execute("ROLLBACK")


def test_psycopgs_connection_ends_no_transaction_of_ours(
    db: Database, admin: Connection[Any]
) -> None:
    with db.transaction() as tx:
        tx.users.create(CreateUser(name="Ada"))
        for end in (tx.connection.commit, tx.connection.rollback):
            with pytest.raises(InvalidUse, match="ends with its block"):
                end()
        with pytest.raises(InvalidUse, match="ends with its block"):
            with tx.connection:
                pass
        # Inside ours this is a savepoint.
        with tx.connection.transaction():
            tx.users.create(CreateUser(name="Bea"))
    assert names(admin) == ["Ada", "Bea"]
    with db.connection() as held:
        held.connection.execute("BEGIN")
        held.users.create(CreateUser(name="Lost"))
        held.connection.rollback()
    assert names(admin) == ["Ada", "Bea"]


def test_a_lone_statement_that_deadlocks_is_tried_again(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    admin.execute(
        "CREATE SEQUENCE tries; CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF nextval('tries') = 1 THEN RAISE SQLSTATE '40P01'; END IF; RETURN new; END $$;"
        " CREATE TRIGGER stumble BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION stumble()"
    )
    changed = db.users.update(user_id, UpdateUser(name="Bea"))
    assert changed is not None
    assert changed.revision == 1
    assert admin.execute("SELECT last_value FROM tries").fetchone() == (2,)


def test_bad_options_are_refused_before_anything_is_sent(unopened: Database) -> None:
    with pytest.raises(InvalidInput, match="isolation: must be one of read committed"):
        with unopened.transaction(isolation="chaos"):  # type: ignore[arg-type]
            raise AssertionError
    with pytest.raises(InvalidInput, match="deferrable: goes with"):
        with unopened.transaction(deferrable=True):
            raise AssertionError
    with pytest.raises(InvalidInput, match="timeout: must be more than 0"):
        with unopened.transaction(timeout=0):
            raise AssertionError
    with pytest.raises(InvalidInput, match="read_only: must be a bool"):
        with unopened.transaction(read_only=1):  # type: ignore[arg-type]
            raise AssertionError
    with pytest.raises(InvalidInput, match="commit_timeout"):
        Database.connect("host=/nowhere", commit_timeout=0)


def test_a_transaction_waits_for_a_row_lock_as_long_as_it_is_let(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()

    def body(tx: Transaction) -> User | None:
        return tx.users.update(user_id, UpdateUser(name="Bea"))

    with admin.transaction():
        admin.execute("UPDATE users SET name = 'Eve', revision = revision + 1")
        update = Started(lambda: db.transact(body, isolation="read committed"))
        until_waiting(admin)
    changed = update.result()
    assert changed is not None
    assert (changed.name, changed.revision) == ("Bea", 2)
