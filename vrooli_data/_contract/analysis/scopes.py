"""Follow the columns of an analysed query to the expressions that they come from."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import TypeAlias

import msgspec

from .conditions import Facts, KnownColumn, facts_of_rows, when_not_true, when_true
from .node_types import FIRST_USER_OID, type_of
from .parse_tree import TreeNode
from .system_catalog import Catalog

_FULL_JOIN = 2
_NOT_MATCHED_BY_SOURCE = 1


class RelationKind(IntEnum):
    """The kinds of entries in a range table, by the server's numbers."""

    TABLE = 0
    SUBQUERY = 1
    JOIN = 2
    FUNCTION = 3
    VALUES = 5
    CTE = 6
    #: The columns that a query groups by, since 18.
    GROUP = 9


class CommandType(IntEnum):
    """The commands, by the server's numbers."""

    SELECT = 1
    UPDATE = 2
    INSERT = 3
    DELETE = 4
    MERGE = 5


class Subselect(IntEnum):
    """The kinds of subselects, by the server's numbers."""

    EXISTS = 0
    ALL = 1
    ANY = 2
    VALUE = 4
    ARRAY = 6


class Scope(msgspec.Struct, frozen=True):
    """One query, and the facts about its columns at the place of an expression."""

    query: TreeNode
    #: Facts about every row, from the conditions of FROM and WHERE.
    of_rows: Facts = frozenset()
    #: Facts in the branch of CASE that contains the expression.
    of_branch: Facts = frozenset()

    def relation(self, number: int) -> TreeNode:
        """Return an entry of the range table."""
        return self.query.nodes("rtable")[number - 1]

    def facts(self, *, narrowed: bool) -> Facts:
        """Return the facts; with *narrowed*, also those from the conditions on the rows."""
        return self.of_branch | self.of_rows if narrowed else self.of_branch

    def padding(self, column: KnownColumn, facts: Facts) -> TreeNode | None:
        """Return the outer join or grouping that may set a column to NULL."""
        matched = frozenset[int]().union(*(fact.joins for fact in facts))
        for number in sorted(column.joins):
            padding = self.relation(number)
            is_join = padding.number("rtekind") == RelationKind.JOIN
            # A full join pads both sides: a column of one side shows nothing about the other.
            is_one_sided = is_join and padding.number("jointype") != _FULL_JOIN
            if not (is_one_sided and number in matched):
                return padding
        return None

    def groups(self) -> list[TreeNode]:
        """Return the expressions that grouping sets set to NULL, on servers before 18.

        Since 18 these expressions are columns in the tree, padded like the columns of a join.
        """
        query = self.query
        if not query.nodes("groupingSets") or any(
            relation.number("rtekind") == RelationKind.GROUP for relation in query.nodes("rtable")
        ):
            return []
        keys = {clause.number("tleSortGroupRef") for clause in query.nodes("groupClause")}
        return [
            entry.node("expr")
            for entry in query.nodes("targetList")
            if entry.number("ressortgroupref") in keys
        ]

    def may_lack_source(self) -> bool:
        """Return whether a MERGE changes rows that no row of its source matches."""
        return self.query.number("commandType") == CommandType.MERGE and any(
            action.number("matchKind") == _NOT_MATCHED_BY_SOURCE
            for action in self.query.nodes("mergeActionList")
        )


#: The query that contains an expression, and the queries around it, innermost first.
Scopes: TypeAlias = tuple[Scope, ...]
#: An expression, and the scopes that contain it.
ScopedNode: TypeAlias = tuple[TreeNode, Scopes]


def where_known(scopes: Scopes, facts: Facts) -> Scopes:
    """Return the scopes of an expression that is evaluated only where the facts hold."""
    return tuple(
        Scope(
            scope.query,
            scope.of_rows,
            scope.of_branch | {fact for fact in facts if fact.level == level},
        )
        for level, scope in enumerate(scopes)
    )


def output_columns(query: TreeNode) -> list[TreeNode]:
    """Return the columns of the result of a query."""
    is_select = query.number("commandType") == CommandType.SELECT
    entries = query.nodes("targetList" if is_select else "returningList")
    return [entry for entry in entries if not entry.flag("resjunk")]


def definition(relation: TreeNode, scopes: Scopes) -> tuple[Scopes, TreeNode]:
    """Return the scopes of the query that defines a CTE, and the CTE itself."""
    defining = scopes[relation.number("ctelevelsup") :]
    name = relation.text("ctename")
    ctes = defining[0].query.nodes("cteList")
    return defining, next(cte for cte in ctes if cte.text("ctename") == name)


class Lineage:
    """Follows columns through subqueries, CTEs and views to their expressions."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def enter(self, query: TreeNode, outer: Scopes = ()) -> Scopes:
        """Return the scopes of the expressions of a query."""
        return (Scope(query, facts_of_rows(self.catalog, query)), *outer)

    def outputs(self, scopes: Scopes, column: int) -> list[ScopedNode]:
        """Return the expressions that a column of a query, counted from 1, may come from."""
        query = scopes[0].query
        columns = output_columns(query)
        if column > len(columns):
            # The server adds the columns of SEARCH and CYCLE after the analysis.
            return [(TreeNode("COLUMN OF SEARCH OR CYCLE", {}), scopes)]
        operation = query.maybe("setOperations")
        if operation is not None:
            return list(self._outputs_of_branches(scopes, operation, column))
        return [(columns[column - 1].node("expr"), scopes)]

    def sources(self, relation: TreeNode, column: int, scopes: Scopes) -> list[ScopedNode] | None:
        """Return what a column of a relation may come from; None if the tree does not show it."""
        found = None
        match relation.number("rtekind"):
            case RelationKind.TABLE if relation.text("relkind") == "v":
                view = self.catalog.view(relation.number("relid"))
                found = self.outputs(self.enter(view), column)
            case RelationKind.SUBQUERY:
                found = self.outputs(self.enter(relation.node("subquery"), scopes), column)
            case RelationKind.CTE:
                defining, cte = definition(relation, scopes)
                found = self.outputs(self.enter(cte.node("ctequery"), defining), column)
            case RelationKind.JOIN:
                found = [(relation.nodes("joinaliasvars")[column - 1], scopes)]
            case RelationKind.GROUP:
                found = [(relation.nodes("groupexprs")[column - 1], scopes)]
            case RelationKind.VALUES:
                found = [(row[column - 1], scopes) for row in relation.rows("values_lists")]
        return found

    def branches(self, case: TreeNode, scopes: Scopes) -> list[ScopedNode]:
        """Return the results of a CASE, each with the facts from its condition."""
        found = []
        for branch in case.nodes("args"):
            condition = branch.node("expr")
            met = when_true(self.catalog, condition)
            found.append((branch.node("result"), where_known(scopes, met)))
            scopes = where_known(scopes, when_not_true(self.catalog, condition))
        # The server adds a missing ELSE.
        return [*found, (case.node("defresult"), scopes)]

    def _outputs_of_branches(
        self, scopes: Scopes, operation: TreeNode, column: int
    ) -> Iterator[ScopedNode]:
        for number, types in _branches(operation, column):
            branch = self.enter(scopes[0].relation(number).node("subquery"), scopes)
            for expression, where in self.outputs(branch, column):
                changed = types | {type_of(expression)}
                if len(changed) > 1 and max(changed) >= FIRST_USER_OID:
                    # The tree does not show the cast, which may be a user's function.
                    yield TreeNode("CAST OF A BRANCH TO ANOTHER TYPE", {}), where
                else:
                    yield expression, where


def _branches(operation: TreeNode, column: int) -> Iterator[tuple[int, set[int]]]:
    """Yield the branches that give rows of the result, each with the types of its casts."""
    if operation.tag == "RANGETBLREF":
        yield operation.number("rtindex"), set()
        return
    becomes = operation.numbers("colTypes")[column - 1]
    is_union = operation.number("op") == 1
    # All rows of INTERSECT and EXCEPT come from the left branch.
    for side in ("larg", "rarg") if is_union else ("larg",):
        for number, types in _branches(operation.node(side), column):
            yield number, types | {becomes}
