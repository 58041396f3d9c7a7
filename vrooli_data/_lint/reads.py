"""Rules about the rows that a statement returns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final

from pglast import ast
from pglast.enums import (
    A_Expr_Kind,
    BoolExprType,
    BoolTestType,
    JoinType,
    NullTestType,
    SubLinkType,
)
from pglast.stream import RawStream

from .keys import columns_of, is_chosen, is_single, is_told, is_totally_ordered, resolve, settle
from .schema import Schema
from .statement import Statement
from .tree import Level, Node, is_a, name_of, outputs, qualifier_of, walk

#: Aggregates whose result has the order of their rows.
_ORDERED: Final = {"array_agg", "json_agg", "jsonb_agg", "string_agg", "xmlagg"}
#: Functions of a window whose result depends on the place of a row among its equals.
_PLACED: Final = {"first_value", "lag", "last_value", "lead", "nth_value", "ntile", "row_number"}
#: The bit of a frame that counts rows, as in ROWS BETWEEN 1 PRECEDING AND CURRENT ROW.
_ROWS: Final = 0x4
#: A LIMIT of more rows that is written out bounds nothing.
MOST_ROWS: Final = 10_000


def no_star(statement: Statement, schema: Schema) -> Iterator[str]:
    """Refuse ``*``: a column added by a migration would change the result.

    The whole row of a table is allowed as the base of jsonb_populate_record, which needs the row
    type. The whole row of a CTE is allowed, because its columns are written out. ``to_json(users)``
    has the same fault as a star.
    """
    for level in statement.levels:
        for node in level.nodes:
            if not is_a(node, ast.ColumnRef):
                continue
            if is_a(node.fields[-1], ast.A_Star):
                star = f"{qualifier_of(node)}.*" if qualifier_of(node) else "*"
                yield f"{star} returns every column; write out the columns of the record"
            elif _is_whole_row(level, node, schema) and not _is_base(statement, level, node):
                yield (
                    f"{name_of(node)} is a whole row with every column; write the columns out "
                    "(a whole row may only be the base of jsonb_populate_record)"
                )


def _is_whole_row(level: Level, reference: Node, schema: Schema) -> bool:
    name = name_of(reference)
    relation = level.relations.get(name)
    return (
        relation is not None
        and bool(relation.table)
        and not qualifier_of(reference)
        and not any(name in columns_of(other, schema) for other in level.relations.values())
    )


def _is_base(statement: Statement, level: Level, reference: Node) -> bool:
    """Return whether a CTE returns the row as the base of jsonb_populate_record."""
    names = {target.name for target in level.node.targetList or () if target.val is reference}
    calls = [
        node
        for node in walk(statement.tree)
        if is_a(node, ast.FuncCall) and name_of(node) == "jsonb_populate_record"
    ]
    bases = {
        (qualifier_of(call.args[0]), name_of(call.args[0]))
        for call in calls
        if is_a(call.args[0], ast.ColumnRef)
    }
    return any((level.name, name) in bases for name in names)


def parameters_are_cast(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require ``:id::bigint`` everywhere: the parameter has one type, and the reader sees it."""
    types: defaultdict[int, set[str]] = defaultdict(set)
    bare: set[int] = set()
    casts = {
        id(node.arg): RawStream()(node.typeName)
        for node in walk(statement.tree)
        if is_a(node, ast.TypeCast)
    }
    for node in walk(statement.tree):
        if is_a(node, ast.ParamRef):
            if id(node) in casts:
                types[node.number].add(casts[id(node)])
            else:
                bare.add(node.number)
    for number, name in enumerate(statement.source.parameters, start=1):
        if number in bare:
            yield f":{name} stands without a cast; write :{name}::type everywhere"
        elif not types[number]:
            yield f":{name} is declared and not used; drop it from the name line"
        if len(types[number]) > 1:
            found = " and ".join(sorted(types[number]))
            yield f":{name} is cast to {found}; cast it to one type everywhere"


def listing_is_ordered(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require ORDER BY a unique key, and LIMIT, for a query that may return many rows."""
    if statement.source.suffix:
        return
    root = statement.root
    if root.is_change:
        yield (
            "returns the rows of a change in no order; make it a CTE and select from it, "
            "with ORDER BY and LIMIT, or end the name line in ^"
        )
    elif is_a(root.node, ast.SelectStmt):
        if not is_totally_ordered(root, schema):
            yield (
                "may return rows in any order, because ORDER BY holds no unique key of the result; "
                "end it in the key, as in ORDER BY created_at DESC, id DESC"
            )
        if not (statement.source.is_streamed or _is_bounded(root)):
            yield f"may return any number of rows; add LIMIT, of {MOST_ROWS} at most"


def _has_limit(level: Level) -> bool:
    limit = _uncast(level.node.limitCount)
    return limit is not None and not getattr(limit, "isnull", False)


def _is_bounded(level: Level) -> bool:
    """Return whether LIMIT bounds the rows: LIMIT NULL and a huge number do not."""
    limit = _uncast(level.node.limitCount)
    if is_a(limit, ast.A_Const):
        # A number that is no integer of 4 bytes has no `ival`.
        return not limit.isnull and getattr(limit.val, "ival", MOST_ROWS + 1) <= MOST_ROWS
    is_nullif = is_a(limit, ast.A_Expr) and limit.kind == A_Expr_Kind.AEXPR_NULLIF
    return not (limit is None or is_nullif or is_a(limit, ast.SubLink))


def limit_is_ordered(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require ORDER BY a unique key wherever LIMIT or DISTINCT ON chooses rows.

    A MATERIALIZED CTE with a constant LIMIT is a cap on candidates, not a choice: below the cap all
    rows are present, and the statement must handle a reached cap in another way.
    """
    for level in statement.levels:
        distinct = getattr(level.node, "distinctClause", None)
        if distinct and distinct[0] is not None and not is_chosen(level, schema):
            yield (
                f"DISTINCT ON takes any row of each group{_where(level)}, because ORDER BY holds "
                "no unique key; end it in the key"
            )
        # The rule above checks the listing itself.
        is_listing = level is statement.root and not statement.source.suffix
        if is_listing or not is_a(level.node, ast.SelectStmt) or not _has_limit(level):
            continue
        is_cap = level.is_materialized and is_a(level.node.limitCount, ast.A_Const)
        has_one = level.relations.keys() <= settle(level, schema).relations
        if not (is_cap or has_one or is_totally_ordered(level, schema)):
            yield (
                f"LIMIT chooses any rows{_where(level)}, because ORDER BY holds no unique key; "
                "end it in the key"
            )


def _where(level: Level) -> str:
    return f" in {level.name}" if level.name else ""


def inner_order_has_limit(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require LIMIT for an ordered CTE or sub-select: without it, the order has no effect.

    Locks, DISTINCT ON, ARRAY(SELECT ...) and the rows of an INSERT are exceptions.
    """
    arrays = {
        id(node.subselect)
        for node in walk(statement.tree)
        if is_a(node, ast.SubLink) and node.subLinkType == SubLinkType.ARRAY_SUBLINK
    }
    for level in statement.levels:
        node = level.node
        around = level.outer
        if (
            level is not statement.root
            and is_a(node, ast.SelectStmt)
            and node.sortClause
            and not (node.lockingClause or node.distinctClause or _has_limit(level))
            and id(node) not in arrays
            and not (around and around.source is level)
        ):
            yield f"orders all rows{_where(level)} without effect; add LIMIT, or drop ORDER BY"


def arrays_are_ordered(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require ORDER BY a unique key in ARRAY(SELECT ...) and in aggregates that keep an order.

    Without it, the order is that of the plan. The array of a comparison with ANY or ALL has none.
    """
    for level in statement.levels:
        groups = getattr(level.node, "groupClause", None) or ()
        for name, values, order in _collections(level):
            if not is_told(level, [*groups, *order], values, schema):
                yield (
                    f"{name}{_where(level)} takes the rows in any order, because its ORDER BY "
                    "holds no unique key; write it inside the brackets, ending in the key"
                )
        unordered = {id(_uncast(node.rexpr)) for node in level.nodes if _compares_items(node)}
        for node in level.nodes:
            if (
                is_a(node, ast.SubLink)
                and node.subLinkType == SubLinkType.ARRAY_SUBLINK
                and id(node) not in unordered
            ):
                inner = next(inner for inner in level.inner if inner.node is node.subselect)
                if not (is_single(inner, schema) or is_totally_ordered(inner, schema)):
                    yield (
                        f"ARRAY(SELECT ...){_where(level)} takes the rows in any order, because "
                        "its ORDER BY holds no unique key; end it in the key"
                    )


def _collections(level: Level) -> Iterator[tuple[str, Collection[Node], list[Node]]]:
    """Yield the aggregates that keep an order: name, collected values, expressions of ORDER BY."""
    for node in level.nodes:
        if is_a(node, ast.JsonArrayAgg):
            sorts = node.constructor.agg_order or ()
            yield "JSON_ARRAYAGG", [node.arg.raw_expr], [sort.node for sort in sorts]
        elif (
            is_a(node, ast.FuncCall)
            and name_of(node) in _ORDERED
            and not (node.over or node.agg_distinct)
        ):
            sorts = node.agg_order or ()
            yield name_of(node), node.args, [sort.node for sort in sorts]


def _compares_items(node: Node) -> bool:
    return is_a(node, ast.A_Expr) and node.kind in {
        A_Expr_Kind.AEXPR_OP_ANY,
        A_Expr_Kind.AEXPR_OP_ALL,
    }


def windows_are_ordered(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require ORDER BY a unique key in the windows of functions that count or choose rows.

    Rows that are equal in the order have any places among each other. RANK has no such choice.
    """
    for level in statement.levels:
        for node in level.nodes:
            if not is_a(node, ast.FuncCall) or not node.over:
                continue
            windows = list(_windows(level, node.over))
            counts_rows = any(window.frameOptions & _ROWS for window in windows)
            if counts_rows or name_of(node) in _PLACED | _ORDERED:
                parts = [part for window in windows for part in window.partitionClause or ()]
                order = [sort.node for window in windows for sort in window.orderClause or ()]
                # After GROUP BY, a row is a group.
                groups = level.node.groupClause or ()
                if not (
                    is_told(level, [*parts, *order], node.args or (), schema)
                    or (groups and is_told(level, [*parts, *order], groups, schema))
                ):
                    yield (
                        f"{name_of(node)}{_where(level)} numbers or chooses rows in any order, "
                        "because ORDER BY of its window holds no unique key; end it in the key"
                    )


def _windows(level: Level, window: Node) -> Iterator[Node]:
    """Yield a window, and those that it refers to by name."""
    yield window
    named = {other.name: other for other in level.node.windowClause or ()}
    for name in (window.name, window.refname):
        if name in named and named[name] is not window:
            yield from _windows(level, named[name])


def at_most_one_row(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require proof that a ``^`` or ``$`` query returns at most one row."""
    known = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
    if (
        statement.source.suffix in {"^", "$"}
        and is_a(statement.tree, *known)
        and not is_single(statement.root, schema)
    ):
        yield (
            f"{statement.source.suffix} promises at most one row, and nothing shows it; compare "
            "all columns of a unique key, aggregate, or add ORDER BY and LIMIT 1"
        )


def union_is_aligned(statement: Statement, schema: Schema) -> Iterator[str]:
    """Require the same order of columns in both halves of a UNION.

    The server matches columns by position, and takes the names from the first half: it does not
    notice when columns of one type change places in the second half.
    """
    for level in statement.levels:
        if not level.halves:
            continue
        first, second = map(_names, level.halves)
        for wanted, found in zip(first, second, strict=False):
            if found and found != wanted and found in first:
                yield (
                    f"has {found} in the place of {wanted or 'another column'} in the second half "
                    f"of a UNION{_where(level)}; put the columns in the order of the first half"
                )


def _names(level: Level) -> list[str]:
    """Return the names of the columns of a level; VALUES has no names."""
    half = level.halves[0] if level.halves else level
    return [] if half.node.valuesLists else [name for name, _ in outputs(half)]


#: The comparison of a value with the items of an array, by operator.
_ARRAYS: Final = {"=": A_Expr_Kind.AEXPR_OP_ANY, "<>": A_Expr_Kind.AEXPR_OP_ALL}


def _uncast(node: Node) -> Node:
    while is_a(node, ast.TypeCast):
        node = node.arg
    return node


def no_offset(statement: Statement, schema: Schema) -> Iterator[str]:
    """Refuse OFFSET, which reads every row that it skips. OFFSET 0 is a fence for the planner."""
    for level in statement.levels:
        offset: Node = _uncast(getattr(level.node, "limitOffset", None))
        is_fence = is_a(offset, ast.A_Const) and getattr(offset.val, "ival", None) == 0
        if offset is not None and not is_fence:
            yield (
                f"OFFSET{_where(level)} reads every row that it skips; begin after the last row of "
                "the previous page, as in WHERE (created_at, id) < (:created_at, :id)"
            )


def not_in_is_safe(statement: Statement, schema: Schema) -> Iterator[str]:
    """Refuse NOT IN and <> ALL with values that can be NULL: one NULL, and no row is found."""
    for level in statement.levels:
        for node in level.nodes:
            if any(_may_be_null(level, value, schema) for value in _excluded(node)):
                yield (
                    f"NOT IN{_where(level)} finds no row as soon as one of the values is NULL; "
                    "write NOT EXISTS, or exclude NULL with IS NOT NULL"
                )


def _excluded(node: Node) -> Iterator[Node]:
    """Yield the expressions and sub-selects from which a value must differ."""
    for negated in _negated(node):
        for part in _parts(negated):
            if is_a(part, ast.SubLink) and part.subLinkType == SubLinkType.ANY_SUBLINK:
                yield part.subselect
            elif is_a(part, ast.A_Expr):
                yield from _listed(part, "=")
    if is_a(node, ast.SubLink) and node.subLinkType == SubLinkType.ALL_SUBLINK:
        yield node.subselect
    elif is_a(node, ast.A_Expr):
        yield from _listed(node, "<>")


def _negated(node: Node) -> Iterator[Node]:
    """Yield what must be false for a condition to hold, in each spelling of that."""
    if is_a(node, ast.BoolExpr) and node.boolop == BoolExprType.NOT_EXPR:
        yield node.args[0]
    elif is_a(node, ast.BooleanTest) and node.booltesttype == BoolTestType.IS_FALSE:
        yield node.arg
    elif is_a(node, ast.A_Expr) and node.kind == A_Expr_Kind.AEXPR_OP:
        refused = {"=": False, "<>": True}.get(node.name[-1].sval)
        for side, constant in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
            value: Node = getattr(constant, "val", None)
            if is_a(value, ast.Boolean) and bool(value.boolval) is refused:
                yield side


def _parts(condition: Node) -> Iterator[Node]:
    """Yield the conditions that AND, OR and CASE combine."""
    if is_a(condition, ast.BoolExpr) and condition.boolop != BoolExprType.NOT_EXPR:
        parts = condition.args
    elif is_a(condition, ast.CaseExpr):
        parts = (*(when.result for when in condition.args), condition.defresult)
    else:
        yield condition
        return
    for part in parts:
        yield from _parts(part)


def _listed(node: Node, operator: str) -> Iterator[Node]:
    kind, name = node.kind, node.name[-1].sval
    if name != operator:
        return
    if kind == A_Expr_Kind.AEXPR_IN:
        yield from node.rexpr
    elif kind == _ARRAYS[operator]:
        # The items may be NULL although the array is not.
        yield node


def _may_be_null(level: Level, value: Node, schema: Schema) -> bool:
    """Return whether a value, or a value of a sub-select or array, can be NULL.

    Parameters count as not NULL: the caller is responsible.
    """
    value = _uncast(value)
    if is_a(value, ast.A_Expr) and value.kind in _ARRAYS.values():
        items = _uncast(value.rexpr)
        return is_a(items, ast.ColumnRef) or _may_be_null(level, items, schema)
    if is_a(value, ast.SubLink) and value.subLinkType == SubLinkType.ARRAY_SUBLINK:
        value = value.subselect
    if is_a(value, ast.SelectStmt):
        inner = next(inner for inner in level.inner if inner.node is value)
        return any(
            _may_be_null(half, column, schema)
            for half in inner.halves or (inner,)
            for _, column in outputs(half)
        )
    if is_a(value, ast.A_ArrayExpr):
        return any(_may_be_null(level, item, schema) for item in value.elements or ())
    if is_a(value, ast.ParamRef):
        return False
    if is_a(value, ast.A_Const):
        return bool(value.isnull)
    return not (is_a(value, ast.ColumnRef) and _is_never_null(level, value, schema))


def _is_never_null(level: Level, reference: Node, schema: Schema) -> bool:
    if any(_wants_value(condition.expression, reference) for condition in level.conditions):
        return True
    column = resolve(level, reference, schema)
    joins = [node for node in level.nodes if is_a(node, ast.JoinExpr)]
    # Any side of an outer join may be padded with NULL.
    if column is None or any(join.jointype != JoinType.JOIN_INNER for join in joins):
        return False
    relation = level.relations[column[0]]
    if relation.table:
        return column[1] in schema[relation.table].not_null
    if relation.query is None or relation.query.halves:
        return False
    inner = dict(zip(columns_of(relation, schema), outputs(relation.query), strict=False))
    if column[1] not in inner or any(_is_star(value) for _, value in inner.values()):
        return False
    return not _may_be_null(relation.query, inner[column[1]][1], schema)


def _is_star(value: Node) -> bool:
    return is_a(value, ast.ColumnRef) and is_a(value.fields[-1], ast.A_Star)


def _wants_value(condition: Node, reference: Node) -> bool:
    return (
        is_a(condition, ast.NullTest)
        and condition.nulltesttype == NullTestType.IS_NOT_NULL
        and is_a(condition.arg, ast.ColumnRef)
        and name_of(condition.arg) == name_of(reference)
        and qualifier_of(condition.arg) == qualifier_of(reference)
    )


RULES = (
    no_star,
    parameters_are_cast,
    listing_is_ordered,
    limit_is_ordered,
    inner_order_has_limit,
    arrays_are_ordered,
    windows_are_ordered,
    at_most_one_row,
    union_is_aligned,
    no_offset,
    not_in_is_safe,
)
