"""Every key of the schema, from the catalogue: the error when it is broken."""

from __future__ import annotations

import traceback
from contextlib import ExitStack
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import Connection, sql

from tests._async.probe import make_world
from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    AsyncDatabase,
    CreateUser,
    Database,
    MissingReference,
    StillReferenced,
)
from vrooli_data._classify import translate

_KEYS = """
SELECT
    conname,
    conrelid::regclass::text,
    confrelid::regclass::text,
    (
        SELECT array_agg(attname::text ORDER BY place)
        FROM unnest(conkey) WITH ORDINALITY AS keys (attnum, place)
        INNER JOIN pg_attribute USING (attnum)
        WHERE attrelid = conrelid
    ),
    pg_get_constraintdef(pg_constraint.oid)
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype = ANY(%s)
ORDER BY conname
"""


class Key(NamedTuple):
    """A unique or foreign key."""

    name: str
    table: str
    #: The table that a foreign key refers to.
    target: str
    columns: list[str]
    definition: str


@pytest.fixture
def world(make: Factory) -> Connection[Any]:
    """Make one row of everything, the rows that no repository makes as well."""
    make_world(make)
    make.connection.execute(
        "INSERT INTO pruned_events (xid, seq) VALUES ('1', 1);"
        "INSERT INTO stats_users (user_id, period_type, period_start, period_end) "
        "VALUES (1, 'Daily', '2026-01-01', '2026-01-02');"
        "INSERT INTO stats_teams (team_id, period_type, period_start, period_end) "
        "VALUES (1, 'Daily', '2026-01-01', '2026-01-02');"
        "INSERT INTO run_steps (user_id, run_id, step, name) VALUES (1, 1, 1, 'Step');"
        "INSERT INTO run_io (user_id, run_id, side, step, key, value) "
        "VALUES (1, 1, 'input', 1, 'key', '1')"
    )
    return make.connection


def keys(connection: Connection[Any], *kinds: str) -> list[Key]:
    return [Key(*row) for row in connection.execute(_KEYS, (list(kinds),))]


def broken(connection: Connection[Any], *statements: sql.Composed) -> psycopg.Error:
    """Run statements of which the last is refused, and undo them; return the error."""
    *before, last = statements
    with connection.transaction(force_rollback=True):
        for statement in before:
            connection.execute(statement)
        with pytest.raises(psycopg.IntegrityError) as caught, connection.transaction():
            connection.execute(last)
    return caught.value


def put(text: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))


def without(keys: list[Key]) -> list[sql.Composed]:
    return [
        put("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {} CASCADE", key.table, key.name)
        for key in keys
    ]


def test_every_unique_key_names_its_fields(world: Connection[Any]) -> None:
    world.execute("UPDATE users SET handle = 'ada', email = 'ada@example.org' WHERE id = 1")
    world.execute("UPDATE teams SET handle = 'ada' WHERE id = 1")
    unique = keys(world, "p", "u")
    assert len(unique) >= 25
    for key in unique:
        others = [each for each in unique if each.table == key.table and each != key]
        row = put("INSERT INTO {0} SELECT * FROM {0} ORDER BY 1 LIMIT 1", key.table)
        error = translate(broken(world, *without(others), row), "any.query", lost=False)
        assert isinstance(error, AlreadyExists), key
        assert (error.constraint, list(error.fields)) == (key.name, key.columns)
        assert error.field == (key.columns[0] if len(key.columns) == 1 else None)
        fields = ", ".join(key.columns)
        assert str(error) == (f"any.query: {fields}: a row with the same value exists ({key.name})")


def test_every_foreign_key_names_its_fields_when_the_row_is_missing(
    world: Connection[Any],
) -> None:
    foreign = keys(world, "f")
    assert len(foreign) >= 20
    for key in foreign:
        others = [each for each in foreign if each != key]
        change = put("UPDATE {} SET {} = 987654", key.table, key.columns[-1])
        error = translate(broken(world, *without(others), change), "any.query", lost=False)
        assert isinstance(error, MissingReference), key
        assert (error.constraint, list(error.fields)) == (key.name, key.columns)
        one = key.target.removesuffix("s").replace("_", " ")
        fields = ", ".join(key.columns)
        assert str(error) == f"any.query: {fields}: there is no such {one} ({key.name})"


@pytest.mark.parametrize("action", ["RESTRICT", "NO ACTION"])
def test_every_foreign_key_names_the_rows_that_still_refer(
    world: Connection[Any], action: LiteralString
) -> None:
    foreign = keys(world, "f")
    for key in foreign:
        definition, _, _ = key.definition.partition(" ON DELETE")
        again = put("ALTER TABLE {} ADD CONSTRAINT {} ", key.table, key.name) + sql.SQL(
            f"{definition} ON DELETE {action}"
        )
        point = put("UPDATE {} SET {} = 1", key.table, key.columns[-1])
        delete = put("DELETE FROM {}", key.target)
        error = translate(
            broken(world, *without(foreign), again, point, delete), "any.query", lost=False
        )
        assert isinstance(error, StillReferenced), key
        assert error.constraint == key.name
        assert f"rows of {key.table} still refer to this one" in str(error)


async def test_no_error_leads_to_the_values_of_a_row(database_url: str) -> None:
    secret = CreateUser(name="Ada", email="secret@example.org")
    found: list[BaseException] = []
    with Database.connect(database_url, max_size=1) as db, ExitStack() as stack:
        held = stack.enter_context(db.connection())
        held.users.create(secret)
        with pytest.raises(AlreadyExists) as caught:
            held.users.create(secret)
        found.append(caught.value)
    async with AsyncDatabase.connect(database_url, max_size=1) as other:
        with pytest.raises(AlreadyExists) as caught:
            async with other.transaction() as tx:
                await tx.users.create(secret)
        found.append(caught.value)
    for error in found:
        assert error.__context__ is None
        assert error.__cause__ is None
        assert "secret@" not in "".join(traceback.format_exception(error))
