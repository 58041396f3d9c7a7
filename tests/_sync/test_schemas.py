# Generated from tests/_async/test_schemas.py by tools/unasync.py. Do not edit.
"""Where names are looked up: in the schema of the tables, whatever anybody else has created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection, conninfo, sql

from tests.factories import Factory
from vrooli_data import (
    CreateUser,
    Database,
    InvalidInput,
    NotMigrated,
    migrate,
)

#: What is legal as the name of a schema, and 63 bytes long at most.
NAMES = [
    "Tenant 1",
    'a "quoted" one',
    "comma, and 'apostrophe'",
    "back\\slash",
    "per%cent %s :name $1",
    "ünï語",
    "x" * 63,
    "ü" * 31,
    "public, pg_catalog",
    "SELECT",
]
#: Of a stranger: an aggregate that fits JSON better than PostgreSQL's own, and keeps what it sees.
STRANGERS_AGGREGATE = """
CREATE TABLE public.stolen (what text);
CREATE FUNCTION public.steal(json, json) RETURNS json LANGUAGE sql AS $$
    INSERT INTO public.stolen VALUES ($2::text);
    SELECT coalesce($1, '[]'::json)
$$;
CREATE AGGREGATE public.json_agg(json) (SFUNC = public.steal, STYPE = json);
"""


def add_schema(admin: Connection[Any], name: str) -> None:
    admin.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))


def names_in(admin: Connection[Any], schema: str) -> list[str]:
    users = sql.SQL("SELECT name FROM {} ORDER BY id").format(sql.Identifier(schema, "users"))
    return [name for (name,) in admin.execute(users)]


@pytest.fixture
def role(admin: Connection[Any]) -> Iterator[str]:
    """Name a role that may use the layer's tables in public, and nothing else."""
    name = f"role_of_{admin.info.dbname}"
    identifier = sql.Identifier(name)
    admin.execute(
        sql.SQL(
            "CREATE ROLE {0} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {0}; "
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {0}"
        ).format(identifier)
    )
    yield name
    admin.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(identifier))


@pytest.mark.parametrize("others", [[], ["public"]], ids=["pinned", "asked for"])
def test_an_aggregate_of_a_stranger_is_not_called(
    empty_database_url: str, others: list[str]
) -> None:
    url = conninfo.make_conninfo(empty_database_url, options="-c search_path=app,public")
    with Connection.connect(empty_database_url, autocommit=True) as admin:
        add_schema(admin, "app")
        migrate(url)
        admin.execute(STRANGERS_AGGREGATE.encode())
        with Database.connect(url, search_path=others) as db:
            ada = db.users.create(CreateUser(name="Ada", email="ada@example.org"))
            db.users.find_with_teams(ada.public_id)
            with db.transaction() as tx:
                cursor = tx.connection.execute("SELECT json_agg('1'::json)")
                cursor.fetchall()
        stolen = admin.execute("SELECT count(*) FROM public.stolen").fetchone()
    # The second shows that the aggregate would have been called.
    assert stolen == ((1,) if others else (0,))


def test_a_schema_that_is_named_as_the_role_gets_no_writes(
    database_url: str, admin: Connection[Any], role: str
) -> None:
    url = conninfo.make_conninfo(database_url, options=f"-c role={role}")
    with Database.connect(url, min_size=2, max_size=2) as db:
        db.users.create(CreateUser(name="before"))
        add_schema(admin, role)
        names = {"role": sql.Identifier(role), "users": sql.Identifier(role, "users")}
        admin.execute(
            sql.SQL(
                "CREATE TABLE {users} (LIKE public.users INCLUDING ALL); "
                "GRANT ALL ON SCHEMA {role} TO {role}; GRANT ALL ON {users} TO {role}"
            ).format(**names)
        )
        # New connections are those at risk.
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE application_name = 'vrooli_data' AND datname = current_database()"
        )
        db.users.create(CreateUser(name="after"))
    with pytest.raises(InvalidInput, match=f"'public'.*'{role}'") as caught:
        Database.connect(url).open()
    assert caught.value.field == "schema"
    with Database.connect(url, schema="public") as db:
        db.users.create(CreateUser(name="again"))
    assert names_in(admin, "public") == ["before", "after", "again"]
    assert names_in(admin, role) == []


def test_each_tenant_has_a_schema_of_its_own(database_url: str, admin: Connection[Any]) -> None:
    for name in NAMES:
        add_schema(admin, name)
    one, *rest = NAMES
    assert migrate(database_url, schema=one).applied
    for name in rest:
        # As the migrations would have made it, and quicker.
        copy = sql.SQL("CREATE TABLE {} (LIKE public.{} INCLUDING ALL)")
        for table in ("users", "vrooli_data_migrations"):
            admin.execute(copy.format(sql.Identifier(name, table), sql.Identifier(table)))
        admin.execute(
            sql.SQL("INSERT INTO {} SELECT * FROM public.vrooli_data_migrations").format(
                sql.Identifier(name, "vrooli_data_migrations")
            )
        )
    for name in NAMES:
        with Database.connect(database_url, schema=name) as db:
            db.users.create(CreateUser(name=name, handle="the_same"))
    for name in NAMES:
        assert names_in(admin, name) == [name]
    assert names_in(admin, "public") == []


def test_a_path_that_leads_past_the_migrations_is_refused(
    database_url: str, admin: Connection[Any]
) -> None:
    add_schema(admin, "tenant1")
    url = conninfo.make_conninfo(database_url, options="-c search_path=absent,tenant1,public")
    refused = r"schema: must be given.*'public'.*'tenant1'"
    with pytest.raises(InvalidInput, match=refused):
        Database.connect(url).open()
    with pytest.raises(InvalidInput, match=refused):
        migrate(url)
    with pytest.raises(NotMigrated, match="the schema 'tenant1' lacks the migration 0001"):
        Database.connect(url, schema="tenant1").open()
    with pytest.raises(NotMigrated, match="the schema 'absent' lacks"):
        Database.connect(url, schema="absent").open()
    assert migrate(url, schema="tenant1").applied
    with Database.connect(url) as db:
        db.users.create(CreateUser(name="Ada"))
    assert (names_in(admin, "tenant1"), names_in(admin, "public")) == (["Ada"], [])


def test_the_pin_wins_over_the_environment_and_the_role(
    database_url: str, admin: Connection[Any], make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = make.user()
    add_schema(admin, "elsewhere")
    admin.execute("CREATE TABLE elsewhere.users (LIKE public.users INCLUDING ALL)")
    database = sql.Identifier(admin.info.dbname)
    admin.execute(
        sql.SQL("ALTER DATABASE {} SET search_path = elsewhere, pg_catalog").format(database)
    )
    monkeypatch.setenv("PGOPTIONS", "-c search_path=elsewhere")
    given = conninfo.make_conninfo(database_url, options="-c search_path=elsewhere")
    for url in (database_url, given):
        with Database.connect(url, schema="public") as db, db.connection() as held:
            assert held.users.find_by_id(user_id) is not None
            cursor = held.connection.execute(
                "SELECT current_setting('search_path'), current_schema()"
            )
            assert cursor.fetchall() == [('"public", pg_temp', "public")]


def test_a_temporary_table_does_not_hide_ours(database_url: str, make: Factory) -> None:
    user_id = make.user()
    with Database.connect(database_url) as db, db.transaction() as tx:
        tx.connection.execute("CREATE TEMPORARY TABLE users (LIKE users) ON COMMIT DROP")
        assert tx.users.find_by_id(user_id) is not None


def test_schemas_of_an_application_come_after_ours(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    for name in ("shop", "More Shops"):
        add_schema(admin, name)
        admin.execute(
            sql.SQL("CREATE TABLE {} AS SELECT 1 AS id; CREATE TABLE {} ()").format(
                sql.Identifier(name, f"orders of {name}"), sql.Identifier(name, "users")
            )
        )
    others = ("shop", "More Shops")
    with Database.connect(database_url, search_path=others) as db:
        assert db.users.find_by_id(user_id) is not None
        with db.transaction() as tx:
            for name in others:
                query = sql.SQL("SELECT id FROM {}").format(sql.Identifier(f"orders of {name}"))
                cursor = tx.connection.execute(query)
                assert cursor.fetchall() == [(1,)]


@pytest.mark.parametrize(
    "name", ["", "x" * 64, "ü" * 32, "a\0b", "pg_catalog", "pg_temp", "$user", "\ud800", 7]
)
def test_what_names_no_schema_is_refused(name: Any) -> None:
    for field, value in (("schema", name), ("search_path", ["public", name])):
        options: dict[str, Any] = {field: value}
        for call in (Database.connect, migrate):
            with pytest.raises(InvalidInput) as caught:
                call("host=/nowhere", **options)
            assert caught.value.field == field
    with pytest.raises(InvalidInput, match="search_path: must be a list"):
        Database.connect("host=/nowhere", search_path="public")
