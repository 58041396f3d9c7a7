"""Find how many rows a statement can return, from unique keys and equalities."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from pglast import ast
from pglast.enums import LimitOption, SetOperation

from .schema import Functions, Schema
from .tree import (
    STATEMENTS,
    Level,
    Node,
    Relation,
    children,
    equalities,
    is_a,
    name_of,
    outputs,
    qualifier_of,
    walk,
    written,
)

#: The name of a relation, and the name of a column.
Column = tuple[str, str]


@dataclass
class Known:
    """What has the same value in all rows under consideration."""

    columns: set[Column] = field(default_factory=set)
    #: Columns that equal a known value, and therefore are not NULL.
    equal: set[Column] = field(default_factory=set)
    #: Relations of which at most one row remains.
    relations: set[str] = field(default_factory=set)

    def holds(self, column: Column) -> bool:
        return column in self.columns or column[0] in self.relations


def columns_of(relation: Relation, schema: Schema) -> list[str]:
    """Return the names of the columns of a relation; of a query, in their order."""
    if relation.query is not None:
        inner = [name for name, _ in outputs(relation.query)]
        return [*relation.columns, *inner[len(relation.columns) :]]
    return list(relation.columns or schema[relation.table].columns)


def resolve(level: Level, reference: Node, schema: Schema) -> Column | None:
    """Return the column of this level that a reference names, or None."""
    qualifier, name = qualifier_of(reference), name_of(reference)
    if qualifier:
        return (qualifier, name) if qualifier in level.relations else None
    for relation in level.relations.values():
        if name in columns_of(relation, schema):
            return relation.name, name
    if len(level.relations) == 1:
        (relation,) = level.relations.values()
        if relation.table and not schema[relation.table].columns:
            # The table is not known, so the column may be one of it.
            return relation.name, name
    return None


def references(expression: Node, *, nested: bool = False) -> Iterator[Node]:
    """Yield the columns in an expression; in sub-selects, only qualified ones."""
    if is_a(expression, ast.ColumnRef) and (qualifier_of(expression) or not nested):
        yield expression
    inside = nested or is_a(expression, *STATEMENTS)
    for child in children(expression):
        yield from references(child, nested=inside)


def is_known(
    level: Level,
    expression: Node,
    known: Known,
    schema: Schema,
    outer: Callable[[Node], bool] = lambda _: True,
) -> bool:
    """Return whether an expression has one value for all rows under consideration."""
    for reference in references(expression):
        column = resolve(level, reference, schema)
        if column is None and not qualifier_of(reference):
            # The columns of its relation are not known.
            return False
        if not (known.holds(column) if column else outer(reference)):
            return False
    return True


def settle(
    level: Level,
    schema: Schema,
    given: Iterable[Column] = (),
    outer: Callable[[Node], bool] = lambda _: True,
) -> Known:
    """Find all that follows from the *given* columns by equalities and unique keys."""
    known = Known(set(given))
    before = -1
    while before != (before := len(known.equal) + len(known.relations)):
        for column, value in _equalities(level, schema):
            if column not in known.equal and is_known(level, value, known, schema, outer):
                known.equal.add(column)
                known.columns.add(column)
        for relation in level.relations.values():
            if relation.name not in known.relations and _has_one_row(
                level, relation, known, schema, outer
            ):
                known.relations.add(relation.name)
    return known


def _equalities(level: Level, schema: Schema) -> Iterator[tuple[Column, Node]]:
    for condition in level.conditions:
        for left, right in equalities(condition.expression):
            for side, other in ((left, right), (right, left)):
                column = resolve(level, side, schema) if is_a(side, ast.ColumnRef) else None
                if column and (condition.about is None or column[0] in condition.about):
                    yield column, other


def _has_one_row(
    level: Level, relation: Relation, known: Known, schema: Schema, outer: Callable[[Node], bool]
) -> bool:
    columns = {name for owner, name in known.columns if owner == relation.name}
    if relation.table:
        table = schema[relation.table]
        sure = {name for name in columns if (relation.name, name) in known.equal} | table.not_null
        return any(key <= columns & sure for key in table.keys)
    if relation.query is not None:

        def from_here(reference: Node) -> bool:
            column = resolve(level, reference, schema)
            return known.holds(column) if column else outer(reference)

        names = columns_of(relation, schema)
        inner = [position for position, name in enumerate(names) if name in columns]
        return is_single(relation.query, schema, inner, from_here)
    if relation.has_ordinality and relation.columns and relation.columns[-1] in columns:
        return True
    return bool(relation.functions) and schema.functions.one_row.issuperset(relation.functions)


def is_single(
    level: Level,
    schema: Schema,
    given: Collection[int] = (),
    outer: Callable[[Node], bool] = lambda _: True,
) -> bool:
    """Return whether at most one row comes back, or one for each value of the *given* columns.

    *given* are positions in the result.
    """
    if level.halves:
        return _is_single_union(level, schema, given, outer)
    if (form := _single_by_form(level, schema.functions, outer)) is not None:
        return form
    columns = [value for _, value in outputs(level)]
    own = {
        column
        # The columns of a star are not known.
        for value in (columns[position] for position in given if position < len(columns))
        if is_a(value, ast.ColumnRef) and (column := resolve(level, value, schema))
    }
    known = settle(level, schema, own, outer)
    if level.is_change:
        # The target is the first relation. Each of its rows comes back once.
        is_one = next(iter(level.relations)) in known.relations
        return is_one or _is_single_source(level, schema, own, outer)
    if parts := _grouped_by(level):
        return all(is_known(level, part, known, schema, outer) for part in parts)
    return level.relations.keys() <= known.relations


def _grouped_by(level: Level) -> list[Node]:
    """Return the expressions that identify a row after GROUP BY or DISTINCT."""
    distinct = level.node.distinctClause
    if distinct and distinct[0] is None:
        return [value for _, value in outputs(level)]
    return list(distinct or level.node.groupClause or ())


def _is_single_source(
    level: Level, schema: Schema, given: set[Column], outer: Callable[[Node], bool]
) -> bool:
    """Return whether an INSERT takes one row, or one for each value of the *given* columns."""
    if level.source is None:
        return False
    names = {name for _, name in given}
    into = enumerate(level.node.cols or ())
    positions = [position for position, column in into if column.name in names]
    return is_single(level.source, schema, positions, outer)


def _is_single_union(
    level: Level, schema: Schema, given: Collection[int], outer: Callable[[Node], bool]
) -> bool:
    """Recognise get-or-create: a UNION of the inserted row and the existing row.

    The second half reads the snapshot, which does not contain the row that the first half inserted.
    """
    if not level.node.all and len(set(given)) == len(outputs(level)):
        # Equal rows are merged.
        return True
    if not all(is_single(half, schema, given, outer) for half in level.halves):
        return False
    if level.node.op != SetOperation.SETOP_UNION:
        return True
    first, second = level.halves
    read = {relation.table for relation in second.relations.values()}
    made = [relation.query for relation in first.relations.values() if relation.query]
    return any(is_a(query.node, ast.InsertStmt) and query.target in read for query in made)


def _calls(level: Level, functions: frozenset[str], *kinds: type[Node]) -> bool:
    return any(
        is_a(node, *kinds)
        or (is_a(node, ast.FuncCall) and not node.over and name_of(node) in functions)
        for target in level.node.targetList or ()
        for node in _within(target)
    )


def _within(node: Node) -> Iterator[Node]:
    """Yield the nodes below *node*, except those of sub-selects."""
    for child in children(node):
        if not is_a(child, *STATEMENTS):
            yield child
            yield from _within(child)


def _single_by_form(
    level: Level, functions: Functions, outer: Callable[[Node], bool]
) -> bool | None:
    """Decide by VALUES, LIMIT 1, an aggregate over all rows or a missing FROM; else None."""
    node = level.node
    if level.is_change:
        return None
    if node.valuesLists:
        return len(node.valuesLists) == 1
    limit = node.limitCount
    is_one = is_a(limit, ast.A_Const) and getattr(limit.val, "ival", None) == 1
    # With ties, LIMIT 1 returns all rows that are equal in the order.
    is_one = is_one and node.limitOption != LimitOption.LIMIT_OPTION_WITH_TIES
    if not is_one and _calls(level, functions.many_rows):
        return False
    if not node.groupClause:
        aggregates = _calls(level, functions.aggregates, ast.JsonArrayAgg, ast.JsonObjectAgg)
        is_one = is_one or aggregates or not level.relations
    return True if is_one and all(map(outer, _outer_references(level))) else None


def _outer_references(level: Level) -> Iterator[Node]:
    names = {name for inner in level for name in inner.relations}
    for inner in level:
        for node in inner.nodes:
            if is_a(node, ast.ColumnRef) and qualifier_of(node) not in {"", *names}:
                yield node


def sort_expressions(level: Level) -> list[Node]:
    """Return the expressions of ORDER BY; where it names a column of the result, that column's."""
    columns = outputs(level)
    places = [(sort.node, _sorted_output(sort, columns)) for sort in level.node.sortClause or ()]
    return [node if place is None else columns[place][1] for node, place in places]


def sort_columns(level: Level, schema: Schema) -> list[Column]:
    """Return the columns of ORDER BY, without expressions."""
    return [
        column
        for node in sort_expressions(level)
        if is_a(node, ast.ColumnRef) and (column := resolve(level, node, schema))
    ]


def _sorted_output(sort: Node, columns: list[tuple[str, Node]]) -> int | None:
    """Return the position of the column of the result that ORDER BY names, or None."""
    node = sort.node
    if is_a(node, ast.A_Const) and is_a(node.val, ast.Integer):
        return node.val.ival - 1 if 0 < node.val.ival <= len(columns) else None
    if not is_a(node, ast.ColumnRef) or qualifier_of(node):
        return None
    names = [name for name, _ in columns]
    return names.index(name_of(node)) if name_of(node) in names else None


def is_told(
    level: Level, order: Collection[Node], values: Collection[Node], schema: Schema
) -> bool:
    """Return whether an order tells the place of each row, or gives equal places equal values.

    *order* are expressions that an aggregate or a window sorts or divides its rows by.
    """
    given = [
        column
        for node in order
        if is_a(node, ast.ColumnRef) and (column := resolve(level, node, schema))
    ]
    known = settle(level, schema, given)
    sorted_by = {written(node) for node in order}
    return level.relations.keys() <= known.relations or (
        bool(values)
        and all(
            written(value) in sorted_by or is_known(level, value, known, schema) for value in values
        )
    )


def is_chosen(level: Level, schema: Schema) -> bool:
    """Return whether ORDER BY tells which row DISTINCT ON takes, as far as the rows differ."""
    known = settle(level, schema, sort_columns(level, schema))
    if groups := level.node.groupClause:
        return all(is_known(level, part, known, schema) for part in groups)
    return level.relations.keys() <= known.relations or all(
        is_known(level, value, known, schema) for _, value in outputs(level)
    )


def is_totally_ordered(level: Level, schema: Schema) -> bool:
    """Return whether ORDER BY contains a unique key that determines the result."""
    if level.halves:
        columns = outputs(level)
        found = (_sorted_output(sort, columns) for sort in level.node.sortClause or ())
        return is_single(level, schema, {place for place in found if place is not None})
    known = settle(level, schema, sort_columns(level, schema))
    if parts := _grouped_by(level):
        return all(is_known(level, part, known, schema) for part in parts)
    columns = [value for _, value in outputs(level)]
    owners = {
        column[0]
        for value in columns
        for reference in references(value)
        if (column := resolve(level, reference, schema))
    }
    if not owners:
        # Every row has the same values, unless a function is called.
        return not any(is_a(node, ast.FuncCall) for value in columns for node in walk(value))
    return all(is_known(level, value, known, schema) for value in columns) and (
        owners <= known.relations
    )
