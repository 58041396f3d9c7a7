"""``vrooli-data explain``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding

from .. import _search_path
from .. import records as package_records
from .._contract.findings import Finding
from .._contract.modules import import_named, records_of
from .._explain.choice import all_queries, choose, variants
from .._explain.described import header, purpose, value
from .._explain.examples import ExampleQueries, package_examples, read_examples
from .._explain.page import write_page
from .._explain.running import Explained, Explainer
from .._explain.survey import FACTOR, Survey, findings, survey_database, survey_growth
from .._explain.words import cost, counted
from .._ledger import migrated_session
from .._own_session import Connection, own_session
from .._plans import LARGE_SHARE, PlanNode, PlanTree
from .._queries import Source, sql_folder
from .._seed import check_scale
from ..errors import InvalidInput
from ._options import DatabaseUrl, DataDir, Schema, SearchPathWithSql, refuse_given
from ._output import Rows, say, show, styled, styled_lines, table
from ._progress import progress_bars
from ._target import target, with_options

_APPLICATION = "vrooli_data explain"
_DEFAULT_SCALE = 0.2
_LIST = ("query", "rows", "ms", "pages", "indexes of the plan")
_PLAN = ("ms", "pages", "rows", "loops", "step")


def explain(
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY",
            show_default="all",
            help="A query, a method with all its queries, or a folder, such as "
            "resources.find_trending.",
        ),
    ] = None,
    *,
    sql: Annotated[
        Path | None,
        typer.Option(
            help="Your own folder of .sql files. They are explained on the given database.",
            exists=True,
            file_okay=False,
            show_default="the queries of this package",
        ),
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(
            help="With --sql: the folder of the queries that return example values. A query "
            "without example values is planned but not run.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    records: Annotated[
        str | None,
        typer.Option(
            help="With --sql and --html: the module of your records, such as shop.records."
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            writable=True,
            help="Write an HTML page of the plans instead. Without --sql, the page compares two "
            "databases of different sizes. They are created on the server, and dropped afterwards.",
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            show_default=str(_DEFAULT_SCALE),
            help="With --html and without --sql: the size of the larger database, as in seed. The "
            f"other one has 1/{FACTOR} of it.",
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
    search_path: SearchPathWithSql = None,
) -> None:
    """Show the plan of one query, or the cost of several, with example values.

    Each query is run, and its writes are rolled back; only its sequence values stay used. The exit
    status is 1 if a plan does not fit the header of its query.
    """
    if sql is None:
        refuse_given(
            "needs --sql, the folder of the queries",
            examples=examples,
            records=records,
            search_path=search_path,
        )
    if html is None:
        refuse_given("needs --html", records=records)
    if html is None or sql is not None:
        refuse_given("goes together with --html, and without --sql", scale=scale)
    else:
        refuse_given("does not go together with --html, except with --sql", schema=schema)
    scale = _DEFAULT_SCALE if scale is None else scale
    check_scale(scale)
    if html is not None and not html.parent.is_dir():
        raise InvalidInput("--html", f"the folder {html.parent} does not exist")
    queries = all_queries(sql or sql_folder())
    chosen = choose(queries, query)
    kinds = _records(sql, records)
    values = _examples(sql, examples, queries)
    url = target(database_url, data_dir).url
    if html is not None and sql is None:
        with progress_bars() as progress:
            surveyed = survey_growth(url, chosen, scale=scale, progress=progress)
        _write(html, surveyed)
        return _end(surveyed.findings, surveyed.notes)
    with _opened(url, sql, schema, search_path) as opened:
        if html is None and len(chosen) == 1:
            explainer = Explainer(opened, values)
            explained = explainer.explain(chosen[0])
            _show_one(explained, variants(queries, chosen[0]))
            return _end(findings([explained]), explainer.notes)
        with progress_bars() as progress:
            surveyed = survey_database(opened, chosen, values, kinds, progress)
    if html is not None:
        _write(html, surveyed)
    else:
        _show_all(surveyed)
    return _end(surveyed.findings, surveyed.notes)


def _examples(
    sql: Path | None, folder: Path | None, queries: Mapping[str, Source]
) -> ExampleQueries:
    if sql is None:
        return package_examples()
    return ExampleQueries() if folder is None else read_examples(folder, queries.values())


def _records(sql: Path | None, name: str | None) -> Mapping[str, Any]:
    if sql is None:
        return records_of(package_records)
    if name is None:
        return {}
    # The modules of a project usually lie in the current folder.
    sys.path.insert(0, str(Path.cwd()))
    return records_of(import_named("records", name))


def _opened(
    url: str, sql: Path | None, schema: str | None, search_path: list[str] | None
) -> AbstractContextManager[Connection]:
    if sql is None:
        return migrated_session(url, _APPLICATION, schema)
    return own_session(url, _APPLICATION, _search_path.SearchPath.of(schema, search_path or ()))


def _end(found: Sequence[Finding], notes: Iterable[str]) -> None:
    """Print the findings and notes, and exit with 1 if there are findings."""
    for line in (*map(str, found), *(f"note: {note}" for note in notes)):
        say(line)
    if found:
        raise typer.Exit(1)


def _write(file: Path, surveyed: Survey) -> None:
    try:
        write_page(surveyed, file)
    except OSError as error:
        raise InvalidInput("--html", f"{file} cannot be written: {error.strerror}") from None
    text = f"{file}: {counted(len(surveyed.queries), 'query', 'queries')}"
    if surveyed.seeded is not None:
        grown = sum(each.grows_with_data for each in surveyed.queries)
        text += f"; the cost of {grown} grows in proportion to the data"
    say(text)


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
        parts += ["", styled(with_options(explained.note))]
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


def _show_all(surveyed: Survey) -> None:
    rows = table(*_LIST, numbers=_LIST[1:-1])
    for each in surveyed.queries:
        _add_query(rows, each.explained)
    show(rows)


def _add_query(rows: Rows, explained: Explained) -> None:
    plan = explained.plan
    if plan is None or explained.note:
        lines = [with_options(explained.note or ""), *(plan.paths if plan else ())]
        rows.add(explained.source.name, "", "", "", styled_lines(lines, "dim"))
        return
    rows.add(
        explained.source.name,
        f"{plan.rows:,}",
        f"{plan.execution_ms:.3f}",
        f"{plan.pages:,}",
        styled_lines(plan.paths),
    )
