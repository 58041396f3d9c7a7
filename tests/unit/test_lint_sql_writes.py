"""The linter's rules about what a statement writes, locks and joins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.lint_examples import broken, findings, query

UPDATE = """WITH cur AS (
    SELECT users.id, users.revision, users AS base FROM users WHERE users.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE users SET name = changed.name, revision = cur.revision + 1, updated_at = now()
    FROM cur, jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE users.id = cur.id
    RETURNING users.id, users.name
)

SELECT cur.revision, to_json(updated) AS updated
FROM cur LEFT JOIN updated ON cur.id = updated.id"""


def test_a_good_update_has_no_findings(tmp_path: Path) -> None:
    assert findings(tmp_path, query(UPDATE, locks="for no key update: users")) == []


@pytest.mark.parametrize(
    ("good", "bad", "rule"),
    [
        ("    FOR NO KEY UPDATE\n", "", "decides_under_lock"),
        ("FOR NO KEY UPDATE", "FOR SHARE", "decides_under_lock"),
        ("FOR NO KEY UPDATE", "FOR UPDATE", "for_update_before_delete"),
        ("users AS base", "to_json(users) AS base", "no_star"),
        ("cur.base, :changes", "NULL::users, :changes", "no_star"),
        ("revision = cur.revision + 1, ", "", "changes_are_counted"),
        ("cur.revision + 1", "cur.revision", "changes_are_counted"),
        ("cur.revision + 1", "cur.revision + 2", "changes_are_counted"),
        (", updated_at = now()", "", "changes_are_counted"),
        ("updated_at = now()", "updated_at = users.created_at", "changes_are_counted"),
        ("name = changed.name", "score = 1", "changes_are_counted"),
        ("WHERE users.id = cur.id", "WHERE TRUE", "locks_are_ordered"),
        ("WHERE users.id = :id::bigint", "WHERE users.id > :id::bigint", "locks_are_ordered"),
    ],
)
def test_each_part_of_an_update_is_held(tmp_path: Path, good: str, bad: str, rule: str) -> None:
    assert good in UPDATE
    assert rule in broken(tmp_path, query(UPDATE.replace(good, bad)))


@pytest.mark.parametrize("column", ["revision = revision + 1", "updated_at = now()"])
def test_a_counter_moves_neither_revision_nor_updated_at(tmp_path: Path, column: str) -> None:
    sql = "UPDATE users SET last_active_at = now(){} WHERE id = :id::bigint RETURNING id"
    assert findings(tmp_path, query(sql.format(""), locks="row: users")) == []
    bad = query(sql.format(f", {column}"), locks="row: users")
    assert broken(tmp_path, bad) == {"changes_are_counted"}


def test_a_table_without_revision_must_set_updated_at(tmp_path: Path) -> None:
    sql = "UPDATE members SET is_admin = TRUE{} WHERE team_id = 1 AND user_id = 2"
    good = query(sql.format(", updated_at = now()"), suffix="!", locks="row: members")
    assert findings(tmp_path, good) == []
    bad = query(sql.format(""), suffix="!", locks="row: members")
    assert broken(tmp_path, bad) == {"changes_are_counted"}


@pytest.mark.parametrize(
    "bad",
    [
        # The values of another row of the table, of a sub-select, and through a second CTE.
        (
            "UPDATE users SET last_active_at = old.created_at FROM users AS old"
            " WHERE users.id = 1 AND old.id = 2"
        ),
        "UPDATE users SET last_active_at = (SELECT max(created_at) FROM users) WHERE id = 1",
        (
            "WITH cur AS (SELECT id FROM users WHERE id = 1), next AS (SELECT id FROM cur)"
            " UPDATE users SET last_active_at = now() FROM next WHERE users.id = next.id"
        ),
        (
            "WITH cur AS (SELECT id FROM users WHERE id = 1)"
            " DELETE FROM users USING cur WHERE users.id = cur.id"
        ),
    ],
)
def test_a_change_is_not_decided_by_a_plain_read(tmp_path: Path, bad: str) -> None:
    sql = query(bad, suffix="!", locks="row: users")
    assert broken(tmp_path, sql) == {"decides_under_lock"}


def test_what_another_change_returned_may_decide(tmp_path: Path) -> None:
    sql = """WITH removed AS (
    DELETE FROM bookmarks WHERE user_id = 1 AND resource_id = 2 RETURNING resource_id
)

UPDATE resources SET bookmarks = resources.bookmarks - 1
FROM removed WHERE resources.id = removed.resource_id"""
    good = query(sql, suffix="!", locks="row: bookmarks, row: resources")
    assert findings(tmp_path, good) == []


MANY = """WITH cur AS (
    SELECT id FROM users WHERE is_bot {order} FOR NO KEY UPDATE{wait}
)

UPDATE users SET last_active_at = now() FROM cur WHERE users.id = cur.id"""


@pytest.mark.parametrize(
    ("order", "wait", "is_good"),
    [
        ("ORDER BY id", "", True),
        ("", "", False),
        ("ORDER BY name", "", False),
        ("ORDER BY handle", "", False),
        # A total order, but not that of the other statements: they could wait in a circle.
        ("ORDER BY id DESC", "", False),
        ("ORDER BY created_at, id", "", False),
        # Who skips does not wait.
        ("ORDER BY created_at, id", " SKIP LOCKED", True),
        ("", " SKIP LOCKED", False),
    ],
)
def test_many_rows_are_locked_in_the_order_of_their_key(
    tmp_path: Path, order: str, wait: str, *, is_good: bool
) -> None:
    sql = MANY.format(order=order, wait=wait)
    rules = broken(tmp_path, query(sql, suffix="!")) - {"locks_are_told"}
    assert rules == (set() if is_good else {"locks_are_ordered"})


def test_many_rows_are_not_updated_without_locking_them_first(tmp_path: Path) -> None:
    sql = "UPDATE users SET last_active_at = now() WHERE is_bot"
    bad = query(sql, suffix="!", locks="row: users")
    assert broken(tmp_path, bad) == {"locks_are_ordered"}


LOCK = query(
    "SELECT id FROM users WHERE id = :id::bigint FOR UPDATE",
    name="delete__lock",
    locks="for update: users",
)
DELETE = query(
    "DELETE FROM users WHERE id = :id::bigint RETURNING id", name="delete", locks="row: users"
)


def test_for_update_is_for_what_is_deleted_next(tmp_path: Path) -> None:
    assert findings(tmp_path, LOCK, DELETE) == []
    assert broken(tmp_path, LOCK) == {"for_update_before_delete"}
    renamed = LOCK.replace("delete__lock", "remove__lock")
    assert broken(tmp_path, renamed, DELETE) == {"for_update_before_delete"}
    other = DELETE.replace("users", "teams")
    assert broken(tmp_path, LOCK, other) == {"for_update_before_delete"}


def test_for_update_skip_locked_claims_only_what_nothing_refers_to(tmp_path: Path) -> None:
    claim = "SELECT {} FROM {} ORDER BY {} LIMIT 10 FOR UPDATE SKIP LOCKED"
    good = query(
        claim.format("seq", "change_events", "seq"),
        suffix="",
        locks="for update skip locked: change_events",
    )
    assert findings(tmp_path, good) == []
    bad = query(claim.format("id", "users", "id"), suffix="", locks="for update skip locked: users")
    assert broken(tmp_path, bad) == {"for_update_before_delete"}


ADD = """WITH added AS (
    INSERT INTO chat_participants (chat_id, user_id)
    VALUES (:chat_id::bigint, :user_id::bigint)
    ON CONFLICT (chat_id, user_id) DO NOTHING
    RETURNING user_id
)

SELECT TRUE AS is_new FROM added
UNION ALL
SELECT FALSE AS is_new FROM chat_participants
WHERE chat_id = :chat_id::bigint AND user_id = :user_id::bigint"""


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (ADD[ADD.index("UNION ALL") :], ""),
        ("WHERE chat_id = :chat_id::bigint AND", "WHERE"),
        ("FROM chat_participants\n", "FROM members AS chat_participants\n"),
    ],
)
def test_a_row_that_a_conflict_leaves_is_read_by_its_key(
    tmp_path: Path, good: str, bad: str
) -> None:
    assert findings(tmp_path, query(ADD, locks="row: chat_participants")) == []
    assert good in ADD
    text = query(ADD.replace(good, bad), locks="row: chat_participants")
    assert "conflict_is_read" in broken(tmp_path, text)


@pytest.mark.parametrize(
    "bad",
    [
        "DELETE FROM bookmarks",
        "DELETE FROM bookmarks WHERE TRUE",
        "DELETE FROM bookmarks WHERE :really::boolean",
        "DELETE FROM bookmarks USING users WHERE users.id = 1",
        "WITH gone AS (DELETE FROM bookmarks RETURNING user_id) SELECT count(*) FROM gone",
    ],
)
def test_a_change_of_every_row_is_refused(tmp_path: Path, bad: str) -> None:
    assert "change_has_condition" in broken(tmp_path, query(bad, suffix="!"))


@pytest.mark.parametrize(
    "good",
    [
        "DELETE FROM bookmarks WHERE user_id = 1",
        "DELETE FROM bookmarks AS b WHERE b.user_id = 1",
        "DELETE FROM bookmarks USING users WHERE users.id = bookmarks.user_id AND users.id = 1",
        "DELETE FROM staged WHERE id = 1",
    ],
)
def test_a_change_names_the_rows_that_it_is_of(tmp_path: Path, good: str) -> None:
    assert "change_has_condition" not in broken(tmp_path, query(good, suffix="!"))
