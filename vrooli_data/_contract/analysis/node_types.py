"""Read the type of an expression from its node."""

from __future__ import annotations

from .parse_tree import TreeNode

#: The lowest id of an object that the server did not bring.
FIRST_USER_OID = 16384

_BOOLEAN = 16
_BOOLEANS = frozenset(
    {"BOOLEXPR", "NULLTEST", "BOOLEANTEST", "SCALARARRAYOPEXPR", "ROWCOMPAREEXPR"}
)
_FIELDS = {
    "AGGREF": "aggtype",
    "ARRAYCOERCEEXPR": "resulttype",
    "ARRAYEXPR": "array_typeid",
    "CASEEXPR": "casetype",
    "COALESCEEXPR": "coalescetype",
    "COERCETODOMAIN": "resulttype",
    "COERCEVIAIO": "resulttype",
    "CONST": "consttype",
    "CONVERTROWTYPEEXPR": "resulttype",
    "DISTINCTEXPR": "opresulttype",
    "FIELDSELECT": "resulttype",
    "FUNCEXPR": "funcresulttype",
    "MERGESUPPORTFUNC": "msftype",
    "MINMAXEXPR": "minmaxtype",
    "NULLIFEXPR": "opresulttype",
    "OPEXPR": "opresulttype",
    "PARAM": "paramtype",
    "RELABELTYPE": "resulttype",
    "ROWEXPR": "row_typeid",
    "SQLVALUEFUNCTION": "type",
    "SUBSCRIPTINGREF": "refrestype",
    "VAR": "vartype",
    "WINDOWFUNC": "wintype",
}
#: An id that no type has.
UNKNOWN_TYPE = 0xFFFFFFFF


def type_of(expression: TreeNode) -> int:
    """Return the id of the type of an expression, or `UNKNOWN_TYPE`."""
    if expression.tag in _BOOLEANS:
        return _BOOLEAN
    if expression.tag in {"COLLATEEXPR", "NAMEDARGEXPR"}:
        return type_of(expression.node("arg"))
    if expression.tag == "SUBLINK":
        return _type_of_sublink(expression)
    field = _FIELDS.get(expression.tag)
    return UNKNOWN_TYPE if field is None else expression.number(field)


def _type_of_sublink(sublink: TreeNode) -> int:
    match sublink.number("subLinkType"):
        case 0 | 1 | 2 | 3:
            return _BOOLEAN
        case 4:
            return type_of(sublink.node("subselect").nodes("targetList")[0].node("expr"))
        case _:
            return UNKNOWN_TYPE
