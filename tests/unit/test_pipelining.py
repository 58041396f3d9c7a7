"""Which queries share connections, decided by how long they took."""

from __future__ import annotations

from typing import Any

import pytest

from vrooli_data import InvalidInput, PipelinePolicy
from vrooli_data._connect import SessionSettings
from vrooli_data._pipelining import Durations, checked_pipeline
from vrooli_data._search_path import SearchPath

LONGEST = 0.002
QUERY: Any = object()
OTHER: Any = object()


@pytest.fixture
def durations() -> Durations:
    return Durations(LONGEST)


def test_what_never_ran_does_not_share(durations: Durations) -> None:
    assert not durations.may_share(QUERY, 0.0)


def test_a_quick_query_shares_and_a_slow_one_does_not(durations: Durations) -> None:
    durations.ran_alone(QUERY, 0.001)
    durations.ran_alone(OTHER, 0.138)
    assert durations.may_share(QUERY, 0.0)
    assert not durations.may_share(OTHER, 0.0)


def test_a_first_run_that_prepared_the_query_does_not_count_for_long(durations: Durations) -> None:
    durations.ran_alone(QUERY, 0.020)
    assert not durations.may_share(QUERY, 0.0)
    durations.ran_alone(QUERY, 0.001)
    assert durations.may_share(QUERY, 0.0)


def test_a_query_that_once_took_no_longer_than_a_round_trip_may_become_slow(
    durations: Durations,
) -> None:
    durations.ran_alone(QUERY, 0.0)
    assert durations.may_share(QUERY, 0.0)
    for _ in range(100):
        durations.ran_alone(QUERY, 0.138)
    assert not durations.may_share(QUERY, 0.0)


def test_a_query_that_is_slow_in_a_pipeline_leaves_it_soon_and_for_a_while(
    durations: Durations,
) -> None:
    durations.ran_alone(QUERY, 0.001)
    for _ in range(5):
        assert durations.may_share(QUERY, 100.0)
        durations.ran_shared(QUERY, 0.138, 100.0)
    assert not durations.may_share(QUERY, 100.0)
    # Quick runs beside others do not bring it back earlier.
    durations.ran_alone(QUERY, 0.0001)
    assert not durations.may_share(QUERY, 109.0)
    assert durations.may_share(QUERY, 111.0)


def test_a_query_that_is_sometimes_very_slow_leaves_too(durations: Durations) -> None:
    durations.ran_alone(QUERY, 0.001)
    for _ in range(10):
        for _ in range(4):
            durations.ran_shared(QUERY, 0.0001, 0.0)
        durations.ran_shared(QUERY, 0.138, 0.0)
    assert not durations.may_share(QUERY, 0.0)


def test_pauses_of_a_busy_machine_drive_no_query_out(durations: Durations) -> None:
    durations.ran_alone(QUERY, 0.001)
    for _ in range(1_000):
        # The first of those that are under way takes all of a pause.
        durations.ran_shared(QUERY, 0.020, 0.0)
        for _ in range(7):
            durations.ran_shared(QUERY, 0.0001, 0.0)
        assert durations.may_share(QUERY, 0.0)


def test_one_long_pause_drives_no_query_out(durations: Durations) -> None:
    durations.ran_alone(QUERY, 0.001)
    durations.ran_shared(QUERY, 60.0, 0.0)
    assert durations.may_share(QUERY, 0.0)


def test_a_query_that_becomes_slow_alone_shares_no_more(durations: Durations) -> None:
    durations.ran_alone(QUERY, 0.001)
    for _ in range(30):
        durations.ran_alone(QUERY, 0.1)
    assert not durations.may_share(QUERY, 0.0)


def test_what_connect_takes() -> None:
    own = PipelinePolicy(depth=3)
    assert checked_pipeline("pipeline", None) == PipelinePolicy()
    assert checked_pipeline("pipeline", True) == PipelinePolicy()
    assert checked_pipeline("pipeline", False) is None
    assert checked_pipeline("pipeline", own) is own
    bad: Any = 3
    with pytest.raises(InvalidInput, match="must be a bool or a PipelinePolicy, not int"):
        checked_pipeline("pipeline", bad)


def test_the_round_trip_is_the_shortest_answer_until_connections_lead_farther_away() -> None:
    settings = SessionSettings(
        SearchPath(), statement_timeout=None, pooler=None, prepare=None, on_query=None
    )
    settings.answered(0.010, is_new=True)
    settings.answered(0.500)
    settings.answered(0.300, is_new=True)
    assert settings.round_trip == 0.020
    settings.answered(0.001)
    assert settings.round_trip == 0.001
    for _ in range(20):
        settings.answered(0.300, is_new=True)
    assert settings.round_trip == 0.300
