"""The benchmarks run, and their arithmetic is right."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

pytest.importorskip("benchmarks", reason="the wheel brings no benchmarks")

from benchmarks._measure import (
    SMOKE,
    Table,
    alternate,
    compare,
    coverage,
    estimate,
)
from benchmarks._report import Report

_ROOT = Path(__file__).parents[1]
_ORDERS = ("created_at", "updated_at", "score", "bookmarks", "views")
_PATTERNS = {
    "users.find_by_id",
    "users.find_by_public_id",
    "users.find_by_email",
    "users.find_by_handle",
    "users.find_with_teams",
    "resources.find_by_id",
    "resources.find_by_public_id",
    "resources.find_with_latest_version",
    *(f"resources.find_by_type__{order}" for order in _ORDERS),
    *(f"resources.find_by_type__{order}_after" for order in _ORDERS),
    "resources.find_trending",
    "runs.find_with_details",
    "runs.find_with_details__of_user",
    "runs.get_execution_stats",
    "runs.get_execution_stats__of_user",
}
_DEEP_PAGES = {
    f"resources.find_by_type__{order}_{direction}"
    for order in _ORDERS
    for direction in ("after", "before")
}
_FACES = {"sync", "async"}
_FLOOR = {f"{face}, {other}" for face in _FACES for other in ("psycopg", "ours")}
_AT_ONCE = {f"{reads} at once" for reads in (1, 8, 64, 256)}
_SEVERAL_TABLES = "Several tables at once: one statement against a transaction of several"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=_ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )


@pytest.mark.slow("benchmarks")
def test_smoke_run_measures_every_pattern_and_enforces_no_bar(
    empty_database_url: str, tmp_path: Path
) -> None:
    written = tmp_path / "report.json"
    ran = _run("--smoke", "--database-url", empty_database_url, "--json", str(written))
    assert ran.returncode == 0, ran.stderr
    assert "no bar is enforced" in ran.stdout
    report = json.loads(written.read_bytes())
    assert report["smoke"] is True
    names = {
        table["title"]: {comparison["name"] for comparison in table["comparisons"]}
        for tables in report["tables"].values()
        for table in tables
    }
    for face in ("sync", "async"):
        assert names.pop(f"Reads, {face}, on a held connection") == _PATTERNS
        assert names.pop(f"Reads, {face}, through the pool") == _PATTERNS
        client_cpu = names.pop(f"CPU time of the client, {face}")
        assert {"users.find_by_id, held", "users.find_by_id, pool"} <= client_cpu
        assert {name.partition(",")[0] for name in client_cpu} <= _PATTERNS
    for clock in ("time", "CPU time of the client"):
        # Where there is no pgbench, the table says so instead.
        floor = names[f"The floor, {clock}: users.find_by_id against libpq in C"]
        assert floor == (_FLOOR if shutil.which("pgbench") or floor else set())
    for table in report["tables"]["reads"]:
        rows = {each["name"]: each["counts"]["rows"] for each in table["comparisons"]}
        assert rows["users.find_by_id"] == rows["runs.find_with_details"] == 1
        assert {rows[f"resources.find_by_type__{order}"] for order in _ORDERS} == {50}
    assert _DEEP_PAGES in names.values()
    plans = {
        name.partition(",")[0]
        for name in names["One plan for all parameters against one for each call"]
    }
    assert plans >= {"resources.find_trending", "users.search__substring", *_DEEP_PAGES}
    faces = {f"{face} / psycopg" for face in ("Database", "AsyncDatabase")}
    assert faces <= names["Import time"]
    assert faces == names["Import, connection and first read"]

    assert {name.partition(",")[0] for name in names[_SEVERAL_TABLES]} == {
        "resources.create_with_version",
        "teams.create_with_initial_setup",
        "runs.start_with_steps",
    }

    for other in ("asyncpg", "unmerged"):
        assert names[f"users.find_by_id, so many at once: merged against {other}"] == _AT_ONCE

    on_uvloop = names["users.find_by_id, so many at once: uvloop against asyncio"]
    assert "held, 1 at once" in on_uvloop or find_spec("uvloop") is None

    for peer in ("a loop of SQLAlchemy", "executemany of psycopg"):
        sizes = names[f"Optimistic updates of many resources: bulk_update against {peer}"]
        assert "300 resources" in sizes
        assert len(sizes) == 2

    created = names["Resources created in bulk: bulk_create against others"]
    assert created >= {
        f"{SMOKE.bulk_rows} resources / {peer}"
        for peer in ("COPY", "SQLAlchemy", "executemany of psycopg")
    }
    assert names["All rows of a listing: iter_by_type against others"] == {
        f"{SMOKE.bulk_rows} resources / {peer}"
        for peer in ("a cursor of the server", "stream of psycopg")
    }
    assert names["The longest write of 8 writers: beside a load against alone"] == {
        f"bulk_create of {10 * SMOKE.bulk_rows:,} resources"
    }
    if sys.platform == "linux":
        assert names["Highest resident memory of bulk work"] == {
            f"{work}, {rows} rows"
            for work in (
                *("bulk_create", "iter_by_type"),
                *("import of resources", "import of users", "import of runs"),
                *("export of resources", "export of runs"),
            )
            for rows in (SMOKE.bulk_rows // 10, SMOKE.bulk_rows)
        }

    assert names["Events that wait: relays against a plain queue with SKIP LOCKED"] == {
        "1 relay",
        "3 relays",
    }
    lag = "A relay beside 8 writers against a plain queue: until all is handed over"
    assert names[lag] == {f"{SMOKE.bulk_rows // 8 * 8:,} events"}

    [claim] = report["tables"]["claim"]
    assert len(claim["comparisons"]) == 6

    for where in ("one hot row", f"{SMOKE.bulk_rows} rows"):
        assert names[f"Views on {where}, 8 workers: others against increment_views"] == {
            "buffered",
            "a HOT row each",
            "ledger",
        }

    soak, *hot_rows, track_commit = report["tables"]["transactions"]
    for found in soak["comparisons"]:
        assert found["counts"]["anomalies"] == 0
        assert found["counts"]["anomalies r. c."] > 0
        assert found["counts"]["committed"] >= SMOKE.transactions
    for table in (soak, *hot_rows, track_commit):
        assert names[table["title"]] == _FACES

    again = _run("pages", "--smoke", "--database-url", empty_database_url)
    assert again.returncode == 0, again.stderr


@pytest.mark.slow("benchmarks")
def test_database_that_holds_something_else_is_left_alone(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE precious (id integer)")
        ran = _run("reads", "--smoke", "--database-url", empty_database_url)
        assert ran.returncode == 2
        assert "name an empty database" in ran.stderr
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    assert tables == [("precious",)]


@pytest.mark.slow("benchmarks")
def test_unknown_benchmark_is_refused() -> None:
    ran = _run("writes", "--smoke")
    assert ran.returncode == 2
    assert "there is no benchmark writes" in ran.stderr


@pytest.mark.parametrize(
    ("runs", "k", "expected"),
    [(1, 1, 0.0), (5, 1, 0.9375), (6, 1, 0.96875), (7, 1, 0.984375), (7, 2, 0.875)],
)
def test_coverage_is_that_of_the_sign_test(runs: int, k: int, expected: float) -> None:
    assert coverage(runs, k) == expected


def test_interval_of_seven_runs_is_their_range() -> None:
    found = estimate([5.0, 1.0, 7.0, 3.0, 2.0, 6.0, 4.0])
    assert (found.low, found.median, found.high) == (1.0, 4.0, 7.0)
    assert found.runs == (5.0, 1.0, 7.0, 3.0, 2.0, 6.0, 4.0)


def test_interval_of_many_runs_leaves_out_the_outliers() -> None:
    found = estimate([float(run) for run in range(1, 22)])
    assert (found.low, found.median, found.high) == (6.0, 11.0, 16.0)
    assert 0.95 <= found.coverage < 0.98


def test_interval_of_two_runs_says_how_little_it_covers() -> None:
    found = estimate([1.0, 3.0])
    assert (found.low, found.median, found.high, found.coverage) == (1.0, 2.0, 3.0, 0.5)


def test_ratio_pairs_the_turns_of_one_round() -> None:
    """A machine that slows down in mid-run moves both times, and not their ratio."""
    baseline = [[1e-6, 1e-6, 10e-6, 10e-6, 10e-6]]
    subject = [[1.5e-6, 1.5e-6, 15e-6, 15e-6, 15e-6]]
    found = compare("name", baseline, subject)
    assert found.ratio.median == pytest.approx(1.5)
    assert found.baseline.median == pytest.approx(10)
    assert found.added.median == pytest.approx(5)


@pytest.mark.parametrize(
    ("smoke", "ratio", "failures", "is_passed"),
    [
        (False, 1.0, [], True),
        (False, 2.0, [], False),
        (True, 2.0, [], True),
        (True, 1.0, ["an anomaly"], False),
    ],
)
def test_what_is_wrong_fails_a_smoke_run_and_a_missed_bar_does_not(
    *, smoke: bool, ratio: float, failures: list[str], is_passed: bool
) -> None:
    comparison = compare("name", [[1.0]], [[ratio]], bar=1.5)
    table = Table("title", "theirs", "ours", "µs", [comparison], failures=failures)
    report = Report(smoke, 1.0, SMOKE, {}, [], {"name": [table]}, 0.0)
    assert report.is_passed is is_passed


@pytest.mark.parametrize(("bar", "is_missed"), [(1.4, True), (1.6, False), (None, False)])
def test_bar_is_missed_by_the_median_ratio(bar: float | None, is_missed: bool) -> None:
    assert compare("name", [[1.0]], [[1.5]], bar=bar).is_missed is is_missed


def test_contestants_alternate_over_the_same_places_in_every_order() -> None:
    taken: list[tuple[str, tuple[int, ...]]] = []

    def contestant(name: str) -> Any:
        def turn(places: Sequence[int]) -> float:
            taken.append((name, tuple(places)))
            return 0.001 * len(places)

        return turn

    effort = SMOKE._replace(rounds=4, turn_seconds=0.002)
    measured = alternate([contestant("a"), contestant("b")], 3, effort)
    rounds = taken[-8:]
    assert [name for name, _ in rounds] == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert [places for _, places in rounds[::2]] == [places for _, places in rounds[1::2]]
    assert [places for _, places in rounds[::2]] == [(0, 1), (2, 0), (1, 2), (0, 1)]
    assert measured == [[pytest.approx(0.001)] * 4] * 2
