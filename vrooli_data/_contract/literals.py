"""Compare the values of a Literal with the values that a CHECK constraint allows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, get_args, get_origin

from psycopg import Connection

from .columns import Field, known_fields
from .description import Described, TableColumn
from .problems import Problem
from .value_types import without_none

#: The values that the constraints of each column of a table list; empty without such a list.
Allowed: TypeAlias = Mapping[TableColumn, frozenset[str]]

_CHECKS = """
SELECT
    pg_attribute.attrelid,
    pg_attribute.attnum,
    pg_get_constraintdef(pg_constraint.oid)
FROM pg_attribute
INNER JOIN pg_class ON pg_attribute.attrelid = pg_class.oid
LEFT JOIN pg_constraint
    ON
        pg_attribute.attrelid = pg_constraint.conrelid
        AND pg_constraint.contype = 'c'
        AND pg_constraint.conkey = ARRAY[pg_attribute.attnum]
WHERE
    pg_class.relkind IN ('r', 'p')
    AND pg_attribute.attnum > 0
"""
# The text that the server stores for `column IN ('a', 'b')` and `column = 'a'`.
_VALUE = r"'(?:[^']|'')*'::\w+(?: \w+)*"
_LISTED = re.compile(
    rf"CHECK \(\(\S+ = (?:ANY \(ARRAY\[({_VALUE}(?:, {_VALUE})*)\]\)|({_VALUE}))\)\)"
)
_TEXT = re.compile(r"'((?:[^']|'')*)'::")


def allowed_values(connection: Connection[Any]) -> Allowed:
    """Read the values that the CHECK constraints of each column list."""
    allowed: dict[TableColumn, frozenset[str]] = {}
    for table, column, definition in connection.execute(_CHECKS):
        listed = allowed.setdefault(TableColumn(table, column), frozenset())
        if definition and (found := _LISTED.fullmatch(definition)):
            values = {v.replace("''", "'") for v in _TEXT.findall(found[1] or found[2])}
            # A value must meet every constraint.
            allowed[TableColumn(table, column)] = frozenset(listed & values if listed else values)
    return allowed


def check_literals(described: Described, record: Any, allowed: Allowed) -> Iterator[Problem]:
    """Compare the fields of type Literal with their columns."""
    origins = {name: at for (name, _), at in zip(described.columns, described.origins, strict=True)}
    for field in known_fields(record):
        kind = without_none(field.type)
        origin = origins.get(field.name)
        # Nothing is known of computed values and of columns of views.
        if get_origin(kind) is Literal and origin is not None and origin in allowed:
            yield from _compare(field, frozenset(get_args(kind)), allowed[origin])


def _compare(field: Field, known: frozenset[Any], listed: frozenset[str]) -> Iterator[Problem]:
    if not listed:
        yield Problem(
            "types",
            f"no CHECK constraint lists the values of column {field.name}, but {field.label} does",
            "add the constraint, or let the field be any value",
        )
        return
    for value in sorted(listed - known):
        yield Problem(
            "types",
            f"column {field.name} may hold {value!r}, which {field.label} does not list",
            "add the value, or let the constraint refuse it",
        )
    for value in sorted(known - listed, key=repr):
        yield Problem(
            "types",
            f"{field.label} lists {value!r}, which the constraint of the column refuses",
            "drop the value, or let the constraint allow it",
        )
