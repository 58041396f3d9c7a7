"""The linter's rule that no statement stands in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lint import sql_in_python
from tools.lint.sql_in_python import check_python, statements


@pytest.mark.parametrize(
    ("code", "commands"),
    [
        ('"SELECT id FROM users"', ["SELECT"]),
        ('"select id from users where id = %s"', ["SELECT"]),
        ('b"/* tag */ DELETE FROM users"', ["DELETE"]),
        ('"""\n-- Why.\nWITH pg_own AS (SELECT 1) SELECT * FROM pg_own, users"""', ["WITH"]),
        ('f"SELECT max({column}) FROM {table}"', ["SELECT"]),
        ('f"INSERT INTO {table} "', ["INSERT"]),
        ('"COPY users (id) " "FROM STDIN"', ["COPY"]),
        ('"SET a = 1; UPDATE users SET id = %(id)s; SELECT 1"', ["UPDATE", "catalogue"]),
        ('"; DROP TABLE users"', ["DROP"]),
        ('"SELECT oid FROM pg_class"', ["catalogue"]),
        ('"SELECT pg_backend_pid()"', ["catalogue"]),
    ],
)
def test_a_statement_in_a_string_is_found(code: str, commands: list[str]) -> None:
    assert [command for _, command in statements(f"QUERY = {code}")] == commands


@pytest.mark.parametrize(
    "code",
    [
        '"BEGIN ISOLATION LEVEL SERIALIZABLE"',
        '"COMMIT"',
        '"ROLLBACK TO SAVEPOINT {}"',
        "\"SET client_min_messages = 'error'\"",
        "\"SELECT set_config('TimeZone', 'UTC', true)\"",
        '"DEALLOCATE ALL"',
        '"select a file, then press Enter"',
        '"Update the row"',
        '"UPDATE"',
        '"SELECT"',
        '"with a full stop"',
        "1",
    ],
)
def test_transactions_settings_and_prose_are_free(code: str) -> None:
    assert list(statements(f"QUERY = {code}")) == []


def test_a_docstring_may_quote_a_statement() -> None:
    assert list(statements('def find() -> None:\n    """SELECT id FROM users."""\n')) == []


def test_what_is_not_listed_and_what_is_no_longer_there_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = {"listed.py": frozenset({"COPY"}), "gone.py": frozenset({"SELECT"})}
    monkeypatch.setattr(sql_in_python, "ALLOWED", allowed)
    (tmp_path / "_sync").mkdir()
    for name in ("listed.py", "_sync/generated.py"):
        (tmp_path / name).write_text('COPY = "COPY users FROM STDIN"\n')
    assert [finding.query for finding in check_python(tmp_path)] == ["gone.py"]
    (tmp_path / "listed.py").write_text(
        'COPY = "COPY users FROM STDIN"\n\nFIND = "SELECT id FROM users"\n'
    )
    new, gone = check_python(tmp_path)
    assert (new.path, new.line) == (tmp_path / "listed.py", 3)
    assert new.message.startswith("holds SQL (SELECT); make it a query of sql/")
    assert gone.message.startswith("no longer holds SQL (SELECT)")
