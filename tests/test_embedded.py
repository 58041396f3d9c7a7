"""The embedded server: one folder, one server, through stops, crashes and races."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import psycopg
import pytest

from tests.embedded_folders import FAST, ask, open_folder, output, postmaster, python
from vrooli_data import embedded
from vrooli_data.embedded import _server

pytestmark = pytest.mark.slow("embedded servers")


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as parent:
        yield parent / "pg"


def test_every_spelling_of_a_folder_is_the_same_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = embedded.start(str(folder), settings=FAST)
    link = folder.parent / "link"
    link.symlink_to(folder)
    monkeypatch.chdir(folder.parent)
    assert {embedded.start(folder), embedded.start(link), embedded.start("pg")} == {url}
    assert embedded.url("link/../pg/") == url


def test_a_running_server_is_found_without_starting_a_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = embedded.start(folder, settings=FAST)

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert embedded.start(folder) == url
    assert embedded.url(folder) == url


def test_threads_that_start_at_once_get_one_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    create_data = _server.create_data

    def counted(place: Any, version: int) -> Any:
        made.append(place)
        return create_data(place, version)

    monkeypatch.setattr(_server, "create_data", counted)
    barrier = Barrier(4)

    def start(_: int) -> str:
        barrier.wait()
        return embedded.start(folder, settings=FAST)

    with ThreadPoolExecutor(4) as threads:
        urls = set(threads.map(start, range(4)))
    assert len(urls) == 1
    assert len(made) == 1


def test_processes_that_start_at_once_get_one_server(folder: Path) -> None:
    code = """if True:
        import sys, psycopg
        from vrooli_data import embedded
        print("ready", flush=True)
        sys.stdin.readline()
        url = embedded.start(sys.argv[1])
        with psycopg.connect(url) as connection:
            query = "SELECT system_identifier, pg_postmaster_start_time() FROM pg_control_system()"
            print(url, *connection.execute(query).fetchone())
    """
    processes = [python(code, folder) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert len({output(process) for process in processes}) == 1


def test_nothing_is_printed_and_no_warning_raised(folder: Path) -> None:
    code = (
        "import sys; from vrooli_data import embedded; embedded.start(sys.argv[1]);"
        "assert embedded.url(sys.argv[1]); assert embedded.stop(sys.argv[1])"
    )
    assert not output(python(code, folder))


def test_the_server_outlives_the_process_that_started_it(folder: Path) -> None:
    code = """if True:
        import os, signal, sys
        from vrooli_data import embedded
        print(embedded.start(sys.argv[1]), flush=True)
        os.killpg(0, signal.SIGKILL)
    """
    process = python(code, folder)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert ask(text.strip(), "SELECT 1") == 1
    assert embedded.url(folder) == text.strip()


@pytest.mark.core
def test_stop_and_start_keep_the_data_and_the_url(folder: Path) -> None:
    url = embedded.start(folder, settings=FAST)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    with psycopg.connect(url):
        # A session that is still open does not hold the stop up.
        assert embedded.stop(folder) is True
    assert embedded.url(folder) is None
    assert embedded.stop(folder) is False
    assert embedded.start(folder, settings=FAST) == url
    assert ask(url, "SELECT number FROM kept") == 7


def test_stop_and_url_of_a_folder_that_is_missing_make_nothing(folder: Path) -> None:
    assert embedded.stop(folder) is False
    assert embedded.url(folder) is None
    assert not folder.exists()


@pytest.mark.parametrize("pid_file", ["whole", "empty"])
def test_start_recovers_after_a_crash(folder: Path, pid_file: str) -> None:
    url = embedded.start(folder)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    # A session in the middle of a computation notices late that its server is gone.
    busy = psycopg.connect(url)
    busy.add_notice_handler(lambda _: started.set())
    started = Event()

    def compute() -> None:
        with suppress(psycopg.OperationalError):
            busy.execute(
                "DO $$ BEGIN RAISE NOTICE 'started';"
                " WHILE clock_timestamp() < now() + interval '1 second' LOOP END LOOP; END $$"
            )

    thread = Thread(target=compute)
    thread.start()
    assert started.wait(timeout=60)
    crashed = postmaster(folder)
    os.kill(crashed, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while embedded.url(folder) is not None:
        assert time.monotonic() < deadline
    if pid_file == "empty":
        (folder / "pgdata" / "postmaster.pid").write_text("")
    assert embedded.start(folder) == url
    assert postmaster(folder) != crashed
    assert ask(url, "SELECT number FROM kept") == 7
    thread.join()
    busy.close()


@pytest.mark.parametrize("other", ["program", "server"])
def test_a_number_in_postmaster_pid_that_is_another_process_now_is_not_believed(
    folder: Path, other: str
) -> None:
    url = embedded.start(folder, settings=FAST)
    file = folder / "pgdata" / "postmaster.pid"
    lines = file.read_text().split("\n")
    owner = file.stat().st_uid
    embedded.stop(folder)
    embedded.start(folder.with_name("other"), settings=FAST)
    with subprocess.Popen(
        # A program that has to do with the data, and waits.
        ["/bin/sh", "-c", "read line", "sh", folder / "pgdata"],
        user=None if os.geteuid() else owner,
        stdin=subprocess.PIPE,
    ) as program:
        number = program.pid if other == "program" else postmaster(folder.with_name("other"))
        for path in (file, folder / "socket" / ".s.PGSQL.5432.lock"):
            path.write_text("\n".join([str(number), *lines[1:]]))
            os.chown(path, owner, -1)
        assert embedded.url(folder) is None
        assert embedded.stop(folder) is False
        assert embedded.start(folder, settings=FAST) == url
        assert ask(url, "SHOW data_directory") == str(folder / "pgdata")
        embedded.stop(folder)
        assert program.poll() is None
        assert embedded.url(folder.with_name("other"))


def test_a_copy_of_a_folder_is_a_server_of_its_own(folder: Path) -> None:
    url = embedded.start(folder, settings=FAST)
    embedded.stop(folder)
    copy = folder.with_name("copy")
    subprocess.run(["/bin/cp", "-a", folder, copy], check=True)
    embedded.start(folder, settings=FAST)
    shutil.copy2(folder / "pgdata" / "postmaster.pid", copy / "pgdata" / "postmaster.pid")
    assert embedded.url(copy) is None
    other = embedded.start(copy, settings=FAST)
    assert other != url
    assert ask(url, "SHOW data_directory") == str(folder / "pgdata")
    assert ask(other, "SHOW data_directory") == str(copy / "pgdata")


def test_a_folder_moved_while_its_server_runs_can_be_stopped_and_started(folder: Path) -> None:
    embedded.start(folder, settings=FAST)
    moved = folder.rename(folder.with_name("moved"))
    assert embedded.stop(moved) is True
    url = embedded.start(moved, settings=FAST)
    assert ask(url, "SHOW data_directory") == str(moved / "pgdata")


def test_a_folder_moved_away_keeps_its_data_when_another_takes_its_place(folder: Path) -> None:
    url = embedded.start(folder)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    first = postmaster(folder)
    moved = folder.rename(folder.with_name("moved"))
    assert embedded.start(folder, settings=FAST) == url
    assert ask(url, "SELECT to_regclass('kept')") is None
    # It would go on writing to the place where the new server's files are.
    assert not _server._is_postmaster(first, str(folder / "pgdata"))
    assert ask(embedded.start(moved, settings=FAST), "SELECT number FROM kept") == 7


def test_a_folder_removed_while_its_server_runs_begins_empty(folder: Path) -> None:
    url = embedded.start(folder, settings=FAST)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE lost ()")
    shutil.rmtree(folder)
    assert embedded.start(folder, settings=FAST) == url
    assert ask(url, "SELECT to_regclass('lost')") is None
