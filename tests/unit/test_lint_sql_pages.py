"""The linter's rule about the queries of a listing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.lint_examples import broken, findings, query

FIRST = """SELECT id, name FROM users WHERE NOT is_private
ORDER BY created_at DESC, id DESC LIMIT :max_rows::integer"""
AFTER = """SELECT id, name FROM users WHERE NOT is_private
AND (created_at, id) < (:after_created_at::timestamptz, :after_id::bigint)
ORDER BY created_at DESC, id DESC LIMIT :max_rows::integer"""
BEFORE = """SELECT id, name FROM users WHERE NOT is_private
AND (created_at, id) > (:before_created_at::timestamptz, :before_id::bigint)
ORDER BY created_at ASC, id ASC LIMIT :max_rows::integer"""

#: A listing that is built of several levels, and mixes directions.
NESTED = """WITH own AS MATERIALIZED (
    SELECT id, name, created_at FROM users WHERE NOT is_private {where}
    ORDER BY created_at {newest}, id {oldest} LIMIT :max_rows::integer
)
SELECT own.id, own.name, (
    SELECT json_agg(m.team_id ORDER BY m.team_id ASC) FROM (
        SELECT members.team_id FROM members WHERE members.user_id = own.id
        ORDER BY members.team_id DESC LIMIT 3
    ) AS m
) AS teams
FROM own ORDER BY own.created_at {newest}, own.id {oldest} LIMIT :max_rows::integer"""
ROW = """AND (created_at {newer} :{side}_created_at::timestamptz
    OR (created_at = :{side}_created_at::timestamptz AND id {older} :{side}_id::bigint))"""


def listing(first: str, after: str, before: str) -> list[str]:
    """Return the three queries of one listing."""
    queries = {"find__new": first, "find__new_after": after, "find__new_before": before}
    return [query(sql, name=name, suffix="") for name, sql in queries.items()]


def nested() -> list[str]:
    """Return the listing of several levels."""
    down, up = {"newest": "DESC", "oldest": "ASC"}, {"newest": "ASC", "oldest": "DESC"}
    after = ROW.format(side="after", newer="<", older=">")
    before = ROW.format(side="before", newer=">", older="<")
    return listing(
        NESTED.format(where="", **down),
        NESTED.format(where=after, **down),
        NESTED.format(where=before, **up),
    )


def test_a_listing_whose_queries_mirror_each_other_is_good(tmp_path: Path) -> None:
    assert findings(tmp_path, *listing(FIRST, AFTER, BEFORE)) == []
    assert findings(tmp_path, *listing(FIRST, AFTER, BEFORE)[:2]) == []
    assert findings(tmp_path, *nested()) == []


def test_what_is_left_out_is_the_same_as_what_is_written_out(tmp_path: Path) -> None:
    after = AFTER.replace("id DESC", "id DESC NULLS FIRST")
    before = BEFORE.replace("created_at ASC, id ASC", "created_at, id ASC NULLS LAST")
    assert findings(tmp_path, *listing(after=after, before=before, first=FIRST)) == []


@pytest.mark.parametrize(
    ("good", "bad", "clause"),
    [
        ("created_at ASC, id ASC", "created_at DESC, id DESC", "ORDER BY"),
        ("created_at ASC, id ASC", "created_at ASC, id DESC", "ORDER BY"),
        ("id ASC", "id ASC NULLS FIRST", "ORDER BY"),
        (") > (", ") < (", "WHERE"),
        (") > (", ") >= (", "WHERE"),
        ("NOT is_private", "NOT is_bot", "WHERE"),
        ("(created_at, id)", "(updated_at, id)", "WHERE"),
        ("before_created_at::", "before_id::", "WHERE"),
        ("SELECT id, name", "SELECT id, handle", "the columns"),
        ("FROM users", "FROM teams", "FROM"),
        (":max_rows::integer", "20", "LIMIT"),
    ],
)
def test_the_rows_before_are_the_mirror_of_the_rows_after(
    tmp_path: Path, good: str, bad: str, clause: str
) -> None:
    assert good in BEFORE
    found = [
        finding
        for finding in findings(tmp_path, *listing(FIRST, AFTER, BEFORE.replace(good, bad)))
        if finding.rule == "pages_mirror"
    ]
    assert [finding.query for finding in found] == ["users.find__new_after"]
    assert f"is not the mirror of users.find__new_before: they differ in {clause};" in (
        found[0].message
    )


@pytest.mark.parametrize(
    ("good", "bad", "clause"),
    [
        ("WHERE NOT is_private", "WHERE NOT is_bot", "WHERE"),
        ("WHERE NOT is_private", "", "WHERE"),
        ("id DESC", "id ASC", "ORDER BY"),
        ("SELECT id, name", "SELECT id, handle", "the columns"),
    ],
)
def test_the_first_page_is_the_rows_after_without_the_comparison(
    tmp_path: Path, good: str, bad: str, clause: str
) -> None:
    assert good in FIRST
    whole = listing(FIRST.replace(good, bad), AFTER, BEFORE)
    # Without its last query it can be iterated over.
    for part in (whole, whole[:2]):
        found = findings(tmp_path, *part)
        (message,) = [finding.message for finding in found if finding.rule == "pages_mirror"]
        assert f"is not users.find__new from a row on: they differ in {clause};" in message


@pytest.mark.parametrize(
    ("query_number", "good", "bad"),
    [
        (2, "id < :before_id", "id > :before_id"),
        (2, "LIMIT 3", "LIMIT 4"),
        (2, "members.team_id DESC", "members.team_id ASC"),
        (2, "m.team_id ASC", "m.team_id DESC"),
        (2, "own.created_at ASC, own.id DESC", "own.created_at DESC, own.id ASC"),
        (2, "ORDER BY created_at ASC, id DESC", "ORDER BY created_at DESC, id ASC"),
        (0, "members.team_id DESC", "members.team_id ASC"),
    ],
)
def test_every_level_of_a_listing_is_compared(
    tmp_path: Path, query_number: int, good: str, bad: str
) -> None:
    queries = nested()
    assert good in queries[query_number]
    queries[query_number] = queries[query_number].replace(good, bad)
    assert broken(tmp_path, *queries) == {"pages_mirror"}
