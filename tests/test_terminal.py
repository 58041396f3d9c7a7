"""Nothing that the command line prints acts on a terminal, whoever wrote it where."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import psycopg
import pytest
from psycopg import conninfo, sql

import vrooli_data.cli
from tests.cli import LINE
from vrooli_data._seed import seed
from vrooli_data._visible import visible, visible_lines
from vrooli_data.cli import main

#: A window's title, a new line's beginning, a colour by a C1 character, text that runs backwards.
#: A line break, which a table or a list would show as a line of its own.
HOSTILE = "a\x1b]0;b\x07\rc\x9b31md\u202ee\u2066f\x7fg\x08[red]h\nline"
ONE_LINE = HOSTILE.replace("\n", "")
SHOWN = r"a\u001b]0;b\u0007\u000dc\u009b31md\u202ee\u2066f\u007fg\u0008[red]h\u000aline"
ACTS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|^ *line", re.MULTILINE)
CLI = Path(vrooli_data.cli.__file__).parent
#: The one module that prints, and what works without typer and rich.
PRINT = {CLI / "_output.py", CLI / "__init__.py"}

Call: TypeAlias = Callable[..., tuple[int, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command line here, and return its status and all that it printed."""

    def called(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["vrooli-data", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "1000")
        status = main()
        done = capsys.readouterr()
        return status, done.out + done.err

    return called


@pytest.fixture
def hostile_url(database_url: str) -> str:
    """Name a database in which every name and every free text is hostile."""
    seed(database_url, scale=0.003)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table, column in (
            ("users", "name"),
            ("teams", "name"),
            ("runs", "name"),
            ("run_steps", "name"),
            ("resource_translations", "name"),
            ("resource_translations", "description"),
            ("resource_versions", "version_label"),
        ):
            update = sql.SQL("UPDATE {} SET {} = %s").format(*map(sql.Identifier, (table, column)))
            connection.execute(update, (HOSTILE,))
        connection.execute("UPDATE users SET email = id || %s || '@'", (HOSTILE,))
        index = sql.SQL("ALTER INDEX resources_pkey RENAME TO {}").format(sql.Identifier(HOSTILE))
        connection.execute(index)
    return database_url


def quiet(printed: str) -> bool:
    return not ACTS.search(printed)


@pytest.mark.slow("the command line")
def test_the_demo(call: Call, hostile_url: str) -> None:
    status, printed = call("demo", "--database-url", hostile_url)
    assert (status, quiet(printed)) == (0, True), printed
    assert r"a\x1b]0;b\x07\rc\x9b31md\u202ee\u2066f\x7fg\x08[red]h\nline" in printed
    assert f" {SHOWN}" in printed


@pytest.mark.slow("the command line")
@pytest.mark.parametrize("query", ["resources.find_by_id", "resources", "users.find_by_email"])
def test_explain(call: Call, hostile_url: str, query: str) -> None:
    status, printed = call("explain", query, "--database-url", hostile_url)
    # The index of the header has another name here.
    assert (status, quiet(printed)) == (query.startswith("resources"), True), printed
    assert SHOWN in printed


@pytest.mark.slow("the command line")
def test_migrate(call: Call, database_url: str, admin: psycopg.Connection[Any]) -> None:
    admin.execute("INSERT INTO vrooli_data_migrations VALUES (%s, '')", (HOSTILE,))
    for command in (["migrate"], ["migrate", "--status"], ["migrate", "--rollback-to", "0"]):
        status, printed = call(*command, "--database-url", database_url)
        assert (status, quiet(printed)) == (1, True), printed
        assert SHOWN in printed


@pytest.mark.slow("the command line")
def test_drift(call: Call, database_url: str, admin: psycopg.Connection[Any]) -> None:
    index = sql.SQL("ALTER INDEX users_pkey RENAME TO {}").format(sql.Identifier(HOSTILE))
    admin.execute(index)
    status, printed = call("drift", "--database-url", database_url)
    assert (status, quiet(printed)) == (1, True), printed
    assert r"c\u009b31md\u202ee" in printed


@pytest.mark.slow("the command line")
def test_events(call: Call, hostile_url: str) -> None:
    with psycopg.connect(hostile_url) as connection:
        connection.execute(
            "UPDATE change_events SET entity_type = %s, change_type = %s, parked_at = now(), "
            "last_error = %s",
            (HOSTILE, HOSTILE, HOSTILE),
        )
    status, printed = call("events", "--parked", "--database-url", hostile_url)
    assert (status, quiet(printed)) == (0, True), printed
    assert printed.count(SHOWN) >= 3


@pytest.mark.slow("the command line")
@pytest.mark.parametrize("kind", ["users", "resources", "runs"])
def test_an_export_to_the_standard_output(
    call: Call, hostile_url: str, tmp_path: Path, kind: str
) -> None:
    status, printed = call("export", kind, "-", "--database-url", hostile_url)
    assert (status, quiet(printed)) == (0, True)
    call("export", kind, tmp_path / "lines", "--database-url", hostile_url)
    lines = (tmp_path / "lines").read_bytes().splitlines()
    # The values stay the same.
    assert [msgspec.json.decode(line) for line in printed.split("\n")[:-1]] == [
        msgspec.json.decode(line) for line in lines
    ]
    assert any(HOSTILE in texts(msgspec.json.decode(line)) for line in lines)


def _check(folder: Path) -> tuple[object, ...]:
    path = folder / HOSTILE
    path.mkdir()
    header = f"-- Record: {ONE_LINE}\n-- Index:  none\n-- Locks:  none\n"
    (path / "read.sql").write_text(f"-- name: find()\n-- Find.\n{header}SELECT 1;\n")
    (path / f"{HOSTILE}.sql").write_text(f"-- name: {ONE_LINE}()\n")
    return "check", "--sql", folder, "--records", "vrooli_data.records"


def _import(folder: Path) -> tuple[object, ...]:
    file = folder / HOSTILE
    file.write_text(LINE.replace('"Note"', f'"{HOSTILE}"'.encode("unicode_escape").decode()))
    return "import", "resources", file


@pytest.mark.slow("the command line")
@pytest.mark.parametrize("shape", ["text", "json", "sarif"])
def test_findings_of_a_check(call: Call, database_url: str, tmp_path: Path, shape: str) -> None:
    arguments = (*_check(tmp_path), "--format", shape)
    status, printed = call(*arguments, "--database-url", database_url)
    assert (status, quiet(printed)) == (1, True), printed
    if shape == "text":
        assert SHOWN in printed
    else:
        assert any(HOSTILE in text for text in texts(msgspec.json.decode(printed)))


def texts(value: Any) -> Iterator[str]:
    """Go through the texts of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value if isinstance(value, list) else value.values():
            yield from texts(each)


@pytest.mark.slow("the command line")
def test_a_file_that_is_imported(call: Call, database_url: str, tmp_path: Path) -> None:
    status, printed = call(*_import(tmp_path), "--database-url", database_url)
    assert (status, quiet(printed)) == (1, True), printed
    assert SHOWN in printed


@pytest.mark.slow("the command line")
def test_a_database_that_does_not_exist(call: Call, database_url: str, tmp_path: Path) -> None:
    url = conninfo.make_conninfo(database_url, dbname=HOSTILE)
    for command in (
        ("demo",),
        ("migrate",),
        ("migrate", "--status"),
        ("seed",),
        ("explain",),
        _import(tmp_path),
    ):
        status, printed = call(*command, "--database-url", url)
        assert (status, quiet(printed)) == (1, True), printed
        assert r"c\u009b31md\u202ee" in printed


def test_arguments(call: Call, tmp_path: Path) -> None:
    for command in (
        (HOSTILE,),
        ("explain", HOSTILE),
        ("seed", "--scale", HOSTILE),
        ("check", "--sql", tmp_path, "--records", HOSTILE),
        ("import", "resources", tmp_path / HOSTILE),
        ("db", "url", "--data-dir", tmp_path / HOSTILE),
        ("db", "stop", "--data-dir", tmp_path / HOSTILE),
        ("migrate", "--database-url", HOSTILE),
    ):
        _, printed = call(*command)
        assert printed
        assert quiet(printed), printed


def test_one_module_prints() -> None:
    """What is printed elsewhere, or made of rich's own texts, would not be made visible."""
    for path in sorted(CLI.rglob("*.py")):
        if path in PRINT:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            name = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""
            assert name not in {"print", "Text", "typer.echo", "typer.secho", "sys.stdout.write"}, (
                f"{path}: use say() or styled() of _output instead of {name}"
            )
            assert not name.endswith(".add_row"), f"{path}: use Rows.add"


def test_lines_stay_lines_and_other_text_stays_as_it_is() -> None:
    assert visible_lines("a\nb") == "a\nb"
    assert visible("a\nb\tc") == r"a\u000ab\u0009c"
    for text in ("Straße", "naïve", "क\u200dष", "👩\u200d💻", "日本"):
        assert visible(text) == text
