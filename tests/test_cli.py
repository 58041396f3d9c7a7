"""The command line: the effect, the output and the exit status of each command."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.cli import ENVIRONMENT, LINE, PROGRAM, fail, run, succeed
from tests.embedded_folders import open_folder
from vrooli_data._migrations import package_migrations

pytestmark = pytest.mark.slow("the command line")

COMMANDS: list[tuple[str, ...]] = [
    (),
    ("demo",),
    ("db",),
    ("db", "start"),
    ("db", "stop"),
    ("db", "url"),
    ("migrate",),
    ("seed",),
    ("import",),
    ("import", "resources"),
    ("import", "runs"),
    ("import", "users"),
    ("export",),
    ("export", "users"),
    ("export", "resources"),
    ("export", "runs"),
    ("check",),
    ("explain",),
    ("mend-search",),
    ("reconcile",),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "resources.ndjson"
    path.write_text(f"{LINE}\n")
    return path


def words(output: str) -> list[list[str]]:
    """Return the words of each line."""
    return [line.split() for line in output.splitlines()]


@pytest.mark.core
def test_the_version_is_shown() -> None:
    assert re.fullmatch(r"vrooli-data \d+\.\d+\.\d+\S*\n", succeed("--version"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_has_help(command: tuple[str, ...]) -> None:
    assert "Usage:" in succeed(*command, "--help")


@pytest.mark.parametrize("command", [(), ("db",), ("import",), ("export",)], ids=" ".join)
def test_a_group_alone_shows_its_help_and_is_called_wrong(command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.returncode == 2
    assert "Usage:" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("migrate", "--no-such-option"),
        ("seed", "--scale", "much"),
        ("seed", "--seed", "1.5"),
        ("db", "start", "--version", "14"),
        ("import", "resources"),
        ("import", "runs"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_one_line(arguments: tuple[str, ...]) -> None:
    assert "--help" in fail(2, *arguments)


def test_the_library_loads_nothing_of_the_command_line() -> None:
    code = "import sys, vrooli_data; print({'typer', 'rich', 'yoyo'} & sys.modules.keys())"
    done = run(program=(sys.executable, "-W", "error", "-c", code))
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.core
def test_migrate_says_what_it_applied_and_then_that_nothing_is_left(
    empty_database_url: str,
) -> None:
    first = succeed("migrate", "--database-url", empty_database_url)
    for migration in package_migrations():
        assert re.search(rf"^(Applied|Left out) +{migration.id}\b", first, re.MULTILINE)
    second = succeed("migrate", DATABASE_URL=empty_database_url)
    assert second.splitlines()[-1].startswith("Nothing to do")


def test_migrate_status_shows_each_migration(empty_database_url: str) -> None:
    url = empty_database_url
    before = succeed("migrate", "--status", "--database-url", url)
    assert all(
        [m.id, "pending"] in [line[:2] for line in words(before.replace(",", ""))]
        for m in package_migrations()
    )
    succeed("migrate", "--database-url", url)
    after = words(succeed("migrate", "--status", "--database-url", url))
    required = [migration.id for migration in package_migrations() if migration.extension is None]
    for migration_id in required:
        (line,) = [line for line in after if line[:1] == [migration_id]]
        assert line[1] == "applied"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", " ".join(line[2:]))


def test_migrate_status_finds_what_is_wrong(database_url: str, admin: Connection[Any]) -> None:
    admin.execute(
        "UPDATE vrooli_data_migrations SET sha256 = '' WHERE id = %s", (package_migrations()[0].id,)
    )
    done = run("migrate", "--status", "--database-url", database_url)
    assert done.returncode == 1
    assert [package_migrations()[0].id, "changed"] in [line[:2] for line in words(done.stdout)]
    assert package_migrations()[0].id in done.stderr


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (("--lock-timeout", "0.1"), "another session kept a table locked"),
        (
            ("--wait", "0.2", "--lock-timeout", "30"),
            "the limit of 0.2 s for all waits was reached",
        ),
    ],
    ids=["lock-timeout", "wait"],
)
def test_migrate_gives_up_at_its_time_limits(
    database_url: str, admin: Connection[Any], limits: tuple[str, ...], told: str
) -> None:
    with admin.transaction():
        admin.execute("SELECT FROM bookmarks")
        message = fail(1, "migrate", "--rollback-to", "0", *limits, "--database-url", database_url)
    assert told in message


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
@pytest.mark.parametrize("option", ["--wait", "--lock-timeout"])
def test_migrate_refuses_limits_that_are_none(database_url: str, option: str, seconds: str) -> None:
    message = fail(2, "migrate", option, seconds, "--database-url", database_url)
    assert message.startswith(f"{option}: ")


def test_migrate_rolls_back(database_url: str) -> None:
    output = succeed(
        "migrate", "--rollback-to", package_migrations()[0].id, "--database-url", database_url
    )
    assert f"Rolled back {package_migrations()[1].id}" in output
    assert f"Rolled back {package_migrations()[0].id}" not in output
    again = succeed(
        "migrate", "--rollback-to", package_migrations()[0].id, "--database-url", database_url
    )
    assert again.startswith("Nothing to do: none after")


def test_taking_back_to_what_is_no_migration_is_refused(database_url: str) -> None:
    message = fail(2, "migrate", "--rollback-to", "0001", "--database-url", database_url)
    assert message.startswith("--rollback-to: is not a migration of the package")


def test_seed_fills_the_tables_and_counts_them(database_url: str, admin: Connection[Any]) -> None:
    output = succeed("seed", "--scale", "0.001", "--seed", "7", "--database-url", database_url)
    tables = {line[0]: line[1] for line in words(output) if len(line) == 2}
    for name in ("users", "resources", "runs"):
        (count,) = admin.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() or (0,)
        assert tables[name] == f"{count:,}"
        assert count > 0
    assert re.fullmatch(r"[\d,]+ rows in [\d.]+ s: [\d,]+ rows/s", output.splitlines()[-1])


def test_seed_leaves_a_database_that_is_not_empty(
    database_url: str, admin: Connection[Any]
) -> None:
    admin.execute("INSERT INTO users (public_id, name) VALUES ('0123456789ab', 'Ada')")
    message = fail(2, "seed", "--scale", "0.001", "--database-url", database_url)
    assert message.startswith("--database-url: the database already holds")


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "inf", "1e9"])
def test_a_scale_out_of_range_is_refused(database_url: str, scale: str) -> None:
    message = fail(2, "seed", "--scale", scale, "--database-url", database_url)
    assert message.startswith("--scale: must be")


def test_import_counts_what_it_read_inserted_and_skipped(database_url: str, file: Path) -> None:
    file.write_text(f"{LINE}\n" * 2)
    output = words(succeed("import", "resources", file, "--database-url", database_url))
    assert output[0] == ["read", "inserted", "skipped", "rejected", "seconds", "rows/s"]
    assert output[-1][:4] == ["2", "1", "1", "0"]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_import_reads_standard_input(database_url: str, packed: bool) -> None:
    done = subprocess.run(
        [*PROGRAM, "import", "resources", "-", "--database-url", database_url],
        input=gzip.compress(LINE.encode()) if packed else LINE.encode(),
        capture_output=True,
        check=True,
        env=ENVIRONMENT,
    )
    assert words(done.stdout.decode())[-1][:4] == ["1", "1", "0", "0"]


def test_import_prints_the_first_bad_lines_and_the_number_of_others(
    database_url: str, file: Path
) -> None:
    file.write_text(f"{LINE}\n" + "{}\n" * 12)
    done = run("import", "resources", file, "--database-url", database_url)
    assert done.returncode == 1
    assert words(done.stdout)[-1][:4] == ["13", "1", "0", "12"]
    *told, rest = done.stderr.splitlines()
    assert told == [
        f"{file}:{number}: object missing required field `public_id`" for number in range(2, 12)
    ]
    assert rest == "and 2 more; --rejects FILE writes all of them"


def test_import_writes_the_bad_lines_to_a_file(
    database_url: str, file: Path, tmp_path: Path
) -> None:
    bad = LINE.replace('"Hello"', '""')
    file.write_bytes(f"{LINE}\n{bad}\n".encode() + b"\xff\n")
    rejects = tmp_path / "rejects.ndjson"
    rejects.write_text("of a run before\n")
    arguments = ("import", "resources", file, "--database-url", database_url, "--rejects", rejects)
    done = run(*arguments)
    assert done.returncode == 1
    assert words(done.stdout)[-1][:4] == ["3", "1", "0", "2"]
    assert done.stderr == f"2 bad lines are in {rejects}, each with its reason\n"
    assert [json.loads(each) for each in rejects.read_text().splitlines()] == [
        {
            "line": 2,
            "field": "name",
            "constraint": None,
            "reason": "expected `str` of length >= 1",
            "raw": bad,
            "is_cut": False,
        },
        {
            "line": 3,
            "field": None,
            "constraint": None,
            "reason": "is not UTF-8 (byte 1)",
            "raw": "\\xff",
            "is_cut": False,
        },
    ]
    # What was mended is imported by itself.
    file.write_text(LINE)
    succeed(*arguments)
    assert rejects.read_text() == ""


def test_import_refuses_to_write_bad_lines_where_it_cannot(
    database_url: str, file: Path, tmp_path: Path
) -> None:
    before = file.read_text()
    command = ("import", "resources", file, "--database-url", database_url, "--rejects")
    (tmp_path / "same").hardlink_to(file)
    for same in (file, tmp_path / "same"):
        assert fail(2, *command, same).startswith("--rejects: must be another file")
    assert file.read_text() == before
    message = fail(2, *command, tmp_path / "absent" / "rejects.ndjson")
    assert message.startswith("--rejects: ")
    assert message.endswith("cannot be written: No such file or directory")


def test_import_writes_no_row_where_it_is_strict(
    database_url: str, file: Path, tmp_path: Path, admin: Connection[Any]
) -> None:
    file.write_text(f"{LINE}\n" + "{}\n" * 2)
    command = ("import", "resources", file, "--database-url", database_url, "--strict")
    problem = f"{file}:2: nothing was written, because 2 of 3 lines are bad, this one first"
    done = run(*command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"{file}:2: object missing required field `public_id`",
        f"{file}:3: object missing required field `public_id`",
        f"error: {problem}",
    ]
    rejects = tmp_path / "rejects.ndjson"
    assert run(*command, "--rejects", rejects).returncode == 1
    assert [json.loads(each)["line"] for each in rejects.read_text().splitlines()] == [2, 3]
    assert admin.execute("SELECT count(*) FROM resources").fetchone() == (0,)
    file.write_text(LINE)
    succeed(*command)
    assert admin.execute("SELECT count(*) FROM resources").fetchone() == (1,)


@pytest.mark.core
def test_an_interrupt_ends_it_quietly(database_url: str, admin: Connection[Any]) -> None:
    importing = subprocess.Popen(
        [*PROGRAM, "import", "resources", "-", "--database-url", database_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    assert importing.stdin is not None
    # More than one batch: when it was written, the second waits for the rest.
    importing.stdin.write(
        b"".join(f"{LINE}\n".replace("0123456789ab", f"{n:012}").encode() for n in range(10_001))
    )
    importing.stdin.flush()
    deadline = time.monotonic() + 60
    while admin.execute("SELECT count(*) FROM resources").fetchone() == (0,):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    importing.send_signal(signal.SIGINT)
    assert importing.communicate(timeout=60) == (b"", b"")
    assert importing.returncode == 130
    assert admin.execute("SELECT count(*) FROM resources").fetchone() == (10_000,)


def test_lost_connections_are_not_logged_on_the_terminal() -> None:
    program = (
        "import logging, sys; from vrooli_data.cli import main; sys.argv[1:] = ['--help']; main(); "
        "logging.getLogger('psycopg.pool').warning('discarding closed connection')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, env=ENVIRONMENT
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


def test_a_reader_that_goes_away_ends_it_quietly(database_url: str) -> None:
    for arguments in (("--help",), ("migrate", "--status"), ("migrate",)):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [*PROGRAM, *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
            env=ENVIRONMENT | {"DATABASE_URL": database_url},
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (1, b"")


def test_progress_is_shown_on_a_terminal(database_url: str) -> None:
    ours, terminal = os.openpty()
    seeding = subprocess.Popen(
        [*PROGRAM, "seed", "--scale", "0.001", "--database-url", database_url],
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
        env=ENVIRONMENT | {"TERM": "xterm"},
    )
    os.close(terminal)
    shown = b""
    # Reading a terminal that nobody writes to any more is an error.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    output, _ = seeding.communicate(timeout=60)
    assert b"run_steps" in shown
    assert "run_steps" in output
    assert "\x1b" not in output


def test_the_embedded_server_starts_once_is_found_and_stops() -> None:
    with open_folder() as parent:
        folder = ("--data-dir", parent / "pg")
        assert "db start" in fail(1, "db", "url", *folder)
        first = run("db", "start", *folder)
        assert first.returncode == 0
        assert first.stderr.startswith("Starting PostgreSQL 18 in ")
        assert first.stderr.count("\n") == 1
        assert succeed("db", "start", *folder) == first.stdout
        assert succeed("db", "url", *folder) == first.stdout
        with psycopg.connect(first.stdout.strip()) as connection:
            assert connection.info.server_version // 10_000 == 18
        assert succeed("db", "stop", *folder).startswith("Stopped")
        assert succeed("db", "stop", *folder).startswith("No server ran")


def test_a_command_without_a_url_starts_the_server_with_the_version_of_its_data() -> None:
    with open_folder() as parent:
        folder = ("--data-dir", parent / "pg")
        assert run("db", "start", "--version", "16", *folder).returncode == 0
        assert "16" in fail(2, "db", "start", "--version", "18", *folder)
        succeed("db", "stop", *folder)
        started = run("migrate", *folder)
        assert started.returncode == 0
        assert started.stderr.startswith("Starting PostgreSQL 16 in ")
        assert "Applied" in started.stdout
        assert "Nothing to do" in succeed("migrate", *folder)


def test_a_folder_that_is_given_goes_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("migrate", "--data-dir", tmp_path, DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert "--data-dir: " in done.stderr
    assert "127.0.0.1" not in done.stderr


def test_a_folder_with_other_things_is_refused(tmp_path: Path, file: Path) -> None:
    done = run("db", "start", "--data-dir", tmp_path)
    assert done.returncode == 2
    assert "error: --data-dir: " in done.stderr
    assert file.name in done.stderr
