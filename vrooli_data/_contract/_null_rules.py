"""Why an expression can be NULL: one rule for each kind of node."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import _trusted_functions as trusted
from ._null_columns import NullColumns, Reason
from ._parse_tree import Node
from ._scopes import Command, Lineage, Scopes, Source, Subselect, output_columns

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
_USER_OPERATOR = "an operator that is not known to be safe"


class NullRules:
    """The rules; *narrowed* to the rows that the conditions of FROM and WHERE leave, or not."""

    def __init__(self, lineage: Lineage, *, narrowed: bool) -> None:
        self._lineage = lineage
        self._catalog = lineage.catalog
        self._rules: dict[str, Callable[[Node, Scopes], Reason]] = {
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
            "VAR": NullColumns(lineage, self.reason_of_any, narrowed=narrowed).reason,
            "WINDOWFUNC": self._window,
        }

    def reason(self, expression: Node, scopes: Scopes) -> Reason:
        """Tell why an expression can be NULL; None where it cannot."""
        if any(expression.equals(group) for group in scopes[0].groups()):
            return "grouping sets"
        if expression.tag in _NEVER_NULL:
            return None
        if expression.tag in _NULL_FOR_NULL:
            return self.reason(expression.node("arg"), scopes)
        rule = self._rules.get(expression.tag)
        return f"unknown node {expression.tag}" if rule is None else rule(expression, scopes)

    def reason_of_output(self, scopes: Scopes, position: int) -> Reason:
        """Tell why a column of a query's result can be NULL."""
        return self.reason_of_any(self._lineage.outputs(scopes, position))

    def reason_of_any(self, found: Iterable[Source]) -> Reason:
        """Tell why one of several expressions can be NULL."""
        reasons = (self.reason(expression, scopes) for expression, scopes in found)
        return next((reason for reason in reasons if reason is not None), None)

    def _first(self, expressions: Iterable[Node], scopes: Scopes) -> Reason:
        return self.reason_of_any((expression, scopes) for expression in expressions)

    def _arguments(self, expression: Node, scopes: Scopes) -> Reason:
        return self._first(expression.nodes("args"), scopes)

    def _all_arguments(self, expression: Node, scopes: Scopes) -> Reason:
        reasons = [self.reason(argument, scopes) for argument in expression.nodes("args")]
        return None if None in reasons else reasons[-1]

    # Values

    def _constant(self, constant: Node, scopes: Scopes) -> Reason:
        return "NULL itself, or no ELSE" if constant.flag("constisnull") else None

    def _parameter(self, parameter: Node, scopes: Scopes) -> Reason:
        match parameter.number("paramkind"):
            case kind if kind == _OF_SUBSELECT:
                # Stands for a row of IN (SELECT ...), whose rule has looked at its columns.
                return None
            case kind if kind == _OF_STATEMENT:
                return f"parameter ${parameter.number('paramid')}"
            case _:
                return "unknown parameter"

    def _sql_value(self, value: Node, scopes: Scopes) -> Reason:
        is_safe = value.number("op") < _CURRENT_SCHEMA
        return None if is_safe else "current_schema may be NULL"

    def _domain(self, cast: Node, scopes: Scopes) -> Reason:
        if self._catalog.refuses_null(cast.number("resulttype")):
            return None
        return self.reason(cast.node("arg"), scopes)

    # Functions and operators

    def _function(self, call: Node, scopes: Scopes) -> Reason:
        if call.flag("funcretset"):
            return "a set-returning function in the select list"
        called = self._catalog.function(call.number("funcid"))
        is_known = called.is_built_in and not call.flag("funcvariadic")
        if is_known and called.signature in trusted.NEVER_NULL:
            return None
        if is_known and called.signature in trusted.NULL_FOR_NULL:
            return self._arguments(call, scopes)
        return f"{called.name} may return NULL"

    def _operator(self, expression: Node, scopes: Scopes) -> Reason:
        if self._is_trusted(expression.number("opno")):
            return self._arguments(expression, scopes)
        operator = self._catalog.operator(expression.number("opno"))
        return f"{operator.signature} may be NULL"

    def _is_trusted(self, operator_id: int) -> bool:
        operator = self._catalog.operator(operator_id)
        return operator.is_built_in and (
            operator.is_comparison or operator.signature in trusted.OPERATORS
        )

    def _distinct(self, expression: Node, scopes: Scopes) -> Reason:
        return None if self._is_trusted(expression.number("opno")) else _USER_OPERATOR

    def _row_comparison(self, expression: Node, scopes: Scopes) -> Reason:
        if not all(map(self._is_trusted, expression.numbers("opnos"))):
            return _USER_OPERATOR
        return self._first((*expression.nodes("largs"), *expression.nodes("rargs")), scopes)

    def _in_list(self, expression: Node, scopes: Scopes) -> Reason:
        if not self._is_trusted(expression.number("opno")):
            return _USER_OPERATOR
        value, array = expression.nodes("args")
        if array.tag != "ARRAYEXPR":
            return "an array may hold NULL"
        return self._first((value, *array.nodes("elements")), scopes)

    # Aggregates

    def _aggregate(self, call: Node, scopes: Scopes) -> Reason:
        query = scopes[call.number("agglevelsup")].query
        has_rows = bool(query.nodes("groupClause")) and not query.nodes("groupingSets")
        arguments = [entry.node("expr") for entry in call.nodes("args")]
        return self._aggregated(call, "aggfnoid", arguments, scopes, has_rows=has_rows)

    def _window(self, call: Node, scopes: Scopes) -> Reason:
        called = self._catalog.function(call.number("winfnoid"))
        if called.is_built_in and called.name in trusted.RANKS:
            return self._arguments(call, scopes)
        windows = scopes[0].query.nodes("windowClause")
        options = next(
            window.number("frameOptions")
            for window in windows
            if window.number("winref") == call.number("winref")
        )
        # The frame that a window has of itself holds the current row at least.
        has_rows = not options & _OWN_FRAME
        return self._aggregated(call, "winfnoid", call.nodes("args"), scopes, has_rows=has_rows)

    def _aggregated(
        self, call: Node, function: str, arguments: list[Node], scopes: Scopes, *, has_rows: bool
    ) -> Reason:
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

    def _case(self, case: Node, scopes: Scopes) -> Reason:
        return self.reason_of_any(self._lineage.branches(case, scopes))

    def _sublink(self, sublink: Node, scopes: Scopes) -> Reason:
        subselect = sublink.node("subselect")
        inner = self._lineage.enter(subselect, scopes)
        match sublink.number("subLinkType"):
            case Subselect.EXISTS | Subselect.ARRAY:
                return None
            case Subselect.VALUE if _has_one_row(subselect):
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


def _has_one_row(query: Node) -> bool:
    """Tell whether a query has one row, whatever the tables hold."""
    if query.number("commandType") != Command.SELECT or query.flag("hasTargetSRFs"):
        return False
    limits = ("setOperations", "havingQual", "limitCount", "limitOffset")
    if query.nodes("groupClause") or query.nodes("groupingSets"):
        return False
    if any(query.maybe(field) is not None for field in limits):
        return False
    jointree = query.node("jointree")
    reads_nothing = not jointree.nodes("fromlist") and jointree.maybe("quals") is None
    return query.flag("hasAggs") or reads_nothing
