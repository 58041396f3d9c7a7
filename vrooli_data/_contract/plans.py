"""Ask the server for the plans of queries, and hold them to the Index lines of their headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from psycopg import Connection

from .._queries import Source
from .header import IndexEntry, IndexLine
from .problems import Problem

_Json: TypeAlias = dict[str, Any]

#: The same on every server, so that its own settings do not decide what is found. A page read at
#: random costs what it does on a solid-state disk.
_SETTINGS = b"""
SET random_page_cost = 1.1;
SET seq_page_cost = 1.0;
SET effective_cache_size = '4GB';
SET work_mem = '4MB';
SET jit = off;
SET max_parallel_workers_per_gather = 0
"""
#: On a table of fewer rows the planner rightly reads them all, whatever indexes there are.
ENOUGH_ROWS = 1000

_TABLES = """
SELECT
    pg_class.relname,
    pg_class.reltuples::bigint
FROM pg_class
WHERE
    pg_class.relkind IN ('r', 'p', 'm')
    AND pg_table_is_visible(pg_class.oid)
"""
# Only a B-tree is searched by its first column; PostgreSQL tells it as the plan does.
_INDEXES = """
SELECT
    pg_class.relname,
    tables.relname,
    CASE WHEN pg_am.amname = 'btree' THEN pg_get_indexdef(pg_class.oid, 1, true) END
FROM pg_index
INNER JOIN pg_class ON pg_index.indexrelid = pg_class.oid
INNER JOIN pg_class AS tables ON pg_index.indrelid = tables.oid
INNER JOIN pg_am ON pg_class.relam = pg_am.oid
WHERE pg_table_is_visible(pg_class.oid)
"""
_SORTS = frozenset({"Sort", "Incremental Sort"})
#: CTEs and subselects: what stands above them does not sort them.
_PLANS_APART = frozenset({"InitPlan", "SubPlan"})
#: Whatever reaches rows by reading a whole table.
_TABLE_SCANS = frozenset({"Seq Scan", "Sample Scan", "Tid Range Scan"})


class Plan(NamedTuple):
    """One plan, for the program and for the reader."""

    root: _Json
    text: str


class Index(NamedTuple):
    """One index."""

    table: str
    #: The first column or expression of a B-tree; None for an index of another kind.
    leading: str | None

    def is_searched_by(self, condition: str) -> bool:
        """Tell whether a plan's condition leads to a place in the index.

        A condition on later columns alone is checked against entry after entry.
        """
        if self.leading is None:
            return bool(condition)
        leading = re.escape(self.leading)
        return bool(re.search(rf"\((?:ROW\()?\(?(?:\w+\.)?{leading}(?!\w)", condition))


class Tables(NamedTuple):
    """What the plans go through."""

    #: As ANALYZE counted them; -1 where it never ran.
    rows: Mapping[str, int]
    indexes: Mapping[str, Index]

    def is_small(self, table: str) -> bool:
        """Tell whether a table is too small to say anything about a plan."""
        return self.rows.get(table, ENOUGH_ROWS) < ENOUGH_ROWS


class Planner:
    """Plans statements on one connection, which it sets up for that."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        connection.execute(_SETTINGS)

    def tables(self) -> Tables:
        """Return the tables and indexes that can be named without their schema."""
        execute = self._connection.execute
        indexes = {name: Index(*found) for name, *found in execute(_INDEXES).fetchall()}
        return Tables(dict(execute(_TABLES).fetchall()), indexes)

    def generic(self, source: Source) -> Plan:
        """Return the plan that a prepared query has for any parameters."""
        return self._explain(source, ["NULL"] * len(source.parameters), b"force_generic_plan")

    def custom(self, source: Source, values: Mapping[str, str]) -> Plan:
        """Return the plan for given parameters, as literals by name."""
        given = [values[name] for name in source.parameters]
        return self._explain(source, given, b"force_custom_plan")

    def _explain(self, source: Source, values: list[str], mode: bytes) -> Plan:
        execute = self._connection.execute
        call = f" EXECUTE planned ({', '.join(values)})" if values else " EXECUTE planned"
        execute(b"SET plan_cache_mode = " + mode)
        execute(b"PREPARE planned AS " + source.sql.encode())
        try:
            ((found,),) = execute(b"EXPLAIN (COSTS OFF, FORMAT JSON)" + call.encode()).fetchall()
            lines = execute(b"EXPLAIN (COSTS OFF)" + call.encode()).fetchall()
        finally:
            execute(b"DEALLOCATE planned")
        return Plan(found[0]["Plan"], "\n".join(line for (line,) in lines))


class _Step(NamedTuple):
    node: _Json
    #: From the nearest to the root.
    above: tuple[_Json, ...]


def check_indexes(plan: Plan, line: IndexLine, tables: Tables) -> Iterator[Problem]:
    """Compare the indexes and scans of a plan with the Index line."""
    steps = list(_steps(plan.root, ()))
    through = [step for step in steps if "Index Name" in step.node]
    searched = {step.node["Index Name"] for step in through if _is_searched(step.node, tables)}
    ordered = {step.node["Index Name"] for step in through if _delivers_order(step)}
    missing = [
        entry
        for entry in line.entries
        if not set(entry.names) & (ordered if entry.ordered else searched)
    ]
    for entry in missing:
        yield _missing(entry, through, tables)
    nodes = [step.node for step in steps]
    if missing:
        # What is used instead is told with what is missing.
        nodes = [node for node in nodes if "Index Name" not in node]
    yield from _whole(nodes, line, tables)
    yield from _unnamed(nodes, line, tables)


def small_tables(plan: Plan, line: IndexLine, tables: Tables) -> set[str]:
    """Return the tables of a plan or its header that are too small to judge it by."""
    named = {name for entry in line.entries for name in entry.names}
    used = {step.node.get("Relation Name") for step in _steps(plan.root, ())}
    return {
        table
        for table in {
            *(tables.indexes[name].table for name in named & tables.indexes.keys()),
            *used,
        }
        if table is not None and tables.is_small(table)
    }


def _missing(entry: IndexEntry, through: list[_Step], tables: Tables) -> Problem:
    names = " or ".join(entry.names)
    if not set(entry.names) & tables.indexes.keys():
        return Problem("index", f"there is no index {names}", "name one that there is")
    used = ", ".join(sorted({step.node["Index Name"] for step in through})) or "no index"
    wanted = "takes its order from" if entry.ordered else "has an index condition on"
    return Problem(
        "index",
        f"the plan no longer {wanted} {names}; it goes through {used}",
        "bring the index, the query and the Index line in line with each other",
    )


def _whole(nodes: list[_Json], line: IndexLine, tables: Tables) -> Iterator[Problem]:
    """Find what the plan reads from end to end, and a `scan:` of a plan that does not."""
    # One that delivers an order is left at the limit.
    ordering = {name for entry in line.entries if entry.ordered for name in entry.names}
    found = []
    for node in nodes:
        index = node.get("Index Name")
        if node["Node Type"] in _TABLE_SCANS:
            found.append(f"the table {node['Relation Name']}")
        elif index not in {None, *ordering} and not _is_searched(node, tables):
            found.append(f"the index {index}")
    if line.scan is not None:
        if not found:
            mend = "drop `scan:`, and name the indexes"
            yield Problem("index", "the plan reads nothing from end to end", mend)
        return
    for what in found:
        yield Problem(
            "index",
            f"the plan reads {what} from end to end",
            "give it an index condition, or say `scan: reason, bound`",
        )


def _unnamed(nodes: list[_Json], line: IndexLine, tables: Tables) -> Iterator[Problem]:
    """Find the indexes that the plan searches without a word about them in the header."""
    named = {name for entry in line.entries for name in entry.names}
    for node in nodes:
        index = node.get("Index Name")
        if index not in {None, *named} and _is_searched(node, tables):
            yield Problem(
                "index",
                f"the plan uses {index}, which the header does not name",
                "name it, or bring the query back to the indexes named",
            )


def _is_searched(node: _Json, tables: Tables) -> bool:
    index = tables.indexes.get(node.get("Index Name", ""))
    return index is not None and index.is_searched_by(node.get("Index Cond", ""))


def _delivers_order(step: _Step) -> bool:
    """Tell whether an index scan's order reaches a Limit, or the end, without being sorted."""
    if step.node["Node Type"] not in ("Index Scan", "Index Only Scan"):
        return False
    node = step.node
    for above in step.above:
        if above["Node Type"] == "Limit" or node.get("Parent Relationship") in _PLANS_APART:
            return True
        if above["Node Type"] in _SORTS or node.get("Parent Relationship") == "Inner":
            return False
        node = above
    return True


def _steps(node: _Json, above: tuple[_Json, ...]) -> Iterator[_Step]:
    yield _Step(node, above)
    for child in node.get("Plans", ()):
        yield from _steps(child, (node, *above))
