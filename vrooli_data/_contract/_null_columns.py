"""Why a column that an expression names can be NULL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ._known import Facts, Filled, filled
from ._parse_tree import Node
from ._scopes import Command, Lineage, Relation, Scope, Scopes, Source, definition
from ._trusted_functions import SETS

#: Why something can be NULL; None where it cannot.
Reason: TypeAlias = str | None

_WHOLE_ROW = 0
_OLD, _NEW = 1, 2
#: The versions of a row that may not be there: an insert has no old one, a delete no new one.
_ABSENT_VERSIONS = {
    Command.INSERT: {_OLD},
    Command.DELETE: {_NEW},
    Command.MERGE: {_OLD, _NEW},
}
_JOINS = {1: "left", 2: "full", 3: "right"}
_HAVE_ROWS = frozenset({Relation.TABLE, Relation.SUBQUERY, Relation.VALUES, Relation.CTE})


class NullColumns:
    """Follows a column to what its values come from."""

    def __init__(
        self,
        lineage: Lineage,
        reason_of: Callable[[Iterable[Source]], Reason],
        *,
        narrowed: bool,
    ) -> None:
        self._lineage = lineage
        self._catalog = lineage.catalog
        self._reason_of = reason_of
        self._narrowed = narrowed
        #: Columns of recursive CTEs that are being looked at, and count as filled meanwhile.
        self._open: set[tuple[int, int]] = set()

    def reason(self, var: Node, scopes: Scopes) -> Reason:
        """Tell why a column can be NULL where an expression names it; None where it cannot."""
        scopes = scopes[var.number("varlevelsup") :]
        scope, column = scopes[0], filled(var)
        facts = scope.facts(narrowed=self._narrowed)
        if scope.groups():
            return "grouping sets"
        if any(fact.is_of(column) for fact in facts):
            return None
        reason = self._reason_of_row(scope, column, facts)
        if reason is not None:
            return reason
        return self._reason_of_column(scope.relation(column.relation), column.column, scopes)

    def _reason_of_row(self, scope: Scope, column: Filled, facts: Facts) -> Reason:
        """Tell why the row that a column is in may not be there, or not be the relation's."""
        relation = scope.relation(column.relation)
        absent = _ABSENT_VERSIONS.get(Command(scope.query.number("commandType")), ())
        padding = scope.padding(column, facts)
        if column.version in absent:
            return "no old row" if column.version == _OLD else "no new row"
        if padding is not None:
            return _padded_by(padding, relation)
        if column.relation == scope.query.number("resultRelation"):
            return self._reason_of_changed_row(relation)
        return "no row of the source matched" if scope.may_lack_source() else None

    def _reason_of_changed_row(self, relation: Node) -> Reason:
        if relation.text("relkind") == "v":
            return f"triggers or rules of the view {_name(relation)}"
        has_rules = self._catalog.has_rules(relation.number("relid"))
        return f"rules of {_name(relation)}" if has_rules else None

    def _reason_of_column(self, relation: Node, column: int, scopes: Scopes) -> Reason:
        kind = relation.number("rtekind")
        is_view = kind == Relation.TABLE and relation.text("relkind") == "v"
        if kind == Relation.TABLE and not is_view:
            return self._reason_of_table(relation, column)
        if kind == Relation.FUNCTION:
            return self._reason_of_function(relation, column, scopes)
        if column == _WHOLE_ROW and kind in _HAVE_ROWS:
            return None
        found = self._lineage.sources(relation, column, scopes) if column > _WHOLE_ROW else None
        if found is None:
            return f"unknown column of {_name(relation)}"
        if kind == Relation.CTE:
            return self._reason_of_cte(definition(relation, scopes)[1], column, found)
        return self._reason_of(found)

    def _reason_of_table(self, relation: Node, column: int) -> Reason:
        if relation.text("relkind") not in {"r", "p"}:
            return f"{_name(relation)} is no table that enforces NOT NULL"
        if column <= _WHOLE_ROW:
            # The row itself, or a system column.
            return None
        found = self._catalog.columns(relation.number("relid"))[column]
        return None if found.is_not_null else f"column {_name(relation)}.{found.name}"

    def _reason_of_cte(self, cte: Node, column: int, found: list[Source]) -> Reason:
        # The least fixpoint: a column of a recursive CTE can be NULL only where that follows from
        # something else than itself.
        key = (id(cte), column)
        if key in self._open:
            return None
        self._open.add(key)
        try:
            return self._reason_of(found)
        finally:
            self._open.discard(key)

    def _reason_of_function(self, relation: Node, column: int, scopes: Scopes) -> Reason:
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
        columns = SETS.get(called.name, ()) if called.is_built_in else ()
        is_known = column <= len(columns) and not columns[column - 1]
        return None if is_known else f"{called.name} may return NULL"


def _padded_by(padding: Node, relation: Node) -> str:
    if padding.number("rtekind") != Relation.JOIN:
        return "grouping sets"
    return f"{_JOINS[padding.number('jointype')]} join of {_name(relation)}"


def _name(relation: Node) -> str:
    return relation.node("eref").text("aliasname")
