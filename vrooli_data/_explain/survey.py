"""Explain queries on the given database, or on two scratch databases of different sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from psycopg import Connection

from .. import records
from .._contract.findings import Finding, shown_path
from .._contract.modules import records_of
from .._contract.scratch import SCRATCH_SCHEMA, scratch_database
from .._ledger import migrated_session
from .._migrate import migrate
from .._plans import PlanTree
from .._progress import NoProgress, Progress, task
from .._queries import Source
from .._seed import seed
from .examples import ExampleQueries, package_examples
from .growth import Growth, growth
from .running import Explained, Explainer

#: The larger scratch database holds this many times the rows of the smaller one.
FACTOR = 10


class SeededDatabase(msgspec.Struct, frozen=True):
    """One of the scratch databases."""

    scale: float
    #: Rows by table.
    rows: dict[str, int]


class SurveyedQuery(msgspec.Struct, frozen=True):
    """One query on the given database, or on both scratch databases."""

    #: On the given database, or the larger one.
    explained: Explained
    #: On the smaller database; None where the query was not planned there.
    small: PlanTree | None = None
    growth: Growth | None = None

    @property
    def source(self) -> Source:
        """The query."""
        return self.explained.source

    @property
    def plan(self) -> PlanTree | None:
        """The plan on the given database, or the larger one."""
        return self.explained.plan

    @property
    def grows_with_data(self) -> bool:
        """Whether its cost grows about in proportion to the data."""
        return self.growth is not None and self.growth.verdict == "linear"


class Survey(msgspec.Struct, frozen=True):
    """The plans of several queries."""

    #: The server_version of the server.
    version: str
    queries: tuple[SurveyedQuery, ...]
    #: What was not checked, and why.
    notes: list[str]
    #: The records of the queries, by name.
    records: Mapping[str, Any]
    #: The smaller and the larger scratch database; None where the given database was used.
    seeded: tuple[SeededDatabase, SeededDatabase] | None = None

    @property
    def findings(self) -> list[Finding]:
        """Where a query, or its plan, does not fit its header."""
        return findings([query.explained for query in self.queries])


def findings(explained: Sequence[Explained]) -> list[Finding]:
    """Return the problems of queries with their places."""
    return sorted(
        Finding(shown_path(each.source.path), each.source.line, each.source.name, *problem)
        for each in explained
        for problem in each.problems
    )


def survey_database(
    opened: Connection[Any],
    sources: Sequence[Source],
    examples: ExampleQueries,
    records: Mapping[str, Any],
    progress: Progress,
) -> Survey:
    """Explain queries on the database of a connection."""
    explainer = Explainer(opened, examples)
    with task(progress, "Explaining the queries", len(sources)):
        explained = explainer.explain_all(sources, partial(progress.advance, 1))
    version = opened.info.parameter_status("server_version") or ""
    return Survey(version, tuple(map(SurveyedQuery, explained)), explainer.notes, records)


def survey_growth(
    conninfo: str | None,
    sources: Sequence[Source],
    *,
    scale: float,
    progress: Progress | None = None,
) -> Survey:
    """Explain queries of the package on two scratch databases, which are dropped afterwards.

    Args:
        conninfo: names the server and a role that may create databases on it.
        sources: the queries.
        scale: the size of the larger database: 1.0 is 20 000 users, 200 000 resources and 300 000
            runs.
        progress: receives the progress of the work.
    """
    progress = progress or NoProgress()
    small, smaller = _survey_scale(conninfo, sources, scale / FACTOR, progress)
    large, larger = _survey_scale(conninfo, sources, scale, progress)
    queries = map(_with_growth, small.queries, large.queries)
    return msgspec.structs.replace(large, queries=tuple(queries), seeded=(smaller, larger))


def _survey_scale(
    conninfo: str | None, sources: Sequence[Source], scale: float, progress: Progress
) -> tuple[Survey, SeededDatabase]:
    with scratch_database(conninfo) as url:
        migrate(url, schema=SCRATCH_SCHEMA)
        report = seed(url, schema=SCRATCH_SCHEMA, scale=scale, progress=progress)
        with migrated_session(url, "vrooli_data explain", SCRATCH_SCHEMA) as opened:
            found = survey_database(
                opened, sources, package_examples(), records_of(records), progress
            )
    return found, SeededDatabase(scale, report.rows)


def _with_growth(small: SurveyedQuery, large: SurveyedQuery) -> SurveyedQuery:
    before, after = small.plan, large.plan
    grew = None if before is None or after is None else growth(before, after, FACTOR)
    return SurveyedQuery(large.explained, before, grew)
