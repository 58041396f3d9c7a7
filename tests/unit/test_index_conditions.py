"""Which conditions lead to a place in an index, and which only filter its entries."""

from __future__ import annotations

import pytest

from vrooli_data._contract.plans import Index


@pytest.mark.parametrize(
    ("leading", "condition"),
    [
        ("id", "(id = $1)"),
        ("id", "(members.id = ANY ($1))"),
        ('"Day"', '("Orders"."Day" = $1)'),
        ("lower(name)", "(lower(users.name) = $1)"),
        ("id", "((side = 'input'::text) AND (id = runs.id))"),
        ("created_at", "(ROW(created_at, id) < ROW($1, $2))"),
        ("email", "((email)::text = $1)"),
        ("lower(name)", "(lower(name) = $1)"),
        ("(price * amount)", "((price * amount) > $1)"),
        ("parked_at", "(parked_at IS NULL)"),
        (None, "(name ~~* $1)"),
    ],
)
def test_a_condition_on_the_leading_column_is_a_search(leading: str | None, condition: str) -> None:
    assert Index("a_table", leading).is_searched_by(condition)


@pytest.mark.parametrize(
    ("leading", "condition"),
    [
        ("user_id", "(team_id = $1)"),
        ("user_id", "(team_id = members.user_id)"),
        ("user", "(user_id = $1)"),
        ("created_at", "(ROW(id, created_at) < ROW($1, $2))"),
        ("id", ""),
        (None, ""),
    ],
)
def test_a_condition_on_later_columns_is_none(leading: str | None, condition: str) -> None:
    assert not Index("a_table", leading).is_searched_by(condition)
