"""Find the arrays of a result that can contain NULL, as far as the statement shows it."""

from __future__ import annotations

from collections.abc import Callable

from .conditions import when_true
from .nulls import Nullable, NullInference
from .parse_tree import TreeNode
from .scopes import Lineage, RelationKind, ScopedNode, Scopes, Subselect, where_known

_NEVER = Nullable(nullable=False, reason="")
_WHOLE_ROW = 0
_IS_NULL = 0
_POSITION = "array_position(anycompatiblearray, anycompatible)"
#: In the bytes of an array: the offset of the items, which is 0 if no item is NULL.
_OFFSET = slice(8, 12)


class ItemInference:
    """One rule for each kind of expression."""

    def __init__(self, lineage: Lineage, nulls: NullInference) -> None:
        self._lineage = lineage
        self._catalog = lineage.catalog
        self._nulls = nulls
        self._rules: dict[str, Callable[[TreeNode, Scopes], Nullable | None]] = {
            "AGGREF": self._aggregate,
            "ARRAYEXPR": self._constructed,
            "CASEEXPR": lambda case, scopes: self.of_any(self._lineage.branches(case, scopes)),
            "COALESCEEXPR": self._coalesce,
            "CONST": lambda constant, _: _constant(constant),
            "RELABELTYPE": lambda cast, scopes: self._of(cast.node("arg"), scopes),
            "SUBLINK": self._sublink,
            "VAR": self._column,
        }

    def of_any(self, found: list[ScopedNode]) -> Nullable | None:
        """Return whether an array that comes from any of several expressions can hold NULL.

        None if that is not known.
        """
        nulls = [self._of(*source) for source in found]
        nullable = [null for null in nulls if null is not None and null.nullable]
        if nullable:
            return nullable[0]
        return None if None in nulls else _NEVER

    def _of(self, expression: TreeNode, scopes: Scopes) -> Nullable | None:
        rule = self._rules.get(expression.tag)
        return None if rule is None else rule(expression, scopes)

    def _values(self, found: list[ScopedNode]) -> Nullable | None:
        null = self._nulls.of_any(found)
        # The field may be None for other statements, so a condition does not decide.
        return None if null.narrowed else null

    def _aggregate(self, call: TreeNode, scopes: Scopes) -> Nullable | None:
        called = self._catalog.function(call.number("aggfnoid"))
        if not called.is_built_in or called.signature != "array_agg(anynonarray)":
            return None
        condition = call.maybe("aggfilter")
        if condition is not None:
            scopes = where_known(scopes, when_true(self._catalog, condition))
        return self._values([(call.nodes("args")[0].node("expr"), scopes)])

    def _constructed(self, array: TreeNode, scopes: Scopes) -> Nullable | None:
        if array.flag("multidims"):
            return None
        return self._values([(element, scopes) for element in array.nodes("elements")])

    def _coalesce(self, call: TreeNode, scopes: Scopes) -> Nullable | None:
        return self.of_any([(argument, scopes) for argument in call.nodes("args")])

    def _sublink(self, sublink: TreeNode, scopes: Scopes) -> Nullable | None:
        inner = self._lineage.enter(sublink.node("subselect"), scopes)
        match sublink.number("subLinkType"):
            case Subselect.ARRAY:
                return self._values(self._lineage.outputs(inner, 1))
            case Subselect.VALUE:
                return self.of_any(self._lineage.outputs(inner, 1))
            case _:
                return None

    def _column(self, var: TreeNode, scopes: Scopes) -> Nullable | None:
        scopes = scopes[var.number("varlevelsup") :]
        relation, column = scopes[0].relation(var.number("varno")), var.number("varattno")
        kind = relation.number("rtekind")
        if column <= _WHOLE_ROW or (kind == RelationKind.CTE and relation.flag("self_reference")):
            return None
        is_view = kind == RelationKind.TABLE and relation.text("relkind") == "v"
        is_changed = var.number("varno") == scopes[0].query.number("resultRelation")
        if is_changed and (is_view or self._catalog.has_rules(relation.number("relid"))):
            # Triggers of a view, and rules, may return any values.
            return None
        if kind == RelationKind.TABLE and not is_view:
            return self._column_of_table(relation, column)
        found = self._lineage.sources(relation, column, scopes)
        return None if found is None else self.of_any(found)

    def _column_of_table(self, relation: TreeNode, column: int) -> Nullable | None:
        """Decide for a column of a table: only a CHECK constraint keeps NULL out of an array."""
        table = relation.number("relid")
        if relation.text("relkind") not in {"r", "p"}:
            return None
        # A domain may have constraints of its own.
        if not self._catalog.type(self._catalog.columns(table)[column].type_id).name.endswith("[]"):
            return None
        checks = self._catalog.checks(table)
        about = [check.condition for check in checks if column in check.columns]
        if not about:
            return Nullable(nullable=True, reason="no CHECK keeps NULL out")
        # Any other constraint may keep NULL out or not.
        refused = any(
            condition is not None and self._refuses_null_items(condition, column)
            for condition in about
        )
        return _NEVER if refused else None

    def _refuses_null_items(self, condition: TreeNode, column: int) -> bool:
        """Return whether a condition implies ``array_position(a, NULL) IS NULL``."""
        if condition.tag == "BOOLEXPR" and condition.text("boolop") == "and":
            parts = condition.nodes("args")
            return any(self._refuses_null_items(part, column) for part in parts)
        if condition.tag != "NULLTEST" or condition.number("nulltesttype") != _IS_NULL:
            return False
        call = condition.node("arg")
        if call.tag != "FUNCEXPR":
            return False
        called = self._catalog.function(call.number("funcid"))
        array, item, *_ = call.nodes("args")
        return (
            called.is_built_in
            and called.signature == _POSITION
            and array.tag == "VAR"
            and array.number("varattno") == column
            and item.tag == "CONST"
            and item.flag("constisnull")
        )


def _constant(constant: TreeNode) -> Nullable | None:
    value = constant.fields["constvalue"]
    if constant.flag("constisnull"):
        return _NEVER
    return _NEVER if isinstance(value, bytes) and not any(value[_OFFSET]) else None
