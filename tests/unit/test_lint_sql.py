"""The linter of queries: how it is run, and its rules about files and results."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.lint_examples import ALL_RULES, broken, findings, query
from tools.lint import main
from vrooli_data import InvalidFile

ONE_USER = "SELECT id FROM users\nWHERE id = :id::bigint"
PAGE = """SELECT id FROM users WHERE NOT is_private
ORDER BY created_at DESC, id DESC LIMIT :max_rows::integer"""


def test_the_queries_and_migrations_of_the_package_keep_every_rule(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (main([]), capsys.readouterr().out) == (0, "")


def test_a_good_file_has_no_findings(tmp_path: Path) -> None:
    queries = [query(ONE_USER), query(PAGE, name="find_many__created_at", suffix="")]
    assert findings(tmp_path, *queries) == []


def test_a_finding_is_one_line_and_the_exit_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings(
        tmp_path,
        query(ONE_USER),
        query("UPDATE members SET is_admin = TRUE WHERE team_id = 1", name="all"),
    )
    monkeypatch.chdir(tmp_path)
    assert main([str(tmp_path / "sql")]) == 1
    assert capsys.readouterr().out == (
        "sql/users/read.sql:9: users.all: "
        "changes members without updated_at; "
        "set updated_at = now() (excluded.updated_at after ON CONFLICT) [changes_are_counted]\n"
    )


def test_without_findings_the_exit_status_is_0_and_nothing_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings(tmp_path, query(ONE_USER))
    assert main([str(tmp_path / "sql")]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "sql",
    [
        "SET LOCAL statement_timeout = 0",
        "COPY staged (public_id, line) FROM STDIN (FORMAT binary)",
        "CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT id FROM users",
    ],
)
def test_a_utility_is_only_parsed(tmp_path: Path, sql: str) -> None:
    assert findings(tmp_path, query(sql, suffix="!")) == []


def test_an_excuse_with_a_reason_silences_its_rule_alone(tmp_path: Path) -> None:
    star = "SELECT users.*, :id\nFROM users WHERE id = 1"
    excused = query(star, excuse="no_star: the caller takes any columns")
    assert broken(tmp_path, query(star)) == {"no_star", "parameters_are_cast"}
    assert broken(tmp_path, excused) == {"parameters_are_cast"}
    assert "no_star" in broken(tmp_path, query(star, excuse="no_star:"))


@pytest.mark.parametrize("rule", ["no_star", "no_such_rule"])
def test_an_excuse_for_nothing_is_a_finding(tmp_path: Path, rule: str) -> None:
    assert broken(tmp_path, query(ONE_USER, excuse=f"{rule}: a reason")) == {"excuse"}


def test_every_rule_says_what_it_wants() -> None:
    assert all(
        (rule.__doc__ or "").startswith(("Want ", "Require ", "Refuse ", "Allow "))
        for rule in ALL_RULES.values()
    )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param(query("SELECT 1 FROM"), "parse", id="not SQL"),
        pytest.param(query("SELECT 1; SELECT 2"), "parse", id="two statements"),
        pytest.param(
            query(
                "MERGE INTO users USING teams ON users.id = teams.id"
                " WHEN MATCHED THEN UPDATE SET name = teams.name"
            ),
            "parse",
            id="what the rules do not know",
        ),
    ],
)
def test_what_cannot_be_read_is_a_finding_with_its_file(
    tmp_path: Path, text: str, rule: str
) -> None:
    found = {finding.rule: finding for finding in findings(tmp_path, text)}
    assert rule in found
    assert found[rule].path == tmp_path / "sql" / "users" / "read.sql"
    assert str(tmp_path) not in found[rule].message


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("find(id)", "find()", "id"),
        ("-- Index:  users_pkey\n", "", "users.find has no Index line"),
        ("id FROM", "'it FROM", "users.find has"),
    ],
)
def test_a_file_that_the_check_cannot_read_is_left_to_it(
    tmp_path: Path, good: str, bad: str, message: str
) -> None:
    with pytest.raises(InvalidFile, match=message):
        findings(tmp_path, query(ONE_USER).replace(good, bad))


@pytest.mark.parametrize("name", ["Find", "find_", "find___all", "_find", "find__"])
def test_a_name_is_a_method_and_its_choices(tmp_path: Path, name: str) -> None:
    assert "header" in broken(tmp_path, query(ONE_USER, name=name))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("-- Do something.\n", "-- do something.\n"),
        ("-- Do something.\n", "-- Do something\n"),
        ("-- Index:  users_pkey\n-- Locks:  none\n", "-- Locks:  none\n-- Index:  users_pkey\n"),
    ],
)
def test_a_header_begins_with_a_sentence_and_has_its_fields_in_order(
    tmp_path: Path, good: str, bad: str
) -> None:
    text = query(ONE_USER)
    assert good in text
    assert "header" in broken(tmp_path, text.replace(good, bad))


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        ("SELECT id -- the key\nFROM users WHERE id = 1", 6),
        ("SELECT id FROM users\nWHERE /* the key */ id = 1", 7),
        ("SELECT id FROM users\nWHERE\n    id = 1 AND name LIKE 'a%'", 8),
        ("SELECT id FROM users WHERE id = 7 % 2", 6),
        ("SELECT id FROM users WHERE id = $1::bigint", 6),
        ("SELECT id FROM users WHERE id = 1 AND languages[2:] = '{}'", 6),
        ("SELECT id FROM users WHERE id = 1 AND languages[:2] = '{}'", 6),
        ("SELECT id FROM users WHERE id = 1;\n-- About the next.\n", 7),
        ("SELECT id\n-- Of one user;\nFROM users WHERE id = 1", 7),
    ],
)
def test_text_that_the_loader_or_psql_would_misread_is_found_on_its_line(
    tmp_path: Path, bad: str, line: int
) -> None:
    found = [finding for finding in findings(tmp_path, query(bad)) if finding.rule == "text"]
    assert [(finding.line, finding.query) for finding in found] == [(line, "users.find")]


def test_a_header_line_that_ends_with_a_semicolon_is_found(tmp_path: Path) -> None:
    text = query(ONE_USER).replace("-- Locks:  none\n", "-- Locks:  none, here;\n")
    (found,) = [each for each in findings(tmp_path, text) if each.rule == "text"]
    assert "ends with ;" in found.message


def test_comments_on_their_own_line_and_literals_are_free(tmp_path: Path) -> None:
    sql = """SELECT
    id
FROM users
WHERE
    -- 100 % of them, and $1 and /* this */ too: don't stop at é.
    id = :id::bigint
    AND name = '-- no comment'"""
    assert findings(tmp_path, query(sql)) == []
