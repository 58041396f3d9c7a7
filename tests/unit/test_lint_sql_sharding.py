"""The linter's rules for tables that are led by user_id."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.lint_examples import broken, findings, query
from tools.lint import lint_migrations
from vrooli_data._migrations import FOLDER

UPSERT = """INSERT INTO stats_users (user_id, period_type, period_start, period_end, runs_started)
VALUES (1, 'Daily', now(), now(), 1)
ON CONFLICT (user_id, period_type, period_start) DO UPDATE SET
    runs_started = stats_users.runs_started + excluded.runs_started,
    updated_at = excluded.updated_at"""


@pytest.mark.parametrize(
    ("good", "bad", "rules"),
    [
        ("", "", set()),
        (
            "excluded.updated_at",
            "now()",
            {"conflict_sets_are_pure", "changes_are_counted"},
        ),
        (
            "excluded.updated_at",
            "CURRENT_TIMESTAMP",
            {"conflict_sets_are_pure", "changes_are_counted"},
        ),
        (
            "+ excluded.runs_started",
            "+ nextval('users_id_seq')",
            {"conflict_sets_are_pure"},
        ),
        ("(user_id, period_type, period_start) DO", "ON CONSTRAINT stats_users_pkey DO", None),
        ("    runs_started =", "    user_id = excluded.user_id, runs_started =", None),
        (
            "updated_at = excluded.updated_at",
            "updated_at = excluded.updated_at WHERE stats_users.runs_started < 9",
            {"conflict_is_read"},
        ),
    ],
)
def test_an_upsert_of_a_sharded_table_is_held(
    tmp_path: Path, good: str, bad: str, rules: set[str] | None
) -> None:
    assert good in UPSERT
    text = query(UPSERT.replace(good, bad), suffix="!", locks="row: stats_users")
    expected = {"conflict_names_user_id"} if rules is None else rules
    assert broken(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("join", "is_good"),
    [
        ("runs.user_id = run_steps.user_id AND runs.id = run_steps.run_id", True),
        ("runs.id = run_steps.run_id", False),
        ("runs.id = run_steps.run_id AND runs.user_id = run_steps.run_id", False),
        ("runs.id = run_steps.run_id AND runs.user_id = 1 AND run_steps.user_id = 1", False),
        (
            (
                "runs.id = run_steps.run_id AND runs.user_id = :user_id::bigint"
                " AND run_steps.user_id = :user_id::bigint"
            ),
            True,
        ),
    ],
)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) AS total FROM runs JOIN run_steps ON {}",
        "SELECT count(*) AS total FROM runs, run_steps WHERE {}",
        "SELECT count(*) AS total FROM runs WHERE EXISTS (SELECT FROM run_steps WHERE {})",
        (
            "SELECT count(*) AS total FROM runs WHERE EXISTS (SELECT FROM users"
            " WHERE EXISTS (SELECT FROM run_steps WHERE {}))"
        ),
    ],
)
def test_sharded_tables_meet_on_user_id(
    tmp_path: Path, sql: str, join: str, *, is_good: bool
) -> None:
    expected = set() if is_good else {"joins_on_user_id"}
    assert broken(tmp_path, query(sql.format(join))) == expected


def test_a_sharded_table_meets_what_a_cte_read_of_one_on_user_id(tmp_path: Path) -> None:
    sql = """WITH cur AS (
    SELECT user_id, id FROM runs WHERE id = :id::bigint FOR NO KEY UPDATE
)

UPDATE runs SET name = '', revision = runs.revision + 1, updated_at = now()
FROM cur WHERE runs.user_id = cur.user_id AND runs.id = cur.id"""
    good = query(sql, suffix="!", locks="for no key update: runs")
    assert findings(tmp_path, good) == []
    bad = good.replace("runs.user_id = cur.user_id AND ", "")
    assert broken(tmp_path, bad) == {"joins_on_user_id"}


@pytest.mark.parametrize(
    ("key", "rules"),
    [
        ("(public_id)", set()),
        ("(id)", set()),
        ("(user_id, id)", set()),
        ("(id, public_id)", {"conflict_names_user_id"}),
        ("", {"conflict_names_user_id"}),
    ],
)
def test_a_key_that_is_unique_on_one_server_needs_no_user(
    tmp_path: Path, key: str, rules: set[str]
) -> None:
    sql = f"""INSERT INTO runs (user_id, public_id, name)
VALUES (1, 'a', 'Run')
-- lint: conflict_is_read: existing rows do not change the result.
ON CONFLICT {key} DO NOTHING"""
    assert broken(tmp_path, query(sql, suffix="!", locks="row: runs")) == rules


def test_a_row_of_a_sharded_table_stays_where_it_is(tmp_path: Path) -> None:
    sql = """UPDATE run_steps SET user_id = 2, updated_at = now()
WHERE user_id = 1 AND run_id = 1 AND step = 1"""
    bad = query(sql, suffix="!", locks="row: run_steps")
    assert broken(tmp_path, bad) == {"conflict_names_user_id"}


def test_a_trigger_in_a_migration_is_found_on_its_line(tmp_path: Path) -> None:
    migrations = tmp_path / "migrations"
    shutil.copytree(FOLDER, migrations)
    (migrations / "0099_bad.sql").write_text(
        "-- A trigger: é.\nSELECT 'CREATE TRIGGER';\n\n"
        "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON users EXECUTE FUNCTION f();\n"
        "CREATE RULE r AS ON INSERT TO users DO NOTHING;\n"
        "DROP TRIGGER t ON users;\n",
        encoding="utf-8",
    )
    found = lint_migrations(migrations)
    assert [(finding.path.name, finding.line) for finding in found] == [
        ("0099_bad.sql", 4),
        ("0099_bad.sql", 5),
    ]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("PRIMARY KEY (user_id, id);", "PRIMARY KEY (id, user_id);"),
        (
            "PRIMARY KEY (user_id, id);",
            "PRIMARY KEY (user_id, id), ADD CONSTRAINT runs_name_key UNIQUE (name);",
        ),
        (
            "PRIMARY KEY (user_id, id);",
            "PRIMARY KEY (user_id, id);\nCREATE UNIQUE INDEX runs_name_idx ON runs (name);",
        ),
    ],
)
def test_a_sharded_table_is_unique_by_user_id_only(tmp_path: Path, good: str, bad: str) -> None:
    migrations = tmp_path / "migrations"
    shutil.copytree(FOLDER, migrations)
    schema = migrations / "schema.sql"
    text = schema.read_text(encoding="utf-8")
    assert good in text
    schema.write_text(text.replace(good, bad), encoding="utf-8")
    found = lint_migrations(migrations)
    assert [(finding.rule, finding.query) for finding in found] == [("schema", "runs")]
