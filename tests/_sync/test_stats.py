# Generated from tests/_async/test_stats.py by tools/unasync.py. Do not edit.
"""Statistics of users and teams by period, and counts of resources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import CreateTeam, Database, InvalidInput, PeriodType, ResourceType, UserStats
from vrooli_data.inputs import StartStep

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PERIODS: tuple[PeriodType, ...] = get_args(PeriodType)


def add_periods(admin: Connection[Any], table: str, column: str, id: int, count: int) -> None:
    """Insert so many periods of a day, and one of each other length, from START on."""
    statement = (
        f"INSERT INTO {table} ({column}, period_type, period_start, period_end)"
        " VALUES (%s, %s, %s, %s)"
    ).encode()
    for n in range(count):
        admin.execute(statement, (id, "Daily", START + n * DAY, START + (n + 1) * DAY))
    for period_type in PERIODS:
        if period_type != "Daily":
            admin.execute(statement, (id, period_type, START, START + DAY))


def test_the_periods_of_a_span_come_oldest_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    team, other = make.team(), make.team()
    for user in (bob, ada):
        add_periods(admin, "stats_users", "user_id", user, 5)
    for each in (other, team):
        add_periods(admin, "stats_teams", "team_id", each, 5)
    for first, last, days in ((0, 5, [0, 1, 2, 3, 4]), (1, 3, [1, 2]), (2, 2, []), (5, 9, [])):
        span = (START + first * DAY, START + last * DAY)
        expected = [START + day * DAY for day in days]
        of_user = db.users.list_stats(ada, "Daily", *span)
        assert [row.period_start for row in of_user] == expected
        assert {row.user_id for row in of_user} <= {ada}
        of_team = db.teams.list_stats(team, "Daily", *span)
        assert [row.period_start for row in of_team] == expected
        assert {row.team_id for row in of_team} <= {team}
    inside = (START + timedelta(hours=1), START + DAY)
    assert db.users.list_stats(ada, "Daily", *inside) == []
    for period_type in PERIODS:
        rows = db.users.list_stats(ada, period_type, START, START + DAY)
        assert [(row.period_type, row.period_end) for row in rows] == [(period_type, START + DAY)]
    some = db.users.list_stats(ada, "Daily", START, START + 9 * DAY, limit=2)
    assert [row.period_start for row in some] == [START, START + DAY]
    assert db.users.list_stats(bob + 1, "Daily", START, START + 9 * DAY) == []


def test_what_is_counted_is_read_back(db: Database, admin: Connection[Any], make: Factory) -> None:
    ada = make.user()
    runs = [make.run(ada) for _ in range(3)]
    for run_id in runs:
        db.runs.start_with_steps(run_id, [StartStep(name="Step")])
    for run_id in runs[:2]:
        db.runs.update_status(run_id, "Completed")
    db.resources.bulk_soft_delete([make.resource()], ada)
    setup = db.teams.create_with_initial_setup(CreateTeam(name="Team"), ada, [make.user()])
    now = admin.execute("SELECT now()").fetchone()
    assert now is not None
    span = (now[0] - 2 * DAY, now[0] + DAY)
    (row,) = db.users.list_stats(ada, "Daily", *span)
    assert (row.runs_started, row.runs_completed, row.resources_deleted) == (3, 2, 1)
    assert isinstance(row, UserStats)
    assert row.period_end - row.period_start == DAY
    (of_team,) = db.teams.list_stats(setup.team.id, "Daily", *span)
    assert of_team.members_created == 2


def test_times_of_another_zone_are_the_same_moment(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    ada = make.user()
    add_periods(admin, "stats_users", "user_id", ada, 1)
    east = timezone(timedelta(hours=9))
    since = START.astimezone(east)
    (row,) = db.users.list_stats(ada, "Daily", since, since + DAY)
    assert row.period_start == START


def test_the_listed_resources_are_counted_by_type(db: Database, make: Factory) -> None:
    for n, resource_type in enumerate(["Note", "Note", "Code"] * 2):
        make.resource(resource_type=resource_type, created_at=START + n * DAY)
    for hidden in ({"is_private": True}, {"is_deleted": True}, {"has_complete_version": False}):
        make.resource(resource_type="Api", **hidden)
    counts = db.resources.count_by_type()
    assert counts.total == 6
    assert {name: number for name, number in counts.by_type.items() if number} == {
        "Note": 4,
        "Code": 2,
    }
    assert set(counts.by_type) == set(get_args(ResourceType))


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    for list_stats in (unopened.users.list_stats, unopened.teams.list_stats):
        with pytest.raises(InvalidInput, match="_id: must be from 1"):
            list_stats(0, "Daily", START, START)
        with pytest.raises(InvalidInput, match="period_type: must be one of Hourly, Daily"):
            list_stats(1, "daily", START, START)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="since: must be a datetime, not str"):
            list_stats(1, "Daily", "2026-01-01", START)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="until: must have a time zone"):
            list_stats(1, "Daily", START, START.replace(tzinfo=None))
        with pytest.raises(InvalidInput, match="since: must be from 0001-01-02"):
            list_stats(1, "Daily", datetime.min.replace(tzinfo=UTC), START)
        with pytest.raises(InvalidInput, match="until: must not be before since"):
            list_stats(1, "Daily", START, START - DAY)
        with pytest.raises(InvalidInput, match="limit: must be from 1 to 500"):
            list_stats(1, "Daily", START, START, limit=501)
