"""Check one query against its header, its record, its methods and the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from .._queries import Source
from .analysis import Analysis, Catalog, UnsupportedServer, analyze, check_version
from .calls import check_absence, check_calls, check_names
from .columns import Overrides, check_columns, check_items, check_nulls
from .description import Described, Describer
from .header import (
    HeaderError,
    locks_line,
    null_line,
    plan_line,
    record_line,
    record_type,
)
from .index_check import IndexChecker, planning_problem
from .literals import allowed_values, check_literals
from .nested import check_nested, has_nested
from .plans import Plan
from .problems import Problem
from .python_side import PythonSide
from .staging import check_command, staging_tables
from .value_types import annotation_text


class CheckedQuery(NamedTuple):
    """The result of the check of one query."""

    problems: list[Problem]
    #: The type of its rows. None for a query without rows, or with a wrong Record line.
    record: Any
    #: By title.
    plans: dict[str, str]


class QueryChecker:
    """Checks queries on one connection."""

    def __init__(
        self, connection: Connection[Any], python: PythonSide, *, is_live: bool = False
    ) -> None:
        self._indexes = IndexChecker(connection, has_own_settings=is_live)
        #: What was not checked, and why.
        self.notes = self._indexes.notes
        self._connection = connection
        self._python = python
        self._catalog = Catalog(connection)
        self._describer = Describer(connection, self._catalog)
        self._allowed = allowed_values(connection)
        self._is_live = is_live
        #: Whether the role may not create a staging table.
        self._is_denied = False
        # The server writes the trees to its log too.
        self._reads_trees = not is_live and self._can_read_trees()

    def check(self, source: Source) -> CheckedQuery:
        """Check one query."""
        record = None
        try:
            line = record_line(source)
            record = line.expression and record_type(line.expression, self._python.records)
            index = self._indexes.index_line(source)
            values = plan_line(source)
            overrides = Overrides(null_line(source))
        except HeaderError as error:
            return CheckedQuery([Problem(error.code, str(error), "correct the header")], record, {})
        problems = [*self._check_header(source, record)]
        plans: dict[str, Plan] = {}
        if source.is_command:
            problems += self._check_command(source)
        elif source.is_staged and self._is_denied:
            self.notes.add(f"{source.name} was not checked: the role may make no temporary table")
        elif "Utility" in source.header:
            problems += self._check_utility(source)
        else:
            try:
                described = self._describer.describe(source.planned)
                # Only the planner finds some mistakes, such as a conflict target without a key.
                plans = self._indexes.plans(source, values)
            except psycopg.Error as error:
                problems.append(planning_problem(error))
            else:
                problems += self._check_statement(source, described, record, overrides)
                problems += self._indexes.problems(source, plans.values(), index)
        return CheckedQuery(problems, record, {title: plan.text for title, plan in plans.items()})

    def lacks_trigrams(self, source: Source) -> bool:
        """Return whether a query uses trigram indexes that this database does not have."""
        return self._indexes.lacks_trigrams(source)

    def _check_header(self, source: Source, record: Any) -> Iterator[Problem]:
        arity = source.suffix
        if record_line(source).may_be_absent and arity != "^":
            fix = "write ^ after the parameters, or drop `, or no row`"
            yield Problem("record", "`or no row` goes with ^ alone", fix)
        if (record is None) != (arity == "!"):
            yield Problem("record", "`Record: none` and ! go together", "write both, or neither")
        if not self._python.has_repositories:
            return
        calls = self._python.calls.get(source.name, ())
        if arity == "^":
            yield from check_absence(may_be_absent=record_line(source).may_be_absent, calls=calls)
        bound = {annotation_text(call.record) for call in calls if call.refusal is None}
        for other in sorted(bound - {annotation_text(record)}):
            yield Problem(
                "record",
                f"the rows become {other}, but the header says {annotation_text(record)}",
                "bind the query to the record of its header",
            )
        if source.name not in self._python.elsewhere:
            yield from check_names(source, self._python.methods, self._python.calls)

    @contextmanager
    def staged(self, sources: Iterable[Source]) -> Iterator[list[tuple[Source, Problem]]]:
        """Create the staging tables of one folder for the block, and yield their problems."""
        with staging_tables(self._connection, sources) as staging:
            self._is_denied = staging.is_denied
            if staging.tables:
                self._indexes.read_tables()
            yield staging.problems

    def _check_command(self, source: Source) -> Iterator[Problem]:
        if self._is_live:
            # Its parser, like that of the rules, is installed only for the check of a folder.
            return
        copy = self._python.copies.get(source.name)
        is_bound = self._python.has_repositories
        yield from check_command(self._connection, source, copy, is_bound=is_bound)

    def _check_utility(self, source: Source) -> Iterator[Problem]:
        """Only parse a statement, because it may read a table that does not exist yet."""
        self.notes.add(f"{source.name} was only parsed, as its Utility line says")
        try:
            self._describer.describe(source.sql)
        except psycopg.errors.UndefinedTable:
            return
        except psycopg.Error as error:
            yield planning_problem(error)
            return
        if self._is_live:
            # The table may exist here.
            return
        try:
            self._indexes.planner.generic(source)
        except psycopg.Error:
            # A command such as VACUUM has no plan.
            return
        fix = "drop the Utility line"
        yield Problem("statement", "the statement can be prepared, so it is no utility", fix)

    def _check_statement(
        self, source: Source, described: Described, record: Any, overrides: Overrides
    ) -> Iterator[Problem]:
        if record is not None:
            yield from check_columns(described, record)
            yield from check_literals(described, record, self._allowed)
        elif described.columns:
            yield Problem("columns", "returns columns, but `Record: none`", "name the record")
        calls = self._python.calls.get(source.name, ())
        yield from check_calls(source, described.parameters, calls)
        if self._reads_trees:
            analysis = analyze(self._connection, self._catalog, source.planned)
            if record_line(source).may_be_absent and analysis.has_one_row():
                what = "the statement always returns a row, but the header says `or no row`"
                yield Problem("record", what, "drop `, or no row`")
            if record is not None:
                yield from _check_nulls(analysis, described, record, overrides)
            yield from _check_locks(analysis, source)

    def _can_read_trees(self) -> bool:
        try:
            check_version(self._connection)
        except UnsupportedServer as reason:
            self.notes.add(f"NULLs, nested JSON and locks were not checked: {reason}")
            return False
        return True


def _check_nulls(
    analysis: Analysis, described: Described, record: Any, overrides: Overrides
) -> Iterator[Problem]:
    yield from check_nulls(described, record, analysis.nulls(), overrides)
    yield from check_items(described, record, analysis.array_items(), overrides)
    if has_nested(record):
        yield from check_nested(described, record, analysis.json_shapes(), overrides)
    yield from overrides.unknown()


def _check_locks(analysis: Analysis, source: Source) -> Iterator[Problem]:
    found = analysis.locks()
    if found != locks_line(source):
        locks = ", ".join(sorted(found)) or "none"
        fix = f"write `Locks:  {locks}`, or lock otherwise"
        yield Problem("locks", f"the statement locks {locks}", fix)
