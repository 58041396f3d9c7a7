"""Parse the lines of a header: Record, Index, Plan, Locks and Null. No I/O."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from .._loading import FailedRow, LoadedRows
from .._queries import Source
from ..records.shared import Update
from .value_types import unresolved

_NO_ROW = ", or no row"
_SCALARS = {kind.__name__: kind for kind in (bool, bytes, datetime, dict, float, int, list, str)}
_BUILT_IN: dict[str, Any] = {
    **_SCALARS,
    "UUID": UUID,
    "JsonValue": Any,
    "Update": Update,
    "FailedRow": FailedRow,
    "LoadedRows": LoadedRows,
}
#: A name as SQL writes it, with or without a schema.
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
    """A line of a header cannot be parsed. The code is a key of `findings.CODES`."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(problem)
        self.code = code


class RecordLine(NamedTuple):
    """The Record line."""

    #: None for a query without rows.
    expression: str | None
    may_be_absent: bool


class IndexEntry(NamedTuple):
    """One entry of an Index line. The plan must use one of the names."""

    names: tuple[str, ...]
    #: The index delivers the order. Otherwise it must be in an index condition.
    ordered: bool


class Scan(NamedTuple):
    """Tables that are read from end to end, and the bound."""

    tables: tuple[str, ...]
    #: The maximum size of a table; 1 if the scan ends at the first row; None for no bound.
    rows: int | None
    ends_at_first: bool = False


class IndexLine(NamedTuple):
    """The Index line."""

    entries: tuple[IndexEntry, ...]
    scans: tuple[Scan, ...] = ()
    #: The query is never run on a server without the extension.
    is_never_run: bool = False

    @property
    def scanned(self) -> tuple[str, ...]:
        """The tables that the plan may read from end to end."""
        return tuple(table for scan in self.scans for table in scan.tables)


def record_line(source: Source) -> RecordLine:
    """Parse the Record line."""
    text = source.header["Record"].rstrip(".")
    expression = text.removesuffix(_NO_ROW)
    return RecordLine(None if expression == "none" else expression, text.endswith(_NO_ROW))


def record_type(expression: str, records: Mapping[str, Any]) -> Any:
    """Return the type of an expression such as ``Update[User]``, with the names of *records*."""
    try:
        found = _type(ast.parse(expression, mode="eval").body, records)
    except (SyntaxError, TypeError, ValueError):
        # TypeError: the type takes no parameters.
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
    """Parse an Index line: names with commas, each with or without ``(order)``, then a scan.

    ``a or b`` accepts either index. ``scan: a and b, bound`` names tables that are read from end to
    end; the bound is ``at most 100 rows``, ``the first row`` or ``every row, reason``, and
    semicolons separate several scans. ``none: reason`` ends a line without a scan. A query with
    ``never: reason`` is never run on a server without the extension.
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
    """Parse the Plan line into lists of literals by parameter, by their text; empty without a line.

    ``custom (a = 1, b = 'x') and (a = 2, b = 'y'), reason`` has every call planned for its own
    parameters. The plans for the given parameters are checked.
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
    """Parse the Locks line into entries such as ``for share: resources``."""
    text = source.header["Locks"].strip().rstrip(".")
    return frozenset() if text == "none" else frozenset(re.split(r"\s*,\s*", text))


def null_line(source: Source) -> dict[str, str]:
    """Parse the Null line into reasons by column. Dots lead into JSON."""
    overrides = {}
    for entry in filter(None, source.header.get("Null", "").split(";")):
        found = _NULL.fullmatch(entry.strip())
        if found is None:
            raise HeaderError("null-line", f"`Null: {entry.strip()}` is not `Null: column, reason`")
        overrides[found[1]] = found[2]
    return overrides
