"""Folders for tests of the embedded server; whatever runs in them is stopped at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

import vrooli_data
from vrooli_data import VrooliDataError, embedded

#: Lost at a crash of the machine, which these databases may be.
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

_SITES = {str(Path(module.__file__ or "").parents[1]) for module in (vrooli_data, psycopg)}


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that every user can reach, and remove it with the servers started in it."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        stop_all(folder)
        shutil.rmtree(folder)


def stop_all(folder: Path) -> None:
    """Stop every server started below *folder*, and remove what it keeps elsewhere."""
    for entry in [*folder.rglob("pgdata"), *folder.rglob("socket")]:
        # A test may have made a folder that is refused.
        with suppress(VrooliDataError):
            embedded.stop(entry.parent)
        # One entry may lead to a folder that the other has led to.
        if entry.is_symlink():
            target = entry.resolve()
            shutil.rmtree(target.parent if entry.name == "pgdata" else target, ignore_errors=True)


def postmaster(folder: Path) -> int:
    """Return the process number of the server that runs for *folder*."""
    return int((folder / "pgdata" / "postmaster.pid").read_text().split()[0])


def ask(url: str, query: str) -> Any:
    """Return the one value that *query* yields."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def python(
    code: str, *arguments: object, user: str | None = None, interpreter: str = sys.executable
) -> subprocess.Popen[str]:
    """Start Python code that prints to a pipe, in an environment that helps with nothing."""
    environment = {"PATH": os.defpath, "LANG": "C", "PYTHONPATH": os.pathsep.join(_SITES)}
    return subprocess.Popen(
        [interpreter, "-W", "error", "-c", code, *map(str, arguments)],
        user=user,
        group=None if user is None else "nogroup",
        extra_groups=None if user is None else [],
        cwd="/",
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    """Return what *process* printed, once it has ended well."""
    text, _ = process.communicate(timeout=240)
    assert process.returncode == 0, text
    return text.strip()
