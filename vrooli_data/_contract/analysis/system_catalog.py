"""Look up tables, functions, operators and types in the system catalogs, each once.

These statements are not in ``sql/``: they read the catalogs of the database that is checked, and
no record, index or seeded row applies to them.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, NamedTuple

import msgspec
from psycopg import Connection, Cursor
from psycopg.rows import tuple_row

from .parse_tree import TreeNode, read_tree

# A read of a table also reads the tables that inherit from it, so a column is NOT NULL only if it
# is so in each of them: before 18 an inheriting table may drop the constraint, a foreign table
# never enforces it, and since 18 it may be NOT VALID. The NOT NULL of a domain does not count: the
# empty result of a subselect passes it.
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

_FUNCTIONS = """
SELECT
    oid::bigint,
    proname,
    format('%%s(%%s)', proname, (
        SELECT string_agg(format_type(type, NULL), ', ' ORDER BY position)
        FROM unnest(proargtypes) WITH ORDINALITY AS arguments (type, position)
    )) AS signature,
    proisstrict,
    oid < 16384 AND pronamespace = 'pg_catalog'::regnamespace AS is_built_in,
    CASE WHEN pg_function_is_visible(oid) THEN '' ELSE pronamespace::regnamespace || '.' END
    || quote_ident(proname) AS written,
    provolatile = 'v' AS is_volatile
FROM pg_proc
WHERE oid = ANY(%(id)s::oid[])
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

# The server keeps the tree of a view, with all names resolved.
_VIEW = "SELECT ev_action::text FROM pg_rewrite WHERE ev_class = %(id)s AND rulename = '_RETURN'"

# An INSTEAD rule may return any values for the rows that the statement changes.
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


_RELATION_NAME = "SELECT relname FROM pg_class WHERE oid = %(id)s"

# The tables in which a foreign key deletes or changes rows when rows of a table are deleted. A
# cascade continues from a table with deleted rows, and ends at a table with changed columns.
_CASCADES = """
WITH RECURSIVE deleted (oid) AS (
    SELECT %(id)s::oid
    UNION
    SELECT pg_constraint.conrelid
    FROM pg_constraint
    INNER JOIN deleted ON pg_constraint.confrelid = deleted.oid
    WHERE pg_constraint.contype = 'f' AND pg_constraint.confdeltype = 'c'
)

SELECT DISTINCT
    coalesce(pg_partition_root(pg_constraint.conrelid), pg_constraint.conrelid)::oid::bigint
FROM pg_constraint
INNER JOIN deleted ON pg_constraint.confrelid = deleted.oid
WHERE pg_constraint.contype = 'f' AND pg_constraint.confdeltype IN ('c', 'n', 'd')
"""


class Function(msgspec.Struct, frozen=True):
    """One function or aggregate."""

    name: str
    #: The name and the types of the arguments.
    signature: str
    is_strict: bool
    is_built_in: bool
    #: The name as a statement writes it, with its schema where that is needed.
    written: str
    is_volatile: bool


class Operator(msgspec.Struct, frozen=True):
    """One operator. A comparison is TRUE or FALSE for any two values that are not NULL."""

    name: str
    signature: str
    function_id: int
    is_built_in: bool
    is_comparison: bool


class CatalogColumn(msgspec.Struct, frozen=True):
    """One column of a table."""

    name: str
    is_not_null: bool
    type_id: int


class CheckConstraint(NamedTuple):
    """One CHECK constraint of a table."""

    columns: frozenset[int]
    #: None for a constraint that some rows may not satisfy.
    condition: TreeNode | None


class CatalogType(msgspec.Struct, frozen=True):
    """One type, which may be a domain."""

    name: str
    is_domain: bool
    base_id: int
    is_not_null: bool


class Catalog:
    """The system catalogs of one database, cached: the schema must not change meanwhile."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self.cascades = cache(self._cascades)
        self.checks = cache(self._checks)
        self.columns = cache(self._columns)
        self.has_rules = cache(self._has_rules)
        self.operator = cache(self._operator)
        self.relation_name = cache(self._relation_name)
        self.type = cache(self._type)
        self.view = cache(self._view)
        self._functions: dict[int, Function] = {}

    def function(self, function_id: int) -> Function:
        """Return a function or aggregate."""
        self.read_functions({function_id})
        return self._functions[function_id]

    def read_functions(self, ids: AbstractSet[int]) -> None:
        """Look up the functions that are not known yet, in one query."""
        unknown = ids - self._functions.keys()
        if unknown:
            rows = self._execute(_FUNCTIONS, sorted(unknown)).fetchall()
            self._functions |= {function_id: Function(*found) for function_id, *found in rows}

    def is_strict(self, function_id: int) -> bool:
        """Return whether a function returns NULL for any NULL argument."""
        return function_id != 0 and self.function(function_id).is_strict

    def refuses_null(self, type_id: int) -> bool:
        """Return whether a cast of NULL to a type fails: the type is a domain with NOT NULL."""
        found = self.type(type_id)
        return found.is_domain and (found.is_not_null or self.refuses_null(found.base_id))

    def type_name(self, type_id: int) -> str:
        """Return the SQL name of a type; for a domain, the name of its base type."""
        found = self.type(type_id)
        return self.type_name(found.base_id) if found.is_domain else found.name

    def _cascades(self, relation: int) -> frozenset[int]:
        return frozenset(oid for (oid,) in self._execute(_CASCADES, relation))

    def _checks(self, relation: int) -> list[CheckConstraint]:
        rows = self._execute(_CHECKS, relation).fetchall()
        return [
            CheckConstraint(frozenset(columns), None if text is None else read_tree(text))
            for columns, text in rows
        ]

    def _has_rules(self, relation: int) -> bool:
        return bool(self._row(_HAS_RULES, relation)[0])

    def _columns(self, relation: int) -> dict[int, CatalogColumn]:
        rows = self._execute(_COLUMNS, relation).fetchall()
        return {
            position: CatalogColumn(name, is_not_null, type_id)
            for name, is_not_null, position, type_id in rows
            if position is not None
        }

    def _operator(self, operator_id: int) -> Operator:
        return Operator(*self._row(_OPERATOR, operator_id))

    def _relation_name(self, relation: int) -> str:
        return str(self._row(_RELATION_NAME, relation)[0])

    def _type(self, type_id: int) -> CatalogType:
        return CatalogType(*self._row(_TYPE, type_id))

    def _view(self, relation: int) -> TreeNode:
        return read_tree(self._row(_VIEW, relation)[0])

    def _row(self, statement: str, key: int) -> tuple[Any, ...]:
        row = self._execute(statement, key).fetchone()
        if row is None:
            raise LookupError(f"no object {key} in the system catalogs")
        return row

    def _execute(self, statement: str, key: int | list[int]) -> Cursor[tuple[Any, ...]]:
        # The connection may have another cursor class.
        return Cursor(self._connection, row_factory=tuple_row).execute(statement, {"id": key})
