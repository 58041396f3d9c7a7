"""Read from the server's parse tree what a statement locks, and what else it does to others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from psycopg import Connection

from ._parse_tree import Node, Value, parse_tree

_RELATION_NAME = "SELECT relname FROM pg_class WHERE oid = %s::oid"
# What the server deletes or changes, by foreign keys, where rows of a table are deleted: a deletion
# that cascades goes on from there, one that sets columns does not.
_CASCADES = """
WITH RECURSIVE deleted (oid) AS (
    SELECT %s::oid
    UNION
    SELECT pg_constraint.conrelid
    FROM pg_constraint
    INNER JOIN deleted ON pg_constraint.confrelid = deleted.oid
    WHERE pg_constraint.contype = 'f' AND pg_constraint.confdeltype = 'c'
)

SELECT DISTINCT coalesce(pg_partition_root(pg_constraint.conrelid), pg_constraint.conrelid)::oid
FROM pg_constraint
INNER JOIN deleted ON pg_constraint.confrelid = deleted.oid
WHERE pg_constraint.contype = 'f' AND pg_constraint.confdeltype IN ('c', 'n', 'd')
"""
_FUNCTION = """
SELECT
    CASE WHEN pg_function_is_visible(oid) THEN '' ELSE pronamespace::regnamespace || '.' END
    || quote_ident(proname),
    pronamespace = 'pg_catalog'::regnamespace,
    provolatile
FROM pg_proc
WHERE oid = %s::oid
"""
_ADVISORY = re.compile(r"pg_(?:try_)?advisory_")
#: Functions of the server that do more than read. Others' do where they are volatile.
_EFFECTS = re.compile(
    r"setval|set_config|lo_\w+|lowrite|pg_(?:notify|cancel_backend|terminate_backend|promote"
    r"|reload_conf|rotate_logfile|switch_wal|(?:logical|replication|create|drop|copy|advance|sync|"
    r"backup|wal_replay|import|stat_reset|stat_clear)\w*)"
)
#: Where a node of the tree names the function that it calls.
_CALLS = ("funcid", "opfuncid", "aggfnoid", "winfnoid")
_STRENGTHS = {1: "for key share", 2: "for share", 3: "for no key update", 4: "for update"}
_WAITS = {0: "", 1: " skip locked", 2: " nowait"}
_UPDATE, _DELETE, _SELECT = 2, 4, 1
#: What rows must be locked with beforehand, so that changing them locks nothing more.
_ENOUGH = {_UPDATE: {3, 4}, _DELETE: {4}}
_TABLE = 0


class LockReader:
    """Reads locks on one connection."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._name = cache(self._look_up)
        self._cascades = cache(self._look_up_cascades)
        self._effect = cache(self._look_up_effect)

    def locks(self, statement: str) -> frozenset[str]:
        """Return what a statement locks, in the words of the header: ``for share: resources``.

        A function that writes, or may write, counts as well: ``function: setval``. So do the rows
        that the server deletes or changes because a foreign key says so: ``cascade: members``.

        Needs a server whose parse trees can be read; else `NullsNotChecked` is raised.
        """
        tree = parse_tree(self._connection, statement)
        queries = [node for node in _within(tree) if node.tag == "QUERY"]
        marks = {
            (mark.number("strength"), mark.number("waitPolicy"), table)
            for query in queries
            for mark in query.nodes("rowMarks")
            if (table := self._table(query, mark.number("rti"))) is not None
        }
        changes = {
            (query.number("commandType"), self._table(query, query.number("resultRelation")))
            for query in queries
            if query.number("commandType") != _SELECT and query.number("resultRelation")
        }
        clauses = {
            f"{_STRENGTHS[strength]}{_WAITS[wait]}: {table}" for strength, wait, table in marks
        }
        rows = {
            f"row: {table}"
            for command, table in changes
            if not any(
                locked == table and strength in _ENOUGH.get(command, ())
                for strength, _, locked in marks
            )
        }
        named = {table for _, table in changes} | {table for _, _, table in marks}
        cascades = {
            f"cascade: {table}"
            for query in queries
            if query.number("commandType") == _DELETE
            for table in self._cascades(self._relation(query, query.number("resultRelation")))
            if table not in named
        }
        effects = {effect for oid in _called(tree) if (effect := self._effect(oid)) is not None}
        return frozenset(clauses | rows | cascades | effects)

    def _table(self, query: Node, place: int) -> str | None:
        oid = self._relation(query, place)
        return None if oid is None else self._name(oid)

    def _relation(self, query: Node, place: int) -> int | None:
        relation = query.nodes("rtable")[place - 1]
        return relation.number("relid") if relation.number("rtekind") == _TABLE else None

    def _look_up_cascades(self, oid: int | None) -> frozenset[str]:
        rows = self._connection.execute(_CASCADES, (oid,)).fetchall()
        return frozenset(self._name(found) for (found,) in rows)

    def _look_up(self, oid: int) -> str:
        row = self._connection.execute(_RELATION_NAME, (oid,)).fetchone()
        return str(row[0]) if row else str(oid)

    def _look_up_effect(self, oid: int) -> str | None:
        """Return what a function does besides returning a value: ``advisory: name``, or None."""
        row = self._connection.execute(_FUNCTION, (oid,)).fetchone()
        if row is None:
            return None
        name, is_built_in, volatility = row
        if is_built_in and _ADVISORY.match(name):
            return f"advisory: {name}"
        has_effect = _EFFECTS.fullmatch(name) if is_built_in else volatility == "v"
        return f"function: {name}" if has_effect else None


def _called(tree: Node) -> set[int]:
    """Return the functions that a statement calls, those inside views left out."""
    return {
        node.number(field) for node in _within(tree) for field in _CALLS if field in node.fields
    }


def _within(value: Value) -> Iterator[Node]:
    """Go through a node and all nodes in it."""
    if isinstance(value, list):
        for member in value:
            yield from _within(member)
    elif isinstance(value, Node):
        yield value
        for field in value.fields.values():
            yield from _within(field)
