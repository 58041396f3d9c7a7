"""Read from the server's parse tree which row locks a statement takes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from psycopg import Connection

from ._parse_tree import Node, Value, parse_tree

_RELATION_NAME = "SELECT relname FROM pg_class WHERE oid = %s::oid"
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

    def locks(self, statement: str) -> frozenset[str]:
        """Return what a statement locks, in the words of the header: ``for share: resources``.

        Needs a server whose parse trees can be read; else `NullsNotChecked` is raised.
        """
        queries = list(_queries(parse_tree(self._connection, statement)))
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
        return frozenset(clauses | rows)

    def _table(self, query: Node, place: int) -> str | None:
        relation = query.nodes("rtable")[place - 1]
        if relation.number("rtekind") != _TABLE:
            return None
        return self._name(relation.number("relid"))

    def _look_up(self, oid: int) -> str:
        row = self._connection.execute(_RELATION_NAME, (oid,)).fetchone()
        return str(row[0]) if row else str(oid)


def _queries(value: Value) -> Iterator[Node]:
    """Go through a query and all queries in it."""
    if isinstance(value, list):
        for member in value:
            yield from _queries(member)
    elif isinstance(value, Node):
        if value.tag == "QUERY":
            yield value
        for field in value.fields.values():
            yield from _queries(field)
