"""The embedded server's folders: which it takes, and that it opens none to other users."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.embedded_folders import FAST, open_folder, stop_all
from vrooli_data import InvalidInput, Unavailable, embedded
from vrooli_data.embedded._binaries import DEFAULT_VERSION, installation

pytestmark = pytest.mark.slow("embedded servers")


@pytest.fixture
def parent() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that only its owner can reach; when that is root, its server's user cannot."""
    tmp_path.chmod(0o700)
    yield tmp_path
    stop_all(tmp_path)


def data_folder(url: str) -> Path:
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0])


def modes(*paths: Path) -> dict[Path, tuple[int, int]]:
    """Return mode and owner of the folders and of every folder above them."""
    everything = {folder for path in paths for folder in (path, *path.parents)}
    return {folder: (folder.stat().st_mode, folder.stat().st_uid) for folder in everything}


def test_a_missing_folder_is_made_and_holds_what_its_names_say(parent: Path) -> None:
    folder = parent / "deeper" / "pg"
    url = embedded.start(folder, settings=FAST)
    assert {entry.name for entry in folder.iterdir()} == {"pgdata", "server.log", "socket"}
    assert data_folder(url) == folder / "pgdata"
    assert "ready to accept connections" in (folder / "server.log").read_text()


def test_no_mode_or_owner_of_an_existing_folder_changes(parent: Path, closed: Path) -> None:
    programs = sorted(installation(DEFAULT_VERSION).glob("bin/*"))
    folders = [parent / "made", closed / "made"]
    for folder in folders:
        folder.mkdir(0o750)
    before = modes(*folders, *programs)
    for folder in folders:
        embedded.start(folder, settings=FAST)
        embedded.stop(folder)
    assert modes(*folders, *programs) == before


@pytest.mark.parametrize("place", ["parent", "closed"])
def test_data_log_and_socket_are_closed_to_other_users(
    place: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(place) / "pg"
    data = data_folder(embedded.start(folder, settings=FAST))
    socket = data.parent / "socket"
    for path in (data, data.parent / "server.log", socket, socket / ".s.PGSQL.5432"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_folder_that_only_its_owner_can_reach_keeps_its_data(closed: Path) -> None:
    folder = closed / "pg"
    url = embedded.start(folder, settings=FAST)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    assert (folder / "pgdata").resolve() == data_folder(url)
    assert "ready to accept connections" in (folder / "server.log").read_text()
    assert embedded.start(folder) == url
    assert embedded.stop(folder) is True
    assert embedded.start(folder, settings=FAST) == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_start_from_a_current_folder_that_only_its_owner_can_reach(
    closed: Path, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(closed)
    assert data_folder(embedded.start(parent / "pg", settings=FAST)) == parent / "pg" / "pgdata"
    assert embedded.start("pg", settings=FAST) == embedded.url(closed / "pg")


@pytest.mark.parametrize("name", ["with space", "dätä-Ω", "per%20cent", "a,b", "it's", "(&|;*?)"])
def test_a_folder_may_have_any_usual_name(parent: Path, name: str) -> None:
    folder = parent / name
    assert data_folder(embedded.start(folder, settings=FAST)) == folder / "pgdata"
    assert embedded.stop(folder) is True


@pytest.mark.core
@pytest.mark.parametrize("name", ["$HOME", "`id`", 'a"b', "a\\b", "a\nb"])
def test_a_name_that_pg_ctl_would_give_to_the_shell_is_refused(parent: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="folder"):
        embedded.start(parent / name)
    assert not (parent / name).exists()


def test_a_deep_folder_has_a_short_private_socket(parent: Path) -> None:
    folder = parent.joinpath(*["a-rather-long-name"] * 8)
    url = embedded.start(folder, settings=FAST)
    assert data_folder(url) == folder / "pgdata"
    socket = (folder / "socket").resolve()
    assert len(os.fsencode(socket)) < 60
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert embedded.stop(folder) is True
    assert embedded.start(folder, settings=FAST) == url


def test_a_socket_folder_that_others_can_open_is_not_used_again(parent: Path) -> None:
    folder = parent.joinpath(*["a-rather-long-name"] * 8)
    url = embedded.start(folder, settings=FAST)
    embedded.stop(folder)
    old = (folder / "socket").resolve()
    # What another user may have put in the place of a temporary folder that was cleaned away.
    old.chmod(0o777)
    try:
        other = embedded.start(folder, settings=FAST)
        assert other != url
        assert data_folder(other) == folder / "pgdata"
    finally:
        old.rmdir()


@pytest.mark.core
def test_a_folder_with_other_files_is_refused_and_left_alone(parent: Path) -> None:
    (parent / "thesis.tex").write_text("mine")
    with pytest.raises(InvalidInput, match=r"of something else, such as thesis\.tex"):
        embedded.start(parent)
    assert [entry.name for entry in parent.iterdir()] == ["thesis.tex"]


@pytest.mark.core
def test_a_file_is_refused(parent: Path) -> None:
    file = parent / "file"
    file.touch()
    with pytest.raises(InvalidInput, match="is a file"):
        embedded.start(file)
    assert embedded.stop(file) is False
    assert embedded.url(file) is None


@pytest.mark.core
def test_a_pgdata_that_is_not_postgresqls_is_refused(parent: Path) -> None:
    (parent / "pgdata").mkdir()
    if os.geteuid() == 0:
        for folder in (parent, parent / "pgdata"):
            shutil.chown(folder, "nobody")
    with pytest.raises(InvalidInput, match="is not a PostgreSQL data folder"):
        embedded.start(parent)


def test_data_that_is_gone_is_reported_and_not_made_anew(parent: Path) -> None:
    (parent / "pgdata").symlink_to(parent / "elsewhere" / "pgdata")
    with pytest.raises(Unavailable, match="remove the link"):
        embedded.start(parent)


def test_what_an_interrupted_start_left_is_cleared_away(parent: Path) -> None:
    (parent / "pgdata.new-abc").mkdir()
    (parent / "pgdata.new-abc" / "PG_VERSION").write_text("18\n")
    embedded.start(parent, settings=FAST)
    assert {entry.name for entry in parent.iterdir()} == {"pgdata", "server.log", "socket"}
