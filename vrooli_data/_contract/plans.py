"""Fetch the plans of queries from the server, and the tables and indexes that plans use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from psycopg import Connection

from .._plans import PlanNode
from .._queries import Source

#: Fixed, so that the findings do not depend on the settings of the server. The cost of a random
#: page is that of a solid-state disk.
_SETTINGS = b"""
SET random_page_cost = 1.1;
SET seq_page_cost = 1.0;
SET effective_cache_size = '4GB';
SET work_mem = '4MB';
SET jit = off;
SET max_parallel_workers_per_gather = 0
"""
#: The planner rightly reads a table with fewer rows as a whole.
ENOUGH_ROWS = 1000
#: For a list of keys or for trigrams it may be right for more rows, by the settings of the server:
#: reading all of them costs less than looking up the 100 that it expects of a JSON array, at 1.5
#: random pages each.
_LOOK_UPS = 150

# A partition has the name of its table, and its index the name of the index of the table.
_NAMES = """
SELECT
    pg_namespace.nspname,
    pg_class.relname,
    pg_class.oid::regclass::text,
    format('%I.%I', pg_namespace.nspname, pg_class.relname),
    coalesce(pg_partition_root(pg_class.oid), pg_class.oid)::regclass::text
FROM pg_class
INNER JOIN pg_namespace ON pg_class.relnamespace = pg_namespace.oid
WHERE pg_class.relkind IN ('r', 'p', 'm', 'i', 'I')
"""
_TABLES = """
SELECT
    coalesce(pg_partition_root(oid), oid)::regclass::text,
    sum(
        CASE
            -- It is empty until a load fills it.
            WHEN relpersistence = 't' THEN 1000
            WHEN relkind = 'p' THEN 0
            ELSE greatest(reltuples, 0)
        END
    )::bigint,
    sum(
        CASE
            WHEN relpersistence = 't' THEN 'Infinity'
            WHEN relkind = 'p' THEN 0
            ELSE
                relpages * current_setting('seq_page_cost')::double precision
                + greatest(reltuples, 0) * current_setting('cpu_tuple_cost')::double precision
        END
    ) < %s * current_setting('random_page_cost')::double precision
FROM pg_class
WHERE relkind IN ('r', 'p', 'm')
GROUP BY 1
"""
# Only a B-tree is searched by its first column. PostgreSQL writes the column as plans do.
_INDEXES = """
SELECT
    pg_class.oid::regclass::text,
    coalesce(pg_partition_root(pg_index.indrelid), pg_index.indrelid)::regclass::text,
    CASE WHEN pg_am.amname = 'btree' THEN pg_get_indexdef(pg_class.oid, 1, true) END
FROM pg_index
INNER JOIN pg_class ON pg_index.indexrelid = pg_class.oid
INNER JOIN pg_am ON pg_class.relam = pg_am.oid
WHERE NOT pg_class.relispartition
"""
#: The qualifier of a name. A match inside a literal does no harm.
_QUALIFIER = re.compile(r'(?:\b[^\W\d]\w*|"(?:[^"]|"")+")\.(?=[^\W\d]|")')


class Plan(NamedTuple):
    """One plan, as nodes and as text."""

    root: PlanNode
    text: str

    @property
    def expects_list(self) -> bool:
        """Whether it reads a list; the planner does not know its length."""
        return any(node.json["Node Type"] == "Function Scan" for node in self.root.walk())


class Index(NamedTuple):
    """One index."""

    table: str
    #: The first column or expression of a B-tree; None for another kind of index.
    leading: str | None

    def is_searched_by(self, condition: str) -> bool:
        """Return whether a condition of a plan leads to a place in the index.

        A condition on later columns alone is compared with entry after entry.
        """
        if self.leading is None:
            return bool(condition)
        leading = re.escape(_QUALIFIER.sub("", self.leading))
        condition = _QUALIFIER.sub("", condition)
        return bool(re.search(rf"\((?:ROW\()?\(?{leading}(?!\w)", condition))


class Tables(NamedTuple):
    """Tables and indexes, by the names that SQL needs: with a schema only if necessary."""

    #: The count of ANALYZE; 0 if ANALYZE never ran.
    rows: Mapping[str, int]
    indexes: Mapping[str, Index]
    #: Those that the server's own settings make cheap to read as a whole; see `_LOOK_UPS`.
    cheap: frozenset[str]
    #: The names by the schema and name that a plan shows.
    names: Mapping[tuple[str, str], str]
    #: The names by every spelling that a header may use.
    spellings: Mapping[str, str]

    def is_small(self, table: str) -> bool:
        """Return whether a table is too small for its plans to be judged."""
        return self.rows.get(table, ENOUGH_ROWS) < ENOUGH_ROWS

    def named(self, text: str) -> str:
        """Return the name of a table or index that a header names."""
        return self.spellings.get(text, text)


class Planner:
    """Plans statements on one connection, and changes the settings of that connection.

    Args:
        connection: a connection that has no other user.
        has_own_settings: keep the planner settings of the server.
    """

    def __init__(self, connection: Connection[Any], *, has_own_settings: bool = False) -> None:
        self._connection = connection
        self._mode = b""
        self._look_ups = _LOOK_UPS if has_own_settings else 0
        if not has_own_settings:
            connection.execute(_SETTINGS)

    def tables(self) -> Tables:
        """Return the tables and indexes of the database."""
        execute = self._connection.execute
        indexes = {name: Index(*found) for name, *found in execute(_INDEXES).fetchall()}
        names: dict[tuple[str, str], str] = {}
        spellings: dict[str, str] = {}
        for schema, own, short, full, name in execute(_NAMES).fetchall():
            names[schema, own] = name
            spellings |= {short: name, full: name}
        tables = execute(_TABLES, (self._look_ups,)).fetchall()
        rows = {name: count for name, count, _ in tables}
        cheap = frozenset(name for name, _, is_cheap in tables if is_cheap)
        return Tables(rows, indexes, cheap, names, spellings)

    def generic(self, source: Source) -> Plan:
        """Return the plan of a prepared query for any parameters."""
        return self._explain(source, ["NULL"] * len(source.parameters), b"force_generic_plan")

    def custom(self, source: Source, values: Mapping[str, str]) -> Plan:
        """Return the plan for given parameters; *values* are literals by name."""
        given = [values[name] for name in source.parameters]
        return self._explain(source, given, b"force_custom_plan")

    def _explain(self, source: Source, values: list[str], mode: bytes) -> Plan:
        execute = self._connection.execute
        call = f" EXECUTE planned ({', '.join(values)})" if values else " EXECUTE planned"
        if mode != self._mode:
            execute(b"SET plan_cache_mode = " + mode)
            self._mode = mode
        execute(b"PREPARE planned AS " + source.planned.encode())
        try:
            ((found,),) = execute(
                b"EXPLAIN (COSTS OFF, VERBOSE, FORMAT JSON)" + call.encode()
            ).fetchall()
            lines = execute(b"EXPLAIN (COSTS OFF)" + call.encode()).fetchall()
        finally:
            execute(b"DEALLOCATE planned")
        return Plan(PlanNode(found[0]["Plan"]), "\n".join(line for (line,) in lines))
