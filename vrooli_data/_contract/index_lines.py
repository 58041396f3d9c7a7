"""Compare plans with the Index lines of headers. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .._plans import PlanNode
from .header import IndexEntry, IndexLine
from .plans import Plan, Tables
from .problems import Problem

_SORTS = frozenset({"Sort", "Incremental Sort"})
#: CTEs and subselects. A node above them does not sort their rows.
_SUBPLANS = frozenset({"InitPlan", "SubPlan"})
#: Nodes that read a whole table.
_TABLE_SCANS = frozenset({"Seq Scan", "Sample Scan", "Tid Range Scan"})
#: Aggregates that read all rows before they return one.
_WAITING = frozenset({"Plain", "Hashed", "Mixed"})

#: Nodes that make one row of many, in the order in which they read them.
_MERGING = frozenset({"Aggregate", "Group", "Unique"})

#: Joins that keep a row if it has, or does not have, a partner.
_CHOOSING = frozenset({"Anti", "Semi"})


class PlanProblem(NamedTuple):
    """A problem of a plan, and the tables that must be large enough for it to count."""

    problem: Problem
    tables: frozenset[str]


class _Step(NamedTuple):
    node: PlanNode
    #: The table and index that the node reads, by the names of `Tables`.
    table: str | None
    index_name: str | None
    #: Whether the condition of the node leads to a place in the index.
    is_search: bool


def check_indexes(plan: Plan, line: IndexLine, tables: Tables) -> Iterator[PlanProblem]:
    """Compare the indexes and scans of a plan with the Index line."""
    steps = [_step(node, tables) for node in plan.root.walk()]
    searched = {step.index_name for step in steps if step.is_search}
    ordering = {step.index_name for step in steps if _delivers_order(step)}
    missing = False
    for entry in line.entries:
        names = [tables.named(name) for name in entry.names]
        if not (ordering if entry.ordered else searched) & set(names):
            missing = True
            yield _missing_index(entry, names, steps, tables)
    whole = list(_full_scans(steps, line, tables))
    yield from _unread_tables(whole, line, tables)
    yield from _unbounded_scans(whole, line, tables)
    if missing:
        # The finding of the missing index names the indexes that are used instead.
        whole = [step for step in whole if step.index_name is None]
    else:
        yield from _unnamed_indexes(steps, line, tables)
    yield from _undeclared_scans(whole, line, tables)


def _missing_index(
    entry: IndexEntry, names: list[str], steps: list[_Step], tables: Tables
) -> PlanProblem:
    wanted = " or ".join(entry.names)
    known = [tables.indexes[name].table for name in names if name in tables.indexes]
    if not known:
        fix = "name an existing index"
        return PlanProblem(Problem("index", f"there is no index {wanted}", fix), frozenset())
    used = ", ".join(sorted({step.index_name for step in steps if step.index_name})) or "no index"
    is_to = "takes its order from" if entry.ordered else "has an index condition on"
    problem = Problem(
        "index",
        f"the plan no longer {is_to} {wanted}; it goes through {used}",
        "change the index, the query or the Index line, so that they agree",
    )
    return PlanProblem(problem, frozenset(known))


def _full_scans(steps: list[_Step], line: IndexLine, tables: Tables) -> Iterator[_Step]:
    """Find the steps that read a table or index from end to end."""
    ordering = {tables.named(name) for e in line.entries if e.ordered for name in e.names}
    for step in steps:
        is_left = _ends_at_limit(step)
        if is_left and (_may_drop_rows(step) or (_merges_rows(step) and not step.is_search)):
            # If few rows pass the filter, or if groups are few, the scan reads the whole table.
            yield step
        elif step.node.json["Node Type"] in _TABLE_SCANS or not (
            step.index_name is None or step.is_search or (is_left and step.index_name in ordering)
        ):
            yield step


def _undeclared_scans(whole: list[_Step], line: IndexLine, tables: Tables) -> Iterator[PlanProblem]:
    """Find tables that are read from end to end, and that no `scan:` of the header names."""
    declared = {tables.named(name) for name in line.scanned}
    for step in whole:
        if step.table not in declared:
            yield _plan_problem(
                step,
                _what_is_read(step),
                f"give it an index condition, or say `scan: {step.table}, bound`",
            )


def _what_is_read(step: _Step) -> str:
    if step.index_name is None:
        return f"the plan reads the table {step.table} from end to end"
    if _ends_at_limit(step):
        enough = "rows pass the filter" if _may_drop_rows(step) else "rows differ"
        return f"the plan reads {step.index_name} until enough {enough}, at worst to the end"
    return f"the plan reads the index {step.index_name} from end to end"


def _unread_tables(whole: list[_Step], line: IndexLine, tables: Tables) -> Iterator[PlanProblem]:
    """Find tables that a `scan:` names, and that are not read from end to end."""
    read = {step.table for step in whole}
    for name in line.scanned:
        table = tables.named(name)
        if table not in read:
            problem = Problem(
                "index",
                f"the plan does not read {name} from end to end",
                "drop it from `scan:`, and name the index",
            )
            yield PlanProblem(problem, frozenset({table}))


def _unbounded_scans(whole: list[_Step], line: IndexLine, tables: Tables) -> Iterator[PlanProblem]:
    """Find the scans that read more than their bound."""
    for scan in line.scans:
        for name in scan.tables:
            table = tables.named(name)
            if scan.ends_at_first:
                steps = [step for step in whole if step.table == table]
                if not all(map(_ends_at_first, steps)):
                    yield _plan_problem(
                        steps[0],
                        f"the plan reads {name} beyond the first row",
                        "add LIMIT 1 or EXISTS, or say how much is read",
                    )
            elif scan.rows is not None and tables.rows.get(table, 0) > scan.rows:
                problem = Problem(
                    "index",
                    f"{name} holds {tables.rows[table]} rows, not {scan.rows} at most",
                    "let the query use an index, or correct the bound",
                )
                yield PlanProblem(problem, frozenset())


def _unnamed_indexes(steps: list[_Step], line: IndexLine, tables: Tables) -> Iterator[PlanProblem]:
    """Find the indexes that the plan searches and the header does not name."""
    named = {tables.named(name) for entry in line.entries for name in entry.names}
    for step in steps:
        if step.is_search and step.index_name not in named:
            yield _plan_problem(
                step,
                f"the plan uses {step.index_name}, which the header does not name",
                "name it, or change the query to use the named indexes",
            )


def _plan_problem(step: _Step, what: str, fix: str) -> PlanProblem:
    return PlanProblem(Problem("index", what, fix), frozenset({step.table or ""}))


def _delivers_order(step: _Step) -> bool:
    """Return whether the order of an index scan reaches a Limit, or the result, without a sort."""
    if step.node.json["Node Type"] not in ("Index Scan", "Index Only Scan"):
        return False
    node = step.node
    for above in node.ancestors():
        if above.json["Node Type"] == "Limit" or _is_subplan(node):
            return True
        if above.json["Node Type"] in _SORTS or _relation(node) == "Inner":
            return False
        node = above
    return True


def _ends_at_limit(step: _Step) -> bool:
    """Return whether a scan that delivers an order ends when a Limit has its rows."""
    if not _delivers_order(step):
        return False
    node = step.node
    for above in node.ancestors():
        if _is_subplan(node) or above.json.get("Strategy") in _WAITING:
            return False
        if above.json["Node Type"] == "Limit":
            return True
        node = above
    return False


def _may_drop_rows(step: _Step) -> bool:
    """Return whether rows of a scan may be dropped before they reach the Limit that ends it."""
    node = step.node
    if "Filter" in node.json or ("Index Cond" in node.json and not step.is_search):
        return True
    for above in node.ancestors():
        json = above.json
        if json["Node Type"] == "Limit":
            return False
        if "Filter" in json or "Join Filter" in json or json.get("Join Type") in _CHOOSING:
            return True
        if json.get("Join Type") == "Inner" and any(
            _has_filter(other) for other in above.children if other is not node
        ):
            # A row without a partner is dropped.
            return True
        node = above
    return False


def _merges_rows(step: _Step) -> bool:
    """Return whether rows become one row before they reach the Limit, by DISTINCT or GROUP BY."""
    for above in step.node.ancestors():
        if above.json["Node Type"] == "Limit":
            return False
        if above.json["Node Type"] in _MERGING:
            return True
    return False


def _has_filter(node: PlanNode) -> bool:
    """Return whether a node, or a node below it, has a filter."""
    return any("Filter" in each.json for each in node.walk())


def _ends_at_first(step: _Step) -> bool:
    """Return whether a scan ends after its first row, because of LIMIT or EXISTS."""
    above = step.node.parent
    return "Filter" not in step.node.json and (
        (above is not None and above.json["Node Type"] == "Limit") or _is_subplan(step.node)
    )


def _is_subplan(node: PlanNode) -> bool:
    return _relation(node) in _SUBPLANS


def _relation(node: PlanNode) -> str | None:
    return node.json.get("Parent Relationship")


def _step(node: PlanNode, tables: Tables) -> _Step:
    """Resolve the table and the index of a node."""
    index = node.json.get("Index Name")
    if index is not None:
        # The index of a bitmap has the schema of the scan above it.
        index = tables.names.get((_schema(node), index), index)
    found = tables.indexes.get(index or "")
    is_search = found is not None and found.is_searched_by(node.json.get("Index Cond", ""))
    return _Step(node, _table(node, tables), index, is_search)


def _table(node: PlanNode, tables: Tables) -> str | None:
    for each in (node, *node.ancestors()):
        if "Relation Name" in each.json:
            own = each.json["Relation Name"]
            return tables.names.get((_schema(each), own), own)
    return None


def _schema(node: PlanNode) -> str:
    near = (node, *node.ancestors())
    return next((each.json["Schema"] for each in near if "Schema" in each.json), "")
