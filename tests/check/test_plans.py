"""The reviewed plans, and how plans are held to the Index lines of headers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.check.broken import QUERIES
from tests.check.copies import findings, replace, report
from vrooli_data import InvalidInput
from vrooli_data._contract import plan_files
from vrooli_data._contract.header import HeaderError, IndexEntry, IndexLine, Scan, index_line
from vrooli_data._contract.index_lines import check_indexes
from vrooli_data._contract.plans import Index, Plan, Tables
from vrooli_data._plans import PlanNode
from vrooli_data._queries import load_folder, sql_folder

_LIMIT = 20
STATUSES = '["Scheduled", "InProgress", "Paused", "Completed", "Failed", "Cancelled"]'
TABLES = Tables(
    {"orders": 20_000},
    {"orders_pkey": Index("orders", "id"), "orders_day_idx": Index("orders", "day")},
    cheap=frozenset(),
    names={},
    spellings={},
)


@pytest.fixture
def reviewed(shop: Path, shop_url: str, server_version: int) -> Path:
    """Return a shop whose plans were written."""
    if server_version != plan_files.MAJOR:
        pytest.skip(f"the reviewed plans are those of PostgreSQL {plan_files.MAJOR}")
    report(shop_url, shop, update_plans=True)
    return shop


def test_every_folder_of_the_package_has_its_reviewed_plans() -> None:
    for folder in filter(Path.is_dir, sql_folder().iterdir()):
        sources = load_folder(folder).values()
        planned = {
            source.name
            for source in sources
            if "Utility" not in source.header and not source.is_command
        }
        titles = {title.partition(":")[0] for title in plan_files.read(folder) or {}}
        assert titles == planned, folder.name


def test_plans_that_were_written_are_the_ones_there_are(reviewed: Path, shop_url: str) -> None:
    assert findings(shop_url, reviewed) == []
    plans = plan_files.read(reviewed / "sql/orders")
    assert plans is not None
    assert plans["orders.set_note"] == (
        "Update on orders\n  ->  Index Scan using orders_pkey on orders\n"
        "        Index Cond: (id = $1)"
    )


def test_another_plan_is_found(reviewed: Path, shop_url: str) -> None:
    replace(reviewed, QUERIES, "    placed_at DESC,\n    id DESC", "    placed_at ASC,\n    id ASC")
    (finding,) = findings(shop_url, reviewed)
    assert (finding.code, finding.query) == ("plan", "orders.list_by_customer")
    assert "plans.txt" in finding.what


def test_a_plan_of_no_query_is_found(reviewed: Path, shop_url: str) -> None:
    file = reviewed / "sql/orders/plans.txt"
    file.write_text(f"{file.read_text()}\n== orders.gone\nResult\n")
    (finding,) = findings(shop_url, reviewed)
    assert (finding.code, finding.query, finding.path) == ("plan", "orders.gone", file.as_posix())
    assert file.read_text().splitlines()[finding.line - 1] == "== orders.gone"


def test_without_reviewed_plans_none_are_compared(shop: Path, shop_url: str) -> None:
    assert plan_files.read(shop / "sql/orders") is None
    assert findings(shop_url, shop) == []


def test_plans_of_another_version_are_not_compared(
    shop: Path, shop_url: str, server_version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_files, "MAJOR", server_version + 1)
    plan_files.write(shop / "sql/orders", {"orders.set_note": "Seq Scan on orders"})
    done = report(shop_url, shop)
    assert done.findings == []
    assert any("reviewed plans were not compared" in note for note in done.notes)


def test_plans_of_another_version_are_not_written(
    shop: Path, shop_url: str, server_version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_files, "MAJOR", server_version + 1)
    with pytest.raises(InvalidInput, match="update_plans"):
        report(shop_url, shop, update_plans=True)
    assert plan_files.read(shop / "sql/orders") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a_pkey", IndexLine((IndexEntry(("a_pkey",), ordered=False),))),
        ("a_idx (order)", IndexLine((IndexEntry(("a_idx",), ordered=True),))),
        ("a or b", IndexLine((IndexEntry(("a", "b"), ordered=False),))),
        ('s."A, b"', IndexLine((IndexEntry(('s."A, b"',), ordered=False),))),
        ("scan: a, at most 10 rows", IndexLine((), (Scan(("a",), 10),))),
        ("scan: a, at most 1 row, its only one", IndexLine((), (Scan(("a",), 1),))),
        ("scan: s.a and b, every row, for a report", IndexLine((), (Scan(("s.a", "b"), None),))),
        ("scan: a, the first row", IndexLine((), (Scan(("a",), 1, ends_at_first=True),))),
        (
            "scan: a, the first row; b, every row, once",
            IndexLine((), (Scan(("a",), 1, ends_at_first=True), Scan(("b",), None))),
        ),
        (
            "a, scan: b, at most 10 rows",
            IndexLine((IndexEntry(("a",), ordered=False),), (Scan(("b",), 10),)),
        ),
        ("none: inserts one row", IndexLine(())),
        ("never: another query is run", IndexLine((), is_never_run=True)),
    ],
)
def test_an_index_line_is_read(text: str, line: IndexLine) -> None:
    assert index_line(text) == line


@pytest.mark.parametrize(
    "text",
    [
        *("scan:", "scan: a", "scan: a, ", "scan: all of it, at most 9 rows", "scan: a, ten rows"),
        *("scan: a, at most some rows", "scan: a, every row", "scan: a, every row, "),
        *("none: ", "never:", "a b", "a,, b"),
    ],
)
def test_an_index_line_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(HeaderError):
        index_line(text)


def node(kind: str, *children: dict[str, Any], **details: str) -> dict[str, Any]:
    named = {key.replace("_", " ").title(): value for key, value in details.items()}
    return {"Node Type": kind, **named} | ({"Plans": list(children)} if children else {})


INNER = {"Parent Relationship": "Inner"}
WALK = node("Index Scan", index_name="orders_day_idx", relation_name="orders")


@pytest.mark.parametrize(
    ("root", "delivers"),
    [
        (WALK, True),
        (node("Limit", WALK), True),
        (node("Sort", WALK), False),
        (node("Limit", node("Incremental Sort", WALK)), False),
        (node("Limit", node("Sort", node("Limit", WALK))), True),
        (node("Limit", node("Nested Loop", node("Result"), WALK | INNER)), False),
        (node("Sort", WALK | {"Parent Relationship": "InitPlan"}), True),
        (node("Bitmap Heap Scan", WALK | {"Node Type": "Bitmap Index Scan"}), False),
    ],
)  # fmt: skip
def test_an_order_is_delivered_only_where_nothing_sorts_it(
    root: dict[str, Any], delivers: bool
) -> None:
    line = index_line("orders_day_idx (order), scan: orders, every row, once")
    told = [judged.problem.what for judged in check_indexes(Plan(PlanNode(root), ""), line, TABLES)]
    assert any("takes its order from" in what for what in told) != delivers


FILTER = {"Filter": "(note IS NULL)"}
LIMITED = [
    node("Limit", WALK),
    node("Limit", node("Nested Loop", WALK, node("Result"))),
    node("Limit", node("Nested Loop", WALK, node("Result"), join_type="Inner")),
    node("Limit", node("Nested Loop", WALK, node("Result") | FILTER, join_type="Left")),
    node("Aggregate", node("Limit", WALK), strategy="Plain"),
]
UNLIMITED = [
    WALK,
    node("Limit", node("Aggregate", WALK, strategy="Plain")),
    node("Limit", node("Result"), WALK | {"Parent Relationship": "InitPlan"}),
    node("Merge Append", WALK),
]


@pytest.mark.parametrize(
    "root",
    [
        node("Limit", node("Aggregate", WALK, strategy="Sorted")),
        node("Limit", node("Unique", WALK)),
    ],
)
def test_an_index_may_be_read_whole_where_rows_become_one_below_a_limit(
    root: dict[str, Any],
) -> None:
    [judged] = check_indexes(Plan(PlanNode(root), ""), index_line("orders_day_idx (order)"), TABLES)
    assert judged.problem.what == (
        "the plan reads orders_day_idx until enough rows differ, at worst to the end"
    )


@pytest.mark.parametrize("root", LIMITED)
def test_an_index_that_is_left_at_a_limit_is_not_read_whole(root: dict[str, Any]) -> None:
    assert (
        list(check_indexes(Plan(PlanNode(root), ""), index_line("orders_day_idx (order)"), TABLES))
        == []
    )


@pytest.mark.parametrize("root", UNLIMITED)
def test_an_index_that_only_gives_an_order_is_read_whole(root: dict[str, Any]) -> None:
    (judged,) = check_indexes(
        Plan(PlanNode(root), ""), index_line("orders_day_idx (order)"), TABLES
    )
    assert "reads the index orders_day_idx from end to end" in judged.problem.what
    assert judged.tables == {"orders"}


FILTERED = [
    node("Limit", WALK | FILTER),
    node("Limit", WALK | {"Index Cond": "(id > 7)"}),
    node("Limit", WALK | FILTER | {"Index Cond": "(day = $1)"}),
    node("Limit", node("Nested Loop", WALK, node("Result"), join_type="Semi")),
    node("Limit", node("Nested Loop", WALK, node("Result"), join_type="Anti")),
    node("Limit", node("Nested Loop", WALK, node("Result"), join_filter="(a.x < b.x)")),
    node("Limit", node("Subquery Scan", WALK, filter="(n > 1)")),
    node("Limit", node("Nested Loop", WALK, node("Result") | FILTER, join_type="Inner")),
    node(
        "Limit",
        node("Nested Loop", WALK, node("Memoize", node("Result") | FILTER), join_type="Inner"),
    ),
]


@pytest.mark.parametrize("root", FILTERED)
def test_a_filter_below_a_limit_may_read_on_to_the_end(root: dict[str, Any]) -> None:
    line = index_line("orders_day_idx (order)")
    told = [judged.problem.what for judged in check_indexes(Plan(PlanNode(root), ""), line, TABLES)]
    assert any("at worst to the end" in what for what in told)
    line = index_line("orders_day_idx or orders_pkey, scan: orders, every row, where few match")
    told = [judged.problem.what for judged in check_indexes(Plan(PlanNode(root), ""), line, TABLES)]
    assert not any("to the end" in what or "from end to end" in what for what in told)


@pytest.mark.parametrize(
    ("bound", "is_true"), [("at most 20000 rows", True), ("at most 19999 rows", False)]
)
def test_a_scan_is_of_as_many_rows_as_its_bound(bound: str, *, is_true: bool) -> None:
    root = node("Seq Scan", relation_name="orders")
    line = index_line(f"scan: orders, {bound}")
    told = [judged.problem.what for judged in check_indexes(Plan(PlanNode(root), ""), line, TABLES)]
    assert told == ([] if is_true else ["orders holds 20000 rows, not 19999 at most"])


SCAN = node("Seq Scan", relation_name="orders")


@pytest.mark.parametrize(
    ("root", "is_true"),
    [
        (node("Limit", SCAN), True),
        (node("Result", SCAN | {"Parent Relationship": "InitPlan"}), True),
        (SCAN, False),
        (node("Limit", SCAN | FILTER), False),
        (node("Limit", node("Sort", SCAN)), False),
        (node("Aggregate", SCAN), False),
    ],
)
def test_the_first_row_ends_a_scan_that_says_so(root: dict[str, Any], *, is_true: bool) -> None:
    line = index_line("scan: orders, the first row")
    told = [judged.problem.what for judged in check_indexes(Plan(PlanNode(root), ""), line, TABLES)]
    assert told == ([] if is_true else ["the plan reads orders beyond the first row"])


def test_a_scan_excuses_the_tables_that_it_names_and_no_other() -> None:
    both = node(
        "Hash Join",
        node("Seq Scan", relation_name="orders"),
        node("Seq Scan", relation_name="customers"),
    )
    line = index_line("scan: customers and parcels, every row, once")
    told = [judged.problem.what for judged in check_indexes(Plan(PlanNode(both), ""), line, TABLES)]
    assert told == [
        "the plan does not read parcels from end to end",
        "the plan reads the table orders from end to end",
    ]


def test_a_walk_through_a_whole_index_is_no_condition() -> None:
    (judged,) = check_indexes(
        Plan(PlanNode(node("Limit", WALK)), ""), index_line("orders_day_idx"), TABLES
    )
    assert "no longer has an index condition on orders_day_idx" in judged.problem.what


@pytest.fixture
def connection(package_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(package_url, prepare_threshold=None) as opened:
        yield opened


@pytest.mark.slow("large tables")
@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
def test_a_listing_of_statuses_sorts_a_page_per_status_at_most(
    connection: Connection[Any], mode: str
) -> None:
    source = load_folder(sql_folder() / "runs")["runs.find_by_status__created_at"]
    connection.execute(f"SET plan_cache_mode = {mode}")
    connection.execute(f"PREPARE listed AS {source.sql}")
    lines = connection.execute(
        f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "
        f"EXECUTE listed ('{STATUSES}', {_LIMIT})"
    ).fetchall()
    text = "\n".join(line for (line,) in lines)
    found = re.search(r"Sort \(.*?\n.*?Nested Loop \(actual rows=([\d.]+)", text, re.DOTALL)
    assert found is not None, text
    assert _LIMIT < float(found[1]) <= 6 * _LIMIT
