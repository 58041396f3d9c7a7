"""The page of plans: it is complete, needs no other file, and works in a browser."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from psycopg import Connection, conninfo

from tests.cli import fail, succeed
from vrooli_data._explain.choice import all_queries
from vrooli_data._explain.highlight import highlight
from vrooli_data._explain.markup import joined, tag
from vrooli_data._explain.page import write_page
from vrooli_data._explain.survey import Survey, survey_growth
from vrooli_data._queries import load_folder, sql_folder

pytestmark = pytest.mark.slow("the page of plans")

Browser: TypeAlias = Callable[..., str]

QUERIES = all_queries(sql_folder())
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_HOSTILE = """\
-- name: hostile()
-- Say <script>alert("purpose")</script> & leave.
-- Record: int
-- Index:  none: "><img src=x onerror=alert('index')>
-- Locks:  none
SELECT
    '<script>alert("sql")</script>' AS number
-- </code></pre><u>
WHERE '<u>' < '&amp;';
"""
#: Opens everything in a frame as wide as a phone, and says what does not fit.
_MEASURE = """
<!DOCTYPE html><title>?</title>
<iframe width="{width}" height="800" style="border: 0" srcdoc="{page}"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.addEventListener("load", () => {{
  const inside = frame.contentDocument;
  for (const details of inside.querySelectorAll("details")) details.open = true;
  const root = inside.documentElement;
  const wide = Array.from(inside.querySelectorAll("body *"))
    .filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1)
    .map((element) => element.className || element.tagName);
  document.title = [root.scrollWidth - root.clientWidth, ...wide.slice(0, 5)].join(" ");
}});
</script>
"""


@pytest.fixture(scope="module")
def server_url(postgresql_server: Any) -> str:
    return conninfo.make_conninfo(
        host=postgresql_server.host,
        port=postgresql_server.port,
        user=postgresql_server.user,
        password=postgresql_server.password or None,
        dbname="postgres",
    )


@pytest.fixture(scope="module")
def surveyed(server_url: str) -> Survey:
    return survey_growth(server_url, list(QUERIES.values()), scale=0.1)


@pytest.fixture(scope="module")
def page(surveyed: Survey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "plans.html"
    write_page(surveyed, file)
    return file


@pytest.fixture(scope="module")
def text(page: Path) -> str:
    return page.read_bytes().decode("utf-8")


@pytest.fixture
def browse(tmp_path: Path) -> Browser:
    """Open a file in a browser without a network, and return what its scripts made of it."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no browser is installed: none of {', '.join(_PROGRAMS)}")
    # As root it cannot shut itself in.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()

    def open_file(file: Path, place: str = "", *options: str) -> str:
        done = subprocess.run(
            [
                program,
                "--headless",
                *sandbox,
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-dev-shm-usage",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--enable-logging=stderr",
                f"--user-data-dir={tmp_path / 'profile'}",
                *options,
                "--dump-dom",
                f"{file.as_uri()}{place}",
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        # What a page does wrong, and what its policy forbids it, is told to the console.
        assert "CONSOLE" not in done.stderr, done.stderr
        return done.stdout

    return open_file


class _Elements(HTMLParser):
    """The elements of a page, in order, with their attributes; each must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def shown(dom: str) -> list[str]:
    """Return the queries that a page shows."""
    return [
        str(attributes["id"])
        for name, attributes in _Elements(dom).found
        if name == "details" and attributes.get("class") == "query" and "hidden" not in attributes
    ]


def test_every_query_is_on_the_page_with_its_statement_header_and_plan(text: str) -> None:
    assert shown(text) == list(QUERIES)
    for section in ("Header", "Statement"):
        assert text.count(f"<h2>{section}</h2>") == len(QUERIES)
    sections = text.split('<details class="query"')[1:]
    explained = [
        name
        for name, section in zip(QUERIES, sections, strict=True)
        if 'class="plan-summary"' in section
    ]
    assert explained == [
        name
        for name, query in QUERIES.items()
        if not (query.is_command or query.is_staged or "Utility" in query.header)
    ]
    assert text.count("<h3>Resource</h3>") >= 20
    assert "resources_score_bookmarks_views_id_created_at_idx (order)" in text


def test_the_page_is_well_formed(text: str) -> None:
    elements = _Elements(text)
    assert elements.open == []
    ids = Counter(attributes["id"] for _, attributes in elements.found if "id" in attributes)
    assert ids.most_common(1)[0][1] == 1


def test_the_page_refers_to_nothing_outside(text: str) -> None:
    for name, attributes in _Elements(text).found:
        assert name not in ("link", "img", "iframe", "object", "embed", "base", "form", "a")
        assert attributes.keys().isdisjoint({"src", "href", "srcset", "action"})
    assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttpRequest", text)
    assert "default-src 'none'" in text


def test_growth_is_distinguished_from_constant_cost(surveyed: Survey) -> None:
    verdicts = {each.source.name: each.growth.verdict for each in surveyed.queries if each.growth}
    assert verdicts["runs.get_execution_stats"] == "linear"
    assert verdicts["users.find_by_id"] == "flat"
    assert verdicts["resources.find_by_type__score"] == "flat"
    assert surveyed.seeded is not None
    small, large = surveyed.seeded
    assert large.rows["runs"] == 10 * small.rows["runs"]


def test_a_plan_that_differs_on_little_data_is_drawn_too(surveyed: Survey, text: str) -> None:
    differing = [
        each.source.name
        for each in surveyed.queries
        if each.small and each.plan and each.small.shape != each.plan.shape
    ]
    assert differing != []
    assert text.count("<summary>Another plan at scale 0.01</summary>") == len(differing)


def test_what_queries_say_is_escaped(server_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "<i>hostile"
    folder.mkdir()
    (folder / "read.sql").write_text(_HOSTILE)
    sources = list(load_folder(folder).values())
    write_page(survey_growth(server_url, sources, scale=0.01), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    elements = Counter(name for name, _ in _Elements(text).found)
    assert (elements["script"], elements["img"], elements["i"], elements["u"]) == (1, 0, 0, 0)
    assert "Say &lt;script&gt;alert(" in text


@pytest.mark.core
def test_only_markup_is_not_escaped() -> None:
    assert tag("p", "<b>", tag("b", "&"), title='"<') == (
        '<p title="&quot;&lt;">&lt;b&gt;<b>&amp;</b></p>'
    )
    assert joined("</script>") == "&lt;/script&gt;"


@pytest.mark.core
def test_sql_is_marked_without_a_change_to_its_text() -> None:
    sql = "SELECT ':no', a::text FROM t -- WHERE\nWHERE id = :id::bigint"
    marked = highlight(sql)
    assert html.unescape(re.sub(r"<[^>]+>", "", marked)) == sql
    found = re.findall(r'<span class="sql-(\w+)">([^<]+)</span>', marked)
    assert found == [
        ("keyword", "SELECT"),
        ("string", "':no'"),
        ("keyword", "FROM"),
        ("comment", "-- WHERE"),
        ("keyword", "WHERE"),
        ("parameter", ":id"),
    ]


def test_who_may_create_databases_can_write_the_page_and_leaves_none(
    admin: Connection[Any], database_url: str, role: str, tmp_path: Path
) -> None:
    admin.execute(f"ALTER ROLE {role} CREATEDB".encode())
    url = conninfo.make_conninfo(database_url, user=role, password="S3cr3t")
    file = tmp_path / "plans.html"
    said = succeed("explain", "users", "--html", file, "--scale", "0.01", "--database-url", url)
    users = [name for name in QUERIES if name.startswith("users.")]
    assert said.startswith(f"{file}: {len(users)} queries; the cost of ")
    assert shown(file.read_text()) == users
    owned = "SELECT datname FROM pg_database WHERE datdba = %s::regrole"
    assert admin.execute(owned, (role,)).fetchall() == []


def test_who_may_not_create_databases_is_reported(
    database_url: str, role: str, tmp_path: Path
) -> None:
    url = conninfo.make_conninfo(database_url, user=role, password="S3cr3t")
    arguments = ("explain", "--html", tmp_path / "plans.html", "--database-url", url)
    assert "CREATEDB" in fail(1, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_written_is_one_line(database_url: str) -> None:
    arguments = ("explain", "users.find_by_id", "--html", "/dev/full", "--scale", "0.01")
    message = fail(2, *arguments, "--database-url", database_url)
    assert message == "--html: /dev/full cannot be written: No space left on device"


def test_a_browser_shows_every_query_from_disk(browse: Browser, page: Path) -> None:
    dom = browse(page)
    assert shown(dom) == list(QUERIES)
    assert f">{len(QUERIES)} of {len(QUERIES)}</output>" in dom


def test_a_search_narrows_the_list_and_opens_the_only_answer(browse: Browser, page: Path) -> None:
    dom = browse(page, "#q=trending")
    assert shown(dom) == ["resources.find_trending"]
    assert re.search(r'<details class="query" id="resources.find_trending"[^>]* open=""', dom)
    assert f">1 of {len(QUERIES)}</output>" in dom


def test_a_search_of_several_words_wants_them_all(browse: Browser, page: Path) -> None:
    found = shown(browse(page, "#q=RUNS%20find_by_status%20after"))
    assert found == [name for name in QUERIES if re.match(r"runs.find_by_status.*_after", name)]


def test_a_search_finds_indexes_and_may_find_nothing(browse: Browser, page: Path) -> None:
    assert "users.find_by_email" in shown(browse(page, "#q=users_email_key"))
    assert shown(browse(page, "#q=nothing-is-called-this")) == []


def test_a_link_to_a_query_opens_it(browse: Browser, page: Path) -> None:
    dom = browse(page, "#users.find_by_id")
    assert shown(dom) == list(QUERIES)
    assert re.findall(r'<details class="query" id="([^"]+)"[^>]* open=""', dom) == [
        "users.find_by_id"
    ]


@pytest.mark.parametrize("width", [320, 390, 820, 1400])
def test_nothing_is_wider_than_the_screen(
    browse: Browser, text: str, tmp_path: Path, width: int
) -> None:
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(_MEASURE.format(width=width, page=html.escape(text)))
    dom = browse(wrapper, "", "--window-size=1600,1000", "--virtual-time-budget=20000")
    assert re.findall(r"<title>([^<]*)</title>", dom)[0] == "0"


@pytest.mark.parametrize(("scheme", "paper"), [("1", "255, 255, 255"), ("0", "20, 23, 27")])
def test_the_page_follows_the_colours_of_the_system(
    browse: Browser, text: str, tmp_path: Path, scheme: str, paper: str
) -> None:
    probe = "<script>document.title = getComputedStyle(document.body).backgroundColor</script>"
    file = tmp_path / "page.html"
    file.write_text(text.replace("</body>", f"{probe}</body>"))
    dom = browse(file, "", f"--blink-settings=preferredColorScheme={scheme}")
    assert f"<title>rgb({paper})</title>" in dom
