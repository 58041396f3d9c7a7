"""Find the columns that are not NULL in every row that meets a condition."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple, TypeAlias

from .parse_tree import TreeNode
from .system_catalog import Catalog


class KnownColumn(NamedTuple):
    """A column that is known not to be NULL. Therefore no outer join has padded its row."""

    #: The number of queries outwards that the column belongs to.
    level: int
    relation: int
    column: int
    #: 1 for the old row of RETURNING, 2 for the new row, else 0.
    version: int
    joins: frozenset[int]

    def is_same_column(self, other: KnownColumn) -> bool:
        """Return whether both are the same column."""
        return self[1:4] == other[1:4]


#: The facts about the columns at the place of an expression.
Facts: TypeAlias = frozenset[KnownColumn]

_NOTHING: Facts = frozenset()
_MERGE = 5
_INNER = 0
#: The sides of a join that the join never pads, by the server's numbers of join types.
_KEPT_SIDES = {_INNER: ("larg", "rarg"), 1: ("larg",), 3: ("rarg",)}
_IS_NULL, _IS_NOT_NULL = 0, 1
_IS_TRUE, _IS_FALSE = 0, 2
_CASTS = frozenset({"RELABELTYPE", "COERCEVIAIO", "COLLATEEXPR"})


def known_column(var: TreeNode) -> KnownColumn:
    """Return the fact that a column is not NULL."""
    return KnownColumn(
        var.number("varlevelsup"),
        var.number("varno"),
        var.number("varattno"),
        var.number("varreturningtype") if "varreturningtype" in var.fields else 0,
        frozenset(var.numbers("varnullingrels")),
    )


def facts_of_rows(catalog: Catalog, query: TreeNode) -> Facts:
    """Return the facts about the rows that pass the conditions of FROM and WHERE."""
    jointree = query.maybe("jointree")
    if jointree is None or query.number("commandType") == _MERGE:
        return _NOTHING
    # RETURNING shows the new row of the target; the conditions are about the old row.
    target = query.number("resultRelation")
    return frozenset(
        fact
        for condition in _conditions(jointree)
        for fact in when_true(catalog, condition)
        if fact.level == 0 and fact.relation != target
    )


def when_true(catalog: Catalog, condition: TreeNode) -> Facts:
    """Return the facts that follow from a true condition."""
    facts = _NOTHING
    match condition.tag:
        case "BOOLEXPR":
            facts = _when_boolean_true(catalog, condition)
        case "NULLTEST" if condition.number("nulltesttype") == _IS_NOT_NULL:
            facts = _when_tested_not_null(catalog, condition)
        case "BOOLEANTEST" if condition.number("booltesttype") in {_IS_TRUE, _IS_FALSE}:
            facts = when_not_null(catalog, condition.node("arg"))
        case "SCALARARRAYOPEXPR" if condition.flag("useOr"):
            # It is false, not NULL, for an empty array. It is true only if two values matched.
            if catalog.is_strict(condition.number("opfuncid")):
                facts = when_not_null(catalog, condition.nodes("args")[0])
        case "ROWCOMPAREEXPR":
            # The first pair is always compared.
            facts = _union(
                when_not_null(catalog, condition.nodes(side)[0]) for side in ("largs", "rargs")
            )
        case _:
            facts = when_not_null(catalog, condition)
    return facts


def when_not_true(catalog: Catalog, condition: TreeNode) -> Facts:
    """Return the facts that follow from a condition that is false or NULL."""
    match condition.tag:
        case "BOOLEXPR" if condition.text("boolop") == "or":
            return _union(when_not_true(catalog, part) for part in condition.nodes("args"))
        case "NULLTEST" if condition.number("nulltesttype") == _IS_NULL:
            return _when_tested_not_null(catalog, condition)
        case _:
            return _NOTHING


def when_not_null(catalog: Catalog, expression: TreeNode) -> Facts:
    """Return the facts that follow from an expression that is not NULL."""
    match expression.tag:
        case "VAR":
            return frozenset({known_column(expression)})
        case "OPEXPR" if catalog.is_strict(expression.number("opfuncid")):
            return _union(when_not_null(catalog, part) for part in expression.nodes("args"))
        case "FUNCEXPR" if catalog.is_strict(expression.number("funcid")):
            return _union(when_not_null(catalog, part) for part in expression.nodes("args"))
        case "BOOLEXPR" if expression.text("boolop") == "not":
            return when_not_null(catalog, expression.nodes("args")[0])
        case tag if tag in _CASTS:
            return when_not_null(catalog, expression.node("arg"))
        case _:
            return _NOTHING


def _when_boolean_true(catalog: Catalog, condition: TreeNode) -> Facts:
    parts = condition.nodes("args")
    match condition.text("boolop"):
        case "and":
            return _union(when_true(catalog, part) for part in parts)
        case "or":
            return reduce(frozenset.intersection, [when_true(catalog, part) for part in parts])
        case _:
            return when_not_true(catalog, parts[0]) | when_not_null(catalog, parts[0])


def _when_tested_not_null(catalog: Catalog, test: TreeNode) -> Facts:
    # For a row, IS NOT NULL tests every field instead.
    return _NOTHING if test.flag("argisrow") else when_not_null(catalog, test.node("arg"))


def _conditions(node: TreeNode) -> Iterator[TreeNode]:
    """Yield the conditions that every row of FROM meets; no outer join pads a row after them."""
    if node.tag == "FROMEXPR":
        sides, has_met = node.nodes("fromlist"), True
    elif node.tag == "JOINEXPR":
        kind = node.number("jointype")
        sides = [node.node(side) for side in _KEPT_SIDES.get(kind, ())]
        has_met = kind == _INNER
    else:
        return
    if has_met and (condition := node.maybe("quals")) is not None:
        yield condition
    for side in sides:
        yield from _conditions(side)


def _union(parts: Iterator[Facts]) -> Facts:
    return _NOTHING.union(*parts)
