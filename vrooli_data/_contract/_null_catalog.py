"""What the catalogs say that matters to NULLs, looked up once per inference.

These statements are no part of ``sql/``: they read the catalogs of whatever database is checked,
so that there is no record, index or seeded row to hold them to.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import msgspec
from psycopg import Connection, Cursor
from psycopg.rows import tuple_row

from ._parse_tree import Node, read_tree

# NOT NULL binds a column only where it binds each table that a read of it reaches: before 18 an
# inheriting table may drop it, a foreign table never enforces it, and since 18 it may be NOT VALID.
# The NOT NULL of a domain does not count: it lets pass what an empty subselect yields.
_COLUMNS = """
WITH RECURSIVE tables (id) AS (
    SELECT %(id)s::oid
    UNION
    SELECT pg_inherits.inhrelid
    FROM tables
    INNER JOIN pg_inherits ON tables.id = pg_inherits.inhparent
)

SELECT
    pg_attribute.attname,
    bool_and(pg_attribute.attnotnull AND pg_class.relkind IN ('r', 'p') AND NOT EXISTS (
        SELECT
        FROM pg_constraint
        WHERE
            pg_constraint.conrelid = pg_attribute.attrelid
            AND pg_constraint.contype = 'n'
            AND pg_constraint.conkey = ARRAY[pg_attribute.attnum]
            AND NOT pg_constraint.convalidated
    )) AS is_not_null,
    min(pg_attribute.attnum) FILTER (WHERE pg_attribute.attrelid = %(id)s) AS position,
    min(pg_attribute.atttypid::bigint) FILTER (WHERE pg_attribute.attrelid = %(id)s) AS type_id
FROM tables
INNER JOIN pg_class ON tables.id = pg_class.oid
INNER JOIN pg_attribute ON tables.id = pg_attribute.attrelid
WHERE
    pg_attribute.attnum > 0
    AND NOT pg_attribute.attisdropped
GROUP BY pg_attribute.attname
"""

_FUNCTION = """
SELECT
    proname,
    format('%%s(%%s)', proname, (
        SELECT string_agg(format_type(type, NULL), ', ' ORDER BY position)
        FROM unnest(proargtypes) WITH ORDINALITY AS arguments (type, position)
    )) AS signature,
    proisstrict,
    oid < 16384 AND pronamespace = 'pg_catalog'::regnamespace AS is_built_in
FROM pg_proc
WHERE oid = %(id)s
"""

_OPERATOR = """
SELECT
    oprname,
    concat_ws(
        ' ', format_type(nullif(oprleft, 0), NULL), oprname, format_type(oprright, NULL)
    ) AS signature,
    oprcode::oid::bigint AS function_id,
    oid < 16384 AS is_built_in,
    EXISTS (
        SELECT
        FROM pg_amop
        INNER JOIN pg_am ON pg_amop.amopmethod = pg_am.oid
        WHERE
            pg_am.amname IN ('btree', 'hash')
            AND pg_amop.amopopr IN (pg_operator.oid, pg_operator.oprnegate)
    ) AS is_comparison
FROM pg_operator
WHERE oid = %(id)s
"""

_TYPE = """
SELECT
    format_type(oid, NULL) AS name,
    typtype = 'd' AS is_domain,
    typbasetype::bigint AS base_id,
    typnotnull
FROM pg_type
WHERE oid = %(id)s
"""

# The tree that the server itself keeps: no name in it has to be resolved again.
_VIEW = "SELECT ev_action::text FROM pg_rewrite WHERE ev_class = %(id)s AND rulename = '_RETURN'"

# An INSTEAD rule returns what it pleases for the rows that a statement was to change.
_HAS_RULES = """
SELECT EXISTS (
    SELECT
    FROM pg_rewrite
    WHERE
        ev_class = %(id)s
        AND ev_type <> '1'
        AND is_instead
)
"""

_CHECKS = """
SELECT
    conkey,
    CASE WHEN convalidated AND NOT connoinherit THEN conbin::text END
FROM pg_constraint
WHERE
    conrelid = %(id)s
    AND contype = 'c'
"""


class Function(msgspec.Struct, frozen=True):
    """One function or aggregate."""

    name: str
    signature: str
    is_strict: bool
    is_built_in: bool


class Operator(msgspec.Struct, frozen=True):
    """One operator; a comparison orders or equates values, and has an answer for any two."""

    name: str
    signature: str
    function_id: int
    is_built_in: bool
    is_comparison: bool


class Column(msgspec.Struct, frozen=True):
    """One column of a table."""

    name: str
    is_not_null: bool
    type_id: int


class Check(NamedTuple):
    """One CHECK constraint of a table."""

    columns: frozenset[int]
    #: What it asks of each row; None where some rows may be without it.
    condition: Node | None


class Type(msgspec.Struct, frozen=True):
    """One type, a domain perhaps."""

    name: str
    is_domain: bool
    base_id: int
    is_not_null: bool


class Catalog:
    """One database's catalogs, as one connection sees them."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self.checks = cache(self._checks)
        self.columns = cache(self._columns)
        self.function = cache(self._function)
        self.has_rules = cache(self._has_rules)
        self.operator = cache(self._operator)
        self.type = cache(self._type)
        self.view = cache(self._view)

    def is_strict(self, function_id: int) -> bool:
        """Tell whether a function returns NULL for any NULL argument."""
        return function_id != 0 and self.function(function_id).is_strict

    def refuses_null(self, type_id: int) -> bool:
        """Tell whether a cast to a type fails for NULL: to a domain that is NOT NULL."""
        found = self.type(type_id)
        return found.is_domain and (found.is_not_null or self.refuses_null(found.base_id))

    def type_name(self, type_id: int) -> str:
        """Return a type's name as SQL writes it; for a domain, that of what it is made of."""
        found = self.type(type_id)
        return self.type_name(found.base_id) if found.is_domain else found.name

    def _checks(self, relation: int) -> list[Check]:
        rows = self._execute(_CHECKS, relation).fetchall()
        return [
            Check(frozenset(columns), None if text is None else read_tree(text))
            for columns, text in rows
        ]

    def _has_rules(self, relation: int) -> bool:
        return bool(self._row(_HAS_RULES, relation)[0])

    def _columns(self, relation: int) -> dict[int, Column]:
        rows = self._execute(_COLUMNS, relation).fetchall()
        return {
            position: Column(name, is_not_null, type_id)
            for name, is_not_null, position, type_id in rows
            if position is not None
        }

    def _function(self, function_id: int) -> Function:
        return Function(*self._row(_FUNCTION, function_id))

    def _operator(self, operator_id: int) -> Operator:
        return Operator(*self._row(_OPERATOR, operator_id))

    def _type(self, type_id: int) -> Type:
        return Type(*self._row(_TYPE, type_id))

    def _view(self, relation: int) -> Node:
        return read_tree(self._row(_VIEW, relation)[0])

    def _row(self, statement: str, key: int) -> tuple[Any, ...]:
        row = self._execute(statement, key).fetchone()
        if row is None:
            raise LookupError(f"the catalogs hold no object {key}")
        return row

    def _execute(self, statement: str, key: int) -> Cursor[tuple[Any, ...]]:
        # A plain cursor, whatever kind the connection was told to make.
        return Cursor(self._connection, row_factory=tuple_row).execute(statement, {"id": key})
