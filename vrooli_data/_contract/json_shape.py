"""Tell what the JSON that a statement builds looks like, as far as the SQL shows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeAlias

import msgspec
from psycopg import Connection

from ._known import when_true
from ._node_types import UNKNOWN_TYPE, type_of
from ._null_catalog import Catalog
from ._parse_tree import Node, Value, parse_tree
from ._scopes import Lineage, Relation, Scopes, Source, Subselect, given, output_columns
from .nullability import Nullable, NullInference


class Scalar(msgspec.Struct, frozen=True):
    """A value of an SQL type; ``json`` and ``jsonb`` are what callers stored, and may be any."""

    type: str


class Unknown(msgspec.Struct, frozen=True):
    """JSON whose shape the statement does not show."""

    reason: str


class Member(msgspec.Struct, frozen=True):
    """What stands under a key or in an array, and whether JSON's null may stand there instead."""

    shape: Shape
    null: Nullable


class Object(msgspec.Struct, frozen=True):
    """An object with these keys, in order."""

    members: dict[str, Member]


class Array(msgspec.Struct, frozen=True):
    """An array; without a member where it is always empty."""

    member: Member | None


Shape: TypeAlias = Scalar | Object | Array | Unknown

_JSON = frozenset({"json", "jsonb"})
_BUILD_OBJECT = frozenset({"json_build_object", "jsonb_build_object"})
_TO_JSON = frozenset({"row_to_json", "to_json", "to_jsonb"})
_AGGREGATE = frozenset({"json_agg", "jsonb_agg"})
_WHOLE_ROW = 0
_LENGTH = 4
_ENDS_WITH_ZERO = -2
#: Constants without members, as ``json`` and as ``jsonb`` hold them.
_EMPTY: dict[bytes, Shape] = {
    b"[]": Array(None),
    b"\x00\x00\x00\x40": Array(None),
    b"{}": Object({}),
    b"\x00\x00\x00\x20": Object({}),
}


def json_shape(connection: Connection[Any], statement: str) -> list[Shape]:
    """Tell, column by column, what the JSON in the result of a statement looks like.

    A column that is no JSON is a `Scalar` of its type. Raises as `nullable_columns` does.
    """
    query = parse_tree(connection, statement)
    shapes = _Shapes(Lineage(Catalog(connection)))
    scopes = shapes.lineage.enter(query)
    return [
        shapes.of_any(shapes.lineage.outputs(scopes, position))
        for position in range(1, len(output_columns(query)) + 1)
    ]


class _Shapes:
    """The rules, by kind of expression. A shape that is None is that of NULL alone."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        self._catalog = lineage.catalog
        self._nulls = NullInference(lineage)
        self._rules: dict[str, Callable[[Node, Scopes], Shape | None]] = {
            "AGGREF": self._aggregate,
            "CASEEXPR": self._case,
            "COALESCEEXPR": self._coalesce,
            "COERCEVIAIO": self._cast,
            "CONST": lambda constant, _: _constant(constant),
            "FUNCEXPR": self._function,
            "SUBLINK": self._sublink,
            "VAR": self._column,
        }

    def of_any(self, found: list[Source]) -> Shape:
        """Tell of a value that comes from one of several expressions."""
        return self._merged(found) or Unknown("nothing but NULL")

    def _merged(self, found: list[Source]) -> Shape | None:
        return reduce(_merge, (self._shape(*source) for source in found), None)

    def _shape(self, expression: Node, scopes: Scopes) -> Shape | None:
        type_id = type_of(expression)
        if type_id == UNKNOWN_TYPE:
            return _hidden(expression)
        name = self._catalog.type_name(type_id)
        if name not in _JSON:
            return Scalar(name)
        rule = self._rules.get(expression.tag)
        return _hidden(expression) if rule is None else rule(expression, scopes)

    def _member(self, expression: Node, scopes: Scopes) -> Member:
        if expression.tag == "VAR" and expression.number("varattno") == _WHOLE_ROW:
            shape = self._row(expression, scopes)
        else:
            shape = self.of_any([(expression, scopes)])
        return Member(shape, self._nulls.of_any([(expression, scopes)]))

    def _row(self, var: Node, scopes: Scopes) -> Shape:
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

    def _columns_of(self, relation: Node, scopes: Scopes) -> list[tuple[int, str, int]] | None:
        """Return position, name and type of the columns that a row of a relation has."""
        kind = relation.number("rtekind")
        if kind == Relation.TABLE:
            found = self._catalog.columns(relation.number("relid"))
            return [
                (position, found[position].name, found[position].type_id)
                for position in sorted(found)
            ]
        if kind not in {Relation.SUBQUERY, Relation.CTE, Relation.VALUES}:
            return None
        names = relation.node("eref").words("colnames")
        sources = [self.lineage.sources(relation, n, scopes) or [] for n, _ in enumerate(names, 1)]
        return [
            (position, name, type_of(found[0][0]))
            for position, (name, found) in enumerate(zip(names, sources, strict=True), 1)
        ]

    def _column(self, var: Node, scopes: Scopes) -> Shape | None:
        scopes = scopes[var.number("varlevelsup") :]
        relation = scopes[0].relation(var.number("varno"))
        if relation.number("rtekind") == Relation.TABLE and relation.text("relkind") != "v":
            return Scalar(self._catalog.type_name(var.number("vartype")))
        if relation.number("rtekind") == Relation.CTE and relation.flag("self_reference"):
            return _hidden(var)
        found = self.lineage.sources(relation, var.number("varattno"), scopes)
        return _hidden(var) if found is None else self._merged(found)

    def _case(self, case: Node, scopes: Scopes) -> Shape | None:
        return self._merged(self.lineage.branches(case, scopes))

    def _coalesce(self, call: Node, scopes: Scopes) -> Shape | None:
        return self._merged([(argument, scopes) for argument in call.nodes("args")])

    def _cast(self, cast: Node, scopes: Scopes) -> Shape | None:
        # Between json and jsonb nothing changes; from text it is parsed, and may be anything.
        shape = self._shape(cast.node("arg"), scopes)
        return _hidden(cast) if isinstance(shape, Scalar) and shape.type not in _JSON else shape

    def _sublink(self, sublink: Node, scopes: Scopes) -> Shape | None:
        if sublink.number("subLinkType") != Subselect.VALUE:
            return _hidden(sublink)
        inner = self.lineage.enter(sublink.node("subselect"), scopes)
        return self._merged(self.lineage.outputs(inner, 1))

    def _aggregate(self, call: Node, scopes: Scopes) -> Shape | None:
        called = self._catalog.function(call.number("aggfnoid"))
        if not called.is_built_in or called.name not in _AGGREGATE:
            return Unknown(called.name)
        condition = call.maybe("aggfilter")
        if condition is not None:
            scopes = given(scopes, when_true(self._catalog, condition))
        return Array(self._member(call.nodes("args")[0].node("expr"), scopes))

    def _function(self, call: Node, scopes: Scopes) -> Shape | None:
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


def _column_of_row(var: Node, position: int, type_id: int) -> Node:
    """Name one column of the row that a variable names; where the row is there, nothing pads it."""
    column: dict[str, Value] = {
        "varattno": str(position),
        "vartype": str(type_id),
        "varnullingrels": None,
    }
    return Node("VAR", var.fields | column)


def _text(expression: Node) -> str | None:
    """Return the text of a constant."""
    if expression.tag == "RELABELTYPE":
        return _text(expression.node("arg"))
    return _bytes(expression).decode() if expression.tag == "CONST" else None


def _bytes(constant: Node) -> bytes:
    value = constant.fields["constvalue"]
    if not isinstance(value, bytes):
        return b""
    # A literal that was given no type ends with a zero; a text begins with its length.
    is_literal = constant.number("constlen") == _ENDS_WITH_ZERO
    return value.rstrip(b"\0") if is_literal else value[_LENGTH:]


def _constant(constant: Node) -> Shape | None:
    if constant.flag("constisnull"):
        return None
    return _EMPTY.get(_bytes(constant), _hidden(constant))


def _hidden(expression: Node) -> Shape:
    return Unknown(f"the JSON of {expression.tag}")


def _merge(one: Shape | None, other: Shape | None) -> Shape | None:
    """Return the shape of a value that has one of two."""
    match one, other:
        case (None, shape) | (shape, None):
            return shape
        case (Array(None), Array() as array) | (Array() as array, Array(None)):
            return array
        case Array(Member() as mine), Array(Member() as theirs):
            return Array(_merge_members(mine, theirs))
        case Object(mine), Object(theirs) if list(mine) == list(theirs):
            return Object({key: _merge_members(mine[key], theirs[key]) for key in mine})
        case _:
            return one if one == other else Unknown("branches of different shapes")


def _merge_members(one: Member, other: Member) -> Member:
    shape = _merge(one.shape, other.shape) or one.shape
    nulls = [member.null for member in (one, other) if member.null.nullable]
    if not nulls:
        return Member(shape, one.null)
    narrowed = all(null.narrowed for null in nulls)
    return Member(shape, Nullable(nullable=True, reason=nulls[0].reason, narrowed=narrowed))
