"""Explain queries on one connection; whatever they write is rolled back."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Literal

from .._classify import translate
from .._ledger import read_applied
from .._migrations import has_trigrams
from .._plans import PlanTree
from .._queries import Source
from ..errors import VrooliDataError
from .examples import Examples

#: An example may hit a row that somebody holds, or a query that takes long on these tables.
_SETUP = """
SELECT
    set_config('TimeZone', 'UTC', true),
    set_config('lock_timeout', '5s', true),
    set_config('statement_timeout', '60s', true)
"""
_PLAN_MODE = "SELECT set_config('plan_cache_mode', %s, true)"
_ANALYZE = SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ")
_PLAN_ONLY = SQL("EXPLAIN (FORMAT JSON) ")
#: The first run warms the cache; of the others the fastest was disturbed least.
_RUNS = 3
#: A query that takes longer is measured once.
_SLOW_MS = 500
#: No rollback takes it back.
_LASTING = "setval("


class Explained(msgspec.Struct, frozen=True):
    """A query with its plan, or with the reason why it has none."""

    source: Source
    #: The example values by parameter.
    values: dict[str, Any]
    #: Without actual times where *note* says so.
    plan: PlanTree | None
    #: Why there is no plan, or why the query was not run; None mostly.
    note: str | None


class Explainer:
    """Explains queries on the rows of one migrated database."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._examples = Examples(connection)
        self._has_trigrams = has_trigrams(read_applied(connection))

    def explain(self, source: Source) -> Explained:
        """Explain one query; raise our error where it has no example or fails with it."""
        if "Utility" in source.header:
            return Explained(source, {}, None, f"not run: it {source.header['Utility']}")
        if source.is_staged or source.is_command:
            return Explained(source, {}, None, "not run: it is a part of a bulk load")
        if "Index (pg_trgm)" in source.header and not self._has_trigrams:
            return Explained(source, {}, None, "not run: the database has no trigram indexes")
        try:
            return self._explain(source, self._examples.values(source))
        except psycopg.Error as error:
            raise translate(error, source.name, self._connection.closed) from None

    def explain_if_possible(self, source: Source) -> Explained:
        """Explain one query of many; the others go on without one that cannot be."""
        try:
            return self.explain(source)
        except VrooliDataError as error:
            if self._connection.closed:
                raise
            return Explained(source, {}, None, str(error).removeprefix(f"{source.name}: "))

    def _explain(self, source: Source, values: dict[str, Any]) -> Explained:
        if _LASTING in source.sql:
            note = "planned, not run: it sets sequences, which a rollback does not take back"
            return Explained(source, values, self._run(source, values, _PLAN_ONLY), note)
        best = self._run(source, values, _ANALYZE)
        for _ in range(_RUNS - 1):
            if _execution_ms(best) > _SLOW_MS:
                break
            best = min(best, self._run(source, values, _ANALYZE), key=_execution_ms)
        return Explained(source, values, best, None)

    def _run(self, source: Source, values: dict[str, Any], command: SQL) -> PlanTree:
        """Explain the plan that runs: the one kept for all values, or one made for these."""
        execute = self._connection.execute
        mode = "force_custom_plan" if source.is_planned_anew else "force_generic_plan"
        given = SQL("({})").format(SQL(", ").join(map(Literal, values.values())))
        call = SQL("EXECUTE explained ") + given if values else SQL("EXECUTE explained")
        try:
            with self._connection.transaction(force_rollback=True):
                execute(_SETUP)
                execute(_PLAN_MODE, (mode,))
                execute(b"PREPARE explained AS " + source.statement)
                ((found,),) = execute(command + call).fetchall()
        finally:
            if not self._connection.closed:
                execute(b"DEALLOCATE ALL")
        return PlanTree(found[0])


def _execution_ms(plan: PlanTree) -> float:
    return plan.execution_ms or 0.0
