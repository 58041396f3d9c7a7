"""Write a survey as one HTML page that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from string import Template

from .._plans import PlanTree
from . import described
from .drawing import draw
from .highlight import highlight
from .markup import Html, joined, tag
from .survey import SeededDatabase, Survey, SurveyedQuery
from .words import counted, times

_TEMPLATE = Path(__file__).with_name("page.html")
_VERDICTS = {"flat": "flat", "slow": "grows slowly", "linear": "grows with the data"}
_RUN = "Times are the best of three, with a warm cache. A page is 8 kB."


def write_page(survey: Survey, file: Path) -> None:
    """Write the page to a file."""
    file.write_text(page(survey), encoding="utf-8")


def page(survey: Survey) -> str:
    """Return the page."""
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    queries = [_query(each, survey) for each in survey.queries]
    return template.substitute(
        about=_about(survey),
        count=len(queries),
        queries=joined(*queries),
        growth="hidden" if survey.seeded is None else "",
    )


def _about(survey: Survey) -> Html:
    wrong = len({finding.query for finding in survey.findings})
    said = [
        *(_about_database(survey) if survey.seeded is None else _about_growth(survey)),
        f"{counted(wrong, 'query does', 'queries do')} not fit the header; a search for "
        "“finding” shows them."
        if wrong
        else "Every plan that was checked fits its header.",
        *(f"{note[:1].upper()}{note[1:]}." for note in survey.notes),
        f"Written by vrooli-data {version('vrooli-data')} on {datetime.now(UTC):%Y-%m-%d}.",
    ]
    return joined(*(tag("p", text) for text in said))


def _about_database(survey: Survey) -> Iterator[str]:
    yield f"The queries were run on a database of PostgreSQL {survey.version}. {_RUN}"
    yield "The values come from the example queries."


def _about_growth(survey: Survey) -> Iterator[str]:
    small, large = map(_size, survey.seeded or ())
    yield f"Each query was run on PostgreSQL {survey.version}: on {small}, and on {large}. {_RUN}"
    yield (
        "The values come from rows of users and teams that have more than others. With more data "
        "these have more too."
    )
    grown = sum(each.grows_with_data for each in survey.queries)
    yield f"The cost of {counted(grown, 'query', 'queries')} grows in proportion to the data."


def _size(database: SeededDatabase) -> str:
    rows = sum(database.rows.values())
    return f"{counted(rows, 'row', 'rows')} (scale {database.scale:g})"


def _query(each: SurveyedQuery, survey: Survey) -> Html:
    source, plan = each.source, each.plan
    first, rest = described.purpose(source)
    header = described.header(source)
    problems = each.explained.problems
    words = (source.name, first, rest, *header.values(), "finding" if problems else "")
    return tag(
        "details",
        _headline(each, first),
        tag("p", rest, class_="more") if rest else Html(),
        *(tag("p", f"Finding: {what}; {fix}", class_="note") for _, what, fix in problems),
        tag("p", each.explained.note, class_="note") if each.explained.note else Html(),
        tag(
            "div",
            _section("Header", _definitions(header.items())),
            _costs(each, survey),
            _section("Example values", _values(each)) if each.explained.values else Html(),
            class_="facts",
        ),
        _section("Plan", draw(plan, f"Plan of {source.name}")) if plan else Html(),
        _other_plan(each, survey),
        tag(
            "div",
            _section("Statement", tag("pre", tag("code", highlight(source.written)))),
            _records(each, survey),
            class_="source",
        ),
        class_="query",
        id=source.name,
        data_search=" ".join(words).lower(),
        data_ms=f"{_ms(plan):.3f}",
        data_growth=f"{-1 if each.growth is None else each.growth.power:.2f}",
        data_verdict=each.growth.verdict if each.growth else "none",
    )


def _ms(plan: PlanTree | None) -> float:
    return -1 if plan is None or plan.execution_ms is None else plan.execution_ms


def _headline(each: SurveyedQuery, purpose: str) -> Html:
    folder, _, name = each.source.name.partition(".")
    return tag(
        "summary",
        tag(
            "span",
            tag("span", f"{folder}.", class_="folder"),
            tag("b", name),
            class_="name",
        ),
        tag("span", purpose, class_="purpose"),
        tag("span", *_figures(each), class_="figures"),
    )


def _figures(each: SurveyedQuery) -> Iterator[Html]:
    plan = each.plan
    if plan is None or plan.execution_ms is None:
        badges = [("not run", "none")]
    else:
        yield tag("span", f"{plan.execution_ms:.3f} ms")
        yield tag("span", counted(plan.pages, "page", "pages"))
        yield tag("span", counted(plan.rows or 0, "row", "rows"))
        badges = [(_VERDICTS[each.growth.verdict], each.growth.verdict)] if each.growth else []
    if each.explained.problems:
        badges = [("finding", "linear")]
    for text, kind in badges:
        yield tag("span", text, class_=f"badge {kind}")


def _section(title: str, *children: str) -> Html:
    return tag("section", tag("h2", title), *children)


def _definitions(items: Iterable[tuple[str, str]]) -> Html:
    pairs = (joined(tag("dt", label), tag("dd", tag("code", text))) for label, text in items)
    return tag("dl", *pairs)


def _values(each: SurveyedQuery) -> Html:
    values = each.explained.values.items()
    return _definitions((f":{name}", described.value(example)) for name, example in values)


def _costs(each: SurveyedQuery, survey: Survey) -> Html:
    small, large, grew = each.small, each.plan, each.growth
    if small is None or large is None or grew is None:
        return Html()
    scales = (f"scale {database.scale:g}" for database in survey.seeded or ())
    head = (tag("th", text, scope="col") for text in ("", *scales, "grew"))
    rows = (
        ("data", times(1), times(grew.data), ""),
        ("rows", f"{small.rows:,}", f"{large.rows:,}", ""),
        ("rows read", f"{small.rows_read:,}", f"{large.rows_read:,}", ""),
        ("pages", f"{small.pages:,}", f"{large.pages:,}", times(grew.pages)),
        ("ms", f"{_ms(small):.3f}", f"{_ms(large):.3f}", times(grew.ms)),
        ("ms to plan", f"{small.planning_ms:.3f}", f"{large.planning_ms:.3f}", ""),
    )
    body = (
        tag("tr", tag("th", label, scope="row"), *(tag("td", number) for number in numbers))
        for label, *numbers in rows
    )
    return _section("Cost", tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body)))


def _other_plan(each: SurveyedQuery, survey: Survey) -> Html:
    """Draw the plan on the smaller database if it has another shape."""
    if survey.seeded is None or each.small is None or each.plan is None:
        return Html()
    if each.small.shape == each.plan.shape:
        return Html()
    title = f"Another plan at scale {survey.seeded[0].scale:g}"
    drawn = draw(each.small, f"{title} of {each.source.name}")
    return tag("details", tag("summary", title), drawn, class_="more-detail")


def _records(each: SurveyedQuery, survey: Survey) -> Html:
    found = described.record(each.source, survey.records)
    if not found:
        return Html()
    drawn = (
        tag("div", tag("h3", record.name), _definitions(record.fields), class_="record")
        for record in found
    )
    return _section("Record", *drawn)
