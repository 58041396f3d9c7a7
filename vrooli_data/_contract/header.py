"""The grammar of a query's header: its Record, Index, Locks and Null lines. No I/O."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from .._queries import Source
from .value_types import unresolved

_NO_ROW = ", or no row"
_SCALARS = {kind.__name__: kind for kind in (bool, bytes, datetime, dict, float, int, list, str)}
_BUILT_IN: dict[str, Any] = {**_SCALARS, "UUID": UUID, "JsonValue": Any}
#: A name as SQL writes it, behind its schema's where that is needed.
_PART = r'(?:[^\W\d][\w$]*|"(?:[^"]|"")+")'
_NAME = rf"{_PART}(?:\.{_PART})?"
_INDEX = re.compile(rf"({_NAME}(?: or {_NAME})*)\s*(\(order\))?\s*(?:,\s*|$)")
_SCANS = re.compile(r"scan:\s*(\S.*)", re.DOTALL)
_SCAN = re.compile(
    rf"({_NAME}(?: and {_NAME})*)\s*,\s*"
    r"(?:at most (?P<rows>\d+) rows?|(?P<all>every row)(?=,\s*\S)|the first row)(?:,.*)?",
    re.DOTALL,
)
_NONE = re.compile(r"none:\s*\S.*", re.DOTALL)
_NEVER = re.compile(r"never:\s*\S.*", re.DOTALL)
_LITERAL = r"(?:'(?:[^']|'')*'|[\w.+-]+)"
_VALUES = rf"\(\s*\w+\s*=\s*{_LITERAL}(?:\s*,\s*\w+\s*=\s*{_LITERAL})*\s*\)"
_PLAN = re.compile(rf"custom\s+({_VALUES}(?:\s+and\s+{_VALUES})*)\s*,\s*\S.*", re.DOTALL)
_VALUE = re.compile(rf"(\w+)\s*=\s*({_LITERAL})")
_NULL = re.compile(r"([\w.]+)\s*,\s*(.+)", re.DOTALL)


class HeaderError(Exception):
    """A line of a header cannot be read; the text says what it may be, the code which it is."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(problem)
        self.code = code


class RecordLine(NamedTuple):
    """``Record:``, as it stands there."""

    #: None where rows are only counted.
    expression: str | None
    may_be_absent: bool


class IndexEntry(NamedTuple):
    """One index of ``Index:``; of several names, any will do."""

    names: tuple[str, ...]
    #: Delivers the order; else it stands in an index condition.
    ordered: bool


class Scan(NamedTuple):
    """Tables that are read from end to end, and how much that is."""

    tables: tuple[str, ...]
    #: What the tables hold at most; 1 where reading ends at the first row; None for every row.
    rows: int | None
    ends_at_first: bool = False


class IndexLine(NamedTuple):
    """``Index:``, read."""

    entries: tuple[IndexEntry, ...]
    scans: tuple[Scan, ...] = ()
    #: The query is not run on such a server.
    is_never_run: bool = False

    @property
    def scanned(self) -> tuple[str, ...]:
        """The tables that are read from end to end."""
        return tuple(table for scan in self.scans for table in scan.tables)


def record_line(source: Source) -> RecordLine:
    """Read ``Record:``."""
    text = source.header["Record"].rstrip(".")
    expression = text.removesuffix(_NO_ROW)
    return RecordLine(None if expression == "none" else expression, text.endswith(_NO_ROW))


def record_type(expression: str, records: Mapping[str, Any]) -> Any:
    """Return the type that an expression such as ``Update[User]`` names among *records*."""
    try:
        found = _type(ast.parse(expression, mode="eval").body, records)
    except (SyntaxError, TypeError, ValueError):
        # TypeError: parameters for a type that takes none.
        raise HeaderError(
            "record", f"`Record: {expression}` is no record, scalar or none"
        ) from None
    problem = unresolved(found)
    if problem is not None:
        raise HeaderError("record", f"the fields of {expression} cannot be read: {problem}")
    return found


def _type(node: ast.expr, records: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Name(id=name):
            found = records.get(name, _BUILT_IN.get(name))
            if found is None:
                raise HeaderError("record", f"there is no record {name}")
            return found
        case ast.Subscript(value=kind, slice=ast.Tuple(elts=parts)):
            return _type(kind, records)[tuple(_type(part, records) for part in parts)]
        case ast.Subscript(value=kind, slice=part):
            return _type(kind, records)[_type(part, records)]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _type(left, records) | _type(right, records)
    raise HeaderError("record", f"`{ast.unparse(node)}` is no record, scalar or none")


def index_line(text: str) -> IndexLine:
    """Read ``Index:``: names by commas, each with ``(order)`` or not, then ``scan:`` or ``none:``.

    Where two indexes serve equally well, ``a or b`` names both. Behind ``scan:`` stand the tables
    that are read from end to end, ``a and b``, and after a comma how much that is: ``at most 100
    rows``, ``the first row``, or ``every row`` and, after a comma, the reason. Semicolons part
    several. ``never: reason`` is for a server without an extension, where the query is not run.
    """
    entries: list[IndexEntry] = []
    rest = text.strip()
    if _NEVER.fullmatch(rest):
        return IndexLine((), is_never_run=True)
    while rest:
        if scans := _SCANS.fullmatch(rest):
            return IndexLine(tuple(entries), tuple(map(_scan, scans[1].split(";"))))
        if _NONE.fullmatch(rest):
            break
        found = _INDEX.match(rest)
        if found is None:
            raise HeaderError(
                "index", f"`{rest}` is no index, `scan: table, bound` or `none: reason`"
            )
        entries.append(IndexEntry(tuple(found[1].split(" or ")), ordered=found[2] is not None))
        rest = rest[found.end() :]
    return IndexLine(tuple(entries))


def plan_line(source: Source) -> dict[str, dict[str, str]]:
    """Read ``Plan:``: literals by parameter, by how they stand there; nothing where it is absent.

    ``custom (a = 1, b = 'x') and (a = 2, b = 'y'), reason`` has the query planned on each call, and
    names the parameters that such plans are checked with.
    """
    text = source.header.get("Plan")
    if text is None:
        return {}
    found = _PLAN.fullmatch(text)
    if found is None:
        raise HeaderError(
            "plan-line", f"`Plan: {text}` is not `custom (parameter = value), reason`"
        )
    given = {match[0]: dict(_VALUE.findall(match[0])) for match in re.finditer(_VALUES, found[1])}
    for values in given.values():
        if values.keys() != set(source.parameters):
            wanted = ", ".join(source.parameters) or "none"
            raise HeaderError("plan-line", f"the Plan line gives other parameters than {wanted}")
    return given


def _scan(text: str) -> Scan:
    found = _SCAN.fullmatch(text.strip())
    if found is None:
        raise HeaderError(
            "index",
            f"`scan: {text.strip()}` is not `scan: table, at most N rows`, "
            "`scan: table, the first row` or `scan: table, every row, reason`",
        )
    tables = tuple(found[1].split(" and "))
    if found["all"]:
        return Scan(tables, None)
    return Scan(tables, int(found["rows"] or 1), ends_at_first=found["rows"] is None)


def locks_line(source: Source) -> frozenset[str]:
    """Read ``Locks:``: each as ``strength: table``."""
    text = source.header["Locks"].strip().rstrip(".")
    return frozenset() if text == "none" else frozenset(re.split(r"\s*,\s*", text))


def null_line(source: Source) -> dict[str, str]:
    """Read ``Null:``: reasons by column, entries parted by semicolons; dots lead into JSON."""
    overrides = {}
    for entry in filter(None, source.header.get("Null", "").split(";")):
        found = _NULL.fullmatch(entry.strip())
        if found is None:
            raise HeaderError("null-line", f"`Null: {entry.strip()}` is not `Null: column, reason`")
        overrides[found[1]] = found[2]
    return overrides
