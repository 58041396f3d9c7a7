"""Write a survey as one HTML page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from string import Template

from .._plans import PlanTree
from . import described
from .drawing import draw
from .growth import Growth
from .highlight import highlight
from .markup import Html, joined, tag
from .survey import Survey, Surveyed, World
from .words import counted, times

_TEMPLATE = Path(__file__).with_name("page.html")
_VERDICTS = {"flat": "flat", "slow": "grows slowly", "linear": "grows with the data"}


def write_page(survey: Survey, file: Path) -> None:
    """Write the page to a file."""
    file.write_text(page(survey), encoding="utf-8")


def page(survey: Survey) -> str:
    """Return the page."""
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    queries = [_query(each, survey) for each in survey.queries]
    return template.substitute(about=_about(survey), count=len(queries), queries=joined(*queries))


def _about(survey: Survey) -> Html:
    grown = sum(each.grew_with_data for each in survey.queries)
    how = (
        f"Each query was run on PostgreSQL {survey.version}: on {_size(survey.small)}, and on "
        f"{_size(survey.large)}. Times are the best of three, with a warm cache; a page is 8 kB."
    )
    values = (
        "The values are those of rows that were there, of users and teams that have more than "
        "others. With more data these have more too."
    )
    found = f"{counted(grown, 'query costs', 'queries cost')} more about in step with the data."
    made = f"Written by vrooli-data {version('vrooli-data')} on {datetime.now(UTC):%Y-%m-%d}."
    return joined(*(tag("p", text) for text in (how, values, found, made)))


def _size(world: World) -> str:
    rows = sum(world.rows.values())
    return f"{counted(rows, 'row', 'rows')} (scale {world.scale:g})"


def _query(each: Surveyed, survey: Survey) -> Html:
    source = each.source
    first, rest = described.purpose(source)
    header = described.header(source)
    large = each.large
    return tag(
        "details",
        _headline(each, first),
        tag("p", rest, class_="more") if rest else Html(),
        tag("p", each.explained.note, class_="note") if each.explained.note else Html(),
        tag(
            "div",
            _section("Header", _definitions(header.items())),
            _section("Cost", _costs(each, survey)) if each.growth else Html(),
            _section("Example values", _values(each)) if each.explained.values else Html(),
            class_="facts",
        ),
        _section("Plan", draw(large, f"Plan of {source.name}")) if large else Html(),
        _other_plan(each, survey.small),
        tag(
            "div",
            _section("Statement", tag("pre", tag("code", highlight(source.written)))),
            _records(each),
            class_="source",
        ),
        class_="query",
        id=source.name,
        data_search=" ".join((source.name, first, rest, *header.values())).lower(),
        data_ms=f"{_ms(large):.3f}",
        data_growth=f"{_power(each.growth):.2f}",
        data_verdict=each.growth.verdict if each.growth else "none",
    )


def _ms(plan: PlanTree | None) -> float:
    return -1 if plan is None or plan.execution_ms is None else plan.execution_ms


def _power(growth: Growth | None) -> float:
    return -1 if growth is None else growth.power


def _headline(each: Surveyed, purpose: str) -> Html:
    folder, _, name = each.source.name.partition(".")
    if each.growth and each.large:
        numbers = [
            tag("span", f"{_ms(each.large):.3f} ms"),
            tag("span", counted(each.large.pages, "page", "pages")),
            tag("span", counted(each.large.rows or 0, "row", "rows")),
            tag("span", _VERDICTS[each.growth.verdict], class_=f"badge {each.growth.verdict}"),
        ]
    else:
        numbers = [tag("span", "not run", class_="badge none")]
    return tag(
        "summary",
        tag(
            "span",
            tag("span", f"{folder}.", class_="folder"),
            tag("b", name),
            class_="name",
        ),
        tag("span", purpose, class_="purpose"),
        tag("span", *numbers, class_="figures"),
    )


def _section(title: str, *children: str) -> Html:
    return tag("section", tag("h2", title), *children)


def _definitions(items: Iterable[tuple[str, str]]) -> Html:
    pairs = (joined(tag("dt", label), tag("dd", tag("code", text))) for label, text in items)
    return tag("dl", *pairs)


def _values(each: Surveyed) -> Html:
    values = each.explained.values.items()
    return _definitions((f":{name}", described.value(example)) for name, example in values)


def _costs(each: Surveyed, survey: Survey) -> Html:
    small, large, grew = each.small, each.large, each.growth
    if small is None or large is None or grew is None:
        return Html()
    before, after = (f"scale {world.scale:g}" for world in (survey.small, survey.large))
    head = (tag("th", text, scope="col") for text in ("", before, after, "grew"))
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
    return tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))


def _other_plan(each: Surveyed, world: World) -> Html:
    """Draw the plan on little data too, where it is another."""
    if each.small is None or each.large is None or each.small.shape == each.large.shape:
        return Html()
    title = f"Another plan at scale {world.scale:g}"
    drawn = draw(each.small, f"{title} of {each.source.name}")
    return tag("details", tag("summary", title), drawn, class_="more-detail")


def _records(each: Surveyed) -> Html:
    found = described.record(each.source)
    if not found:
        return Html()
    drawn = (
        tag("div", tag("h3", record.name), _definitions(record.fields), class_="record")
        for record in found
    )
    return _section("Record", *drawn)
