"""Name what a node of EXPLAIN (FORMAT JSON) does, as EXPLAIN's own text does. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

_Json: TypeAlias = dict[str, Any]

_CONDITIONS = (
    "Index Cond",
    "Recheck Cond",
    "TID Cond",
    "Order By",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "One-Time Filter",
    "Conflict Resolution",
    "Conflict Arbiter Indexes",
    "Conflict Filter",
    "Sort Key",
    "Presorted Key",
    "Group Key",
    "Cache Key",
)
_AGGREGATES = {"Hashed": "HashAggregate", "Sorted": "GroupAggregate", "Mixed": "MixedAggregate"}
_JOINS = {"Hash Join": "Hash", "Merge Join": "Merge", "Nested Loop": "Nested Loop"}
_REMOVED = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
#: They have read all of their rows before they pass one on.
_BLOCKING = frozenset({"Aggregate", "Hash", "ModifyTable", "Sort"})
#: An estimate that is wrong by more, of so many rows at least, may have chosen the plan.
_WRONG_BY = 10
_ROWS_THAT_MATTER = 100
_MANY_ROWS = 1000


def kind(node: _Json) -> str:
    """Return what a node does."""
    name: str = node["Node Type"]
    if name == "ModifyTable":
        name = node["Operation"]
    elif name == "Aggregate":
        name = _AGGREGATES.get(node["Strategy"], name)
    elif name in _JOINS and node["Join Type"] != "Inner":
        name = f"{_JOINS[name]} {node['Join Type']} Join"
    if node.get("Scan Direction") == "Backward":
        name = f"{name} Backward"
    if node.get("Partial Mode", "Simple") != "Simple":
        name = f"{node['Partial Mode']} {name}"
    return f"Parallel {name}" if node.get("Parallel Aware") else name


def target(node: _Json) -> str:
    """Return what a node reads or writes, and by which index."""
    source = next(
        (
            node[key]
            for key in ("Relation Name", "CTE Name", "Function Name", "Tuplestore Name")
            if key in node
        ),
        "",
    )
    alias = node.get("Alias", source)
    if source and alias != source:
        source = f"{source} as {alias}"
    index = node.get("Index Name")
    if index and source:
        return f"{source} by {index}"
    return index or source or alias


def role(node: _Json) -> str:
    """Return how a node serves the one above, where it does not simply feed it."""
    return str(node.get("Subplan Name", ""))


def stops_early(node: _Json, above: bool) -> bool:
    """Tell whether what is below a node may end before all of its rows; *above* tells of itself."""
    return node["Node Type"] == "Limit" or (above and node["Node Type"] not in _BLOCKING)


def rows_read(node: _Json) -> float:
    """Return how many rows a node read from its table, in all loops."""
    if "Relation Name" not in node or node["Node Type"] == "ModifyTable":
        return 0
    return sum(_in_all_loops(node, label) for label in ("Actual Rows", *_REMOVED))


def facts(node: _Json) -> tuple[tuple[str, str], ...]:
    """Return what a node compares, sorts and groups by, and how, with the labels of EXPLAIN."""
    return tuple(_facts(node))


def _facts(node: _Json) -> Iterator[tuple[str, str]]:
    for label in _CONDITIONS:
        if label in node:
            yield label, _text(node[label])
    for label in (*_REMOVED, "Rows Removed by Join Filter"):
        if removed := _in_all_loops(node, label):
            yield label, f"{removed:,.0f}"
    if "Sort Method" in node:
        where = node["Sort Space Type"].lower()
        yield "Sort Method", f"{node['Sort Method']}, {node['Sort Space Used']:,} kB in {where}"
    if "Cache Hits" in node:
        yield "Cache", f"{node['Cache Hits']:,} hits, {node['Cache Misses']:,} misses"
    if "Workers Planned" in node:
        yield "Workers", f"{node.get('Workers Launched', 0)} of {node['Workers Planned']}"


def remarks(node: _Json, *, stops_early: bool) -> tuple[str, ...]:
    """Return what a reader of the plan should notice; *stops_early* below a Limit."""
    return tuple(_remarks(node, stops_early=stops_early))


def _remarks(node: _Json, *, stops_early: bool) -> Iterator[str]:
    if _begins_to_be_wrong(node, stops_early=stops_early):
        yield f"estimated {node['Plan Rows']:,} rows, found {node['Actual Rows']:,.0f}"
    kept = max(_in_all_loops(node, "Actual Rows"), 1)
    removed = sum(_in_all_loops(node, label) for label in _REMOVED)
    if removed >= _MANY_ROWS and removed / kept >= _WRONG_BY:
        yield f"reads {removed / kept:,.0f} rows in vain for each that it keeps"
    if node.get("Heap Fetches", 0) >= _MANY_ROWS:
        yield f"{node['Heap Fetches']:,} heap fetches: VACUUM would save them"
    if node.get("Sort Space Type") == "Disk":
        yield "sorts on disk: work_mem is too small for it"
    if node.get("Hash Batches", 1) > 1:
        yield f"hashes in {node['Hash Batches']} batches on disk: work_mem is too small for it"
    if node.get("Lossy Heap Blocks"):
        yield f"{node['Lossy Heap Blocks']:,} lossy pages: work_mem is too small for the bitmap"


def _in_all_loops(node: _Json, label: str) -> float:
    return float(node.get(label, 0) * node.get("Actual Loops", 0))


def _begins_to_be_wrong(node: _Json, *, stops_early: bool) -> bool:
    """Tell whether an estimate is wrong here, and not because of another below it."""
    if not _is_wrong(node) or node["Node Type"] == "CTE Scan":
        return False
    if stops_early and node["Actual Rows"] < node["Plan Rows"]:
        # The estimate is of all rows that there would have been.
        return False
    return not any(_is_wrong(child) for child in node.get("Plans", ()))


def _is_wrong(node: _Json) -> bool:
    if not node.get("Actual Loops"):
        return False
    actual, planned = node["Actual Rows"], node["Plan Rows"]
    larger, smaller = max(actual, planned), max(min(actual, planned), 1)
    return bool(larger >= _ROWS_THAT_MATTER and larger / smaller >= _WRONG_BY)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
