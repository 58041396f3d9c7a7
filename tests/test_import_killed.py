"""An import whose process or server is killed leaves whole batches; running again completes it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from tests.cli import ENVIRONMENT
from tests.embedded_folders import open_folder, postmaster
from tests.test_import import line
from vrooli_data import embedded, migrate
from vrooli_data._import import RejectedLine, import_file

pytestmark = pytest.mark.slow("killed imports")

#: What is committed is in the log before its reply; only the machine's own end would lose it.
SETTINGS = {"fsync": "off", "full_page_writes": "off"}
ROUNDS = 3
LINES = 6_000
BATCH = 250
#: Every hundredth line is bad.
STEP = 100
PROGRAM = f"""
import sys
from vrooli_data._import import import_file
import_file(sys.argv[1], "resources", sys.argv[2], batch_size={BATCH})
"""
#: What an import writes, without what each run makes anew.
CONTENT = """
SELECT
    resources.public_id, resource_type, has_complete_version, last_version_index,
    latest_version_id = resource_versions.id, version_index, version_label, is_complete,
    config, language, name, name_folded, description, description_folded
FROM resources
FULL JOIN resource_versions ON resources.id = resource_versions.resource_id
FULL JOIN resource_translations ON resources.id = resource_translations.resource_id
ORDER BY resources.public_id
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Start a server that may be killed."""
    with open_folder() as folder:
        migrate(embedded.start(folder, settings=SETTINGS))
        yield folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "resources.ndjson"
    path.write_bytes(
        b"".join(b"{}\n" if number % STEP == 0 else line(number) for number in range(1, LINES + 1))
    )
    return path


def content(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(CONTENT).fetchall()


def empty(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE resources CASCADE")


def until_rows(connection: Connection[Any], importing: subprocess.Popen[bytes], count: int) -> None:
    """Wait until an import has committed so many rows, or has ended."""
    deadline = time.monotonic() + 120
    while importing.poll() is None:
        assert time.monotonic() < deadline
        ((found,),) = connection.execute("SELECT count(*) FROM resources").fetchall()
        if found >= count:
            return
        time.sleep(0.001)


def check_killed(
    url: str, file: Path, kill: Callable[[subprocess.Popen[bytes]], object], rounds: int
) -> int:
    """Kill imports, each of which goes on where the one before was killed.

    One that survives, and completes, is followed by another from the start. Return how many did not
    survive.
    """
    empty(url)
    import_file(url, "resources", file)
    clean = found = content(url)
    chance = random.Random(1)
    killed = 0
    for _ in range(rounds):
        if len(found) == len(clean):
            empty(url)
            found = []
        importing = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, file],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        more = chance.randint(1, (len(clean) - len(found) + 1) // 2)
        with psycopg.connect(url, autocommit=True) as connection:
            until_rows(connection, importing, len(found) + more)
        time.sleep(chance.uniform(0, 0.3))
        kill(importing)
        importing.wait(60)
        killed += importing.returncode != 0
        found = content(url)
        # Rows of whole batches, in the order of the file.
        assert found == clean[: len(found)]
        assert len(found) in {
            batch * BATCH - batch * BATCH // STEP for batch in range(LINES // BATCH + 1)
        }
    rejected: list[RejectedLine] = []
    report = import_file(url, "resources", file, on_rejected=rejected.extend)
    assert report.read == report.inserted + report.skipped + report.rejected == LINES
    assert [each.line for each in rejected] == list(range(STEP, LINES + 1, STEP))
    assert content(url) == clean
    return killed


def test_a_process_that_is_killed(folder: Path, file: Path) -> None:
    url = embedded.start(folder, settings=SETTINGS)
    assert check_killed(url, file, lambda importing: importing.kill(), ROUNDS)


def kill_server(folder: Path) -> None:
    """Kill the server, with all its processes, and start it again."""
    os.kill(postmaster(folder), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while embedded.url(folder) is not None:
        assert time.monotonic() < deadline
    embedded.start(folder, settings=SETTINGS)


def test_a_server_that_is_killed(folder: Path, file: Path) -> None:
    url = embedded.start(folder, settings=SETTINGS)
    # It ends with an error, or goes on with the server that was started again.
    check_killed(url, file, lambda _: kill_server(folder), ROUNDS)


def kill_backend(url: str) -> None:
    """Kill the process of the server that the import is connected to."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'vrooli_data import'"
        ).fetchall()
    for (pid,) in found:
        os.kill(pid, signal.SIGKILL)


def until_served(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline
        with suppress(psycopg.OperationalError), psycopg.connect(url):
            return
        time.sleep(0.01)


def test_a_backend_that_is_killed(folder: Path, file: Path) -> None:
    url = make_conninfo(embedded.start(folder, settings=SETTINGS))

    def kill(importing: subprocess.Popen[bytes]) -> None:
        kill_backend(url)
        importing.wait(120)
        until_served(url)

    check_killed(url, file, kill, ROUNDS)
