"""Which columns can be NULL: by hand, one shape of statement after the other."""

from __future__ import annotations

import string
from typing import Any

import pytest
from psycopg import Connection

from tests.contract.analyses import analysis
from tests.contract.null_shapes import RELATIONS
from tests.contract.null_shapes_of_values import CHANGES, EXPRESSIONS

_ALL = RELATIONS | EXPRESSIONS | CHANGES


@pytest.mark.parametrize("name", _ALL)
def test_nulls_of(name: str, connection: Connection[Any], server_version: int) -> None:
    shape = _ALL[name]
    if server_version < shape.since:
        pytest.skip(f"a statement of PostgreSQL {shape.since}")
    found = analysis(connection, shape.statement).nulls()
    marks = ["~" if null.narrowed else "?" if null.nullable else "" for null in found]
    expected = [column.strip(string.ascii_letters + "_") for column in shape.columns.split()]
    assert marks == expected, [null.reason for null in found]
