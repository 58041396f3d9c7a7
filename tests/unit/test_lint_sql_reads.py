"""The linter's rules about what a statement returns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.lint_examples import broken, findings, query


@pytest.mark.parametrize(
    "bad",
    [
        "SELECT * FROM users WHERE id = 1",
        "SELECT users.* FROM users WHERE id = 1",
        "SELECT to_json(users) AS everything FROM users WHERE id = 1",
        "SELECT cur.id FROM (SELECT * FROM users WHERE id = 1) AS cur",
        "DELETE FROM users WHERE id = 1 RETURNING *",
    ],
)
def test_a_star_is_refused_everywhere(tmp_path: Path, bad: str) -> None:
    assert "no_star" in broken(tmp_path, query(bad))


def test_a_column_called_as_a_table_is_no_whole_row(tmp_path: Path) -> None:
    assert findings(tmp_path, query("SELECT bookmarks FROM resources WHERE id = 1")) == []
    counted = query("SELECT count(*) AS total FROM users")
    assert findings(tmp_path, counted) == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("SELECT id FROM users WHERE id = :id", "stands without a cast"),
        ("SELECT id FROM users WHERE id = :id::bigint OR id > :id", "stands without a cast"),
        ("SELECT id FROM users WHERE id = (:id + 1)::bigint", "stands without a cast"),
        ("SELECT :id::text AS a FROM users WHERE id = :id::bigint", "cast to bigint and text"),
    ],
)
def test_a_parameter_is_cast_in_place_and_always_to_one_type(
    tmp_path: Path, bad: str, message: str
) -> None:
    found = findings(tmp_path, query(bad, suffix="!"))
    assert [message in finding.message for finding in found] == [True]


@pytest.mark.parametrize(
    "bad",
    [
        "SELECT id FROM users LIMIT 10",
        "SELECT id, name FROM users ORDER BY name LIMIT 10",
        "SELECT name FROM users ORDER BY name LIMIT 10",
        "SELECT id, handle FROM users ORDER BY handle LIMIT 10",
        "SELECT id FROM users ORDER BY lower(name), abs(id) LIMIT 10",
        (
            "SELECT users.id, members.team_id FROM users"
            " JOIN members ON users.id = members.user_id ORDER BY users.id LIMIT 10"
        ),
        "SELECT user_id FROM members WHERE team_id > 1 ORDER BY user_id LIMIT 10",
        (
            "SELECT users.id, teams.name FROM teams LEFT JOIN users"
            " ON teams.created_by_id = users.id ORDER BY users.id LIMIT 10"
        ),
        "SELECT id FROM users ORDER BY id",
        "SELECT id FROM users ORDER BY id LIMIT ALL",
        "SELECT users.name FROM users, (SELECT 1 AS one) AS cur ORDER BY users.name LIMIT 10",
        "DELETE FROM users WHERE is_bot RETURNING id",
        "SELECT id FROM users UNION ALL SELECT id FROM teams ORDER BY id LIMIT 10",
    ],
)
def test_a_listing_without_a_total_order_and_a_limit_is_found(tmp_path: Path, bad: str) -> None:
    assert "listing_is_ordered" in broken(tmp_path, query(bad, suffix=""))


@pytest.mark.parametrize(
    "good",
    [
        "SELECT id, name FROM users ORDER BY name, id LIMIT 10",
        "SELECT id AS position FROM users ORDER BY position LIMIT 10",
        "SELECT user_id FROM members WHERE team_id = 1 ORDER BY user_id LIMIT 10",
        (
            "SELECT users.id, teams.id AS team_id FROM teams LEFT JOIN users"
            " ON teams.created_by_id = users.id ORDER BY teams.id LIMIT 10"
        ),
        (
            "SELECT users.id FROM json_array_elements_text(:ids::json) WITH ORDINALITY"
            " AS wanted (id, position) JOIN users ON wanted.id::bigint = users.id"
            " ORDER BY wanted.position LIMIT 10"
        ),
        (
            "SELECT created_by_id, count(*) AS total FROM teams WHERE created_by_id IS NOT NULL"
            " GROUP BY created_by_id ORDER BY created_by_id LIMIT 10"
        ),
    ],
)
def test_a_listing_may_be_ordered_by_any_unique_key_of_its_rows(tmp_path: Path, good: str) -> None:
    assert findings(tmp_path, query(good, suffix="")) == []


CAPPED = """WITH hits AS {materialized} (SELECT id FROM users WHERE is_bot {order} LIMIT {limit})
SELECT count(*) AS total FROM hits"""


@pytest.mark.parametrize(
    ("materialized", "order", "limit", "is_good"),
    [
        ("MATERIALIZED", "", "5001", True),
        ("", "ORDER BY id", "5001", True),
        ("", "", "5001", False),
        ("MATERIALIZED", "", ":max_rows::integer", False),
        ("", "ORDER BY created_at", "5001", False),
    ],
)
def test_an_inner_limit_is_ordered_or_a_cap(
    tmp_path: Path, materialized: str, order: str, limit: str, *, is_good: bool
) -> None:
    sql = CAPPED.format(materialized=materialized, order=order, limit=limit)
    assert broken(tmp_path, query(sql)) == (set() if is_good else {"limit_is_ordered"})


LATERAL = """SELECT found.id FROM json_array_elements_text(:statuses::json) AS wanted (status)
JOIN LATERAL (SELECT runs.id, runs.created_at FROM runs WHERE runs.status = wanted.status
    {order} LIMIT 10) AS found ON TRUE ORDER BY found.created_at DESC, found.id DESC LIMIT 10"""


def test_a_walk_in_a_lateral_is_ordered(tmp_path: Path) -> None:
    good = LATERAL.format(order="ORDER BY runs.created_at DESC, runs.id DESC")
    assert findings(tmp_path, query(good, suffix="")) == []
    assert broken(tmp_path, query(LATERAL.format(order=""), suffix="")) == {"limit_is_ordered"}


def test_an_inner_order_without_a_limit_is_found_where_it_does_nothing(tmp_path: Path) -> None:
    good = LATERAL.format(order="ORDER BY runs.created_at DESC, runs.id DESC")
    bad = query(good.replace("LIMIT 10", "", 1), suffix="")
    assert broken(tmp_path, bad) == {"inner_order_has_limit"}
    distinct = """SELECT count(*) AS total
FROM (SELECT DISTINCT ON (name) id FROM users ORDER BY name, id) AS firsts"""
    assert findings(tmp_path, query(distinct)) == []
    insert = "INSERT INTO bookmarks (user_id, resource_id) SELECT id, 1 FROM users ORDER BY id"
    assert findings(tmp_path, query(insert, suffix="!", locks="row: bookmarks")) == []


@pytest.mark.parametrize(
    "bad",
    [
        "SELECT id FROM users WHERE name = :name::text",
        "SELECT id FROM users WHERE id = :id::bigint OR is_bot",
        "SELECT id FROM users WHERE id > :id::bigint",
        "SELECT users.id FROM users, json_each('{}') AS given WHERE users.id = value::bigint",
        "SELECT id FROM users WHERE id = any(:ids::bigint[])",
        "SELECT user_id FROM members WHERE team_id = :team_id::bigint",
        "SELECT users.id FROM users JOIN members ON users.id = members.user_id WHERE users.id = 1",
        "SELECT name, count(*) AS total FROM users GROUP BY name",
        "SELECT unnest(languages) AS language FROM users WHERE id = 1",
        "SELECT id FROM users WHERE id = 1 UNION ALL SELECT id FROM teams WHERE id = 1",
        (
            "SELECT users.id FROM users LEFT JOIN teams ON teams.created_by_id = users.id"
            " WHERE users.id = 1"
        ),
        "SELECT id FROM (VALUES (1), (2)) AS given (id)",
    ],
)
@pytest.mark.parametrize("suffix", ["^", "$"])
def test_one_row_is_not_promised_without_proof(tmp_path: Path, bad: str, suffix: str) -> None:
    assert broken(tmp_path, query(bad, suffix=suffix)) == {"at_most_one_row"}


@pytest.mark.parametrize(
    "good",
    [
        "SELECT id FROM users WHERE handle = :handle::text",
        "SELECT is_admin FROM members WHERE team_id = 1 AND 2 = user_id",
        "SELECT max(id) AS id FROM users",
        "SELECT id FROM users ORDER BY id LIMIT 1",
        "SELECT EXISTS (SELECT FROM users) AS is_there",
        (
            "SELECT users.id FROM teams LEFT JOIN users ON teams.created_by_id = users.id"
            " WHERE teams.id = :id::bigint"
        ),
        (
            "WITH cur AS (SELECT created_by_id FROM teams WHERE id = 1)"
            " SELECT users.id FROM users JOIN cur ON users.id = cur.created_by_id"
        ),
        "SELECT DISTINCT team_id FROM members WHERE team_id = 1",
    ],
)
def test_one_row_is_shown_by_keys_aggregates_and_limits(tmp_path: Path, good: str) -> None:
    assert findings(tmp_path, query(good)) == []


def test_changes_of_several_rows_are_not_one_row(tmp_path: Path) -> None:
    two = "INSERT INTO bookmarks (user_id, resource_id) VALUES (1, 2), (1, 3) RETURNING user_id"
    many = "INSERT INTO bookmarks (user_id, resource_id) SELECT id, 1 FROM users RETURNING user_id"
    some = "DELETE FROM bookmarks WHERE user_id = 1 RETURNING user_id"
    for sql in (two, many, some):
        bad = query(sql, locks="row: bookmarks")
        assert broken(tmp_path, bad) == {"at_most_one_row"}
        assert broken(tmp_path, bad.replace(")^", ")!")) == set()


SAFE = "SELECT id FROM users WHERE {condition} ORDER BY id LIMIT 9"


@pytest.mark.parametrize("bad", ["OFFSET 20", "OFFSET :skipped::bigint", "OFFSET 1 + 1"])
def test_offset_is_refused(tmp_path: Path, bad: str) -> None:
    page = f"SELECT id FROM users ORDER BY id LIMIT 9 {bad}"
    assert broken(tmp_path, query(page, suffix="")) == {"no_offset"}
    assert "no_offset" in broken(tmp_path, query(f"SELECT id FROM ({page}) AS p WHERE id = 1"))


def test_offset_0_is_a_fence(tmp_path: Path) -> None:
    fenced = "SELECT id FROM users ORDER BY id LIMIT 9 OFFSET 0"
    assert findings(tmp_path, query(fenced, suffix="")) == []


@pytest.mark.parametrize(
    "bad",
    [
        "id NOT IN (SELECT created_by_id FROM teams)",
        "NOT (id IN (SELECT teams.created_by_id FROM teams))",
        "id <> ALL (SELECT created_by_id FROM teams)",
        "id NOT IN (SELECT max(id) FROM teams)",
        "id NOT IN (SELECT id FROM teams UNION SELECT created_by_id FROM teams)",
        "id NOT IN (SELECT t.id FROM teams LEFT JOIN teams AS t ON teams.id = t.created_by_id)",
        "id NOT IN (SELECT c.u FROM (SELECT created_by_id AS u FROM teams) AS c)",
        "id <> ALL (ARRAY(SELECT created_by_id FROM teams))",
        "handle NOT IN ('ada', email)",
        "NOT handle IN ('ada', NULL)",
        "handle <> ALL (ARRAY['ada', email])",
        "NOT handle = ANY (languages)",
    ],
)
def test_not_in_is_refused_over_what_can_be_null(tmp_path: Path, bad: str) -> None:
    assert broken(tmp_path, query(SAFE.format(condition=bad), suffix="")) == {"not_in_is_safe"}


@pytest.mark.parametrize(
    "good",
    [
        "id NOT IN (SELECT user_id FROM members)",
        "id NOT IN (SELECT created_by_id FROM teams WHERE created_by_id IS NOT NULL)",
        "id NOT IN (SELECT c.u FROM (SELECT user_id AS u FROM members) AS c)",
        "id <> ALL (ARRAY(SELECT user_id FROM members))",
        "id NOT IN (1, 2, :other::bigint)",
        "handle <> ALL (:others::text[])",
        "id IN (SELECT created_by_id FROM teams)",
        "NOT EXISTS (SELECT FROM teams WHERE teams.created_by_id = users.id)",
    ],
)
def test_not_in_is_allowed_over_what_is_never_null(tmp_path: Path, good: str) -> None:
    assert findings(tmp_path, query(SAFE.format(condition=good), suffix="")) == []


UNION = """SELECT users.id, users.name, users.handle FROM users WHERE users.id = :id::bigint
UNION ALL
SELECT {columns} FROM teams WHERE teams.id = :id::bigint"""


@pytest.mark.parametrize(
    "columns",
    [
        "teams.id, teams.handle, teams.name",
        "teams.id, 'none' AS handle, teams.name",
        "teams.id, teams.name, teams.id",
    ],
)
def test_the_halves_of_a_union_have_their_columns_in_one_order(
    tmp_path: Path, columns: str
) -> None:
    text = query(UNION.format(columns=columns), suffix="!")
    assert broken(tmp_path, text) == {"union_is_aligned"}


@pytest.mark.parametrize(
    "columns",
    ["teams.id, teams.name, teams.handle", "teams.created_by_id, teams.public_id, NULL"],
)
def test_the_halves_of_a_union_may_name_their_columns_otherwise(
    tmp_path: Path, columns: str
) -> None:
    assert findings(tmp_path, query(UNION.format(columns=columns), suffix="!")) == []
