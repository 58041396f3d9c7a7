"""What users and teams did on their latest day."""

from __future__ import annotations

from collections.abc import Iterator

from ._chance import HOUR
from ._rows import TeamStatsRow, UserStatsRow
from ._table import Table, seed_copy
from ._world import World

_STATS_USERS = seed_copy("stats_users", UserStatsRow)
_STATS_TEAMS = seed_copy("stats_teams", TeamStatsRow)

_DAY = 24 * HOUR


def tables(world: World) -> Iterator[Table]:
    """Return the statistics."""
    yield Table(_STATS_USERS, world.users, _of_users(world))
    yield Table(_STATS_TEAMS, world.teams, _of_teams(world))


def _of_users(world: World) -> Iterator[UserStatsRow]:
    draw = world.draws("statistics of users")
    now = world.timeline.end
    day = now - now % _DAY
    for user_id in range(1, world.users + 1):
        started = 1 + int(draw() * 5)
        completed = int(draw() * (started + 1))
        yield UserStatsRow(user_id, "Daily", day, day + _DAY, started, completed, 0, now, now)


def _of_teams(world: World) -> Iterator[TeamStatsRow]:
    draw = world.draws("statistics of teams")
    now = world.timeline.end
    day = now - now % _DAY
    for team_id in range(1, world.teams + 1):
        yield TeamStatsRow(team_id, "Daily", day, day + _DAY, 1 + int(draw() * 5), now, now)
