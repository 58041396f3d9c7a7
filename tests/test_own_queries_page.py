"""The application of docs/own-queries.md: built, run and checked without changes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs/own-queries.md"
SCRIPTS = sysconfig.get_path("scripts")
#: A file that the page shows, below its name.
FILE = re.compile(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```console\n\$ ([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the wheel has no docs")


def write_application(folder: Path) -> None:
    """Write each file that the page shows."""
    for name, text in FILE.findall(PAGE.read_text()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def comparable(text: str) -> str:
    """Return what a command prints without times, and without what this server lacks."""
    lines = [line for line in text.splitlines() if not line.startswith("Left out")]
    return re.sub(r"in \d+\.\d+ s", "in 0.1 s", "\n".join(lines))


@pytest.mark.slow("the documents' programs")
@pytest.mark.core
def test_the_application_is_built_run_and_checked_unchanged(
    tmp_path: Path, database_url: str, server_version: int
) -> None:
    write_application(tmp_path)
    commands = COMMANDS.findall(PAGE.read_text())
    assert [command.split()[:2] for command, _ in commands] == [
        ["vrooli-data", "migrate"],
        ["python", "main.py"],
        ["vrooli-data", "check"],
    ]
    programs = {
        "python": [sys.executable, "-W", "error"],
        "vrooli-data": [f"{SCRIPTS}/vrooli-data"],
    }
    for command, expected in commands:
        program, *arguments = command.split()
        if arguments[0] == "check" and server_version < 16:
            # Parse trees are read from PostgreSQL 16 on.
            continue
        done = subprocess.run(
            [*programs[program], *arguments],
            cwd=tmp_path,
            env=os.environ | {"DATABASE_URL": database_url, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stderr, done.returncode) == ("", 0)
        assert comparable(done.stdout) == comparable(expected)
