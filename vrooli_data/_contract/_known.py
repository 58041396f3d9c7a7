"""What a condition tells of the columns in it: which of them are not NULL where it is met."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple, TypeAlias

from ._null_catalog import Catalog
from ._parse_tree import Node


class Filled(NamedTuple):
    """A column that is not NULL; so none of the outer joins around it has padded the row."""

    #: How many queries outwards it belongs to.
    level: int
    relation: int
    column: int
    #: 0, or 1 for the old and 2 for the new row of RETURNING.
    version: int
    joins: frozenset[int]

    def is_of(self, other: Filled) -> bool:
        """Tell whether both are of one column."""
        return self[1:4] == other[1:4]


Facts: TypeAlias = frozenset[Filled]

_NOTHING: Facts = frozenset()
_MERGE = 5
_INNER = 0
#: The sides of a join that it never pads, by the server's numbers of its kinds.
_KEPT_SIDES = {_INNER: ("larg", "rarg"), 1: ("larg",), 3: ("rarg",)}
_IS_NULL, _IS_NOT_NULL = 0, 1
_IS_TRUE, _IS_FALSE = 0, 2
_CASTS = frozenset({"RELABELTYPE", "COERCEVIAIO", "COLLATEEXPR"})


def filled(var: Node) -> Filled:
    """Return the fact that a column is not NULL."""
    return Filled(
        var.number("varlevelsup"),
        var.number("varno"),
        var.number("varattno"),
        var.number("varreturningtype") if "varreturningtype" in var.fields else 0,
        frozenset(var.numbers("varnullingrels")),
    )


def facts_of_rows(catalog: Catalog, query: Node) -> Facts:
    """Return what the conditions of FROM and WHERE tell of the rows that a query goes on with."""
    jointree = query.maybe("jointree")
    if jointree is None or query.number("commandType") == _MERGE:
        return _NOTHING
    # RETURNING shows the target's row as it was written, and conditions are about the one before.
    target = query.number("resultRelation")
    return frozenset(
        fact
        for condition in _conditions(jointree)
        for fact in when_true(catalog, condition)
        if fact.level == 0 and fact.relation != target
    )


def when_true(catalog: Catalog, condition: Node) -> Facts:
    """Return what follows from a condition that is true."""
    facts = _NOTHING
    match condition.tag:
        case "BOOLEXPR":
            facts = _when_boolean_true(catalog, condition)
        case "NULLTEST" if condition.number("nulltesttype") == _IS_NOT_NULL:
            facts = _when_tested_filled(catalog, condition)
        case "BOOLEANTEST" if condition.number("booltesttype") in {_IS_TRUE, _IS_FALSE}:
            facts = when_filled(catalog, condition.node("arg"))
        case "SCALARARRAYOPEXPR" if condition.flag("useOr"):
            # With an empty array it is false, not NULL; true it is only where two values met.
            if catalog.is_strict(condition.number("opfuncid")):
                facts = when_filled(catalog, condition.nodes("args")[0])
        case "ROWCOMPAREEXPR":
            # The first pair has been compared, whether it decided or was equal.
            facts = _union(
                when_filled(catalog, condition.nodes(side)[0]) for side in ("largs", "rargs")
            )
        case _:
            facts = when_filled(catalog, condition)
    return facts


def when_not_true(catalog: Catalog, condition: Node) -> Facts:
    """Return what follows from a condition that is false or NULL."""
    match condition.tag:
        case "BOOLEXPR" if condition.text("boolop") == "or":
            return _union(when_not_true(catalog, part) for part in condition.nodes("args"))
        case "NULLTEST" if condition.number("nulltesttype") == _IS_NULL:
            return _when_tested_filled(catalog, condition)
        case _:
            return _NOTHING


def when_filled(catalog: Catalog, expression: Node) -> Facts:
    """Return what follows from an expression that is not NULL."""
    match expression.tag:
        case "VAR":
            return frozenset({filled(expression)})
        case "OPEXPR" if catalog.is_strict(expression.number("opfuncid")):
            return _union(when_filled(catalog, part) for part in expression.nodes("args"))
        case "FUNCEXPR" if catalog.is_strict(expression.number("funcid")):
            return _union(when_filled(catalog, part) for part in expression.nodes("args"))
        case "BOOLEXPR" if expression.text("boolop") == "not":
            return when_filled(catalog, expression.nodes("args")[0])
        case tag if tag in _CASTS:
            return when_filled(catalog, expression.node("arg"))
        case _:
            return _NOTHING


def _when_boolean_true(catalog: Catalog, condition: Node) -> Facts:
    parts = condition.nodes("args")
    match condition.text("boolop"):
        case "and":
            return _union(when_true(catalog, part) for part in parts)
        case "or":
            return reduce(frozenset.intersection, [when_true(catalog, part) for part in parts])
        case _:
            return when_not_true(catalog, parts[0]) | when_filled(catalog, parts[0])


def _when_tested_filled(catalog: Catalog, test: Node) -> Facts:
    # A row is not NULL only where none of its fields is, and so says something else.
    return _NOTHING if test.flag("argisrow") else when_filled(catalog, test.node("arg"))


def _conditions(node: Node) -> Iterator[Node]:
    """Yield the conditions that each row of FROM has met, and that no outer join pads after."""
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
