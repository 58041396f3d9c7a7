"""``vrooli-data relay`` and ``vrooli-data events``, run as a user does."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from tests._sync._compat import until
from tests._sync.horizon import until_shown
from tests.cli import ENVIRONMENT, PROGRAM, fail, succeed
from tests.factories import Factory

pytestmark = pytest.mark.slow("the command line")


@pytest.fixture
def start(database_url: str) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start_relay(*words: object) -> subprocess.Popen[bytes]:
        relay = subprocess.Popen(
            [*PROGRAM, "relay", "--database-url", database_url, *map(str, words)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(relay)
        return relay

    yield start_relay
    for relay in started:
        relay.kill()
        relay.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_events_are_printed_until_a_signal(
    start: Callable[..., subprocess.Popen[bytes]],
    admin: Connection[Any],
    make: Factory,
    number: signal.Signals,
) -> None:
    hostile = "\x1b\x7f\x9b31m\u202e\n"
    first, second = make.event(1, new_data={hostile: hostile}), make.event(1)
    relay = start()
    until(admin, "SELECT count(published_at) = 2 FROM change_events")
    relay.send_signal(number)
    printed, errors = relay.communicate(timeout=60)
    assert (relay.returncode, errors) == (0, b"")
    # Nothing in it acts on a terminal, and the values are the same.
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", printed.decode())
    assert json.loads(printed.splitlines()[0])["new_data"] == {hostile: hostile}
    assert [json.loads(line)["event_id"] for line in printed.splitlines()] == [
        str(first),
        str(second),
    ]


def test_an_output_that_is_closed_is_no_failed_delivery(
    start: Callable[..., subprocess.Popen[bytes]], admin: Connection[Any], make: Factory
) -> None:
    relay = start()
    assert relay.stdout is not None
    relay.stdout.close()
    make.event(1)
    relay.wait(60)
    assert relay.returncode == 1
    (row,) = admin.execute("SELECT attempts, published_at, claimed_by FROM change_events")
    assert row == (0, None, None)


def test_a_command_is_run_for_each_event(
    start: Callable[..., subprocess.Popen[bytes]],
    admin: Connection[Any],
    make: Factory,
    tmp_path: Path,
) -> None:
    file = tmp_path / "told"
    program = f"import sys; open({str(file)!r}, 'a').write(sys.stdin.read())"
    event_id = make.event(1)
    start("--to", "exec", f'{sys.executable} -c "{program}"')
    until(admin, "SELECT count(published_at) = 1 FROM change_events")
    assert json.loads(file.read_text())["event_id"] == str(event_id)


def test_another_exit_status_is_a_failure(
    start: Callable[..., subprocess.Popen[bytes]], admin: Connection[Any], make: Factory
) -> None:
    make.event(1)
    start("--to", "exec", "false")
    until(admin, "SELECT attempts = 1 FROM change_events")
    found = admin.execute("SELECT last_error, claimed_by FROM change_events").fetchall()
    assert found == [("subprocess.CalledProcessError", None)]


def park(admin: Connection[Any], event_id: UUID) -> None:
    admin.execute(
        "UPDATE change_events SET parked_at = now(), last_error = 'ValueError' WHERE event_id = %s",
        (event_id,),
    )


def test_parked_events_are_listed_and_sent_again(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    event_id = make.event(1)
    place = ("--database-url", database_url)
    assert str(event_id) not in succeed("events", *place)
    assert "is parked" in fail(1, "events", "--resend", f"1/{event_id}", *place)
    park(admin, event_id)
    shown = succeed("events", "--parked", *place, COLUMNS="200")
    assert f"1/{event_id}" in shown
    assert "ValueError" in shown
    succeed("events", "--resend", f"1/{event_id}", *place)
    assert str(event_id) not in succeed("events", *place, COLUMNS="200")


def test_old_events_are_deleted(database_url: str, admin: Connection[Any], make: Factory) -> None:
    make.event(1)
    make.event(1)
    admin.execute("UPDATE change_events SET published_at = now() - '2 d'::interval WHERE seq = 1")
    until_shown(admin)
    place = ("--database-url", database_url)
    assert succeed("events", "--prune", "3d", *place) == "0 events deleted\n"
    assert succeed("events", "--prune", "24h", *place) == "1 events deleted\n"


def test_the_lag_is_shown_with_who_hides_events_and_restored_events_are_restamped(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    make.event(1, xid=str(2**60))
    with psycopg.connect(database_url, application_name="a forgotten one") as idle:
        idle.execute("SELECT pg_current_xact_id()")
        make.event(1)
        shown = succeed("events", "--lag", "--database-url", database_url)
        assert "unpublished: 2\n" in shown
        assert "restored from another server, and hidden from listeners: 1\n" in shown
        assert "the oldest open transaction" in shown
    restamped = succeed("events", "--restamp", "--database-url", database_url)
    assert restamped == "1 events restamped\n"
    again = succeed("events", "--restamp", "--database-url", database_url)
    assert again == "0 events restamped\n"
    assert admin.execute(
        "SELECT count(*) FROM change_events WHERE xid > '1000000000000'"
    ).fetchone() == (0,)
