"""Read the plans of EXPLAIN (FORMAT JSON). Whoever walks through a plan does so here. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple, TypeAlias

Json: TypeAlias = dict[str, Any]

#: A node that took more of the time stands out.
LARGE_SHARE = 0.25

_CTE = "CTE "
_TARGETS = ("Relation Name", "CTE Name", "Function Name", "Tuplestore Name")
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
#: These nodes read all of their rows before they return the first one.
_BLOCKING = frozenset({"Aggregate", "Hash", "ModifyTable", "Sort"})
#: An estimate that is wrong by this factor, on at least so many rows, may have chosen the plan.
_WRONG_BY = 10
_ROWS_THAT_MATTER = 100
_MANY_ROWS = 1000


class PlanNode:
    """One node of a plan, with the nodes above and below it."""

    __slots__ = ("children", "json", "parent")

    def __init__(self, json: Json, parent: PlanNode | None = None) -> None:
        #: The node as EXPLAIN gives it.
        self.json = json
        self.parent = parent
        self.children = tuple(PlanNode(child, self) for child in json.get("Plans", ()))

    def walk(self) -> Iterator[PlanNode]:
        """Yield the node and all below it, in the order of the plan."""
        yield self
        for child in self.children:
            yield from child.walk()

    def ancestors(self) -> Iterator[PlanNode]:
        """Yield the nodes above, from the nearest to the root."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    @property
    def kind(self) -> str:
        """The name of the node, as EXPLAIN's text has it."""
        name: str = self.json["Node Type"]
        if name == "ModifyTable":
            name = self.json["Operation"]
        elif name == "Aggregate":
            name = _AGGREGATES.get(self.json["Strategy"], name)
        elif name in _JOINS and self.json["Join Type"] != "Inner":
            name = f"{_JOINS[name]} {self.json['Join Type']} Join"
        if self.json.get("Scan Direction") == "Backward":
            name = f"{name} Backward"
        if self.json.get("Partial Mode", "Simple") != "Simple":
            name = f"{self.json['Partial Mode']} {name}"
        return f"Parallel {name}" if self.json.get("Parallel Aware") else name

    @property
    def target(self) -> str:
        """What it reads or writes, and by which index; empty where it works on its children."""
        source = next((self.json[key] for key in _TARGETS if key in self.json), "")
        alias = self.json.get("Alias", source)
        if source and alias != source:
            source = f"{source} as {alias}"
        index = self.json.get("Index Name")
        if index and source:
            return f"{source} by {index}"
        return index or source or alias

    @property
    def role(self) -> str:
        """``CTE cur``, ``SubPlan 1``; empty where the node simply feeds the one above."""
        return str(self.json.get("Subplan Name", ""))

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Its conditions, keys and methods, with the labels of EXPLAIN."""
        return list(_facts(self))

    @property
    def remarks(self) -> list[str]:
        """What a reader should notice: wrong estimates, wasted reads, work on disk."""
        return list(_remarks(self))

    @property
    def rows(self) -> float | None:
        """The rows of one loop; None where the plan was not run."""
        return self.json.get("Actual Rows")

    @property
    def planned_rows(self) -> int:
        """The estimate of the rows of one loop."""
        return int(self.json["Plan Rows"])

    @property
    def loops(self) -> int:
        """How often the node was executed."""
        return int(self.json.get("Actual Loops", 0))

    @property
    def rows_read(self) -> float:
        """The rows read from a table in all loops, with those that a filter removed."""
        if "Relation Name" not in self.json or self.json["Node Type"] == "ModifyTable":
            return 0
        return sum(self.in_all_loops(label) for label in ("Actual Rows", *_REMOVED))

    def in_all_loops(self, label: str) -> float:
        """Return the total of what EXPLAIN gives per loop."""
        return float(self.json.get(label, 0) * self.loops)

    @property
    def makes_cte(self) -> bool:
        """Return whether the node computes a CTE, which other nodes read."""
        return self.role.startswith(_CTE)

    @property
    def processes(self) -> int:
        """The number of processes that run the node at the same time."""
        return prod(above.json.get("Workers Launched", 0) + 1 for above in self.ancestors())

    @property
    def may_stop_early(self) -> bool:
        """Return whether a Limit above may end the node before all of its rows."""
        for above in self.ancestors():
            if above.json["Node Type"] == "Limit":
                return True
            if above.json["Node Type"] in _BLOCKING:
                return False
        return False


class Cost(NamedTuple):
    """What a node took in all its loops. Pages have 8 kB."""

    ms: float = 0.0
    #: Pages found in the server's cache.
    hit: int = 0
    #: Pages read into it.
    read: int = 0

    @property
    def pages(self) -> int:
        """All pages."""
        return self.hit + self.read

    def without(self, other: Cost) -> Cost:
        """Subtract another cost. Two clock readings may disagree, so nothing falls below zero."""
        return Cost(
            max(self.ms - other.ms, 0.0),
            max(self.hit - other.hit, 0),
            max(self.read - other.read, 0),
        )


class Trigger(NamedTuple):
    """The cost of one trigger. Foreign keys are checked and cascaded by triggers."""

    name: str
    relation: str
    calls: int
    ms: float


class PlanTree:
    """The plan of one statement, with what each node cost where the statement was run."""

    def __init__(self, explained: Json) -> None:
        self.root = PlanNode(explained["Plan"])
        #: None where the statement was not run.
        self.execution_ms: float | None = explained.get("Execution Time")
        self.planning_ms: float | None = explained.get("Planning Time")
        self.triggers = tuple(map(_trigger, explained.get("Triggers", ())))
        self._costs = _own_costs(self.root)

    def cost(self, node: PlanNode) -> Cost:
        """Return what a node cost without its children."""
        return self._costs[node]

    def share(self, ms: float) -> float:
        """Return the share of a time in that of the whole statement, from 0 to 1."""
        whole = max(self.execution_ms or 0.0, _cost(self.root).ms)
        return ms / whole if whole else 0.0

    @property
    def rows(self) -> int | None:
        """The rows that the statement returned."""
        return None if self.root.rows is None else round(self.root.rows * self.root.loops)

    @property
    def pages(self) -> int:
        """The pages that the statement looked at; a page counts each time."""
        return sum(cost.pages for cost in self._costs.values())

    @property
    def rows_read(self) -> int:
        """The rows read from tables, with those that a filter removed."""
        return round(sum(node.rows_read for node in self.root.walk()))

    @property
    def shape(self) -> list[tuple[str, str]]:
        """The nodes without their numbers: equal where two plans go the same way."""
        return [(node.kind, node.target) for node in self.root.walk()]

    @property
    def indexes(self) -> list[str]:
        """The indexes used for a condition or an order, each once, in the order of the plan."""
        nodes = (node.json for node in self.root.walk())
        return list(dict.fromkeys(json["Index Name"] for json in nodes if "Index Name" in json))

    @property
    def sequential_scans(self) -> list[str]:
        """The tables read from end to end, each once, in the order of the plan."""
        nodes = (node.json for node in self.root.walk())
        scans = (json["Relation Name"] for json in nodes if json["Node Type"] == "Seq Scan")
        return list(dict.fromkeys(scans))

    @property
    def paths(self) -> list[str]:
        """The indexes, then the scans in the words of an Index line."""
        return [*self.indexes, *(f"scan: {table}" for table in self.sequential_scans)]


def _own_costs(root: PlanNode) -> dict[PlanNode, Cost]:
    """Return what each node cost without its children."""
    costs: dict[PlanNode, Cost] = {}
    #: What EXPLAIN has yet to charge to a reader of each CTE: readers wait until it is computed.
    uncharged: dict[PlanNode, Cost] = {}
    for node in root.walk():
        cost = _cost(node)
        for child in node.children:
            if not child.makes_cte:
                cost = cost.without(_cost(child))
        maker = _maker(node)
        if maker is not None:
            made = uncharged.get(maker, _cost(maker))
            cost, uncharged[maker] = cost.without(made), made.without(cost)
        costs[node] = cost
    return costs


def _maker(node: PlanNode) -> PlanNode | None:
    """Return the node that computes the CTE that a node reads; None where it reads none."""
    if node.json["Node Type"] != "CTE Scan":
        return None
    role = f"{_CTE}{node.json['CTE Name']}"
    near = (child for above in (node, *node.ancestors()) for child in above.children)
    return next((child for child in near if child.role == role), None)


def _cost(node: PlanNode) -> Cost:
    """Return what a node cost with its children."""
    return Cost(
        # EXPLAIN adds up the loops of parallel processes.
        node.in_all_loops("Actual Total Time") / node.processes,
        node.json.get("Shared Hit Blocks", 0),
        node.json.get("Shared Read Blocks", 0),
    )


def _trigger(trigger: Json) -> Trigger:
    # Only the trigger of a constraint has a constraint's name.
    name: str = trigger.get("Constraint Name") or trigger["Trigger Name"]
    return Trigger(name, trigger["Relation"], trigger["Calls"], trigger["Time"])


def _facts(node: PlanNode) -> Iterator[tuple[str, str]]:
    json = node.json
    for label in _CONDITIONS:
        if label in json:
            yield label, _text(json[label])
    for label in (*_REMOVED, "Rows Removed by Join Filter"):
        if removed := node.in_all_loops(label):
            yield label, f"{removed:,.0f}"
    if "Sort Method" in json:
        where = json["Sort Space Type"].lower()
        yield "Sort Method", f"{json['Sort Method']}, {json['Sort Space Used']:,} kB in {where}"
    if "Cache Hits" in json:
        yield "Cache", f"{json['Cache Hits']:,} hits, {json['Cache Misses']:,} misses"
    if "Workers Planned" in json:
        yield "Workers", f"{json.get('Workers Launched', 0)} of {json['Workers Planned']}"


def _remarks(node: PlanNode) -> Iterator[str]:
    json = node.json
    if _begins_to_be_wrong(node):
        yield f"estimated {json['Plan Rows']:,} rows, found {json['Actual Rows']:,.0f}"
    kept = max(node.in_all_loops("Actual Rows"), 1)
    removed = sum(map(node.in_all_loops, _REMOVED))
    if removed >= _MANY_ROWS and removed / kept >= _WRONG_BY:
        yield f"discards {removed / kept:,.0f} rows for each row that it keeps"
    if json.get("Heap Fetches", 0) >= _MANY_ROWS:
        yield f"{json['Heap Fetches']:,} heap fetches: VACUUM would avoid them"
    if json.get("Sort Space Type") == "Disk":
        yield "sorts on disk: work_mem is too small"
    if json.get("Hash Batches", 1) > 1:
        yield f"hashes in {json['Hash Batches']} batches on disk: work_mem is too small"
    if json.get("Lossy Heap Blocks"):
        yield f"{json['Lossy Heap Blocks']:,} lossy pages: work_mem is too small for the bitmap"


def _begins_to_be_wrong(node: PlanNode) -> bool:
    """Return whether an estimate is wrong here, and not because of a node below."""
    if not _is_wrong(node) or node.json["Node Type"] == "CTE Scan":
        return False
    if node.may_stop_early and node.json["Actual Rows"] < node.json["Plan Rows"]:
        # The estimate is that of a complete run.
        return False
    return not any(map(_is_wrong, node.children))


def _is_wrong(node: PlanNode) -> bool:
    if not node.loops:
        return False
    actual, planned = node.json["Actual Rows"], node.json["Plan Rows"]
    larger, smaller = max(actual, planned), max(min(actual, planned), 1)
    return bool(larger >= _ROWS_THAT_MATTER and larger / smaller >= _WRONG_BY)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
