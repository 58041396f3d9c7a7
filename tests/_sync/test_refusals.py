# Generated from tests/_async/test_refusals.py by tools/unasync.py. Do not edit.
"""What the server refuses: keys that it generated itself, and privileges that the role lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from psycopg import Connection, conninfo, errors, sql

from tests.factories import Factory
from tests.introspection import methods, required_arguments
from vrooli_data import (
    CreateChat,
    CreateResource,
    CreateRun,
    CreateTeam,
    CreateUser,
    CreateVersion,
    Database,
    DatabaseError,
    GeneratedKeyTaken,
    PermissionDenied,
    Transaction,
    VrooliDataError,
)

from ._compat import Call, finished
from .probe import OTHER, make_world
from .whole_pool import settings

VERSION = CreateVersion(version_label="1.0")
RESOURCE = CreateResource(resource_type="Note")
#: Every method that inserts into a table whose key the server generates, by that table.
CREATE: list[tuple[str, Any]] = [
    ("users", lambda db: db.users.create(CreateUser(name="Ada"))),
    ("teams", lambda db: db.teams.create(CreateTeam(name="Team"))),
    ("teams", lambda db: db.teams.create_with_initial_setup(CreateTeam(name="Team"), 1)),
    ("chats", lambda db: db.teams.create_with_initial_setup(CreateTeam(name="Team"), 1)),
    ("chats", lambda db: db.chats.create(CreateChat())),
    ("resources", lambda db: db.resources.create(RESOURCE)),
    ("resources", lambda db: db.resources.create_with_version(RESOURCE, VERSION)),
    ("resources", lambda db: db.resources.create_with_event(RESOURCE, changed_by=1)),
    ("resource_versions", lambda db: db.resources.create_with_version(RESOURCE, VERSION)),
    ("resource_versions", lambda db: db.resources.add_version(1, VERSION)),
    ("runs", lambda db: db.runs.create(CreateRun(user_id=1, name="Run"))),
]
#: Columns of unique keys that a sequence fills, with the sequence.
GENERATED = """
SELECT
    conrelid::regclass::text,
    attname::text,
    pg_get_serial_sequence(conrelid::regclass::text, attname)
FROM pg_constraint
INNER JOIN pg_attribute ON conrelid = attrelid AND attnum = ANY(conkey)
WHERE
    connamespace = 'public'::regnamespace
    AND contype IN ('p', 'u')
    AND pg_get_serial_sequence(conrelid::regclass::text, attname) IS NOT NULL
"""


@pytest.fixture
def sequences(admin: Connection[Any], make: Factory) -> dict[str, str]:
    """Make one row of everything, with the id 1; return the sequence of each table."""
    make_world(make)
    return {table: name for table, column, name in admin.execute(GENERATED) if column == "id"}


def set_behind(admin: Connection[Any], sequence: str) -> None:
    """Leave a sequence as it is after a restore of rows alone."""
    admin.execute(sql.SQL("SELECT setval({}, 1, false)").format(sequence))


def test_every_generated_key_is_tried(sequences: dict[str, str]) -> None:
    assert {table for table, _ in CREATE} == sequences.keys()


@pytest.mark.parametrize(("table", "create"), CREATE)
def test_a_generated_key_that_is_taken_names_the_statement_that_mends_it(
    db: Database,
    admin: Connection[Any],
    sequences: dict[str, str],
    table: str,
    create: Any,
) -> None:
    set_behind(admin, sequences[table])
    with pytest.raises(GeneratedKeyTaken) as caught:
        create(db)
    error = caught.value
    assert (error.table, error.sequence) == (f"public.{table}", sequences[table])
    for part in (error.table, error.sequence, error.remedy):
        assert part in str(error)
    admin.execute(error.remedy.encode())
    assert create(db) is not None


@pytest.fixture
def app(database_url: str, admin: Connection[Any], make: Factory, role: str) -> Iterator[Database]:
    """Open the database as a role that may read which migrations it has, and no more."""
    make_world(make)
    admin.execute(f"GRANT SELECT ON vrooli_data_migrations TO {role}".encode())
    url = conninfo.make_conninfo(database_url, options=f"-c role={role}")
    with Database.connect(url, max_size=1) as database:
        yield database


class Undone(Exception):
    """Undoes what a call did."""


def refusal(app: Database, repository: str, method: str) -> PermissionDenied | None:
    arguments = required_arguments(repository, method) | OTHER.get((repository, method), {})
    denied: PermissionDenied | None = None
    with suppress(Undone):
        with app.transaction() as tx:
            try:
                finished(getattr(getattr(tx, repository), method)(**arguments))
            except PermissionDenied as error:
                denied = error
            except VrooliDataError:
                # The server has come past privileges.
                pass
            raise Undone
    return denied


def test_what_a_role_lacks_is_what_it_has_to_be_granted_and_no_more(
    app: Database, admin: Connection[Any], role: str
) -> None:
    for repository, method, _ in methods():
        granted: dict[tuple[str | None, str], tuple[str, ...]] = {}
        while denied := refusal(app, repository, method):
            assert denied.object, (repository, method)
            place = (denied.query, denied.object)
            assert place not in granted, f"{repository}.{method}: {denied}"
            assert denied.role == role
            for part in (role, denied.object, *denied.privileges):
                assert part in str(denied)
            granted[place] = denied.privileges
            grant(admin, "GRANT {} ON {} TO {}", denied.privileges, denied.object, role)
        assert granted, (repository, method)
        for (_, held), privileges in granted.items():
            # An INSERT may do without SELECT, where nothing of the row is returned.
            for each in privileges[1:] if "INSERT" in privileges else privileges:
                grant(admin, "REVOKE {} ON {} FROM {}", (each,), held, role)
                assert refusal(app, repository, method), (repository, method, each, held)
                grant(admin, "GRANT {} ON {} TO {}", (each,), held, role)
        for (_, held), privileges in granted.items():
            grant(admin, "REVOKE {} ON {} FROM {}", privileges, held, role)


def grant(
    admin: Connection[Any], statement: str, privileges: tuple[str, ...], held: str, role: str
) -> None:
    admin.execute(statement.format(", ".join(privileges), held, role).encode())


def test_a_lone_call_raises_the_same_errors(app: Database, role: str) -> None:
    with pytest.raises(PermissionDenied, match=f"{role} lacks.*table users.*SELECT, INSERT"):
        app.users.create(CreateUser(name="Ada"))


def test_a_policy_of_rows_is_no_missing_privilege(
    app: Database, admin: Connection[Any], role: str
) -> None:
    grant(admin, "GRANT {} ON {} TO {}", ("SELECT", "INSERT"), "users", role)
    admin.execute("ALTER TABLE users ENABLE ROW LEVEL SECURITY")
    admin.execute("CREATE POLICY none ON users FOR INSERT WITH CHECK (FALSE)")
    with pytest.raises(PermissionDenied, match=f"policy refuses the row.*{role}.*users") as caught:
        app.users.create(CreateUser(name="Ada"))
    assert caught.value.privileges == ()


def test_a_setting_about_policies_is_no_missing_privilege(
    app: Database, admin: Connection[Any], role: str
) -> None:
    grant(admin, "GRANT {} ON {} TO {}", ("SELECT",), "users", role)
    admin.execute("ALTER TABLE users ENABLE ROW LEVEL SECURITY")
    with pytest.raises(PermissionDenied, match=f"row_security is off.*users.*{role}") as caught:
        with app.transaction() as tx:
            tx.connection.execute("SET LOCAL row_security = off")
            tx.users.find_by_id(1)
    assert caught.value.privileges == ()


@pytest.fixture
def reader(database_url: str, admin: Connection[Any], role: str) -> Iterator[Database]:
    """Open the database as a role that only reads, unless it is asked to write."""
    admin.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}".encode())
    url = conninfo.make_conninfo(
        database_url, options=f"-c role={role} -c default_transaction_read_only=on"
    )
    with Database.connect(url, min_size=3, max_size=3) as database:
        yield database


def test_a_role_that_reads_by_default_can_be_asked_to_write(
    reader: Database, admin: Connection[Any]
) -> None:
    def create(tx: Transaction) -> None:
        tx.users.create(CreateUser(name="Ada"))

    reader.transact(create, read_only=False)
    with reader.transaction(read_only=False) as tx:
        create(tx)
    with reader.serializable(read_only=False) as tx:
        create(tx)
    assert admin.execute("SELECT count(*) FROM users").fetchone() == (3,)


def test_its_refusals_cost_the_pool_no_connection(reader: Database, database_url: str) -> None:
    def create(tx: Transaction) -> None:
        tx.users.create(CreateUser(name="Ada"))

    def create_raw(tx: Transaction) -> None:
        tx.connection.execute("INSERT INTO users (public_id, name) VALUES ('x', 'Ada')")

    calls: list[Call] = [
        lambda: reader.users.create(CreateUser(name="Ada")),
        lambda: reader.users.delete(1),
        lambda: reader.transact(create),
        lambda: reader.transact(create, read_only=True),
    ]
    settings(reader, 3)
    before = reader.pool_stats()
    for call in calls:
        with pytest.raises(DatabaseError, match="only reads") as caught:
            call()
        assert caught.value.sqlstate == "25006"
    with pytest.raises(errors.ReadOnlySqlTransaction):
        reader.transact(create_raw)
    with reader.connection() as held:
        with pytest.raises(DatabaseError, match="only reads"):
            held.users.create(CreateUser(name="Ada"))
    assert reader.pool_stats()["connections_num"] == before["connections_num"]
    assert reader.pool_stats()["pool_size"] == 3
