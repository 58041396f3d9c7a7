"""Hold one query to its header, its record, the methods that run it, and the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg import Connection

from .._migrations import has_trigrams
from .._queries import Source
from .analysis import Analysis, Catalog, UnsupportedServer, analyze, check_version
from .calls import check_absence, check_calls, check_names
from .columns import Overrides, check_columns, check_items, check_nulls
from .description import Described, Describer
from .header import (
    HeaderError,
    IndexLine,
    index_line,
    locks_line,
    null_line,
    plan_line,
    record_line,
    record_type,
)
from .index_lines import check_indexes
from .literals import allowed_values, check_literals
from .nested import check_nested, has_nested
from .plans import Plan, Planner
from .problems import Problem
from .recording import Call, Method
from .value_types import shown

_MIGRATIONS = "vrooli_data_migrations"
_APPLIED = b"SELECT id FROM vrooli_data_migrations"


class Code(NamedTuple):
    """What the Python side says."""

    #: The records by their names.
    records: Mapping[str, type[msgspec.Struct]]
    methods: Sequence[Method]
    #: What the methods ran, by query.
    calls: Mapping[str, Sequence[Call]]
    #: Queries that modules without a repository hold.
    elsewhere: frozenset[str]
    #: Whether there are repositories to be held to at all.
    has_repositories: bool


class Outcome(NamedTuple):
    """What was found of one query."""

    problems: list[Problem]
    #: The type of its rows; None where there is none, or none that the header names rightly.
    record: Any
    #: By title.
    plans: dict[str, str]


class QueryChecker:
    """Checks queries on one connection."""

    def __init__(self, connection: Connection[Any], code: Code, *, is_live: bool = False) -> None:
        #: What could not be checked, and why.
        self.notes: set[str] = set()
        self._connection = connection
        self._code = code
        self._catalog = Catalog(connection)
        self._describer = Describer(connection, self._catalog)
        self._planner = Planner(connection, has_own_settings=is_live)
        self._tables = self._planner.tables()
        self._allowed = allowed_values(connection)
        self._has_trigrams = _MIGRATIONS in self._tables.rows and has_trigrams(
            [id for (id,) in connection.execute(_APPLIED)]
        )
        # A tree is written to the server's log as well.
        self._reads_trees = not is_live and self._can_read_trees()

    def check(self, source: Source) -> Outcome:
        """Check one query."""
        record = None
        try:
            line = record_line(source)
            record = line.expression and record_type(line.expression, self._code.records)
            index = index_line(self._index_text(source))
            values = plan_line(source)
            overrides = Overrides(null_line(source))
        except HeaderError as error:
            return Outcome([Problem(error.code, str(error), "correct the header")], record, {})
        problems = [*self._check_header(source, record)]
        plans: dict[str, Plan] = {}
        if "Utility" in source.header:
            problems += self._check_utility(source)
        else:
            try:
                described = self._describer.describe(source.sql)
                # Some mistakes only the planner sees, such as a conflict target without a key.
                plans = self._plans(source, values)
            except psycopg.Error as error:
                problems.append(_refused(error))
            else:
                problems += self._check_statement(source, described, record, overrides)
                for plan in () if index.is_never_run else plans.values():
                    problems += self._check_indexes(plan, index)
        return Outcome(problems, record, {title: plan.text for title, plan in plans.items()})

    def lacks_trigrams(self, source: Source) -> bool:
        """Tell whether a query would go through trigram indexes that are not here."""
        return "Index (pg_trgm)" in source.header and not self._has_trigrams

    def _index_text(self, source: Source) -> str:
        with_trigrams = self._has_trigrams and "Index (pg_trgm)" in source.header
        return source.header["Index (pg_trgm)" if with_trigrams else "Index"]

    def _check_header(self, source: Source, record: Any) -> Iterator[Problem]:
        arity = source.suffix
        if record_line(source).may_be_absent and arity != "^":
            mend = "write ^ behind the parameters, or drop it"
            yield Problem("record", "`or no row` goes with ^ alone", mend)
        if (record is None) != (arity == "!"):
            yield Problem("record", "`Record: none` and ! go together", "write both, or neither")
        if not self._code.has_repositories:
            return
        calls = self._code.calls.get(source.name, ())
        if arity == "^":
            yield from check_absence(may_be_absent=record_line(source).may_be_absent, calls=calls)
        bound = {shown(call.record) for call in calls}
        for other in sorted(bound - {shown(record)}):
            yield Problem(
                "record",
                f"the rows become {other}, but the header says {shown(record)}",
                "bind the query to the record of its header",
            )
        if source.name not in self._code.elsewhere:
            yield from check_names(source, self._code.methods, self._code.calls)

    def _check_utility(self, source: Source) -> Iterator[Problem]:
        """Have a statement parsed, which is all that can be done where a table is not there."""
        self.notes.add(f"{source.name} was only parsed, as its Utility line says")
        try:
            self._describer.describe(source.sql)
        except psycopg.errors.UndefinedTable:
            return
        except psycopg.Error as error:
            yield _refused(error)
            return
        try:
            self._planner.generic(source)
        except psycopg.Error:
            # A command such as VACUUM has no plan.
            return
        mend = "drop the line, so that the statement is checked"
        yield Problem("statement", "it can be prepared, so that it is no utility", mend)

    def _check_statement(
        self, source: Source, described: Described, record: Any, overrides: Overrides
    ) -> Iterator[Problem]:
        if record is not None:
            yield from check_columns(described, record)
            yield from check_literals(described, record, self._allowed)
        elif described.columns:
            yield Problem("columns", "returns columns, but `Record: none`", "name the record")
        calls = self._code.calls.get(source.name, ())
        yield from check_calls(source, described.parameters, calls)
        if self._reads_trees:
            analysis = analyze(self._connection, self._catalog, source.sql)
            if record is not None:
                yield from _check_nulls(analysis, described, record, overrides)
            yield from _check_locks(analysis, source)

    def _plans(self, source: Source, values: Mapping[str, Mapping[str, str]]) -> dict[str, Plan]:
        """Return the plans that run: of each call's own where the header asks for it, else one."""
        if not values:
            return {source.name: self._planner.generic(source)}
        return {
            f"{source.name}: {title}": self._planner.custom(source, given)
            for title, given in values.items()
        }

    def _check_indexes(self, plan: Plan, index: IndexLine) -> Iterator[Problem]:
        for problem, tables in check_indexes(plan, index, self._tables):
            small = sorted(filter(self._tables.is_small, tables))
            self.notes |= {
                f"how plans go through {table} was not checked: it has too few rows, or was never "
                "analysed"
                for table in small
            }
            if not small:
                yield problem

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
        mend = f"write `Locks:  {locks}`, or lock otherwise"
        yield Problem("locks", f"the statement locks {locks}", mend)


def _refused(error: psycopg.Error) -> Problem:
    message = error.diag.message_primary or type(error).__name__
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        mend = "grant it to the role that checks, or check as another"
        return Problem("statement", f"the role may not run it: {message}", mend)
    return Problem("statement", f"the server refuses it: {message}", "correct the statement")
