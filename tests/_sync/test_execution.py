# Generated from tests/_async/test_execution.py by tools/unasync.py. Do not edit.
"""Prepared statements are executed without a cursor of psycopg from the second time on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec import Struct
from psycopg import Connection, RawCursor
from psycopg.adapt import Transformer

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    CreateUser,
    Database,
    DatabaseError,
    HeldConnection,
    Repository,
    queries,
)

from ._compat import Use

TAKEN = CreateUser(name="Ada", handle="ada_lovelace")
OWN = """\
-- name: find(id)^
-- Fetch one thing.
-- Record: Thing, or no row
-- Index:  scan: things, at most 10 rows
-- Locks:  none
SELECT id, name FROM things WHERE id = :id::bigint;

-- name: echo(value)^
-- Return the value.
-- Record: Echo
-- Index:  none: reads no table
-- Locks:  none
SELECT octet_length(:value::text) AS size;

-- name: year(at)^
-- Return the year.
-- Record: Year
-- Index:  none: reads no table
-- Locks:  none
SELECT extract(YEAR FROM :at::timestamp)::integer AS year;

-- name: divide(value)^
-- Divide by the value.
-- Record: Echo
-- Index:  none: reads no table
-- Plan:   custom (value = 1), it is planned anew
-- Locks:  none
SELECT 10 / :value::integer AS size;

-- name: rename(id, name)!
-- Rename a thing.
-- Record: none
-- Index:  scan: things, at most 10 rows
-- Locks:  row: things
UPDATE things SET name = :name::text WHERE id = :id::bigint;
"""


class Year(Struct, frozen=True):
    year: int | None


class Thing(Struct, frozen=True):
    id: Any
    name: Any


class Echo(Struct, frozen=True):
    size: int


@pytest.fixture
def sql(tmp_path: Any, admin: Connection[Any]) -> Any:
    admin.execute("CREATE TABLE things (id bigint, name text)")
    admin.execute("INSERT INTO things SELECT n, 'thing ' || n FROM generate_series(1, 5) AS n")
    folder = tmp_path / "things"
    folder.mkdir()
    (folder / "things.sql").write_text(OWN)
    return queries(folder)


class Calls(list[bytes]):
    """The statements that cursors have executed."""


@pytest.fixture
def by_cursor(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls()
    execute = RawCursor.execute

    def recorded(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(query)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(RawCursor, "execute", recorded)
    return calls


def test_a_prepared_query_is_executed_without_a_cursor(db: Database, by_cursor: Calls) -> None:
    with db.connection() as held:
        user = held.users.create(CreateUser(name="Ada"))
        assert held.users.find_by_id(user.id) == user
        del by_cursor[:]
        assert held.users.find_by_id(user.id) == user
        assert held.users.find_by_id(user.id + 1) is None
        assert by_cursor == []
        with db.transaction() as tx:
            assert tx.users.find_by_id(user.id) == user


def test_parameters_are_sent_with_the_types_of_the_query(db: Database, sql: Any) -> None:
    year = sql.bind("year", Year)
    given = [
        datetime(2024, 5, 1, tzinfo=UTC),
        date(2025, 5, 1),
        "2026-05-01",
        None,
        datetime(2027, 5, 1),  # noqa: DTZ001 (a naive one is another type)
    ]
    with db.connection() as held:
        things = Repository(held)
        for _ in range(3):
            years = [(things.get_one(year, value)).year for value in given]
            assert years == [2024, 2025, 2026, None, 2027]


def found(held: HeldConnection, id: int) -> int | None:
    user = held.users.find_by_id(id)
    return None if user is None else user.id


def test_rows_are_loaded_by_the_current_types_of_their_columns(
    db: Database, admin: Connection[Any], sql: Any
) -> None:
    find = sql.bind("find", Thing)
    with db.connection() as held:
        things = Repository(held)
        for _ in range(3):
            assert things.find_one(find, 1) == Thing(1, "thing 1")
        admin.execute("ALTER TABLE things ALTER name TYPE bigint USING 7, ALTER id TYPE int")
        for _ in range(3):
            assert things.find_one(find, 1) == Thing(1, 7)


@pytest.mark.parametrize(
    "statement",
    ["DEALLOCATE ALL", "DISCARD ALL", "DROP TABLE gone", "BEGIN; ROLLBACK", 'DEALLOCATE "_pg3_0"'],
)
def test_a_deallocated_statement_is_prepared_again(
    db: Database, admin: Connection[Any], make: Factory, statement: str
) -> None:
    admin.execute("CREATE TABLE gone ()")
    user_id = make.user()
    with db.connection() as held:
        for _ in range(3):
            assert found(held, user_id) == user_id
        held.connection.execute(statement.encode())
        for _ in range(3):
            assert found(held, user_id) == user_id


def test_the_oldest_of_many_statements_are_deallocated_and_prepared_again(
    db: Database, make: Factory
) -> None:
    user_id = make.user()
    with db.connection() as held:
        held.connection.prepared_max = 2
        for _ in range(3):
            assert found(held, user_id) == user_id
            assert held.resources.find_by_id(user_id) is None
            assert held.runs.find_by_id(user_id) is None
            assert held.teams.find_by_id(user_id) is None


def test_a_large_parameter_is_sent_completely(db: Database, database_url: str, sql: Any) -> None:
    echo = sql.bind("echo", Echo)
    with db.connection() as held:
        for size in (1, 1, 30_000_000):
            assert Repository(held).get_one(echo, "x" * size) == Echo(size)
    with Database.connect(database_url, max_size=1) as one:
        for size in (1, 1, 30_000_000):
            with one.transaction() as tx:
                assert Repository(tx).get_one(echo, "x" * size) == Echo(size)


def test_a_command_counts_its_rows_each_time(db: Database, sql: Any) -> None:
    rename = sql.command("rename")
    with db.connection() as held:
        things = Repository(held)
        assert [things.execute(rename, id, "new") for id in (1, 9, 1, 9)] == [1, 0, 1, 0]


def test_a_query_with_a_custom_plan_can_be_run_again_after_an_error(db: Database, sql: Any) -> None:
    divide = sql.bind("divide", Echo)
    for _ in range(12):
        with db.transaction() as tx:
            things = Repository(tx)
            with pytest.raises(DatabaseError):
                with tx.savepoint():
                    things.get_one(divide, 0)
            assert things.get_one(divide, 5) == Echo(2)
        with pytest.raises(DatabaseError):
            with db.transaction() as tx:
                Repository(tx).get_one(divide, 0)
        with pytest.raises(DatabaseError):
            Repository(db).get_one(divide, 0)
        assert Repository(db).get_one(divide, 5) == Echo(2)


def refused_alone(db: Database) -> None:
    db.users.create(TAKEN)


def refused_in_transaction(db: Database) -> None:
    with db.transaction() as tx:
        tx.users.create(TAKEN)


def refused_behind_savepoint(db: Database) -> None:
    with db.transaction() as tx, tx.savepoint():
        tx.users.create(TAKEN)


def refused_on_held_connection(db: Database) -> None:
    with db.connection() as held:
        held.users.create(TAKEN)


@pytest.mark.parametrize(
    "refused",
    [
        refused_alone,
        refused_in_transaction,
        refused_behind_savepoint,
        refused_on_held_connection,
    ],
)
def test_a_statement_that_is_refused_each_time_is_prepared_once(
    database_url: str, make: Factory, refused: Use[Database]
) -> None:
    make.user(handle=TAKEN.handle)
    with Database.connect(database_url, max_size=1) as db:
        for _ in range(5):
            with pytest.raises(AlreadyExists):
                refused(db)
        with db.connection() as held:
            session: Any = held._runner._session
        # Behind the layer's back: psycopg may have some to drop with its next statement.
        found = session.connection.pgconn.exec_(
            b"SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'users.create'"
        )
        assert int(found.get_value(0, 0)) <= 1


class Interruption(Exception):
    """What a signal handler raises."""


def test_an_interruption_while_loaders_are_found_leaves_none(
    database_url: str, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = make.user(name="Ada")

    transformer: Any = Transformer

    class Interrupted(transformer):  # type: ignore[misc]
        def set_pgresult(self, *_: Any, **__: Any) -> None:
            raise Interruption

    with Database.connect(database_url, max_size=1) as db, db.connection() as held:
        with monkeypatch.context() as patch, pytest.raises(Interruption):
            patch.setattr("vrooli_data._execution.Transformer", Interrupted)
            held.users.find_by_id(user_id)
        for _ in range(2):
            user = held.users.find_by_id(user_id)
            assert user is not None
            assert user.name == "Ada"
