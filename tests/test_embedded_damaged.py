"""Folders after a power cut, or from another wheel: repaired if that is safe, else explained."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cli import run
from tests.embedded_folders import FAST, ask, open_folder, postmaster
from vrooli_data import (
    CreateUser,
    Database,
    DatabaseError,
    MigrationFailed,
    Unavailable,
    VrooliDataError,
    embedded,
    migrate,
)
from vrooli_data._migrate import rollback_to
from vrooli_data.embedded import _server
from vrooli_data.embedded._binaries import DEFAULT_VERSION, WHEELS
from vrooli_data.embedded._paths import ServerPaths

pytestmark = pytest.mark.slow("embedded servers")

DATA_FILES = ("PG_VERSION", "global/pg_control", "global/pg_filenode.map")
#: By file: what to do without it. An empty postgresql.conf has the defaults.
CONFIGURATION = [
    ("postgresql.conf", "missing", "create an empty file"),
    ("pg_hba.conf", "missing", "write the line `local all all trust`"),
    ("pg_hba.conf", "empty", "write the line `local all all trust`"),
    ("pg_hba.conf", "zeros", "write the line `local all all trust`"),
]
DAMAGES = {"missing": None, "empty": b"", "zeros": bytes(8192), "cut": b"\xff\x01"}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A stopped server with a table that must be kept, the same for all tests."""
    with open_folder() as parent:
        folder = parent / "pg"
        with psycopg.connect(embedded.start(folder, settings=FAST)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        embedded.stop(folder)
        yield folder


def write(path: Path, content: bytes | None) -> None:
    """Replace what a file of the stopped server holds, and keep its owner."""
    if content is None:
        path.unlink()
        return
    owner = path if path.exists() else path.parent
    user, group = owner.stat().st_uid, owner.stat().st_gid
    path.write_bytes(content)
    shutil.chown(path, user, group)


@pytest.mark.parametrize(
    "content",
    [pytest.param(b"", marks=pytest.mark.core), bytes(40), b"\xc2\xb2\n", b"9" * 30, b"1"],
    ids=["empty", "zeros", "no number", "too large", "cut"],
)
def test_an_incomplete_postmaster_pid_is_removed(folder: Path, content: bytes) -> None:
    write(folder / "pgdata" / "postmaster.pid", content)
    assert embedded.url(folder) is None
    assert embedded.stop(folder) is False
    assert ask(embedded.start(folder, settings=FAST), "SELECT number FROM kept") == 7
    assert embedded.stop(folder) is True


@pytest.mark.core
def test_other_half_written_files_are_no_matter(folder: Path) -> None:
    for name in ("postmaster.opts", "postgresql.auto.conf", "postgresql.conf", "pg_ident.conf"):
        write(folder / "pgdata" / name, b"")
    write(folder / "pgdata" / "pg_stat" / "pgstat.stat", b"\0")
    write(folder / "server.log", b"\xff\0")
    shutil.rmtree(folder / "socket")
    (folder / "socket").write_bytes(b"")
    assert ask(embedded.start(folder, settings=FAST), "SELECT number FROM kept") == 7
    embedded.stop(folder)
    # Deleted by the next start, which looks at nothing in it.
    write(folder / "socket" / ".s.PGSQL.5432.lock", b"")
    embedded.start(folder, settings=FAST)
    embedded.stop(folder)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", DATA_FILES)
def test_damaged_data_is_refused_with_the_remedy(folder: Path, name: str, damage: str) -> None:
    path = folder / "pgdata" / name
    whole = path.read_bytes()
    write(path, DAMAGES[damage])
    try:
        no_data = (name, damage) == ("PG_VERSION", "missing")
        expected = "PostgreSQL data folder" if no_data else "backup"
        with pytest.raises(VrooliDataError, match=expected) as caught:
            embedded.start(folder)
        assert str(folder / "pgdata") in str(caught.value)
    finally:
        write(path, whole)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(("name", "damage", "remedy"), CONFIGURATION)
def test_lost_configuration_is_refused_with_the_remedy(
    folder: Path, name: str, damage: str, remedy: str
) -> None:
    path = folder / "pgdata" / name
    whole = path.read_bytes()
    write(path, DAMAGES[damage])
    try:
        with pytest.raises(VrooliDataError, match=remedy) as caught:
            embedded.start(folder)
        assert str(caught.value).startswith(f"{path} is missing or empty")
        assert embedded.stop(folder) is False
        # What was advised helps.
        write(path, b"local all all trust\n" if name == "pg_hba.conf" else b"")
        assert ask(embedded.start(folder, settings=FAST), "SELECT number FROM kept") == 7
    finally:
        embedded.stop(folder)
        write(path, whole)


def test_a_server_that_crashes_again_and_again_is_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "pgdata" / "global/pg_filenode.map"
    whole = path.read_bytes()
    write(path, None)
    monkeypatch.setattr(ServerPaths, "check_whole", lambda _: None)
    monkeypatch.setattr(_server, "_STUCK_SECONDS", 0.5)
    monkeypatch.setattr(_server, "_TIMEOUT_SECONDS", 30)
    try:
        for _ in range(3):
            url = embedded.start(folder, settings=FAST)
            running = postmaster(folder)
            # While it recovers, a fast shutdown never ends.
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(url)
            assert embedded.stop(folder) is True
            assert not _server._is_postmaster(running, str(folder / "pgdata"))
    finally:
        write(path, whole)
    assert ask(embedded.start(folder, settings=FAST), "SELECT number FROM kept") == 7
    embedded.stop(folder)


def test_the_command_line_names_the_remedy_too(folder: Path) -> None:
    path = folder / "pgdata" / "PG_VERSION"
    whole = path.read_bytes()
    write(path, b"\xff")
    done = run("db", "start", "--data-dir", folder)
    write(path, whole)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {path} is missing or incomplete")


def test_a_server_whose_postmaster_pid_was_lost_is_found_and_stopped(folder: Path) -> None:
    url = embedded.start(folder, settings=FAST)
    running = postmaster(folder)
    write(folder / "pgdata" / "postmaster.pid", b"")
    assert embedded.url(folder) is None
    assert embedded.stop(folder) is True
    assert not _server._is_postmaster(running, str(folder / "pgdata"))
    assert embedded.start(folder, settings=FAST) == url
    embedded.stop(folder)


def test_a_process_that_may_use_the_data_keeps_a_half_written_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_server, "_TIMEOUT_SECONDS", 0)
    monkeypatch.setattr(_server, "_processes_in", lambda _: [4711])
    path = folder / "pgdata" / "postmaster.pid"
    write(path, b"")
    with pytest.raises(Unavailable, match="the PostgreSQL process 4711 may use the data"):
        embedded.start(folder)
    assert path.exists()
    path.unlink()


def test_data_of_the_wheel_of_before_and_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = folder.with_name("before")
    before = WHEELS[16]._replace(folder="pginstall18")
    with monkeypatch.context() as patch:
        patch.setitem(WHEELS, DEFAULT_VERSION, before)
        with psycopg.connect(embedded.start(copied, settings=FAST)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        embedded.stop(copied)
    url = embedded.start(copied, settings=FAST)
    assert ask(url, "SELECT number FROM kept") == 7
    migrated = "0007_search_with_pg_trgm" in migrate(url).applied
    embedded.stop(copied)
    assert migrated
    monkeypatch.setitem(WHEELS, DEFAULT_VERSION, before)
    with pytest.raises(
        Unavailable, match=r"'postgres' in .* uses the extension pg_trgm, which this"
    ):
        embedded.start(copied, settings=FAST)
    assert embedded.url(copied) is None
    # As another way to start it, and any other server without contrib, would have it.
    monkeypatch.setattr(_server, "refuse_lost_extension", lambda *_: None)
    url = embedded.start(copied, settings=FAST)
    with pytest.raises(MigrationFailed, match="this server does not have pg_trgm"):
        migrate(url)
    with (
        Database.connect(url) as db,
        pytest.raises(DatabaseError, match=r"users\.create: .* library of an extension"),
    ):
        db.users.create(CreateUser(name="Ada"))
    embedded.stop(copied)
    # The way back that was told: taken where the extension is, and gone then.
    monkeypatch.undo()
    url = embedded.start(copied, settings=FAST)
    rollback_to(url, "0006_events_and_counters")
    with psycopg.connect(url) as connection:
        connection.execute("DROP EXTENSION pg_trgm")
    embedded.stop(copied)
    monkeypatch.setitem(WHEELS, DEFAULT_VERSION, before)
    url = embedded.start(copied, settings=FAST)
    assert "0007_search_with_pg_trgm" in migrate(url).not_applicable
    with Database.connect(url) as db:
        assert db.users.create(CreateUser(name="Ada")).name == "Ada"
