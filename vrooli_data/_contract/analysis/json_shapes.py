"""Tell the shape of the JSON that a statement builds, as far as the statement shows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TypeAlias

import msgspec

from .conditions import when_true
from .node_types import UNKNOWN_TYPE, type_of
from .nulls import Nullable, NullInference
from .parse_tree import TreeNode, Value
from .scopes import Lineage, RelationKind, ScopedNode, Scopes, Subselect, where_known


class SqlValue(msgspec.Struct, frozen=True):
    """A value of an SQL type. ``json`` and ``jsonb`` are stored values of any shape."""

    type: str


class Unknown(msgspec.Struct, frozen=True):
    """JSON of a shape that the statement does not show."""

    reason: str


class JsonMember(msgspec.Struct, frozen=True):
    """A value under a key or in an array, and whether it may be the null of JSON."""

    shape: JsonShape
    null: Nullable


class Object(msgspec.Struct, frozen=True):
    """An object with these keys, in their order."""

    members: dict[str, JsonMember]


class Array(msgspec.Struct, frozen=True):
    """An array; without a member if it is always empty."""

    member: JsonMember | None


JsonShape: TypeAlias = SqlValue | Object | Array | Unknown

_JSON = frozenset({"json", "jsonb"})
_BUILD_OBJECT = frozenset({"json_build_object", "jsonb_build_object"})
_TO_JSON = frozenset({"row_to_json", "to_json", "to_jsonb"})
_AGGREGATE = frozenset({"json_agg", "jsonb_agg"})
_WHOLE_ROW = 0
_LENGTH = 4
_ENDS_WITH_ZERO = -2
#: Empty constants, as ``json`` and as ``jsonb`` store them.
_EMPTY: dict[bytes, JsonShape] = {
    b"[]": Array(None),
    b"\x00\x00\x00\x40": Array(None),
    b"{}": Object({}),
    b"\x00\x00\x00\x20": Object({}),
}


class JsonInference:
    """One rule for each kind of expression. The shape None is the shape of NULL."""

    def __init__(self, lineage: Lineage, nulls: NullInference) -> None:
        self._lineage = lineage
        self._catalog = lineage.catalog
        self._nulls = nulls
        self._rules: dict[str, Callable[[TreeNode, Scopes], JsonShape | None]] = {
            "AGGREF": self._aggregate,
            "CASEEXPR": self._case,
            "COALESCEEXPR": self._coalesce,
            "COERCEVIAIO": self._cast,
            "CONST": lambda constant, _: _constant(constant),
            "FUNCEXPR": self._function,
            "SUBLINK": self._sublink,
            "VAR": self._column,
        }

    def of_any(self, found: list[ScopedNode]) -> JsonShape:
        """Return the shape of a value that comes from any of several expressions."""
        return self._merged(found) or Unknown("nothing but NULL")

    def _merged(self, found: list[ScopedNode]) -> JsonShape | None:
        return reduce(_merge, (self._shape(*source) for source in found), None)

    def _shape(self, expression: TreeNode, scopes: Scopes) -> JsonShape | None:
        type_id = type_of(expression)
        if type_id == UNKNOWN_TYPE:
            return _hidden(expression)
        name = self._catalog.type_name(type_id)
        if name not in _JSON:
            return SqlValue(name)
        rule = self._rules.get(expression.tag)
        return _hidden(expression) if rule is None else rule(expression, scopes)

    def _member(self, expression: TreeNode, scopes: Scopes) -> JsonMember:
        if expression.tag == "VAR" and expression.number("varattno") == _WHOLE_ROW:
            shape = self._row(expression, scopes)
        else:
            shape = self.of_any([(expression, scopes)])
        return JsonMember(shape, self._nulls.of_any([(expression, scopes)]))

    def _row(self, var: TreeNode, scopes: Scopes) -> JsonShape:
        where = scopes[var.number("varlevelsup") :]
        relation = where[0].relation(var.number("varno"))
        columns = self._columns_of(relation, where)
        if columns is None:
            return Unknown(f"a row of {relation.node('eref').text('aliasname')}")
        members = {
            name: self._member(_column_of_row(var, position, type_id), scopes)
            for position, name, type_id in columns
        }
        return Object(members)

    def _columns_of(self, relation: TreeNode, scopes: Scopes) -> list[tuple[int, str, int]] | None:
        """Return the position, name and type of each column of a relation."""
        kind = relation.number("rtekind")
        if kind == RelationKind.TABLE:
            found = self._catalog.columns(relation.number("relid"))
            return [
                (position, found[position].name, found[position].type_id)
                for position in sorted(found)
            ]
        if kind not in {RelationKind.SUBQUERY, RelationKind.CTE, RelationKind.VALUES}:
            return None
        names = relation.node("eref").words("colnames")
        sources = [self._lineage.sources(relation, n, scopes) or [] for n, _ in enumerate(names, 1)]
        return [
            (position, name, type_of(found[0][0]))
            for position, (name, found) in enumerate(zip(names, sources, strict=True), 1)
        ]

    def _column(self, var: TreeNode, scopes: Scopes) -> JsonShape | None:
        scopes = scopes[var.number("varlevelsup") :]
        relation = scopes[0].relation(var.number("varno"))
        if relation.number("rtekind") == RelationKind.TABLE and relation.text("relkind") != "v":
            return SqlValue(self._catalog.type_name(var.number("vartype")))
        if relation.number("rtekind") == RelationKind.CTE and relation.flag("self_reference"):
            return _hidden(var)
        found = self._lineage.sources(relation, var.number("varattno"), scopes)
        return _hidden(var) if found is None else self._merged(found)

    def _case(self, case: TreeNode, scopes: Scopes) -> JsonShape | None:
        return self._merged(self._lineage.branches(case, scopes))

    def _coalesce(self, call: TreeNode, scopes: Scopes) -> JsonShape | None:
        return self._merged([(argument, scopes) for argument in call.nodes("args")])

    def _cast(self, cast: TreeNode, scopes: Scopes) -> JsonShape | None:
        # A cast between json and jsonb keeps the shape. A cast from text may give any shape.
        shape = self._shape(cast.node("arg"), scopes)
        return _hidden(cast) if isinstance(shape, SqlValue) and shape.type not in _JSON else shape

    def _sublink(self, sublink: TreeNode, scopes: Scopes) -> JsonShape | None:
        if sublink.number("subLinkType") != Subselect.VALUE:
            return _hidden(sublink)
        inner = self._lineage.enter(sublink.node("subselect"), scopes)
        return self._merged(self._lineage.outputs(inner, 1))

    def _aggregate(self, call: TreeNode, scopes: Scopes) -> JsonShape | None:
        called = self._catalog.function(call.number("aggfnoid"))
        if not called.is_built_in or called.name not in _AGGREGATE:
            return Unknown(called.name)
        condition = call.maybe("aggfilter")
        if condition is not None:
            scopes = where_known(scopes, when_true(self._catalog, condition))
        return Array(self._member(call.nodes("args")[0].node("expr"), scopes))

    def _function(self, call: TreeNode, scopes: Scopes) -> JsonShape | None:
        called = self._catalog.function(call.number("funcid"))
        arguments = call.nodes("args")
        if called.is_built_in and called.name in _TO_JSON:
            return self._member(arguments[0], scopes).shape
        is_object = called.is_built_in and called.name in _BUILD_OBJECT
        if not is_object or call.flag("funcvariadic"):
            return Unknown(called.name)
        keys = [_text(argument) for argument in arguments[::2]]
        values = [self._member(argument, scopes) for argument in arguments[1::2]]
        members = {key: value for key, value in zip(keys, values, strict=True) if key is not None}
        return Unknown("keys that are computed") if None in keys else Object(members)


def _column_of_row(var: TreeNode, position: int, type_id: int) -> TreeNode:
    """Return one column of a whole-row variable. No join pads the column of a row that exists."""
    column: dict[str, Value] = {
        "varattno": str(position),
        "vartype": str(type_id),
        "varnullingrels": None,
    }
    return TreeNode("VAR", var.fields | column)


def _text(expression: TreeNode) -> str | None:
    """Return the text of a constant."""
    if expression.tag == "RELABELTYPE":
        return _text(expression.node("arg"))
    return _bytes(expression).decode() if expression.tag == "CONST" else None


def _bytes(constant: TreeNode) -> bytes:
    value = constant.fields["constvalue"]
    if not isinstance(value, bytes):
        return b""
    # A literal without a type ends with a zero; a text begins with its length.
    is_literal = constant.number("constlen") == _ENDS_WITH_ZERO
    return value.rstrip(b"\0") if is_literal else value[_LENGTH:]


def _constant(constant: TreeNode) -> JsonShape | None:
    if constant.flag("constisnull"):
        return None
    return _EMPTY.get(_bytes(constant), _hidden(constant))


def _hidden(expression: TreeNode) -> JsonShape:
    return Unknown(f"the JSON of {expression.tag}")


def _merge(one: JsonShape | None, other: JsonShape | None) -> JsonShape | None:
    """Return the shape of a value that has one of two shapes."""
    match one, other:
        case (None, shape) | (shape, None):
            return shape
        case (Array(None), Array() as array) | (Array() as array, Array(None)):
            return array
        case Array(JsonMember() as mine), Array(JsonMember() as theirs):
            return Array(_merge_members(mine, theirs))
        case Object(mine), Object(theirs) if list(mine) == list(theirs):
            return Object({key: _merge_members(mine[key], theirs[key]) for key in mine})
        case _:
            return one if one == other else Unknown("branches of different shapes")


def _merge_members(one: JsonMember, other: JsonMember) -> JsonMember:
    shape = _merge(one.shape, other.shape) or one.shape
    nulls = [member.null for member in (one, other) if member.null.nullable]
    if not nulls:
        return JsonMember(shape, one.null)
    narrowed = all(null.narrowed for null in nulls)
    return JsonMember(shape, Nullable(nullable=True, reason=nulls[0].reason, narrowed=narrowed))
