"""No column that is called not NULL ever holds one: random statements over random rows."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from psycopg import Connection

from tests.contract.analyses import analysis
from tests.contract.json_conformance import conforms
from tests.contract.random_statements import World, worlds
from vrooli_data import DatabaseError

#: More of them by hand: thousands take minutes.
_EXAMPLES = int(os.environ.get("VROOLI_TEST_NULL_EXAMPLES", "250"))


@pytest.mark.slow("statements made at random")
def test_no_column_called_not_null_holds_one(temporary: Connection[Any]) -> None:
    tally: Counter[str] = Counter()

    @settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(worlds(temporary.info.server_version // 10_000))
    def hold(world: World) -> None:
        tally["statements"] += 1
        with temporary.transaction(force_rollback=True):
            temporary.execute(world.schema)
            _hold(temporary, world.statement, tally)

    hold()
    # The grammar writes some statements that the server refuses, and the claim is no empty one.
    assert tally["ran"] > 0.6 * tally["statements"], tally
    assert tally["not null"] > 0.25 * tally["columns"], tally
    assert tally["not null, seen"] > 0.2 * tally["not null"], tally


def _hold(connection: Connection[Any], statement: str, tally: Counter[str]) -> None:
    try:
        analyzed = analysis(connection, statement)
        nulls, shapes = analyzed.nulls(), analyzed.json_shapes()
        rows = connection.execute(statement).fetchall()
    except (DatabaseError, psycopg.Error):
        return
    tally["ran"] += 1
    for position, (null, shape) in enumerate(zip(nulls, shapes, strict=True)):
        values = [row[position] for row in rows]
        tally["columns"] += 1
        if not null.nullable:
            tally["not null"] += 1
            tally["not null, seen"] += bool(values)
        if not null.nullable or null.narrowed:
            assert None not in values, f"column {position + 1}"
        for value in values:
            assert value is None or conforms(value, shape), f"column {position + 1}: {shape}"
