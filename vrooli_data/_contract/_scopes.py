"""Where the columns of an analysed query come from. No I/O but what the catalog does."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import TypeAlias

import msgspec

from ._known import Facts, Filled, facts_of_rows, when_not_true, when_true
from ._node_types import FIRST_USER_OID, type_of
from ._null_catalog import Catalog
from ._parse_tree import Node

_FULL_JOIN = 2
_NOT_MATCHED_BY_SOURCE = 1


class Relation(IntEnum):
    """What an entry of a query's range table is, by the server's numbers."""

    TABLE = 0
    SUBQUERY = 1
    JOIN = 2
    FUNCTION = 3
    VALUES = 5
    CTE = 6
    #: Since 18: the columns that a query groups by.
    GROUP = 9


class Command(IntEnum):
    """What a query does, by the server's numbers."""

    SELECT = 1
    UPDATE = 2
    INSERT = 3
    DELETE = 4
    MERGE = 5


class Subselect(IntEnum):
    """What a subselect is for, by the server's numbers."""

    EXISTS = 0
    ALL = 1
    ANY = 2
    VALUE = 4
    ARRAY = 6


class Scope(msgspec.Struct, frozen=True):
    """One query, and what is known of the columns it reads where an expression stands."""

    query: Node
    #: What the conditions of FROM and WHERE tell of every row.
    of_rows: Facts = frozenset()
    #: What the branch of CASE that the expression stands in tells.
    of_branch: Facts = frozenset()

    def relation(self, number: int) -> Node:
        """Return an entry of the range table."""
        return self.query.nodes("rtable")[number - 1]

    def facts(self, *, narrowed: bool) -> Facts:
        """Return what is known; with *narrowed*, of the rows that the conditions leave."""
        return self.of_branch | self.of_rows if narrowed else self.of_branch

    def padding(self, column: Filled, facts: Facts) -> Node | None:
        """Return the outer join, or the grouping, that may turn a column to NULL."""
        matched = frozenset[int]().union(*(fact.joins for fact in facts))
        for number in sorted(column.joins):
            padding = self.relation(number)
            is_join = padding.number("rtekind") == Relation.JOIN
            # A full join pads either side: a column of one says nothing of the other.
            is_one_sided = is_join and padding.number("jointype") != _FULL_JOIN
            if not (is_one_sided and number in matched):
                return padding
        return None

    def groups(self) -> list[Node]:
        """Return the expressions that grouping sets turn to NULL, where the tree does not say so.

        Since 18 it does: such expressions are columns of their own, padded like those of a join.
        """
        query = self.query
        if not query.nodes("groupingSets") or any(
            relation.number("rtekind") == Relation.GROUP for relation in query.nodes("rtable")
        ):
            return []
        keys = {clause.number("tleSortGroupRef") for clause in query.nodes("groupClause")}
        return [
            entry.node("expr")
            for entry in query.nodes("targetList")
            if entry.number("ressortgroupref") in keys
        ]

    def may_lack_source(self) -> bool:
        """Tell whether a MERGE changes rows that its source has no match for."""
        return self.query.number("commandType") == Command.MERGE and any(
            action.number("matchKind") == _NOT_MATCHED_BY_SOURCE
            for action in self.query.nodes("mergeActionList")
        )


#: The query an expression stands in, and those around it, innermost first.
Scopes: TypeAlias = tuple[Scope, ...]
#: An expression and where it stands.
Source: TypeAlias = tuple[Node, Scopes]


def given(scopes: Scopes, facts: Facts) -> Scopes:
    """Return the scopes of an expression that is reached only where facts hold."""
    return tuple(
        Scope(
            scope.query,
            scope.of_rows,
            scope.of_branch | {fact for fact in facts if fact.level == level},
        )
        for level, scope in enumerate(scopes)
    )


def output_columns(query: Node) -> list[Node]:
    """Return the columns of a query's result."""
    is_select = query.number("commandType") == Command.SELECT
    entries = query.nodes("targetList" if is_select else "returningList")
    return [entry for entry in entries if not entry.flag("resjunk")]


def definition(relation: Node, scopes: Scopes) -> tuple[Scopes, Node]:
    """Return the scopes of the query that defines a CTE, and the CTE."""
    defining = scopes[relation.number("ctelevelsup") :]
    name = relation.text("ctename")
    ctes = defining[0].query.nodes("cteList")
    return defining, next(cte for cte in ctes if cte.text("ctename") == name)


class Lineage:
    """Follows columns through subqueries, CTEs and views to the expressions they come from."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def enter(self, query: Node, outer: Scopes = ()) -> Scopes:
        """Return the scopes of the expressions of a query."""
        return (Scope(query, facts_of_rows(self.catalog, query)), *outer)

    def outputs(self, scopes: Scopes, column: int) -> list[Source]:
        """Return what the values of a query's column come from, counted from 1: any of these."""
        query = scopes[0].query
        columns = output_columns(query)
        if column > len(columns):
            # SEARCH and CYCLE add columns that the server builds later.
            return [(Node("COLUMN OF SEARCH OR CYCLE", {}), scopes)]
        operation = query.maybe("setOperations")
        if operation is not None:
            return list(self._outputs_of_branches(scopes, operation, column))
        return [(columns[column - 1].node("expr"), scopes)]

    def sources(self, relation: Node, column: int, scopes: Scopes) -> list[Source] | None:
        """Return what a column of a relation comes from; None where the tree does not say."""
        found = None
        match relation.number("rtekind"):
            case Relation.TABLE if relation.text("relkind") == "v":
                view = self.catalog.view(relation.number("relid"))
                found = self.outputs(self.enter(view), column)
            case Relation.SUBQUERY:
                found = self.outputs(self.enter(relation.node("subquery"), scopes), column)
            case Relation.CTE:
                defining, cte = definition(relation, scopes)
                found = self.outputs(self.enter(cte.node("ctequery"), defining), column)
            case Relation.JOIN:
                found = [(relation.nodes("joinaliasvars")[column - 1], scopes)]
            case Relation.GROUP:
                found = [(relation.nodes("groupexprs")[column - 1], scopes)]
            case Relation.VALUES:
                found = [(row[column - 1], scopes) for row in relation.rows("values_lists")]
        return found

    def branches(self, case: Node, scopes: Scopes) -> list[Source]:
        """Return what the values of a CASE come from, each where its condition is met."""
        found = []
        for branch in case.nodes("args"):
            condition = branch.node("expr")
            met = when_true(self.catalog, condition)
            found.append((branch.node("result"), given(scopes, met)))
            scopes = given(scopes, when_not_true(self.catalog, condition))
        # The server writes a missing ELSE out.
        return [*found, (case.node("defresult"), scopes)]

    def _outputs_of_branches(
        self, scopes: Scopes, operation: Node, column: int
    ) -> Iterator[Source]:
        for number, types in _branches(operation, column):
            branch = self.enter(scopes[0].relation(number).node("subquery"), scopes)
            for expression, where in self.outputs(branch, column):
                changed = types | {type_of(expression)}
                if len(changed) > 1 and max(changed) >= FIRST_USER_OID:
                    # The cast is not in the tree, and may be a function of the user's.
                    yield Node("CAST OF A BRANCH TO ANOTHER TYPE", {}), where
                else:
                    yield expression, where


def _branches(operation: Node, column: int) -> Iterator[tuple[int, set[int]]]:
    """Yield the branches whose rows are in the result, each with the types it is cast to."""
    if operation.tag == "RANGETBLREF":
        yield operation.number("rtindex"), set()
        return
    becomes = operation.numbers("colTypes")[column - 1]
    is_union = operation.number("op") == 1
    # What INTERSECT and EXCEPT return is in their left branch.
    for side in ("larg", "rarg") if is_union else ("larg",):
        for number, types in _branches(operation.node(side), column):
            yield number, types | {becomes}
