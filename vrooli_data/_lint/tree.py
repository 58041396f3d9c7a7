"""Split a parse tree into levels: one for each SELECT, INSERT, UPDATE and DELETE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind, BoolExprType, CTEMaterialize, JoinType
from pglast.stream import RawStream

#: A node of the tree of pglast, which has no types.
Node = Any

STATEMENTS = (
    ast.SelectStmt,
    ast.InsertStmt,
    ast.UpdateStmt,
    ast.DeleteStmt,
    ast.MergeStmt,
)
CHANGES = STATEMENTS[1:]


@dataclass(frozen=True, eq=False)
class Relation:
    """An item of FROM, or the target of a statement."""

    #: The name by which columns refer to it.
    name: str
    #: The table; empty for a query or function.
    table: str = ""
    #: The CTE or sub-select.
    query: Level | None = None
    is_cte: bool = False
    #: The functions called in FROM.
    functions: tuple[str, ...] = ()
    has_ordinality: bool = False
    #: The column names in the alias.
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Condition:
    """A condition that all rows of a level meet."""

    expression: Node
    #: The relations that the condition restricts: in a LEFT JOIN only those on the right.
    about: frozenset[str] | None = None


@dataclass(eq=False)
class Level:
    """One SELECT, INSERT, UPDATE or DELETE, without the levels inside it."""

    node: Node
    #: The name, if the level is a CTE.
    name: str = ""
    is_materialized: bool = False
    outer: Level | None = None
    #: Every visible CTE; the CTEs of its own WITH are in `own_ctes` too.
    ctes: dict[str, Level] = field(default_factory=dict)
    own_ctes: list[Level] = field(default_factory=list)
    #: Sub-selects, the halves of a UNION and the SELECT of an INSERT.
    inner: list[Level] = field(default_factory=list)
    #: The nodes of this level, without the nodes of inner levels.
    nodes: list[Node] = field(default_factory=list)
    relations: dict[str, Relation] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)

    def __iter__(self) -> Iterator[Level]:
        """Yield this level and all inner levels."""
        yield self
        for level in (*self.own_ctes, *self.inner):
            yield from level

    @property
    def is_change(self) -> bool:
        return is_a(self.node, *CHANGES)

    @property
    def target(self) -> str:
        """The table that the statement changes."""
        return table_name(self.node.relation) if self.is_change else ""

    @property
    def halves(self) -> tuple[Level, ...]:
        """The two sides of a UNION, INTERSECT or EXCEPT."""
        if not is_a(self.node, ast.SelectStmt) or not self.node.op:
            return ()
        sides = (self.node.larg, self.node.rarg)
        return tuple(level for side in sides for level in self.inner if level.node is side)

    @property
    def sets(self) -> dict[str, Node]:
        """The columns that UPDATE, or ON CONFLICT DO UPDATE, sets."""
        clause = self.node if is_a(self.node, ast.UpdateStmt) else self.conflict
        return {target.name: target.val for target in (clause and clause.targetList) or ()}

    @property
    def conflict(self) -> Node:
        """The ON CONFLICT clause, or None."""
        return getattr(self.node, "onConflictClause", None)

    @property
    def conflict_key(self) -> set[str]:
        """The columns that ON CONFLICT names, also those in expressions."""
        infer = self.conflict.infer
        return {
            part.name or name_of(reference)
            for part in (infer and infer.indexElems) or ()
            for reference in ([part] if part.name else walk(part.expr))
            if part.name or is_a(reference, ast.ColumnRef)
        }

    @property
    def source(self) -> Level | None:
        """The SELECT or VALUES of an INSERT."""
        if not is_a(self.node, ast.InsertStmt):
            return None
        found = (level for level in self.inner if level.node is self.node.selectStmt)
        return next(found, None)


def is_a(node: Any, *kinds: type[Node]) -> bool:
    """Return whether a node is of one of some kinds.

    After isinstance, mypy would use the types of pglast, in which every member may be None.
    """
    return isinstance(node, kinds)


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes directly below *node*."""
    for member in node:
        yield from _nodes(getattr(node, member))


def _nodes(value: Any) -> Iterator[Node]:
    if is_a(value, ast.Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)


def walk(node: Node) -> Iterator[Node]:
    """Yield *node* and every node below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def written(node: Node) -> str:
    """Return an expression as text, which is equal for equal expressions."""
    return str(RawStream()(node))


def name_of(node: Node) -> str:
    """Return the last part of the name of a column or function; empty for ``*``."""
    parts = node.funcname if is_a(node, ast.FuncCall) else node.fields
    return parts[-1].sval if is_a(parts[-1], ast.String) else ""


def qualifier_of(reference: Node) -> str:
    """Return the qualifier of a column, such as ``users`` in ``users.id``."""
    return reference.fields[-2].sval if len(reference.fields) > 1 else ""


def conjuncts(expression: Node) -> Iterator[Node]:
    """Yield the operands of AND."""
    if is_a(expression, ast.BoolExpr) and expression.boolop == BoolExprType.AND_EXPR:
        for part in expression.args:
            yield from conjuncts(part)
    elif expression is not None:
        yield expression


def equalities(expression: Node) -> Iterator[tuple[Node, Node]]:
    """Yield the two sides of ``a = b``, of ``a IN (b)``, and of each pair of equal rows."""
    if not is_a(expression, ast.A_Expr) or expression.name[-1].sval != "=":
        return
    left, right = expression.lexpr, expression.rexpr
    if expression.kind == A_Expr_Kind.AEXPR_IN and len(right) == 1:
        (right,) = right
    elif expression.kind != A_Expr_Kind.AEXPR_OP:
        return
    if is_a(left, ast.RowExpr) and is_a(right, ast.RowExpr):
        yield from zip(left.args, right.args, strict=False)
    else:
        yield left, right


def outputs(level: Level) -> list[tuple[str, Node]]:
    """Return the name and expression of each column of the result, in order."""
    if level.halves:
        return outputs(level.halves[0])
    if level.is_change:
        clause = level.node.returningClause
        targets = clause.exprs if clause else ()
    elif level.node.valuesLists:
        first = level.node.valuesLists[0]
        return [(f"column{number}", value) for number, value in enumerate(first, start=1)]
    else:
        targets = level.node.targetList or ()
    return [(_output_name(target), target.val) for target in targets]


def _output_name(target: Node) -> str:
    if target.name:
        return str(target.name)
    value = target.val
    while is_a(value, ast.TypeCast):
        value = value.arg
    if is_a(value, ast.A_Indirection) and is_a(value.indirection[-1], ast.String):
        # The server calls the column of a function so.
        return str(value.indirection[-1].sval)
    return name_of(value) if is_a(value, ast.ColumnRef, ast.FuncCall) else ""


def read(node: Node) -> Level:
    """Return the levels of one parsed statement."""
    return _read(node, None, {})


def _read(node: Node, outer: Level | None, ctes: dict[str, Level], name: str = "") -> Level:
    level = Level(node, name, outer=outer, ctes=dict(ctes))
    clause = getattr(node, "withClause", None)
    for cte in clause.ctes if clause else ():
        made = _read(cte.ctequery, outer, level.ctes, cte.ctename)
        made.is_materialized = cte.ctematerialized == CTEMaterialize.CTEMaterializeAlways
        level.own_ctes.append(made)
        level.ctes[cte.ctename] = made
    _collect(node, level)
    if level.is_change:
        _add(level, _table(node.relation))
    for member in ("fromClause", "usingClause"):
        for item in getattr(node, member, None) or ():
            _join(item, level)
    level.conditions += map(Condition, conjuncts(getattr(node, "whereClause", None)))
    return level


def _collect(node: Node, level: Level) -> None:
    for child in children(node):
        if is_a(child, *STATEMENTS):
            level.inner.append(_read(child, level, level.ctes))
        elif not is_a(child, ast.WithClause):
            level.nodes.append(child)
            _collect(child, level)


def _add(level: Level, relation: Relation) -> frozenset[str]:
    # The number is no name that SQL could write.
    name = relation.name or f"#{len(level.relations)}"
    level.relations[name] = replace(relation, name=name)
    return frozenset({name})


def table_name(item: Node) -> str:
    """Return the name of a table as the statement writes it."""
    return f"{item.schemaname}.{item.relname}" if item.schemaname else str(item.relname)


def _table(item: Node) -> Relation:
    return Relation(item.alias.aliasname if item.alias else item.relname, table_name(item))


def _equal(column: Node, *relations: str) -> Node:
    """Return the comparison that a join with USING makes."""
    left, right = (ast.ColumnRef(fields=(ast.String(sval=name), column)) for name in relations)
    equal = (ast.String(sval="="),)
    return ast.A_Expr(kind=A_Expr_Kind.AEXPR_OP, name=equal, lexpr=left, rexpr=right)


def _join(item: Node, level: Level) -> frozenset[str]:
    """Add the relations and conditions of one item of FROM, and return the names."""
    if is_a(item, ast.JoinExpr):
        left, right = _join(item.larg, level), _join(item.rarg, level)
        about = {
            JoinType.JOIN_INNER: None,
            JoinType.JOIN_LEFT: right,
            JoinType.JOIN_RIGHT: left,
        }.get(item.jointype, frozenset())
        level.conditions += [Condition(part, about) for part in conjuncts(item.quals)]
        level.conditions += [
            Condition(_equal(column, one, other), about)
            for column in item.usingClause or ()
            # One relation of each side has the column; the comparison of any other says nothing.
            for one in left
            for other in right
        ]
        # The name of a join hides what it joins. Nothing is known of the rows behind it.
        hidden = _add(level, Relation(item.alias.aliasname)) if item.alias else frozenset()
        return left | right | hidden
    if is_a(item, ast.RangeTableSample):
        return _join(item.relation, level)
    columns = tuple(name.sval for name in (item.alias and item.alias.colnames) or ())
    if is_a(item, ast.RangeVar):
        query = None if item.schemaname else level.ctes.get(item.relname)
        if query is None:
            return _add(level, _table(item))
        name = item.alias.aliasname if item.alias else item.relname
        return _add(level, Relation(name, query=query, is_cte=True, columns=columns))
    if is_a(item, ast.RangeSubselect):
        query = next(inner for inner in level.inner if inner.node is item.subquery)
        name = item.alias.aliasname if item.alias else ""
        return _add(level, Relation(name, query=query, columns=columns))
    functions = tuple(
        name_of(call) for call, *_ in getattr(item, "functions", ()) if is_a(call, ast.FuncCall)
    )
    name = item.alias.aliasname if item.alias else "".join(functions[:1])
    has_ordinality = bool(getattr(item, "ordinality", None))
    return _add(
        level,
        Relation(name, functions=functions, has_ordinality=has_ordinality, columns=columns),
    )
