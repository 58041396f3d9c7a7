"""Explain queries on one connection, and roll their writes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Literal

from .._classify import translate
from .._connect import ASK_ROLE
from .._contract.header import HeaderError, plan_line
from .._contract.index_check import IndexChecker, planning_problem
from .._contract.problems import Problem
from .._own_session import scalar
from .._plans import PlanTree
from .._queries import Source
from ..errors import VrooliDataError
from .examples import ExampleQueries, ExampleValues

#: Limits, because an example may wait for a locked row, or take long on large tables.
_SETUP = """
SELECT
    set_config('TimeZone', 'UTC', true),
    set_config('lock_timeout', '5s', true),
    set_config('statement_timeout', '60s', true)
"""
_PLAN_MODE = "SELECT set_config('plan_cache_mode', %s, true)"
_ANALYZE = SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ")
_PLAN_ONLY = SQL("EXPLAIN (FORMAT JSON) ")
#: The first run warms the cache. The fastest run is shown, as the least disturbed one.
_RUNS = 3
#: A query that takes longer is measured once.
_SLOW_MS = 500
#: The function of PostgreSQL that a rollback does not undo.
_NOT_ROLLED_BACK = "setval("


class Explained(msgspec.Struct, frozen=True):
    """One query with its plan, or with the reason why it has none."""

    source: Source
    #: The example values by parameter.
    values: dict[str, Any] = {}
    #: Without actual times where *note* is set.
    plan: PlanTree | None = None
    #: Why there is no plan, or why the query was only planned.
    note: str | None = None
    #: Where the query, or its plan, does not fit the header.
    problems: tuple[Problem, ...] = ()


class Explainer:
    """Explains queries on the rows of one database, on a connection that nothing else uses."""

    def __init__(self, connection: Connection[Any], examples: ExampleQueries) -> None:
        self._connection = connection
        self._role = scalar(connection, ASK_ROLE)
        self._examples = ExampleValues(connection, examples)
        self._checker = IndexChecker(connection, has_own_settings=True)

    @property
    def notes(self) -> list[str]:
        """Which plans were not checked, and why."""
        return sorted(self._checker.notes)

    def explain(self, source: Source) -> Explained:
        """Explain one query.

        Raises:
            NotFound: its example returns no row.
            VrooliDataError: its example fails, or the query fails with the values of the example.
        """
        if "Utility" in source.header:
            return Explained(source, note=f"not run: it {source.header['Utility']}")
        if source.is_staged or source.is_command:
            return Explained(source, note="not run: it is part of a bulk load")
        if self._checker.lacks_trigrams(source):
            return Explained(source, note="not run: the database has no trigram indexes")
        try:
            problems = self._problems(source)
            if any(problem.code != "index" for problem in problems):
                return Explained(source, note="not run", problems=problems)
            return self._explain(source, self._examples.values(source), problems)
        except psycopg.Error as error:
            lost = self._connection.closed
            raise translate(error, source.name, lost, source=source, role=self._role) from None

    def explain_all(
        self, sources: Sequence[Source], on_explained: Callable[[], object]
    ) -> list[Explained]:
        """Explain queries. A query that fails gets a note.

        Args:
            sources: the queries.
            on_explained: called after each query.
        """
        explained: dict[str, Explained] = {}
        # Queries that write come last: rows that were rolled back stay in the tables until VACUUM.
        for source in sorted(sources, key=lambda source: source.header["Locks"] != "none"):
            explained[source.name] = self._explain_if_possible(source)
            on_explained()
        return [explained[source.name] for source in sources]

    def _explain_if_possible(self, source: Source) -> Explained:
        try:
            return self.explain(source)
        except VrooliDataError as error:
            if self._connection.closed:
                raise
            return Explained(source, note=str(error).removeprefix(f"{source.name}: "))

    def _problems(self, source: Source) -> tuple[Problem, ...]:
        """Check the header against the plan that runs on this database."""
        try:
            line = self._checker.index_line(source)
            plans = self._checker.plans(source, plan_line(source))
        except HeaderError as error:
            return (Problem(error.code, str(error), "correct the header"),)
        except psycopg.Error as error:
            if self._connection.closed:
                raise
            return (planning_problem(error),)
        return tuple(dict.fromkeys(self._checker.problems(source, plans.values(), line)))

    def _explain(
        self, source: Source, values: dict[str, Any], problems: tuple[Problem, ...]
    ) -> Explained:
        missing = [name for name in source.parameters if name not in values]
        note = None
        if missing:
            note = f"planned, not run: no example for {', '.join(missing)}"
            values = dict.fromkeys(source.parameters) | values
        elif _NOT_ROLLED_BACK in source.sql:
            note = "planned, not run: it sets sequences, which a rollback does not undo"
        if note is not None:
            plan = self._run(source, values, _PLAN_ONLY)
            return Explained(source, values, plan, note, problems)
        best = self._run(source, values, _ANALYZE)
        for _ in range(_RUNS - 1):
            if _execution_ms(best) > _SLOW_MS:
                break
            best = min(best, self._run(source, values, _ANALYZE), key=_execution_ms)
        return Explained(source, values, best, None, problems)

    def _run(self, source: Source, values: dict[str, Any], command: SQL) -> PlanTree:
        """Explain the plan that runs: the generic plan, or one for these values."""
        execute = self._connection.execute
        mode = "force_custom_plan" if source.is_planned_anew else "force_generic_plan"
        given = SQL("({})").format(SQL(", ").join(map(Literal, values.values())))
        call = SQL("EXECUTE explained ") + given if values else SQL("EXECUTE explained")
        try:
            with self._connection.transaction(force_rollback=True):
                execute(_SETUP)
                execute(_PLAN_MODE, (mode,))
                execute(b"PREPARE explained AS " + source.prepared)
                ((found,),) = execute(command + call).fetchall()
        finally:
            if not self._connection.closed:
                execute(b"DEALLOCATE ALL")
        return PlanTree(found[0])


def _execution_ms(plan: PlanTree) -> float:
    return plan.execution_ms or 0.0
