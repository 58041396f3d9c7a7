"""Tell which columns of a result can be NULL, from the analysed parse tree of the statement.

The answer holds for every plan, and it is sound: a column that is not nullable never holds NULL. A
column counts as nullable unless the rules below show that it is not; the reason says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec

from . import trusted_functions as trusted
from .conditions import Facts, KnownColumn, known_column
from .parse_tree import TreeNode
from .scopes import (
    CommandType,
    Lineage,
    RelationKind,
    Scope,
    ScopedNode,
    Scopes,
    Subselect,
    definition,
    output_columns,
)

#: Why a value can be NULL; None if it cannot.
NullReason: TypeAlias = str | None

_WHOLE_ROW = 0
_OLD, _NEW = 1, 2
#: The versions of a row that may be absent: an insert has no old row, a delete has no new row.
_ABSENT_VERSIONS = {
    CommandType.INSERT: {_OLD},
    CommandType.DELETE: {_NEW},
    CommandType.MERGE: {_OLD, _NEW},
}
_JOINS = {1: "left", 2: "full", 3: "right"}
_HAVE_ROWS = frozenset(
    {RelationKind.TABLE, RelationKind.SUBQUERY, RelationKind.VALUES, RelationKind.CTE}
)
_NEVER_NULL = frozenset(
    {"ARRAYEXPR", "BOOLEANTEST", "GROUPINGFUNC", "MERGESUPPORTFUNC", "NULLTEST", "ROWEXPR"}
)
_NULL_FOR_NULL = frozenset(
    {
        "ARRAYCOERCEEXPR",
        "COERCEVIAIO",
        "COLLATEEXPR",
        "CONVERTROWTYPEEXPR",
        "NAMEDARGEXPR",
        "RELABELTYPE",
    }
)
_CURRENT_SCHEMA = 14
_OWN_FRAME = 1
_OF_STATEMENT, _OF_SUBSELECT = 0, 2
_UNTRUSTED_OPERATOR = "an operator that may return NULL"


class Nullable(msgspec.Struct, frozen=True):
    """Whether a value can be NULL."""

    nullable: bool
    #: Why, such as ``left join of teams``; empty if the value is never NULL.
    reason: str
    #: The value can be NULL, but FROM or WHERE leaves those rows out. A record that several
    #: statements share may keep its ``| None``. A record of only this statement may omit it.
    narrowed: bool = False


class NullInference:
    """Infers whether a value can be NULL, and whether conditions leave those rows out."""

    def __init__(self, lineage: Lineage) -> None:
        self._by_origin = _NullRules(lineage, narrowed=False)
        self._narrowed = _NullRules(lineage, narrowed=True)

    def of_any(self, found: list[ScopedNode]) -> Nullable:
        """Return whether a value that comes from any of several expressions can be NULL."""
        reason = self._by_origin.reason_of_any(found)
        if reason is None:
            return Nullable(nullable=False, reason="")
        is_narrowed = self._narrowed.reason_of_any(found) is None
        return Nullable(nullable=True, reason=reason, narrowed=is_narrowed)


class _NullRules:
    """One rule for each kind of node. *narrowed* uses the conditions of FROM and WHERE too."""

    def __init__(self, lineage: Lineage, *, narrowed: bool) -> None:
        self._lineage = lineage
        self._catalog = lineage.catalog
        self._rules: dict[str, Callable[[TreeNode, Scopes], NullReason]] = {
            "AGGREF": self._aggregate,
            "BOOLEXPR": self._arguments,
            "CASEEXPR": self._case,
            "COALESCEEXPR": self._all_arguments,
            "COERCETODOMAIN": self._domain,
            "CONST": self._constant,
            "DISTINCTEXPR": self._distinct,
            "FUNCEXPR": self._function,
            "MINMAXEXPR": self._all_arguments,
            "OPEXPR": self._operator,
            "PARAM": self._parameter,
            "ROWCOMPAREEXPR": self._row_comparison,
            "SCALARARRAYOPEXPR": self._in_list,
            "SQLVALUEFUNCTION": self._sql_value,
            "SUBLINK": self._sublink,
            "VAR": _NullColumns(lineage, self.reason_of_any, narrowed=narrowed).reason,
            "WINDOWFUNC": self._window,
        }

    def reason(self, expression: TreeNode, scopes: Scopes) -> NullReason:
        """Return why an expression can be NULL; None if it cannot."""
        if any(expression.equals(group) for group in scopes[0].groups()):
            return "grouping sets"
        if expression.tag in _NEVER_NULL:
            return None
        if expression.tag in _NULL_FOR_NULL:
            return self.reason(expression.node("arg"), scopes)
        rule = self._rules.get(expression.tag)
        return f"unknown node {expression.tag}" if rule is None else rule(expression, scopes)

    def reason_of_output(self, scopes: Scopes, position: int) -> NullReason:
        """Return why a column of the result of a query can be NULL."""
        return self.reason_of_any(self._lineage.outputs(scopes, position))

    def reason_of_any(self, found: Iterable[ScopedNode]) -> NullReason:
        """Return why any of several expressions can be NULL."""
        reasons = (self.reason(expression, scopes) for expression, scopes in found)
        return next((reason for reason in reasons if reason is not None), None)

    def _first(self, expressions: Iterable[TreeNode], scopes: Scopes) -> NullReason:
        return self.reason_of_any((expression, scopes) for expression in expressions)

    def _arguments(self, expression: TreeNode, scopes: Scopes) -> NullReason:
        return self._first(expression.nodes("args"), scopes)

    def _all_arguments(self, expression: TreeNode, scopes: Scopes) -> NullReason:
        reasons = [self.reason(argument, scopes) for argument in expression.nodes("args")]
        return None if None in reasons else reasons[-1]

    # Values

    def _constant(self, constant: TreeNode, scopes: Scopes) -> NullReason:
        return "NULL itself, or no ELSE" if constant.flag("constisnull") else None

    def _parameter(self, parameter: TreeNode, scopes: Scopes) -> NullReason:
        match parameter.number("paramkind"):
            case kind if kind == _OF_SUBSELECT:
                # It is a row of IN (SELECT ...), which the rule of subselects checks.
                return None
            case kind if kind == _OF_STATEMENT:
                return f"parameter ${parameter.number('paramid')}"
            case _:
                return "unknown parameter"

    def _sql_value(self, value: TreeNode, scopes: Scopes) -> NullReason:
        is_safe = value.number("op") < _CURRENT_SCHEMA
        return None if is_safe else "current_schema may be NULL"

    def _domain(self, cast: TreeNode, scopes: Scopes) -> NullReason:
        if self._catalog.refuses_null(cast.number("resulttype")):
            return None
        return self.reason(cast.node("arg"), scopes)

    # Functions and operators

    def _function(self, call: TreeNode, scopes: Scopes) -> NullReason:
        if call.flag("funcretset"):
            return "a set-returning function in the select list"
        called = self._catalog.function(call.number("funcid"))
        is_known = called.is_built_in and not call.flag("funcvariadic")
        if is_known and called.signature in trusted.NEVER_NULL:
            return None
        if is_known and called.signature in trusted.NULL_FOR_NULL:
            return self._arguments(call, scopes)
        return f"{called.name} may return NULL"

    def _operator(self, expression: TreeNode, scopes: Scopes) -> NullReason:
        if self._is_trusted(expression.number("opno")):
            return self._arguments(expression, scopes)
        operator = self._catalog.operator(expression.number("opno"))
        return f"{operator.signature} may be NULL"

    def _is_trusted(self, operator_id: int) -> bool:
        operator = self._catalog.operator(operator_id)
        return operator.is_built_in and (
            operator.is_comparison or operator.signature in trusted.OPERATORS
        )

    def _distinct(self, expression: TreeNode, scopes: Scopes) -> NullReason:
        return None if self._is_trusted(expression.number("opno")) else _UNTRUSTED_OPERATOR

    def _row_comparison(self, expression: TreeNode, scopes: Scopes) -> NullReason:
        if not all(map(self._is_trusted, expression.numbers("opnos"))):
            return _UNTRUSTED_OPERATOR
        return self._first((*expression.nodes("largs"), *expression.nodes("rargs")), scopes)

    def _in_list(self, expression: TreeNode, scopes: Scopes) -> NullReason:
        if not self._is_trusted(expression.number("opno")):
            return _UNTRUSTED_OPERATOR
        value, array = expression.nodes("args")
        if array.tag != "ARRAYEXPR":
            return "an array may hold NULL"
        return self._first((value, *array.nodes("elements")), scopes)

    # Aggregates

    def _aggregate(self, call: TreeNode, scopes: Scopes) -> NullReason:
        query = scopes[call.number("agglevelsup")].query
        has_rows = bool(query.nodes("groupClause")) and not query.nodes("groupingSets")
        arguments = [entry.node("expr") for entry in call.nodes("args")]
        return self._aggregated(call, "aggfnoid", arguments, scopes, has_rows=has_rows)

    def _window(self, call: TreeNode, scopes: Scopes) -> NullReason:
        called = self._catalog.function(call.number("winfnoid"))
        if called.is_built_in and called.name in trusted.RANKS:
            return self._arguments(call, scopes)
        windows = scopes[0].query.nodes("windowClause")
        options = next(
            window.number("frameOptions")
            for window in windows
            if window.number("winref") == call.number("winref")
        )
        # The default frame of a window holds at least the current row.
        has_rows = not options & _OWN_FRAME
        return self._aggregated(call, "winfnoid", call.nodes("args"), scopes, has_rows=has_rows)

    def _aggregated(
        self,
        call: TreeNode,
        function: str,
        arguments: list[TreeNode],
        scopes: Scopes,
        *,
        has_rows: bool,
    ) -> NullReason:
        called = self._catalog.function(call.number(function))
        name = called.name if called.is_built_in else ""
        if name in trusted.COUNTS:
            return None
        if name not in trusted.NULL_FOR_NO_ROWS | trusted.NULL_FOR_NULLS:
            return f"{called.name} may return NULL"
        if not has_rows or call.maybe("aggfilter") is not None:
            return f"{name} over no rows"
        return None if name in trusted.NULL_FOR_NO_ROWS else self._first(arguments[:1], scopes)

    # Conditions and subselects

    def _case(self, case: TreeNode, scopes: Scopes) -> NullReason:
        return self.reason_of_any(self._lineage.branches(case, scopes))

    def _sublink(self, sublink: TreeNode, scopes: Scopes) -> NullReason:
        subselect = sublink.node("subselect")
        inner = self._lineage.enter(subselect, scopes)
        match sublink.number("subLinkType"):
            case Subselect.EXISTS | Subselect.ARRAY:
                return None
            case Subselect.VALUE if has_one_row(subselect):
                return self.reason_of_output(inner, 1)
            case Subselect.VALUE:
                return "a subselect that may find no row"
            case Subselect.ANY | Subselect.ALL:
                positions = range(1, len(output_columns(subselect)) + 1)
                reasons = (self.reason_of_output(inner, position) for position in positions)
                found = next((reason for reason in reasons if reason is not None), None)
                return found or self.reason(sublink.node("testexpr"), scopes)
            case _:
                return "unknown kind of subselect"


class _NullColumns:
    """The rule for columns, which follows a column to its origin."""

    def __init__(
        self,
        lineage: Lineage,
        reason_of: Callable[[Iterable[ScopedNode]], NullReason],
        *,
        narrowed: bool,
    ) -> None:
        self._lineage = lineage
        self._catalog = lineage.catalog
        self._reason_of = reason_of
        self._narrowed = narrowed
        #: Columns of recursive CTEs under examination, which count as not NULL meanwhile.
        self._open: set[tuple[int, int]] = set()

    def reason(self, var: TreeNode, scopes: Scopes) -> NullReason:
        """Return why a column can be NULL where an expression names it; None if it cannot."""
        scopes = scopes[var.number("varlevelsup") :]
        scope, column = scopes[0], known_column(var)
        facts = scope.facts(narrowed=self._narrowed)
        if scope.groups():
            return "grouping sets"
        if any(fact.is_same_column(column) for fact in facts):
            return None
        reason = self._reason_of_row(scope, column, facts)
        if reason is not None:
            return reason
        return self._reason_of_column(scope.relation(column.relation), column.column, scopes)

    def _reason_of_row(self, scope: Scope, column: KnownColumn, facts: Facts) -> NullReason:
        """Return why the row of a column may be absent, or may not be a row of the relation."""
        relation = scope.relation(column.relation)
        absent = _ABSENT_VERSIONS.get(CommandType(scope.query.number("commandType")), ())
        padding = scope.padding(column, facts)
        if column.version in absent:
            return "no old row" if column.version == _OLD else "no new row"
        if padding is not None:
            return _padded_by(padding, relation)
        if column.relation == scope.query.number("resultRelation"):
            return self._reason_of_changed_row(relation)
        return "no row of the source matched" if scope.may_lack_source() else None

    def _reason_of_changed_row(self, relation: TreeNode) -> NullReason:
        if relation.text("relkind") == "v":
            return f"triggers or rules of the view {_name(relation)}"
        has_rules = self._catalog.has_rules(relation.number("relid"))
        return f"rules of {_name(relation)}" if has_rules else None

    def _reason_of_column(self, relation: TreeNode, column: int, scopes: Scopes) -> NullReason:
        kind = relation.number("rtekind")
        is_view = kind == RelationKind.TABLE and relation.text("relkind") == "v"
        if kind == RelationKind.TABLE and not is_view:
            return self._reason_of_table(relation, column)
        if kind == RelationKind.FUNCTION:
            return self._reason_of_function(relation, column, scopes)
        if column == _WHOLE_ROW and kind in _HAVE_ROWS:
            return None
        found = self._lineage.sources(relation, column, scopes) if column > _WHOLE_ROW else None
        if found is None:
            return f"unknown column of {_name(relation)}"
        if kind == RelationKind.CTE:
            return self._reason_of_cte(definition(relation, scopes)[1], column, found)
        return self._reason_of(found)

    def _reason_of_table(self, relation: TreeNode, column: int) -> NullReason:
        if relation.text("relkind") not in {"r", "p"}:
            return f"{_name(relation)} is no table that enforces NOT NULL"
        if column <= _WHOLE_ROW:
            # The whole row, or a system column.
            return None
        found = self._catalog.columns(relation.number("relid"))[column]
        return None if found.is_not_null else f"column {_name(relation)}.{found.name}"

    def _reason_of_cte(self, cte: TreeNode, column: int, found: list[ScopedNode]) -> NullReason:
        # The least fixpoint: a column of a recursive CTE can be NULL only for a reason other than
        # itself.
        key = (id(cte), column)
        if key in self._open:
            return None
        self._open.add(key)
        try:
            return self._reason_of(found)
        finally:
            self._open.discard(key)

    def _reason_of_function(self, relation: TreeNode, column: int, scopes: Scopes) -> NullReason:
        functions = relation.nodes("functions")
        count = sum(function.number("funccolcount") for function in functions)
        call = functions[0].node("funcexpr")
        if relation.flag("funcordinality") and column == count + 1:
            return None
        if len(functions) > 1 or call.tag != "FUNCEXPR" or column <= _WHOLE_ROW:
            return f"unknown column of {_name(relation)}"
        if not call.flag("funcretset") and count == 1:
            return self._reason_of([(call, scopes)])
        called = self._catalog.function(call.number("funcid"))
        columns = trusted.SETS.get(called.name, ()) if called.is_built_in else ()
        is_known = column <= len(columns) and not columns[column - 1]
        return None if is_known else f"{called.name} may return NULL"


def has_one_row(query: TreeNode) -> bool:
    """Return whether a query returns one row for any contents of its tables."""
    if query.number("commandType") != CommandType.SELECT or query.flag("hasTargetSRFs"):
        return False
    limits = ("setOperations", "havingQual", "limitCount", "limitOffset")
    if query.nodes("groupClause") or query.nodes("groupingSets"):
        return False
    if any(query.maybe(field) is not None for field in limits):
        return False
    jointree = query.node("jointree")
    reads_nothing = not jointree.nodes("fromlist") and jointree.maybe("quals") is None
    return query.flag("hasAggs") or reads_nothing


def _padded_by(padding: TreeNode, relation: TreeNode) -> str:
    if padding.number("rtekind") != RelationKind.JOIN:
        return "grouping sets"
    return f"{_JOINS[padding.number('jointype')]} join of {_name(relation)}"


def _name(relation: TreeNode) -> str:
    return relation.node("eref").text("aliasname")
