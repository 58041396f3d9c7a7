"""The programs and commands of the documents run without changes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from tests.psql import psql
from vrooli_data import embedded
from vrooli_data._queries import load_folder, sql_folder

README = Path(__file__).parents[1] / "README.md"
DOCS = README.parent / "docs"
#: Pages whose programs are run, and how many each has.
PROGRAMS = {
    "bulk.md": 12,
    "counters.md": 3,
    "events.md": 9,
    "export.md": 1,
    "pipelines.md": 1,
    "poolers.md": 1,
    "processes.md": 4,
    "reading.md": 1,
    "runs.md": 1,
    "schemas.md": 2,
    "transactions.md": 10,
}
#: Modules that the programs import and the project does not install.
STAND_INS = Path(__file__).parent / "stand_ins"
SQL_README = sql_folder() / "README.md"

#: A value of each type that a query casts a parameter to.
VALUES = {
    "bigint": "1",
    "boolean": "true",
    "double precision": "0.5",
    "integer": "1",
    "interval": "'1 day'",
    "json": "'[]'",
    "jsonb": "'{}'",
    "text": "'1'",
    "text[]": "'{}'",
    "timestamptz": "'2026-01-01 00:00+00'",
    "xid8": "'1'",
    "uuid": "'00000000-0000-0000-0000-000000000000'",
}


in_the_tree = pytest.mark.skipif(not README.exists(), reason="the wheel has no README")


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.slow("the documents' programs")
@in_the_tree
def test_the_first_programs_run_unchanged() -> None:
    # Root's server runs as another user, to whom pytest's own folders are closed.
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        run_the_first_programs(folder)


def run_the_first_programs(folder: Path) -> None:
    programs = blocks(README, "python")
    assert len(programs) == 3
    try:
        for program in programs:
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", program],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, "")
    finally:
        embedded.stop(folder / "var/first")


@pytest.mark.slow("the documents' programs")
@in_the_tree
@pytest.mark.parametrize("page", PROGRAMS)
def test_the_programs_of_a_page_run_unchanged(page: str, database_url: str) -> None:
    programs = blocks(DOCS / page, "python")
    assert len(programs) == PROGRAMS[page]
    for program in programs:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env=os.environ | {"DATABASE_URL": database_url, "PYTHONPATH": str(STAND_INS)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), program


@pytest.mark.parametrize(
    "command",
    [command for block in blocks(SQL_README, "console") for command in block.split("$ ")[1:]],
)
def test_the_commands_of_the_sql_readme_run_unchanged(
    command: str, database_url: str, make: Factory, server_version: int
) -> None:
    if "GENERIC_PLAN" in command and server_version < 16:
        pytest.skip("GENERIC_PLAN needs PostgreSQL 16")
    make.user(email="ada@example.org", name="Ada Lovelace")
    output = psql(command, DATABASE_URL=database_url)
    assert ("users_email_key" if "EXPLAIN" in command else "Ada Lovelace") in output


@pytest.mark.slow("the documents' programs")
def test_every_query_runs_in_psql_unchanged(database_url: str) -> None:
    for folder in filter(Path.is_dir, sql_folder().iterdir()):
        for source in load_folder(folder).values():
            if "Utility" in source.header or source.is_staged or source.is_command:
                # A command, or the reader of a temporary table that the caller has made.
                continue
            text = source.path.read_text().splitlines()[source.line - 1 :]
            end = next(n for n, line in enumerate(text) if line.endswith(";"))
            statement = "\n".join(text[: end + 1])
            if source.is_streamed:
                statement = f"{source.planned};"
            casts = dict(re.findall(r"(?<!:):(\w+)::(double precision|\w+(?:\[\])?)", statement))
            assert casts.keys() == set(source.parameters), f"{source.name}: a cast is missing"
            variables = " ".join(f'-v {name}="{VALUES[cast]}"' for name, cast in casts.items())
            # Planned and not run, since most values name no row.
            output = psql(
                f'psql "$DATABASE_URL" {variables}',
                f"EXPLAIN\n{statement}",
                DATABASE_URL=database_url,
            )
            assert "QUERY PLAN" in output, source.name


@in_the_tree
@pytest.mark.parametrize(
    "page", [README, SQL_README, *DOCS.glob("*.md"), README.with_name("CONTRIBUTING.md")]
)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(((?!https?:)[^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_schema_of_the_documents_is_the_one_of_the_database(admin: Connection[Any]) -> None:
    for name in re.findall(r"\b(\w+_(?:key|pkey|idx))\b", SQL_README.read_text()):
        assert admin.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,), name
