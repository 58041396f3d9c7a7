"""``vrooli-data explain --sql``: the plans of an application's own queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.check.broken import QUERIES
from tests.check.copies import append, replace
from tests.cli import fail, run, succeed
from vrooli_data import DatabaseError, InvalidFile, InvalidInput, NotFound
from vrooli_data._contract.scratch import scratch_database
from vrooli_data._explain.choice import all_queries
from vrooli_data._explain.examples import ExampleQueries, read_examples
from vrooli_data._explain.page import page
from vrooli_data._explain.running import Explained, Explainer
from vrooli_data._explain.survey import Survey, survey_database
from vrooli_data._progress import NoProgress

EXAMPLES = "examples/orders.sql"
INDEX = "orders_customer_id_placed_at_id_idx"
PAGE = Path(__file__).parents[2] / "docs/explain.md"

in_the_tree = pytest.mark.skipif(not PAGE.exists(), reason="the wheel has no docs")


@pytest.fixture
def connection(shop_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(shop_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def fresh_url(server_url: str, shop: Path) -> Iterator[str]:
    """Name a database of the shop in which no query has left dead rows, which cost pages."""
    with scratch_database(server_url) as url:
        with psycopg.connect(url) as opened:
            opened.execute((shop / "schema.sql").read_bytes())
        yield url


@pytest.fixture
def broken_url(server_url: str, shop: Path) -> Iterator[str]:
    """Name a database of the shop whose only index for customers was dropped."""
    with scratch_database(server_url) as url:
        with psycopg.connect(url) as opened:
            opened.execute((shop / "schema.sql").read_bytes())
            opened.execute(f"DROP INDEX {INDEX}".encode())
        yield url


def examples(shop: Path) -> ExampleQueries:
    return read_examples(shop / "examples", all_queries(shop / "sql").values())


def explained(connection: Connection[Any], shop: Path, name: str) -> Explained:
    return Explainer(connection, examples(shop)).explain(all_queries(shop / "sql")[name])


def surveyed(connection: Connection[Any], shop: Path) -> Survey:
    sources = list(all_queries(shop / "sql").values())
    return survey_database(connection, sources, examples(shop), {}, NoProgress())


def test_a_query_runs_with_its_example_and_is_rolled_back(
    connection: Connection[Any], shop: Path
) -> None:
    found = explained(connection, shop, "orders.set_note")
    assert found.values == {"id": 20_000, "note": "Ring twice"}
    assert found.plan is not None
    assert found.plan.rows == 1
    assert (found.note, found.problems) == (None, ())
    notes = connection.execute("SELECT count(note) FROM orders").fetchone()
    assert notes == (0,)


def test_without_an_example_a_query_is_planned(connection: Connection[Any], shop: Path) -> None:
    source = all_queries(shop / "sql")["orders.list_by_customer"]
    found = Explainer(connection, ExampleQueries()).explain(source)
    assert found.note == "planned, not run: no example for customer_id, max_rows"
    assert found.plan is not None
    assert found.plan.execution_ms is None
    assert found.plan.indexes == [INDEX]


def test_a_query_has_an_example_of_its_own(connection: Connection[Any], shop: Path) -> None:
    append(shop, EXAMPLES, "\n-- name: orders__set_note()^\nSELECT 7 AS id, 'Leave it' AS note;\n")
    append(shop, EXAMPLES, "\n-- name: any_query()^\nSELECT 5 AS max_rows, 9 AS id;\n")
    found = explained(connection, shop, "orders.set_note")
    assert found.values == {"id": 7, "note": "Leave it"}
    assert explained(connection, shop, "orders.list_by_customer").values["max_rows"] == 20


def test_the_plan_line_gives_values(connection: Connection[Any], shop: Path) -> None:
    header = "-- Plan:   custom (customer_id = '7', max_rows = 3), few customers order much\n"
    replace(shop, QUERIES, "-- Record: Order\n", f"-- Record: Order\n{header}")
    source = all_queries(shop / "sql")["orders.list_by_customer"]
    found = Explainer(connection, ExampleQueries()).explain(source)
    assert found.values == {"customer_id": "7", "max_rows": "3"}
    assert found.plan is not None
    assert found.plan.rows == 3
    assert found.problems == ()


def test_examples_give_json_arrays_and_quotes(connection: Connection[Any], shop: Path) -> None:
    append(
        shop,
        QUERIES,
        "\n-- name: odd(document, ids, words)\n-- Return what it gets.\n-- Record: int\n"
        "-- Index:  none: reads no table\n-- Locks:  none\n"
        "SELECT id FROM unnest(:ids::bigint[]) AS given (id)\n"
        "WHERE :document::jsonb ? 'key' AND :words::text = 'it''s 10:30 -- late'\n"
        "ORDER BY id ASC LIMIT 5;\n",
    )
    append(
        shop,
        EXAMPLES,
        "\n-- name: orders__odd()^\nSELECT\n    '{\"key\": [1]}'::jsonb AS document,\n"
        "    ARRAY[1, 2]::bigint[] AS ids,\n    'it''s 10:30 -- late' AS words;\n",
    )
    found = explained(connection, shop, "orders.odd")
    assert found.values["document"] == '{"key": [1]}'
    assert found.plan is not None
    assert found.plan.rows == 2


def test_a_plan_without_the_index_of_the_header_is_found(broken_url: str, shop: Path) -> None:
    with psycopg.connect(broken_url, autocommit=True) as opened:
        survey = surveyed(opened, shop)
    found = {(finding.query, finding.code) for finding in survey.findings}
    assert found == {("orders.list_by_customer", "index"), ("orders.total_of_customer", "index")}
    assert len(survey.findings) == 4
    text = page(survey)
    assert text.count('class="badge linear">finding<') == 2
    assert f"Finding: there is no index {INDEX}" in text
    assert "2 queries do not fit the header" in text


def test_a_query_that_the_server_refuses_is_a_finding(
    connection: Connection[Any], shop: Path
) -> None:
    replace(shop, QUERIES, "coalesce(sum(total), 0)", "coalesce(sum(totl), 0)")
    survey = surveyed(connection, shop)
    (finding,) = survey.findings
    assert (finding.query, finding.code) == ("orders.total_of_customer", "statement")
    assert 'column "totl" does not exist' in finding.what
    assert sum(query.plan is not None for query in survey.queries) == 3


def test_a_header_that_cannot_be_read_is_a_finding(connection: Connection[Any], shop: Path) -> None:
    replace(shop, QUERIES, "-- Index:  orders_pkey\n", "-- Index:  scan: orders\n")
    (finding,) = surveyed(connection, shop).findings
    assert (finding.query, finding.code) == ("orders.set_note", "index")
    assert "scan: table, at most N rows" in finding.what


def test_a_small_table_is_a_note(empty_database_url: str, shop: Path) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as opened:
        schema, _, _ = (shop / "schema.sql").read_text().partition("-- Rows enough")
        opened.execute(schema.encode())
        opened.execute(
            "WITH customer AS (INSERT INTO customers (email) VALUES ('a') RETURNING id) "
            "INSERT INTO orders (customer_id, total, placed_at) SELECT id, 1, now() FROM customer"
        )
        opened.execute("ANALYZE")
        survey = surveyed(opened, shop)
    assert survey.findings == []
    assert [note for note in survey.notes if "orders" in note and "too few rows" in note] != []
    assert [query.explained.note for query in survey.queries] == [None] * 4


def test_the_page_of_one_database_has_no_growth(connection: Connection[Any], shop: Path) -> None:
    text = page(surveyed(connection, shop))
    assert text.count('class="query"') == text.count("<h2>Plan</h2>") == 4
    assert "<h2>Cost</h2>" not in text
    assert "Every plan that was checked fits its header." in text
    assert '<label hidden><input id="grown"' in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT 1 AS id;\n", "the file has no query: add a line `-- name: name()^`"),
        (
            "-- name: orders(id)^\nSELECT 1 AS id;\n",
            "the file has no query: add a line `-- name: name()^`",
        ),
        ("-- name: oders()^\nSELECT 1 AS id;\n", "the example oders belongs to no query"),
        (
            "-- name: orders__gone()^\nSELECT 1 AS id;\n",
            "the example orders__gone belongs to no query",
        ),
        ("-- name: orders()^\nSELECT 1 AS id;\n", "the example orders is defined twice"),
        ("\udcff", "the file is not readable as UTF-8"),
    ],
)
def test_a_wrong_file_of_examples_is_refused(shop: Path, text: str, problem: str) -> None:
    (shop / "examples/wrong.sql").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidFile, match=re.escape(problem)) as raised:
        examples(shop)
    assert "examples/wrong.sql" in str(raised.value)


def test_a_folder_without_examples_is_refused(shop: Path) -> None:
    (shop / EXAMPLES).unlink()
    with pytest.raises(InvalidFile, match=r"contains no \.sql file"):
        examples(shop)


def test_a_folder_without_queries_is_refused(shop: Path) -> None:
    (shop / "sql/orders/none").mkdir()
    with pytest.raises(InvalidInput, match="contains no query"):
        all_queries(shop / "sql/orders/none")


def test_an_example_that_the_server_refuses_is_named(
    connection: Connection[Any], shop: Path
) -> None:
    replace(shop, EXAMPLES, "orders.customer_id", "orders.customer")
    with pytest.raises(DatabaseError, match=r"example orders: column orders\.customer does"):
        explained(connection, shop, "orders.set_note")


def test_an_example_that_fails_shows_no_values(connection: Connection[Any], shop: Path) -> None:
    replace(shop, EXAMPLES, "'Ring twice'", "orders.id / (orders.id - 20000)")
    with pytest.raises(DatabaseError, match="the example orders") as raised:
        explained(connection, shop, "orders.set_note")
    assert "20000" not in str(raised.value)


def test_an_example_without_a_row_is_reported(connection: Connection[Any], shop: Path) -> None:
    replace(shop, EXAMPLES, "LIMIT 1", "LIMIT 0")
    with pytest.raises(NotFound, match="the example orders returns no row; add rows"):
        explained(connection, shop, "orders.find_by_id")
    notes = [query.explained.note for query in surveyed(connection, shop).queries]
    assert notes == ["the example orders returns no row; add rows, or change the example"] * 4


@pytest.mark.slow("the command line")
@pytest.mark.parametrize(
    ("option", "value"), [("--examples", "."), ("--records", "."), ("--search-path", "shop")]
)
def test_options_of_a_folder_need_it(option: str, value: str) -> None:
    assert fail(2, "explain", option, value).startswith(f"{option}: needs --sql")


@pytest.mark.slow("the command line")
def test_the_scale_is_not_for_a_folder(shop: Path, tmp_path: Path) -> None:
    arguments = ("--sql", shop / "sql", "--html", tmp_path / "page.html", "--scale", "1")
    assert fail(2, "explain", *arguments).startswith("--scale: ")


@pytest.mark.slow("the command line")
def test_the_command_shows_a_page_with_records(
    shop: Path, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop)
    arguments = ("--sql", "sql", "--examples", "examples", "--records", "shop_records")
    said = succeed("explain", *arguments, "--html", "plans.html", DATABASE_URL=shop_url)
    assert said == "plans.html: 4 queries\n"
    text = Path("plans.html").read_text()
    assert text.count("<h3>Order</h3>") == 2
    assert text.count("<h3>Customer</h3>") == 1


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def without_times(text: str) -> list[list[str]]:
    """Return the words of each line, without what differs from run to run."""
    lines = re.sub(r"\d+\.\d{3}", "0.000", re.sub("─+", "─", text)).splitlines()
    return [line.split() for line in lines]


@in_the_tree
def test_the_example_of_the_page_is_the_one_that_runs_here(shop: Path) -> None:
    assert blocks("sql") == [(shop / EXAMPLES).read_text(), f"DROP INDEX {INDEX};\n"]


@in_the_tree
@pytest.mark.slow("the documents' programs")
def test_the_commands_of_the_page_print_what_it_shows(
    shop: Path,
    fresh_url: str,
    broken_url: str,
    server_version: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if server_version < 18:
        pytest.skip("the page shows plans of PostgreSQL 18")
    monkeypatch.chdir(shop)
    *before, after = blocks("console")
    for block in (*before, after):
        command, _, expected = block.partition("\n")
        arguments = command.removeprefix("$ vrooli-data ").split()
        done = run(*arguments, DATABASE_URL=broken_url if block is after else fresh_url)
        assert done.stderr == ""
        assert without_times(done.stdout) == without_times(expected)
        assert done.returncode == (block is after)
