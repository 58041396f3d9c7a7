"""What is trusted to return no NULL, called with the values that might prove otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from vrooli_data._contract.analysis import trusted_functions as trusted

_INTEGERS = ("0", "1", "-1", "3")
_NUMBERS = (*_INTEGERS, "'NaN'", "'Infinity'", "'-Infinity'")
_TIMES = ("'2000-01-01'", "'infinity'", "'-infinity'")
_TEXTS = ("''", "'x'", "'1'", "'day'", "'UTC'", "'hex'", "'NFC'", "'XYZ'", "' '", "'%'")
_ARRAYS = ("'{}'", "'{1,2}'", "'{NULL}'")
_JSON = ("'null'", "'{}'", "'[]'", "'{\"x\": null}'", "'[null]'", "'1'", "'\"x\"'")
#: For each type, its constants and the type they are cast to, where that is another one.
_VALUES: dict[str, tuple[tuple[str, ...], str]] = {
    '"any"': (("1", "NULL"), "integer"),
    '"char"': (("''", "'x'"), '"char"'),
    "anyarray": (_ARRAYS, "integer[]"),
    "anycompatible": (_INTEGERS, "integer"),
    "anycompatiblearray": (_ARRAYS, "integer[]"),
    "anyelement": (_INTEGERS, "integer"),
    "anynonarray": (_INTEGERS, "integer"),
    "anyrange": (("'empty'", "'(,)'", "'[1,2)'"), "int4range"),
    "bigint": (_INTEGERS, "bigint"),
    "boolean": (("TRUE", "FALSE"), "boolean"),
    "bytea": (("''", "'x'"), "bytea"),
    "character": (_TEXTS, "char(3)"),
    "character varying": (_TEXTS, "varchar"),
    "date": (_TIMES, "date"),
    "double precision": (_NUMBERS, "double precision"),
    "integer": (_INTEGERS, "integer"),
    "interval": (("'0'", "'1 month'", "'-1 day'"), "interval"),
    "json": (_JSON, "json"),
    "jsonb": (_JSON, "jsonb"),
    "name": (_TEXTS, "name"),
    "numeric": (_NUMBERS, "numeric"),
    "pg_snapshot": (("pg_current_snapshot()",), "pg_snapshot"),
    "real": (_NUMBERS, "real"),
    "record": (("ROW(1, NULL)", "ROW(NULL)"), "record"),
    "regclass": (("'pg_temp.numbers'",), "regclass"),
    "regconfig": (("'simple'", "'english'"), "regconfig"),
    "smallint": (_INTEGERS, "smallint"),
    "text": (_TEXTS, "text"),
    "text[]": (("'{}'", "'{x}'", "'{NULL}'"), "text[]"),
    "timestamp with time zone": (_TIMES, "timestamptz"),
    "timestamp without time zone": (_TIMES, "timestamp"),
    "tsquery": (("''", "'x'"), "tsquery"),
    "tsvector": (("''", "'x'"), "tsvector"),
    "xid": (("'0'", "'7'"), "xid"),
}
_MOST_CALLS = 120


@pytest.fixture
def numbers(temporary: Connection[Any]) -> Connection[Any]:
    temporary.execute("CREATE TEMP SEQUENCE IF NOT EXISTS numbers")
    temporary.execute("SELECT nextval('pg_temp.numbers')")
    return temporary


@pytest.mark.slow("functions of the server")
def test_no_trusted_function_returns_null(numbers: Connection[Any]) -> None:
    called = 0
    for signature in trusted.NULL_FOR_NULL | trusted.NEVER_NULL:
        name, _, arguments = signature.removesuffix(")").partition("(")
        types = arguments.split(", ") if arguments else []
        calls = (f'pg_catalog."{name}"({", ".join(values)})' for values in _constants(types))
        called += _hold(numbers, calls)
    assert called >= len(trusted.NULL_FOR_NULL)


@pytest.mark.slow("functions of the server")
def test_no_trusted_operator_returns_null(numbers: Connection[Any]) -> None:
    for operator in trusted.OPERATORS:
        words = operator.split()
        (place,) = (n for n, word in enumerate(words) if not word.strip("+-*/<>=~!@#%^&|?"))
        sides = [" ".join(words[:place]), " ".join(words[place + 1 :])]
        types = [side for side in sides if side]
        calls = (
            f"{' '.join(values[:-1])} {words[place]} {values[-1]}" for values in _constants(types)
        )
        assert _hold(numbers, calls), f"{operator} could not be called"


def test_every_listed_function_exists(temporary: Connection[Any], server_version: int) -> None:
    if server_version != 18:
        pytest.skip("the list is that of PostgreSQL 18")
    rows = temporary.execute(
        "SELECT signature FROM unnest(%s::text[]) AS signature "
        "WHERE to_regprocedure('pg_catalog.' || signature) IS NULL",
        (list(trusted.NULL_FOR_NULL | trusted.NEVER_NULL),),
    )
    # Before 18 they had no second argument.
    assert {row[0] for row in rows} == {"json_strip_nulls(json)", "jsonb_strip_nulls(jsonb)"}


def _constants(types: list[str]) -> Iterator[list[str]]:
    choices = []
    for kind in types:
        constants, cast = _VALUES[kind]
        choices.append([f"({constant})::{cast}" for constant in constants])
    return islice(map(list, product(*choices)), _MOST_CALLS)


def _hold(connection: Connection[Any], calls: Iterator[str]) -> int:
    """Make each call, hold its answer to be no NULL, and count the calls that were answered."""
    answered = 0
    for call in calls:
        try:
            row = connection.execute(f"SELECT ({call}) IS NOT DISTINCT FROM NULL").fetchone()
        except psycopg.Error:
            continue
        answered += 1
        assert row == (False,), call
    return answered
