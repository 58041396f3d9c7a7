"""``vrooli-data explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding

from .._explain.choice import all_queries, choose, variants
from .._explain.described import header, purpose, value
from .._explain.page import write_page
from .._explain.running import Explained, Explainer
from .._explain.survey import FACTOR, survey
from .._explain.words import cost, counted
from .._ledger import migrated_session
from .._plans import LARGE_SHARE, PlanNode, PlanTree
from .._progress import task
from .._queries import Source
from ..errors import InvalidInput
from ._options import DatabaseUrl, DataDir, Schema
from ._output import Rows, say, show, styled, table
from ._progress import progress_bars
from ._target import target

_DEFAULT_SCALE = 0.2
_LIST = ("query", "rows", "ms", "pages", "indexes of the plan")
_PLAN = ("ms", "pages", "rows", "loops", "step")


def explain(
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY",
            show_default="all",
            help="resources.find_trending; a method stands for its variants, a folder for all "
            "queries in it.",
        ),
    ] = None,
    *,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            writable=True,
            help="Write a page instead that shows the plans, and how times grow with the data: "
            "measured on two databases that are made for it on the server, and dropped.",
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            show_default=str(_DEFAULT_SCALE),
            help=f"With --html: of the larger database, as for seed; the other has 1/{FACTOR}.",
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
) -> None:
    """Show the plan of one query, or what each costs, with values from rows that are there.

    Each query is run, and what it writes is rolled back; only identifiers that it drew are gone.
    """
    queries = all_queries()
    chosen = choose(queries, query)
    if scale is not None and html is None:
        raise InvalidInput("--scale", "goes together with --html")
    if schema is not None and html is not None:
        raise InvalidInput("--schema", "does not go together with --html")
    if html is not None and not html.parent.is_dir():
        raise InvalidInput("--html", f"there is no folder {html.parent}")
    url = target(database_url, data_dir).url
    if html is not None:
        _write(html, url, chosen, _DEFAULT_SCALE if scale is None else scale)
    elif len(chosen) == 1:
        with migrated_session(url, "vrooli_data explain", schema) as opened:
            explained = Explainer(opened).explain(chosen[0])
        _show_one(explained, variants(queries, chosen[0]))
    else:
        _show_all(url, schema, chosen)


def _write(file: Path, url: str, sources: list[Source], scale: float) -> None:
    with progress_bars() as progress:
        surveyed = survey(url, sources, scale=scale, progress=progress)
    try:
        write_page(surveyed, file)
    except OSError as error:
        raise InvalidInput("--html", f"{file} cannot be written: {error.strerror}") from None
    shown = counted(len(sources), "query", "queries")
    grown = sum(each.grew_with_data for each in surveyed.queries)
    say(f"{file}: {shown}, of which {grown} cost more in step with the data")


def _show_one(explained: Explained, others: list[str]) -> None:
    source = explained.source
    first, rest = purpose(source)
    rows = table("", "")
    rows.show_header = False
    for label, text in header(source).items():
        rows.add(styled(label, "dim"), text)
    for name, example in explained.values.items():
        rows.add(styled(f":{name}", "dim"), value(example))
    parts: list[RenderableType] = [styled(source.name, "bold"), styled(first)]
    if rest:
        parts.append(styled(rest, "dim"))
    parts += ["", rows]
    if explained.plan is not None:
        parts += ["", _plan_table(explained.plan), "", styled(cost(explained.plan))]
    if explained.note:
        parts += ["", styled(explained.note)]
    if others:
        parts += ["", styled(f"The same method also runs: {', '.join(others)}", "dim")]
    show(Group(*parts))


def _plan_table(plan: PlanTree) -> Rows:
    rows = table(*_PLAN, numbers=_PLAN[:-1])
    _add_node(rows, plan, plan.root, 0)
    for trigger in plan.triggers:
        style = _style(plan.share(trigger.ms))
        name = styled(f"Trigger {trigger.name} on {trigger.relation}")
        rows.add(f"{trigger.ms:.3f}", "", "", f"{trigger.calls:,}", name, style=style)
    return rows


def _add_node(rows: Rows, plan: PlanTree, node: PlanNode, depth: int) -> None:
    title = styled(" ".join(filter(None, (node.role and f"{node.role}:", node.kind, node.target))))
    facts = [*(f"{label}: {text}" for label, text in node.facts), *node.remarks]
    lines = Group(title, *(styled(fact, "dim") for fact in facts))
    cell = Padding(lines, (0, 0, 0, 2 * depth))
    rows.add(*_numbers(plan, node), cell, style=_style(plan.share(plan.cost(node).ms)))
    for child in node.children:
        _add_node(rows, plan, child, depth + 1)


def _numbers(plan: PlanTree, node: PlanNode) -> tuple[str, str, str, str]:
    if node.rows is None:
        return "", "", f"~{node.planned_rows:,}", ""
    if node.loops == 0:
        return "", "", "", "never"
    cost = plan.cost(node)
    return f"{cost.ms:.3f}", f"{cost.pages:,}", f"{node.rows:,.0f}", f"{node.loops:,}"


def _style(share: float) -> str:
    return "bold" if share >= LARGE_SHARE else ""


def _show_all(url: str, schema: str | None, sources: list[Source]) -> None:
    rows = table(*_LIST, numbers=_LIST[1:-1])
    with (
        migrated_session(url, "vrooli_data explain", schema) as opened,
        progress_bars() as progress,
    ):
        explainer = Explainer(opened)
        with task(progress, "Explaining the queries", len(sources)):
            for source in sources:
                _add_query(rows, explainer.explain_if_possible(source))
                progress.advance(1)
    show(rows)


def _add_query(rows: Rows, explained: Explained) -> None:
    if explained.plan is None or explained.note:
        rows.add(explained.source.name, "", "", "", styled(explained.note or "", "dim"))
        return
    plan = explained.plan
    rows.add(
        explained.source.name,
        f"{plan.rows:,}",
        f"{plan.execution_ms:.3f}",
        f"{plan.pages:,}",
        "\n".join(plan.paths),
    )
