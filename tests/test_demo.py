"""The demo, from an empty folder to the commands that it ends with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from psycopg import Connection, conninfo

from tests.cli import fail, run, succeed
from tests.embedded_folders import open_folder
from tests.factories import Factory
from tests.psql import psql

pytestmark = pytest.mark.slow("the demo")

#: Few enough rows to be quick, and enough of them for the planner to take the indexes.
TINY = ("--scale", "0.03")
#: The patterns, with the first index that each is reached by.
PATTERNS = {
    "find_by_id": "users_pkey",
    "find_by_public_id": "users_public_id_key",
    "find_by_email": "users_email_key",
    "find_by_handle": "users_handle_key",
    "find_with_teams": "users_public_id_key",
    "find_with_latest_version": "resources_public_id_key",
    "find_trending": (
        "resources_resource_type_created_at_id_idx, "
        "resources_score_bookmarks_views_id_created_at_idx"
    ),
    "find_by_type, created_at": "resources_resource_type_created_at_id_idx",
    "find_by_type, updated_at": "resources_resource_type_updated_at_id_idx",
    "find_by_type, score": "resources_resource_type_score_id_idx",
    "find_by_type, bookmarks": "resources_resource_type_bookmarks_id_idx",
    "find_by_type, views": "resources_resource_type_views_id_idx",
    "find_with_details": "runs_id_key",
    "get_execution_stats": "scan: runs",
    "get_execution_stats, user_id": "runs_user_id_status_created_at_id_idx",
}


def without_times(output: str) -> str:
    """Return what is the same in each run on the same data."""
    return re.sub(r"\d+\.\d{3}\b *", "", output[output.index("db.users") :])


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_folder() as parent:
        yield parent / "demo"


@pytest.fixture(scope="module")
def first(folder: Path) -> CompletedProcess[str]:
    """The first run, in a folder that is not there yet."""
    return run("demo", "--data-dir", folder, *TINY)


def test_the_first_run_starts_migrates_and_seeds(first: CompletedProcess[str]) -> None:
    assert first.returncode == 0, first.stderr
    assert first.stderr.count("\n") == 1
    assert first.stderr.startswith("Starting PostgreSQL 18 in ")
    assert re.search(r"^Migrations: [1-9]\d* applied, 0 earlier$", first.stdout, re.MULTILINE)
    assert re.search(r"[\d,]+ rows in [\d.]+ s$", first.stdout, re.MULTILINE)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pattern_has_its_rows_latencies_and_index(
    first: CompletedProcess[str], pattern: str
) -> None:
    line = re.search(
        rf"^{pattern} +(\d+) +(\d+\.\d{{3}}) +(\d+\.\d{{3}})  (.+?) *$", first.stdout, re.MULTILINE
    )
    assert line is not None
    assert int(line[1]) > 0
    assert 0 < float(line[2]) <= float(line[3])
    # Of two long names, a narrow terminal shows the beginning.
    assert line[4]
    assert PATTERNS[pattern].startswith(line[4])


def test_each_order_has_a_page_after_and_a_page_before(first: CompletedProcess[str]) -> None:
    pages = re.findall(r"^  the page (after|before) +(\d+) ", first.stdout, re.MULTILINE)
    assert [direction for direction, _ in pages] == ["after", "before"] * 5
    assert all(int(rows) > 0 for _, rows in pages)


@pytest.mark.parametrize("record", ["UserWithTeams", "ResourceWithLatestVersion", "RunDetails"])
def test_a_record_of_each_aggregate_is_shown(first: CompletedProcess[str], record: str) -> None:
    assert re.search(rf"^>>> db\.\w+\.\w+\(.+\)\n +{record}\( *$", first.stdout, re.MULTILINE)


def test_the_second_run_uses_the_data_again(folder: Path, first: CompletedProcess[str]) -> None:
    second = run("demo", "--data-dir", folder, "--scale", "5")
    assert second.returncode == 0
    assert "Migrations: 0 applied" in second.stdout
    assert "using the existing rows; --scale applies to an empty database only\n" in second.stdout
    # The same rows are asked for, and the same indexes found.
    assert without_times(second.stdout) == without_times(first.stdout)


def test_the_commands_that_it_ends_with_work_unchanged(
    folder: Path, first: CompletedProcess[str]
) -> None:
    commands = first.stdout[first.stdout.index("# Three things") :]
    output = psql(commands)
    assert "-[ RECORD 1 ]" in output
    assert "RunDetails(" in output
    assert "inserted" in output
    assert f"Stopped the server in {folder}." in output


def test_a_given_database_is_filled_and_its_password_not_shown(database_url: str) -> None:
    url = conninfo.make_conninfo(database_url, password="S3cr3t")
    output = succeed("demo", "--database-url", url, *TINY)
    assert "find_with_details" in output
    assert "S3cr3t" not in output
    assert "db stop" not in output


@pytest.mark.core
def test_a_database_that_holds_other_things_is_left_alone(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    make.user()
    message = fail(1, "demo", "--database-url", database_url, *TINY)
    assert "has no user with a team" in message
    assert admin.execute("SELECT count(*) FROM users").fetchone() == (1,)
