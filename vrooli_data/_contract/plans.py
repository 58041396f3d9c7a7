"""Ask the server for the plans of queries, and hold them to the Index lines of their headers."""

from __future__ import annotations

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
_INDEXES = """
SELECT
    pg_class.relname,
    tables.relname
FROM pg_index
INNER JOIN pg_class ON pg_index.indexrelid = pg_class.oid
INNER JOIN pg_class AS tables ON pg_index.indrelid = tables.oid
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


class Tables(NamedTuple):
    """What the plans go through."""

    #: As ANALYZE counted them; -1 where it never ran.
    rows: Mapping[str, int]
    #: The table of each index.
    indexes: Mapping[str, str]

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
        return Tables(
            dict(self._connection.execute(_TABLES).fetchall()),
            dict(self._connection.execute(_INDEXES).fetchall()),
        )

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
    searched = {step.node["Index Name"] for step in through if "Index Cond" in step.node}
    ordered = {step.node["Index Name"] for step in through if _delivers_order(step)}
    missing = [
        entry
        for entry in line.entries
        if not set(entry.names) & (ordered if entry.ordered else searched)
    ]
    for entry in missing:
        yield _missing(entry, through, tables)
    # What is used instead is told with what is missing.
    yield from _unnamed(steps, line, tell_indexes=not missing)


def small_tables(plan: Plan, line: IndexLine, tables: Tables) -> set[str]:
    """Return the tables of a plan or its header that are too small to judge it by."""
    named = {name for entry in line.entries for name in entry.names}
    used = {step.node.get("Relation Name") for step in _steps(plan.root, ())}
    return {
        table
        for table in {*map(tables.indexes.get, named), *used}
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


def _unnamed(steps: list[_Step], line: IndexLine, *, tell_indexes: bool) -> Iterator[Problem]:
    """Find what the plan reads without a word about it in the header."""
    if line.scan is not None:
        return
    named = {name for entry in line.entries for name in entry.names}
    ordering = {name for entry in line.entries if entry.ordered for name in entry.names}
    for node in (step.node for step in steps):
        index = node.get("Index Name")
        if node["Node Type"] in _TABLE_SCANS:
            yield _whole(f"the table {node['Relation Name']}")
        elif index is None or not tell_indexes:
            continue
        elif "Index Cond" not in node and index not in ordering:
            yield _whole(index)
        elif index not in named:
            yield Problem(
                "index",
                f"the plan uses {index}, which the header does not name",
                "name it, or bring the query back to the indexes named",
            )


def _whole(what: str) -> Problem:
    return Problem(
        "index",
        f"the plan reads {what} from end to end",
        "give it an index condition, or say `scan: reason, bound`",
    )


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
