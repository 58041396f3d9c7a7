"""What the schema itself guarantees, whoever writes to it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import Connection, errors, sql

from tests.factories import Factory

#: These may be spread over servers by user later on.
SHARDED = ["bookmarks", "change_events", "run_io", "run_steps", "runs", "stats_users"]

#: ON DELETE RESTRICT: 23001 from PostgreSQL 18 on, 23503 before.
STILL_REFERENCED = (errors.RestrictViolation, errors.ForeignKeyViolation)

Admin = Connection[Any]


def rows(admin: Admin, query: str) -> list[Any]:
    return admin.execute(query.encode()).fetchall()


def test_every_table_says_what_it_is_for(admin: Admin) -> None:
    silent = """
        SELECT relname FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND obj_description(oid, 'pg_class') IS NULL
    """
    assert rows(admin, silent) == [("vrooli_data_migrations",)]


def test_every_foreign_key_column_leads_an_index(admin: Admin) -> None:
    # Partial ones serve where they leave out NULL only.
    missing = """
        SELECT conname FROM pg_constraint AS fkey
        WHERE fkey.contype = 'f' AND NOT EXISTS (
            SELECT FROM pg_index
            WHERE indrelid = fkey.conrelid AND indkey[0] = fkey.conkey[1]
            AND (indpred IS NULL OR pg_get_expr(indpred, indrelid) = format(
                '(%I IS NOT NULL)',
                (SELECT attname FROM pg_attribute
                 WHERE attrelid = fkey.conrelid AND attnum = fkey.conkey[1])
            ))
        )
    """
    assert rows(admin, missing) == []


def test_every_constraint_and_index_is_named_by_its_table_and_kind(admin: Admin) -> None:
    names = rows(
        admin,
        """
        SELECT conrelid::regclass::text, conname, contype::text FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f', 'c')
        UNION ALL
        SELECT
            indrelid::regclass::text,
            indexrelid::regclass::text,
            CASE WHEN indisunique THEN 'u' ELSE 'i' END
        FROM pg_index
        WHERE indrelid::regclass::text IN (SELECT relname FROM pg_stat_user_tables)
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
        """,
    )
    suffixes = {"p": "_pkey", "u": "_key", "f": "_fkey", "c": "_check", "i": "_idx"}
    wrong = [
        name
        for table, name, kind in names
        # A name of 63 bytes has been cut.
        if not (name.startswith(f"{table}_") and name.endswith(suffixes[kind]) and len(name) < 63)
    ]
    assert len(names) > 100
    assert wrong == []


def test_every_time_has_a_check_that_keeps_it_readable(admin: Admin) -> None:
    unchecked = """
        SELECT attrelid::regclass::text, attname FROM pg_attribute
        WHERE atttypid = 'timestamptz'::regtype AND attnum > 0
        AND attrelid IN (SELECT relid FROM pg_stat_user_tables)
        AND NOT EXISTS (
            SELECT FROM pg_constraint
            WHERE conrelid = attrelid AND conkey[1] = attnum
            AND pg_get_constraintdef(oid) LIKE '%9999-12-30 00:00:00+00%'
        )
    """
    assert rows(admin, unchecked) == [("vrooli_data_migrations", "applied_at")]


@pytest.mark.parametrize(
    "value", ["10000-01-01+00", "infinity", "-infinity", "0001-01-01 BC", "9999-12-31+00"]
)
def test_times_that_python_cannot_hold_are_refused(make: Factory, value: str) -> None:
    with pytest.raises(errors.CheckViolation, match="users_created_at_check"):
        make.user(created_at=value)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_first_and_last_time_are_readable_in_any_time_zone(
    admin: Admin, make: Factory, zone: str
) -> None:
    make.user(created_at="0001-01-02+00", updated_at="9999-12-30+00")
    admin.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
    for binary in (False, True):
        cursor = admin.cursor(binary=binary)
        (first, last) = cursor.execute("SELECT created_at, updated_at FROM users").fetchall()[0]
        assert (first.year, last.year) == (1, 9999)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("public_id", "ABCDEFGHIJKL"),
        ("public_id", "abcdefghijk"),
        ("public_id", "abcdefghijkl\n"),
        ("email", "Ada@example.org"),
        ("email", "@example.org"),
        ("email", "a@" + "x" * 319),
        ("name", ""),
        ("name", "x" * 256),
        ("handle", "Ada"),
        ("handle", "ad"),
        ("handle", "x" * 31),
        ("handle", "ad\u00e9"),
        ("languages", ["en", None]),
        ("languages", [["en"], ["fr"]]),
        ("languages", ["en", ""]),
        ("languages", ["e"]),
        ("languages", ["en"] * 101),
        ("revision", -1),
    ],
)
def test_a_user_that_breaks_a_rule_is_refused(make: Factory, column: str, value: object) -> None:
    with pytest.raises(errors.CheckViolation, match=f"users_{column}_check"):
        make.user(**{column: value})


@pytest.mark.parametrize("languages", [[], ["en"], ["en", "pt-BR", "zh-Hant-TW"], ["en"] * 100])
def test_languages_may_be_any_short_list_of_tags(make: Factory, languages: list[str]) -> None:
    make.user(languages=languages)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("resources", "resource_type", "routine"),
        ("resources", "bookmarks", -1),
        ("resources", "views", -1),
        ("resource_versions", "config", "[]"),
        ("runs", "status", "Done"),
        ("runs", "time_elapsed", -1),
        ("run_steps", "status", "Paused"),
        ("run_steps", "step", 0),
        ("run_io", "side", "both"),
        ("resource_translations", "language", "e"),
        ("resource_translations", "description", "x" * 10_001),
        ("stats_users", "period_type", "Centennial"),
        ("stats_users", "period_end", "2020-01-01+00"),
    ],
)
def test_a_value_outside_its_domain_is_refused(
    admin: Admin, make: Factory, table: str, column: str, value: object
) -> None:
    with admin.transaction(force_rollback=True):
        fill(admin, make)
        change = sql.SQL("UPDATE {} SET {} = {}")
        with pytest.raises(errors.CheckViolation, match=f"{table}_{column}_check"):
            admin.execute(
                change.format(sql.Identifier(table), sql.Identifier(column), sql.Literal(value))
            )


def fill(admin: Admin, make: Factory) -> tuple[int, int, int]:
    """Insert a row into each table of runs; return user, resource and version."""
    user = make.user()
    resource = make.resource()
    version = make.version(resource)
    admin.execute(
        """
        WITH run AS (
            INSERT INTO runs (user_id, resource_version_id, name)
            VALUES (%(user)s, %(version)s, 'Run')
            RETURNING user_id, id
        ),

        step AS (
            INSERT INTO run_steps (user_id, run_id, step, name)
            SELECT user_id, id, 1, 'Step' FROM run
        ),

        translation AS (
            INSERT INTO resource_translations (resource_id, language, name)
            VALUES (%(resource)s, 'en', 'Resource')
        ),

        stats AS (
            INSERT INTO stats_users (user_id, period_type, period_start, period_end)
            VALUES (%(user)s, 'Daily', '2020-01-01+00', '2020-01-02+00')
        )

        INSERT INTO run_io (user_id, run_id, side, key, value)
        SELECT user_id, id, 'input', 'key', 'null' FROM run
        """,
        {"user": user, "version": version, "resource": resource},
    )
    return user, resource, version


def test_a_resource_cannot_point_at_the_version_of_another(admin: Admin, make: Factory) -> None:
    mine, other = make.resource(), make.resource()
    version = make.version(other)
    point = "UPDATE resources SET latest_version_id = %s WHERE id = %s"
    with pytest.raises(errors.ForeignKeyViolation, match="resources_id_latest_version_id_fkey"):
        admin.execute(point, (version, mine))


def test_deleting_the_latest_version_clears_the_pointer_alone(admin: Admin, make: Factory) -> None:
    resource = make.resource()
    version = make.version(resource)
    admin.execute("DELETE FROM resource_versions WHERE id = %s", (version,))
    assert rows(admin, "SELECT id, latest_version_id FROM resources") == [(resource, None)]


def test_a_version_that_was_run_stays_and_a_user_takes_their_runs_along(
    admin: Admin, make: Factory
) -> None:
    user, resource, version = fill(admin, make)
    for delete, key in (
        ("DELETE FROM resource_versions WHERE id = %s", version),
        ("DELETE FROM resources WHERE id = %s", resource),
    ):
        with pytest.raises(STILL_REFERENCED, match="runs_resource_version_id_fkey"):
            admin.execute(delete.encode(), (key,))
    admin.execute("DELETE FROM users WHERE id = %s", (user,))
    for table in ("runs", "run_steps", "run_io", "stats_users"):
        assert rows(admin, f"SELECT count(*) FROM {table}") == [(0,)]
    admin.execute("DELETE FROM resources WHERE id = %s", (resource,))


@pytest.mark.parametrize("table", SHARDED)
def test_unique_keys_of_tables_that_grow_with_use_lead_with_the_user(
    admin: Admin, table: str
) -> None:
    leading = admin.execute(
        """
        SELECT attname FROM pg_index
        INNER JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
        WHERE
            indrelid = %s::regclass
            AND indisunique
            AND indexrelid NOT IN ('runs_id_key'::regclass, 'runs_public_id_key'::regclass)
        """,
        # Those that are left out are dropped before the runs are distributed.
        (table,),
    ).fetchall()
    assert leading == [("user_id",)]


def test_there_is_no_trigger_and_no_function(admin: Admin) -> None:
    assert rows(admin, "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    own = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    extension = "SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e'"
    assert rows(admin, f"{own} AND NOT EXISTS ({extension})") == []


def test_that_a_user_was_active_is_written_to_no_index(admin: Admin) -> None:
    admin.execute(
        """
        INSERT INTO users (public_id, name, handle, email)
        SELECT lpad(n::text, 12, '0'), 'Ada', 'user_' || n, 'user_' || n || '@example.org'
        FROM generate_series(1, 500) AS n
        """
    )
    # Of the first pages, which are full but for what fillfactor leaves.
    admin.execute("UPDATE users SET last_active_at = now() WHERE id IN (1, 2, 100, 101)")
    admin.execute("SELECT pg_stat_force_next_flush()")
    hot = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'users'"
    assert rows(admin, hot) == [(4, 4)]


def test_two_users_cannot_share_what_identifies_them(make: Factory) -> None:
    make.user(handle="ada", email="ada@example.org")
    with pytest.raises(psycopg.errors.UniqueViolation, match="users_handle_key"):
        make.user(handle="ada")
    with pytest.raises(psycopg.errors.UniqueViolation, match="users_email_key"):
        make.user(email="ada@example.org")
