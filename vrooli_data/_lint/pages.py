"""Rules about the queries of a listing: the first page, the rows after and before a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pglast.enums import SortByDir, SortByNulls

from .schema import Schema
from .statement import Statement

#: A node of the tree without its places in the text, or a list of nodes, or a value.
Plain = Any

_OPPOSITE: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
#: What a clause is called that the queries of a listing may differ in.
_CLAUSES: Final = {
    "withClause": "WITH",
    "targetList": "the columns",
    "fromClause": "FROM",
    "whereClause": "WHERE",
    "groupClause": "GROUP BY",
    "havingClause": "HAVING",
    "sortClause": "ORDER BY",
    "limitCount": "LIMIT",
}


def pages_mirror(statement: Statement, schema: Schema) -> Iterator[str]:
    """Want the queries of a listing to differ in where the page begins, and in nothing else.

    ``name_before``, which one that is only iterated lacks, compares with the row and orders the
    other way round than ``name_after``; ``name``, the first page, has no comparison. The row's
    parameters begin with ``before_`` and ``after_``.
    """
    name = statement.source.name
    listing = name.removesuffix("_after")
    first, before = statement.folder.get(listing), statement.folder.get(f"{listing}_before")
    if listing == name or first is None:
        return
    after_tree = _plain(statement, "after_")
    if not _has_row(after_tree):
        return
    if before is not None and (
        place := _difference(after_tree, _mirrored(_plain(before, "before_")))
    ):
        yield (
            f"is not the mirror of {before.source.name}: they differ in {place}; turn the "
            "comparison with the row and ORDER BY round, and change nothing else"
        )
    if place := _difference(_without_comparison(after_tree), _plain(first, "after_")):
        yield (
            f"is not {first.source.name} from a row on: they differ in {place}; add the comparison "
            "with the row, and change nothing else"
        )


def _plain(statement: Statement, prefix: str) -> Plain:
    """Return a statement's tree, its parameters by name; those of the row lose their prefix."""
    names = statement.source.parameters

    def plain(value: Plain) -> Plain:
        if isinstance(value, tuple | list):
            return [plain(item) for item in value]
        if not isinstance(value, dict):
            return value
        kind = value.get("@")
        if kind == "ParamRef":
            name = names[value["number"] - 1]
            return {"@": kind, "row's": name.startswith(prefix), "name": name.removeprefix(prefix)}
        if kind == "SortBy":
            value = value | _written_out(value)
        return {member: plain(part) for member, part in value.items() if member != "location"}

    return plain(statement.tree(skip_none=True))


def _written_out(sort: Plain) -> Plain:
    """Return direction and place of NULLs of one part of ORDER BY as if nothing were left out."""
    direction, nulls = sort["sortby_dir"]["value"], sort["sortby_nulls"]["value"]
    if direction == SortByDir.SORTBY_DEFAULT:
        direction = SortByDir.SORTBY_ASC
    if nulls == SortByNulls.SORTBY_NULLS_DEFAULT:
        is_first = direction == SortByDir.SORTBY_DESC
        nulls = SortByNulls.SORTBY_NULLS_FIRST if is_first else SortByNulls.SORTBY_NULLS_LAST
    return {"sortby_dir": direction, "sortby_nulls": nulls}


def _mirrored(tree: Plain) -> Plain:
    """Return a tree with each comparison with the row, and each order of the page, turned round.

    The order of a page is that of a SELECT which compares with the row, itself or in what it
    selects from.
    """
    pages = _ctes_with_row(tree)

    def mirrored(value: Plain) -> Plain:
        if isinstance(value, list):
            return [mirrored(item) for item in value]
        if not isinstance(value, dict):
            return value
        turned = {member: mirrored(part) for member, part in value.items()}
        if _is_comparison(value):
            operator = value["name"][-1]["sval"]
            turned["name"] = [*value["name"][:-1], {"@": "String", "sval": _OPPOSITE[operator]}]
        elif "sortClause" in value and (_has_row(value) or _selects_from(value, pages)):
            turned["sortClause"] = [_turned(sort) for sort in value["sortClause"]]
        return turned

    return mirrored(tree)


def _turned(sort: Plain) -> Plain:
    directions = {
        SortByDir.SORTBY_ASC: SortByDir.SORTBY_DESC,
        SortByDir.SORTBY_DESC: SortByDir.SORTBY_ASC,
    }
    nulls = {
        SortByNulls.SORTBY_NULLS_FIRST: SortByNulls.SORTBY_NULLS_LAST,
        SortByNulls.SORTBY_NULLS_LAST: SortByNulls.SORTBY_NULLS_FIRST,
    }
    return sort | {
        "sortby_dir": directions.get(sort["sortby_dir"], sort["sortby_dir"]),
        "sortby_nulls": nulls[sort["sortby_nulls"]],
    }


def _nodes(value: Plain) -> Iterator[Plain]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _nodes(part)


def _has_row(value: Plain) -> bool:
    return any(node.get("row's") for node in _nodes(value))


def _is_comparison(node: Plain) -> bool:
    return (
        node.get("@") == "A_Expr"
        and node["kind"]["name"] == "AEXPR_OP"
        and node["name"][-1]["sval"] in _OPPOSITE
        and _has_row(node)
    )


def _selects_from(select: Plain, ctes: set[str]) -> bool:
    return any(node.get("relname") in ctes for node in _nodes(select.get("fromClause", [])))


def _ctes_with_row(tree: Plain) -> set[str]:
    """Return the names of the CTEs that compare with the row, or select from one that does."""
    found: set[str] = set()
    # A CTE names those before it.
    for node in _nodes(tree):
        if node.get("@") == "CommonTableExpr" and (
            _has_row(node) or any(part.get("relname") in found for part in _nodes(node))
        ):
            found.add(node["ctename"])
    return found


def _without_comparison(tree: Plain) -> Plain:
    """Return a tree without the conditions that compare with the row."""
    if isinstance(tree, list):
        return [_without_comparison(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    rest = {member: _without_comparison(part) for member, part in tree.items()}
    condition = tree.get("whereClause")
    if condition is None:
        return rest
    is_and = condition.get("boolop", {}).get("name") == "AND_EXPR"
    conditions = condition["args"] if is_and else [condition]
    kept = [_without_comparison(part) for part in conditions if not any(_compared(part))]
    del rest["whereClause"]
    if kept:
        rest["whereClause"] = kept[0] if len(kept) == 1 else condition | {"args": kept}
    return rest


def _compared(value: Plain) -> Iterator[bool]:
    return (_is_comparison(node) for node in _nodes(value))


def _difference(one: Plain, other: Plain, clause: str = "the statement") -> str | None:
    """Return the innermost clause in which two trees differ first; None where they are equal."""
    if one == other:
        return None
    if isinstance(one, dict) and isinstance(other, dict):
        for member in [*one, *(member for member in other if member not in one)]:
            inside = _CLAUSES.get(member, clause)
            if place := _difference(one.get(member), other.get(member), inside):
                return place
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            if place := _difference(left, right, clause):
                return place
    return clause


RULES = (pages_mirror,)
