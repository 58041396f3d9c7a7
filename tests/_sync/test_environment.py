# Generated from tests/_async/test_environment.py by tools/unasync.py. Do not edit.
"""libpq's environment and service files: our defaults fill only what they leave open."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import conninfo

from vrooli_data import Database, InvalidInput
from vrooli_data._ledger import migrated_session

SETTINGS = (
    "SELECT current_setting('application_name'), current_setting('jit'), "
    "current_setting('plan_cache_mode'), current_setting('TimeZone'), "
    "current_setting('client_encoding')"
)
OURS = ("vrooli_data", "off", "force_generic_plan", "UTC", "UTF8")


def settings(url: str) -> tuple[object, ...]:
    """Return the settings of a connection of the pool, and the parameters that count."""
    with Database.connect(url) as db, db.connection() as held:
        cursor = held.connection.execute(SETTINGS)
        (found,) = cursor.fetchall()
        return found


def parameters(url: str) -> dict[str, str]:
    with Database.connect(url) as db, db.connection() as held:
        return held.connection.info.get_parameters()


def test_defaults_fill_what_nobody_says(database_url: str) -> None:
    assert settings(database_url) == OURS
    found = parameters(database_url)
    assert (found["connect_timeout"], found["keepalives_idle"]) == ("5", "30")


def test_the_environment_goes_before_our_defaults(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGAPPNAME", "the shop")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    monkeypatch.setenv("PGOPTIONS", "-c jit=on --plan-cache-mode=auto -c timezone=Europe/Zurich")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    assert settings(database_url) == ("the shop", "on", "auto", "UTC", "UTF8")
    assert (parameters(database_url))["connect_timeout"] == "7"
    with migrated_session(database_url, "vrooli_data seed") as opened:
        assert opened.execute(SETTINGS).fetchall() == [("the shop", "on", "auto", "UTC", "UTF8")]


def test_the_text_of_a_time_is_read_whatever_its_style(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATESTYLE", "German")
    with Database.connect(database_url) as db, db.connection() as held:
        cursor = held.connection.execute("SELECT '03.02.2001'::timestamptz")
        # The order of day and month in input is the caller's.
        assert cursor.fetchall() == [(datetime(2001, 2, 3, tzinfo=UTC),)]


@pytest.mark.parametrize("is_named", [True, False], ids=["in the string", "in the environment"])
def test_a_service_file_goes_before_our_defaults(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    server = conninfo.conninfo_to_dict(database_url)
    database = server.pop("dbname")
    file = tmp_path / "services.conf"
    lines = [f"{name}={value}" for name, value in server.items()]
    lines += ["application_name=of the service", "connect_timeout=8", "keepalives_idle=99"]
    lines += ["options=-c jit=on"]
    file.write_text("\n".join(["[shop]", *lines, ""]))
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    if not is_named:
        monkeypatch.setenv("PGSERVICE", "shop")
    url = f"dbname={database}" + (" service=shop" if is_named else "")
    assert (settings(url))[:2] == ("of the service", "on")
    found = parameters(url)
    assert (found["connect_timeout"], found["keepalives_idle"]) == ("8", "99")


@pytest.mark.parametrize("line", ["application_name=caf\u00e9", "options=-c jit.x=caf\u00e9"])
def test_a_service_file_may_be_in_another_encoding(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    file = tmp_path / "services.conf"
    file.write_text(f"[shop]\n{line}\n", encoding="latin-1")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    url = conninfo.make_conninfo(database_url, service="shop")
    assert (settings(url))[1:] == OURS[1:]
    with migrated_session(url, "vrooli_data seed") as opened:
        assert opened.execute("SELECT 1").fetchall() == [(1,)]


def test_the_connection_string_goes_before_the_environment(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGAPPNAME", "the shop")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    url = conninfo.make_conninfo(database_url, application_name="a till", connect_timeout=9)
    assert (settings(url))[0] == "a till"
    assert (parameters(url))["connect_timeout"] == "9"


def test_a_server_that_the_environment_names_in_vain_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("PGPORT", "x"), ("PGHOST", "a..b"), ("PGCONNECT_TIMEOUT", "soon")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(InvalidInput, match="conninfo: "):
                Database.connect("dbname=x")
