"""Literals, and the values that a CHECK constraint lets their column hold."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec
import pytest
from psycopg import Connection

from vrooli_data._contract.analysis import Catalog
from vrooli_data._contract.description import Describer
from vrooli_data._contract.literals import allowed_values, check_literals

Size: TypeAlias = Literal["small", "it's large"]

_SCHEMA = """
CREATE TABLE shirts (
    listed text NOT NULL CHECK (listed IN ('small', 'it''s large')),
    shorter text NOT NULL CHECK (shorter = 'small'),
    longer text CHECK (longer IN ('small', 'medium', 'it''s large')),
    twice text NOT NULL CHECK (twice IN ('small', 'medium', 'it''s large')),
    free text NOT NULL CHECK (free <> ''),
    CONSTRAINT shirts_not_medium CHECK (twice IN ('small', 'it''s large'))
);
CREATE VIEW shirts_for_sale AS SELECT free FROM shirts
"""


class Shirt(msgspec.Struct):
    size: Size | None


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT listed AS size FROM shirts", []),
        ("SELECT twice AS size FROM shirts", []),
        ("UPDATE shirts SET listed = 'small' RETURNING listed AS size", []),
        (
            "SELECT shorter AS size FROM shirts",
            ['Shirt.size lists "it\'s large", which the constraint of the column refuses'],
        ),
        (
            "SELECT longer AS size FROM shirts",
            ["column size may hold 'medium', which Shirt.size does not list"],
        ),
        (
            "SELECT free AS size FROM shirts",
            ["no CHECK constraint lists the values of column size, but Shirt.size does"],
        ),
        ("SELECT lower(free) AS size FROM shirts", []),
        ("SELECT free AS size FROM shirts_for_sale", []),
    ],
)
def test_literals_are_held_to_constraints(
    admin: Connection[Any], statement: str, told: list[str]
) -> None:
    admin.execute(_SCHEMA)
    described = Describer(admin, Catalog(admin)).describe(statement)
    problems = list(check_literals(described, Shirt, allowed_values(admin)))
    assert [problem.what for problem in problems] == told
    assert {problem.code for problem in problems} <= {"types"}
