"""Check the plans of queries against their Index lines, on one connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import psycopg
from psycopg import Connection

from .._ledger import read_applied
from .._migrations import has_trigrams
from .._queries import Source
from .header import IndexLine, index_line
from .index_lines import check_indexes
from .plans import Plan, Planner
from .problems import Problem


class IndexChecker:
    """Plans queries on one connection, and checks the plans.

    Args:
        connection: a connection that nothing else uses.
        has_own_settings: keep the planner's settings of the server.
    """

    def __init__(self, connection: Connection[Any], *, has_own_settings: bool = False) -> None:
        #: Which plans were not checked, and why.
        self.notes: set[str] = set()
        self.planner = Planner(connection, has_own_settings=has_own_settings)
        self.read_tables()
        self._has_trigrams = has_trigrams(read_applied(connection))

    def read_tables(self) -> None:
        """Read the tables and indexes of the database. Call it again after creating some."""
        self._tables = self.planner.tables()

    def lacks_trigrams(self, source: Source) -> bool:
        """Return whether a query uses trigram indexes that this database does not have."""
        return "Index (pg_trgm)" in source.header and not self._has_trigrams

    def index_line(self, source: Source) -> IndexLine:
        """Return the Index line that applies to this database."""
        with_trigrams = self._has_trigrams and "Index (pg_trgm)" in source.header
        return index_line(source.header["Index (pg_trgm)" if with_trigrams else "Index"])

    def plans(self, source: Source, values: Mapping[str, Mapping[str, str]]) -> dict[str, Plan]:
        """Return the plans by title: one, or one for each list of the Plan line."""
        if not values:
            return {source.name: self.planner.generic(source)}
        return {
            f"{source.name}: {title}": self.planner.custom(source, given)
            for title, given in values.items()
        }

    def problems(self, source: Source, plans: Iterable[Plan], line: IndexLine) -> Iterator[Problem]:
        """Compare the plans of a query with its Index line."""
        for plan in () if line.is_never_run else plans:
            for problem, tables in check_indexes(plan, line, self._tables):
                is_wide = plan.expects_list or "Index (pg_trgm)" in source.header
                cheap = self._tables.cheap if is_wide else frozenset[str]()
                small = sorted(t for t in tables if t in cheap or self._tables.is_small(t))
                self.notes |= {
                    f"plans of {table} were not checked: the table has too few rows, or ANALYZE "
                    "has never run on it"
                    for table in small
                    # The tables of the server itself do not grow with an application.
                    if not table.startswith("pg_")
                }
                if not small:
                    yield problem


def planning_problem(error: psycopg.Error) -> Problem:
    """Return the problem of a statement that the server does not plan."""
    message = error.diag.message_primary or type(error).__name__
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        fix = "grant the role of the check that privilege, or check as another role"
        return Problem("statement", f"the role may not run it: {message}", fix)
    return Problem("statement", f"the server refuses it: {message}", "correct the statement")
