"""Counters under load, and ``vrooli-data reconcile``."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

import pytest
from psycopg import Connection

from tests.cli import ENVIRONMENT, PROGRAM, fail, succeed
from tests.counters_soak import count_then_update, soak
from tests.factories import Factory


@pytest.mark.slow("counters under load")
@pytest.mark.core
def test_counters_are_right_in_every_snapshot_while_they_are_compared(database_url: str) -> None:
    found = soak(database_url, 60)
    assert found.snapshots > 0
    assert found.wrong_snapshots == 0
    assert found.corrected >= 10
    assert found.wrong_at_end == 0


@pytest.mark.slow("counters under load")
def test_the_check_finds_counters_that_are_counted_and_then_written(database_url: str) -> None:
    assert soak(database_url, 60, count_then_update).wrong_snapshots > 0


@pytest.mark.slow("the command line")
@pytest.mark.core
def test_reconcile_corrects_what_is_requested_and_says_how_much(
    database_url: str, admin: Connection[Any], make: Factory
) -> None:
    for number in range(5):
        make.request(make.resource(bookmarks=number))
    make.resource(bookmarks=7)
    said = succeed("reconcile", "--batch-size", 2, "--database-url", database_url)
    assert said == "counters compared: 5; wrong: 4, by 10 in all\n"
    said = succeed("reconcile", "--all", DATABASE_URL=database_url)
    assert said == "counters compared: 6; wrong: 1, by 7 in all\n"
    assert admin.execute("SELECT sum(bookmarks) FROM resources").fetchone() == (0,)
    assert fail(2, "reconcile", "--batch-size", 0).startswith("--batch-size: must be from 1")


@pytest.mark.slow("the command line")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_reconcile_repeats_until_a_signal_ends_it_with_status_0(
    database_url: str, make: Factory, number: signal.Signals
) -> None:
    make.request(make.resource(bookmarks=1))
    with subprocess.Popen(
        [*PROGRAM, "reconcile", "--every", "0.05", "--database-url", database_url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "counters compared: 1; wrong: 1, by 1 in all\n"
        make.request(make.resource(bookmarks=2))
        assert process.stdout.readline() == "counters compared: 1; wrong: 1, by 2 in all\n"
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0
