"""The command that checks: what it prints, in each format, and with which status it ends."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from tests.check.broken import QUERIES, RECORDS
from tests.check.copies import replace
from tests.cli import fail, run
from vrooli_data._contract import plan_files
from vrooli_data._contract.findings import CODES, Report

pytestmark = pytest.mark.slow("the command line")


class Text(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class Rule(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    id: str
    short_description: Text


class Driver(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    version: str
    rules: list[Rule]


class Tool(msgspec.Struct, forbid_unknown_fields=True):
    driver: Driver


class Artifact(msgspec.Struct, forbid_unknown_fields=True):
    uri: str


class Region(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    start_line: int


class Physical(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    artifact_location: Artifact
    region: Region


class Logical(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    fully_qualified_name: str


class Location(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    physical_location: Physical
    logical_locations: list[Logical]


class Result(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    rule_id: str
    level: Literal["error"]
    message: Text
    locations: list[Location]


class Notification(msgspec.Struct, forbid_unknown_fields=True):
    level: Literal["note"]
    message: Text


class Invocation(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    execution_successful: bool
    tool_execution_notifications: list[Notification]


class Run(msgspec.Struct, forbid_unknown_fields=True):
    tool: Tool
    results: list[Result]
    invocations: list[Invocation]


class Sarif(msgspec.Struct, forbid_unknown_fields=True):
    """The part of SARIF 2.1.0 that is used, and nothing else."""

    version: Literal["2.1.0"]
    runs: list[Run]
    schema: str = msgspec.field(name="$schema")


@pytest.fixture
def arguments(shop: Path, shop_url: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(shop)
    return [
        "check", "--database-url", shop_url, "--sql", "sql", "--records", "shop_records",
        "--repositories", "shop_repositories:Orders",
    ]  # fmt: skip


def test_without_a_finding_the_status_is_0(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("4 queries checked in ")
    assert done.stdout.endswith(": no finding\n")


@pytest.mark.core
def test_each_finding_is_one_line_and_the_status_is_1(arguments: list[str], shop: Path) -> None:
    replace(
        shop, QUERIES, "    total,\n    note,\n    placed_at\nFROM", "    note,\n    total\nFROM"
    )
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[0] == (
        "sql/orders/queries.sql:19: orders.list_by_customer: Order.placed_at has no column; "
        "return the column, or drop the field"
    )
    assert done.stdout.endswith(": 1 finding\n")


def test_findings_are_shown_as_json(arguments: list[str], shop: Path) -> None:
    replace(shop, RECORDS, "total: int", "total: str")
    done = run(*arguments, "--format", "json")
    assert done.returncode == 1
    report = msgspec.json.decode(done.stdout, type=Report)
    assert {finding.code for finding in report.findings} == {"types"}
    assert {finding.path for finding in report.findings} == {QUERIES}
    assert report.queries == 4


def test_findings_are_shown_as_sarif(arguments: list[str], shop: Path) -> None:
    replace(shop, RECORDS, "total: int", "total: str")
    done = run(*arguments, "--format", "sarif")
    assert done.returncode == 1
    (shown,) = msgspec.json.decode(done.stdout, type=Sarif).runs
    assert {rule.id for rule in shown.tool.driver.rules} == CODES.keys()
    assert {result.rule_id for result in shown.results} == {"types"}
    (location,) = shown.results[0].locations
    assert location.physical_location.artifact_location.uri == QUERIES
    assert location.physical_location.region.start_line == 1
    assert location.logical_locations[0].fully_qualified_name == "orders.find_by_id"


def test_the_plans_are_written_where_they_are_asked_for(
    arguments: list[str], shop: Path, server_version: int
) -> None:
    if server_version != plan_files.MAJOR:
        told = fail(2, *arguments, "--update-plans")
        assert told == f"--update-plans: needs a server of PostgreSQL {plan_files.MAJOR}"
        return
    assert run(*arguments, "--update-plans").returncode == 0
    plans = shop / "sql/orders/plans.txt"
    assert "== orders.set_note\n" in plans.read_text()
    plans.write_text(plans.read_text().replace("Scan", "Look"))
    found = run(*arguments).stdout
    commands = set(re.findall(r"run `vrooli-data (.*?)`", found))
    assert len(commands) == 1
    assert run(*shlex.split(commands.pop())).returncode == 0
    assert "Look" not in plans.read_text()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--sql", "sql"], "--records: must be given with --sql"),
        (["--records", "shop_records"], "--records: needs --sql"),
        (["--repositories", "shop_repositories"], "--repositories: needs --sql"),
        (
            ["--sql", "sql", "--records", "shop_records", "--repositories", "nowhere"],
            "--repositories: cannot be imported: ModuleNotFoundError",
        ),
        (["--sql", "sql", "--records", "no_such_module"], "--records: cannot be imported"),
        (["--sql", "nowhere", "--records", "shop_records"], "does not exist"),
        (["--sql", "sql", "--records", ""], "--records: must be the name of a module"),
        (["--sql", "sql", "--records", ".x"], "--records: must be the name of a module"),
        (["--sql", "empty", "--records", "shop_records"], "--sql: empty contains no .sql file"),
        (["--format", "xml"], "xml"),
    ],
)
def test_a_call_that_is_wrong_ends_with_2(
    arguments: list[str], options: list[str], told: str
) -> None:
    Path("empty").mkdir()
    assert told in fail(2, *arguments[:3], *options)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("class Order(", "SyntaxError: "),
        ("Order = nothing", "NameError: name 'nothing' is not defined"),
        ("raise RuntimeError('no\\nluck')", "RuntimeError: no luck"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_module_that_cannot_be_imported_ends_with_2(
    arguments: list[str], shop: Path, text: str, told: str
) -> None:
    (shop / RECORDS).write_text(text)
    assert fail(2, *arguments).startswith(f"--records: cannot be imported: {told}")


def test_a_module_of_a_package_that_cannot_be_imported_ends_with_2(
    arguments: list[str], shop: Path
) -> None:
    (shop / "package").mkdir()
    (shop / "package/__init__.py").touch()
    (shop / "package/orders.py").write_text("raise RuntimeError('no luck')")
    assert "RuntimeError: no luck" in fail(2, *arguments[:-1], "package")


@pytest.mark.core
def test_a_server_out_of_reach_ends_with_1(arguments: list[str]) -> None:
    assert "connection" in fail(1, "check", "--database-url", "host=127.0.0.1 port=1")


def test_the_packages_own_queries_are_checked_on_a_database_of_their_own(server_url: str) -> None:
    done = run("check", "--database-url", server_url, "--format", "json")
    assert done.stderr == ""
    report = msgspec.json.decode(done.stdout, type=Report)
    assert done.returncode == bool(report.findings)
    assert report.queries > 100
