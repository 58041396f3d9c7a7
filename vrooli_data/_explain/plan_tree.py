"""Read a plan of EXPLAIN (FORMAT JSON) as a tree of steps. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from .plan_words import facts, kind, remarks, role, rows_read, stops_early, target

_Json: TypeAlias = dict[str, Any]

#: A step that took more of the time stands out.
LARGE_SHARE = 0.25

_CTE = "CTE "


class Step(msgspec.Struct, frozen=True):
    """One node of a plan. Times are in ms, pages of 8 kB; both of all its loops."""

    kind: str
    #: What it reads or writes, and by which index; empty where it works on its children's rows.
    target: str
    #: How it serves the step above, where it does not simply feed it: ``CTE cur``, ``SubPlan 1``.
    role: str
    #: What it compares, sorts and groups by, and how, with the labels of EXPLAIN.
    facts: tuple[tuple[str, str], ...]
    #: What a reader should notice.
    remarks: tuple[str, ...]
    #: Of one loop; None where the plan was not run.
    rows: float | None
    planned_rows: int
    #: 0 when it was never executed.
    loops: int
    #: From a table, in all loops, with those that a filter removed.
    rows_read: float
    #: Without its children.
    ms: float
    #: Without its children: found in the server's cache or read into it.
    pages: int
    #: Of *pages*, those that were not in the cache.
    pages_read: int
    #: Of the time of the whole query, from 0 to 1.
    share: float
    children: tuple[Step, ...]

    def walk(self) -> Iterator[Step]:
        """Yield the step and all below it, in the order of the plan."""
        yield self
        for child in self.children:
            yield from child.walk()


class Trigger(msgspec.Struct, frozen=True):
    """What a constraint's trigger cost: foreign keys work in these."""

    name: str
    relation: str
    calls: int
    ms: float
    share: float


class Plan(msgspec.Struct, frozen=True):
    """One plan; times are in ms, and None where the query was not run."""

    root: Step
    triggers: tuple[Trigger, ...]
    execution_ms: float | None
    planning_ms: float | None

    @property
    def rows(self) -> int | None:
        """The rows that the query returned."""
        return None if self.root.rows is None else round(self.root.rows * self.root.loops)

    @property
    def pages(self) -> int:
        """The pages that the query looked at, each time that it did."""
        return sum(step.pages for step in self.root.walk())

    @property
    def rows_read(self) -> int:
        """The rows that were read from tables, those too that a filter removed again."""
        return round(sum(step.rows_read for step in self.root.walk()))

    @property
    def shape(self) -> list[tuple[str, str]]:
        """What distinguishes it from a plan that goes another way."""
        return [(step.kind, step.target) for step in self.root.walk()]


def read_plan(explained: _Json) -> Plan:
    """Read one plan."""
    return _Reader(explained).plan()


class _Reader:
    def __init__(self, explained: _Json) -> None:
        self._explained = explained
        root = _cost(explained["Plan"], 1).ms
        self._whole_ms = max(explained.get("Execution Time", 0.0), root)
        #: What making each CTE cost; whoever reads it waits for it, and is charged with it too.
        self._made: dict[str, _Cost] = {}

    def plan(self) -> Plan:
        return Plan(
            self._step(self._explained["Plan"], 1, early=False),
            tuple(self._trigger(trigger) for trigger in self._explained.get("Triggers", ())),
            self._explained.get("Execution Time"),
            self._explained.get("Planning Time"),
        )

    def _step(self, node: _Json, processes: int, *, early: bool) -> Step:
        cost = _cost(node, processes)
        if node.get("Subplan Name", "").startswith(_CTE):
            self._made[node["Subplan Name"]] = cost
        # Below a Gather the loops of all processes are counted, though they run at the same time.
        processes *= node.get("Workers Launched", 0) + 1
        plans = node.get("Plans", ())
        below = stops_early(node, early)
        children = tuple(self._step(child, processes, early=below) for child in plans)
        for child in plans:
            if not child.get("Subplan Name", "").startswith(_CTE):
                cost = cost.without(_cost(child, processes))
        if node["Node Type"] == "CTE Scan":
            name = f"{_CTE}{node['CTE Name']}"
            made = self._made.get(name, _Cost())
            cost, self._made[name] = cost.without(made), made.without(cost)
        return Step(
            kind=kind(node),
            target=target(node),
            role=role(node),
            facts=facts(node),
            remarks=remarks(node, stops_early=early),
            rows=node.get("Actual Rows"),
            planned_rows=node["Plan Rows"],
            loops=node.get("Actual Loops", 0),
            rows_read=rows_read(node),
            ms=cost.ms,
            pages=cost.hit + cost.read,
            pages_read=cost.read,
            share=self._share(cost.ms),
            children=children,
        )

    def _trigger(self, trigger: _Json) -> Trigger:
        # A trigger that no constraint made has only a name of its own.
        name: str = trigger.get("Constraint Name") or trigger["Trigger Name"]
        return Trigger(
            name,
            trigger["Relation"],
            trigger["Calls"],
            trigger["Time"],
            self._share(trigger["Time"]),
        )

    def _share(self, ms: float) -> float:
        return ms / self._whole_ms if self._whole_ms else 0.0


class _Cost(NamedTuple):
    ms: float = 0.0
    hit: int = 0
    read: int = 0

    def without(self, other: _Cost) -> _Cost:
        """Return what is left of it; clocks are read one after the other, so never below zero."""
        return _Cost(
            max(self.ms - other.ms, 0.0),
            max(self.hit - other.hit, 0),
            max(self.read - other.read, 0),
        )


def _cost(node: _Json, processes: int) -> _Cost:
    """Return what a node cost with its children."""
    return _Cost(
        node.get("Actual Total Time", 0.0) * node.get("Actual Loops", 0) / processes,
        node.get("Shared Hit Blocks", 0),
        node.get("Shared Read Blocks", 0),
    )
