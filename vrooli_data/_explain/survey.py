"""Explain queries on two scratch databases, of which one holds much more than the other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .._contract.scratch import SCRATCH_SCHEMA, scratch_database
from .._ledger import migrated_session
from .._migrate import migrate
from .._plans import PlanTree
from .._progress import NoProgress, Progress, task
from .._queries import Source
from .._seed import seed
from .growth import Growth, growth
from .running import Explained, Explainer

#: How often as much the larger database holds.
FACTOR = 10


class World(msgspec.Struct, frozen=True):
    """One of the databases."""

    scale: float
    #: Rows by table.
    rows: dict[str, int]


class Surveyed(msgspec.Struct, frozen=True):
    """One query on both databases."""

    #: On the larger one.
    explained: Explained
    small: PlanTree | None
    large: PlanTree | None
    growth: Growth | None

    @property
    def source(self) -> Source:
        """The query."""
        return self.explained.source

    @property
    def grew_with_data(self) -> bool:
        """Tell whether it costs more about in step with the data."""
        return self.growth is not None and self.growth.verdict == "linear"


class Survey(msgspec.Struct, frozen=True):
    """What was measured."""

    small: World
    large: World
    #: Of the server, as it names it.
    version: str
    queries: tuple[Surveyed, ...]


class _Side(msgspec.Struct, frozen=True):
    world: World
    version: str
    explained: list[Explained]


def survey(
    conninfo: str | None,
    sources: Sequence[Source],
    *,
    scale: float,
    progress: Progress | None = None,
) -> Survey:
    """Explain queries on scratch databases of the server, which are dropped again.

    Args:
        conninfo: names the server and a role that may create databases on it.
        sources: the queries.
        scale: of the larger database; 1.0 makes 20 000 users, 200 000 resources and 300 000 runs.
        progress: told of the work.
    """
    progress = progress or NoProgress()
    small = _side(conninfo, sources, scale / FACTOR, progress)
    large = _side(conninfo, sources, scale, progress)
    pairs = zip(small.explained, large.explained, strict=True)
    return Survey(
        small.world, large.world, large.version, tuple(_surveyed(*pair) for pair in pairs)
    )


def _side(
    conninfo: str | None, sources: Sequence[Source], scale: float, progress: Progress
) -> _Side:
    with scratch_database(conninfo) as url:
        migrate(url, schema=SCRATCH_SCHEMA)
        report = seed(url, schema=SCRATCH_SCHEMA, scale=scale, progress=progress)
        with migrated_session(url, "vrooli_data explain", SCRATCH_SCHEMA) as opened:
            explainer = Explainer(opened)
            with task(progress, "Explaining the queries", len(sources)):
                explained = _explain_all(explainer, sources, progress)
            version = opened.info.parameter_status("server_version") or ""
    return _Side(World(scale, report.rows), version, explained)


def _explain_all(
    explainer: Explainer, sources: Sequence[Source], progress: Progress
) -> list[Explained]:
    explained: dict[str, Explained] = {}
    # Those that write come last: what is rolled back stays in the tables until they are vacuumed.
    for source in sorted(sources, key=lambda source: source.header["Locks"] != "none"):
        explained[source.name] = explainer.explain_if_possible(source)
        progress.advance(1)
    return [explained[source.name] for source in sources]


def _surveyed(small: Explained, large: Explained) -> Surveyed:
    before, after = small.plan, large.plan
    grew = None if before is None or after is None else growth(before, after, FACTOR)
    return Surveyed(large, before, after, grew)
