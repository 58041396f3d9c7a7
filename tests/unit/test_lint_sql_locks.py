"""Which locks a statement takes, and whether its header tells them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pglast import parse_sql

from tests.lint.locks import locks_of
from tests.unit.lint_examples import broken, findings, query

LOCKED = "SELECT id FROM users WHERE id = 1 FOR NO KEY UPDATE"


@pytest.mark.parametrize(
    ("sql", "locks"),
    [
        ("SELECT id FROM users", set()),
        ("INSERT INTO users (name) VALUES ('Ada')", {"row: users"}),
        ("DELETE FROM public.users", {"row: users"}),
        ("SELECT id FROM users FOR UPDATE", {"for update: users"}),
        ("SELECT id FROM users FOR NO KEY UPDATE", {"for no key update: users"}),
        ("SELECT id FROM users FOR KEY SHARE NOWAIT", {"for key share nowait: users"}),
        ("SELECT id FROM users FOR UPDATE SKIP LOCKED", {"for update skip locked: users"}),
        ("SELECT 1 FROM users, teams FOR SHARE", {"for share: users", "for share: teams"}),
        ("SELECT 1 FROM users AS u, teams FOR SHARE OF u", {"for share: users"}),
        ("SELECT 1 FROM (SELECT id FROM users) AS u FOR SHARE", {"for share: users"}),
        (
            "WITH c AS (SELECT id FROM users) SELECT id FROM c, teams FOR SHARE",
            {"for share: teams"},
        ),
        (
            (
                "WITH c AS (SELECT id FROM users FOR NO KEY UPDATE)"
                " UPDATE users SET name = '' FROM c WHERE users.id = c.id"
            ),
            {"for no key update: users"},
        ),
        (
            (
                "WITH c AS (SELECT id FROM users FOR SHARE)"
                " UPDATE users SET name = '' FROM c WHERE users.id = c.id"
            ),
            {"for share: users", "row: users"},
        ),
        (
            (
                "WITH c AS (SELECT id FROM users FOR NO KEY UPDATE)"
                " DELETE FROM users USING c WHERE users.id = c.id"
            ),
            {"for no key update: users", "row: users"},
        ),
        (
            "WITH users AS (SELECT id FROM teams) INSERT INTO bookmarks SELECT id, 1 FROM users",
            {"row: bookmarks"},
        ),
    ],
)
def test_the_locks_of_a_statement(sql: str, locks: set[str]) -> None:
    assert locks_of(parse_sql(sql)[0].stmt) == locks


@pytest.mark.parametrize("told", ["none", "row: users", "for update: users", "row: teams"])
def test_the_header_tells_the_locks(tmp_path: Path, told: str) -> None:
    assert broken(tmp_path, query(LOCKED, locks=told)) == {"locks_are_told"}


def test_the_header_tells_the_locks_in_any_order(tmp_path: Path) -> None:
    for told in ("row: bookmarks, row: resources", "row: resources, row: bookmarks"):
        sql = """WITH removed AS (
    DELETE FROM bookmarks WHERE user_id = 1 AND resource_id = 2 RETURNING resource_id
)

DELETE FROM resources USING removed WHERE resources.id = removed.resource_id"""
        assert findings(tmp_path, query(sql, suffix="!", locks=told)) == []
