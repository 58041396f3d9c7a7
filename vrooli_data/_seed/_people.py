"""Users, teams and members."""

from __future__ import annotations

from collections.abc import Iterator

from .._copying import jsonb
from .._domain.text_search import fold
from ._chance import Draw, between, happens, pick, rank, spread
from ._rows import MemberRow, TeamRow, UserRow
from ._table import Table, seed_copy
from ._texts import Texts, language, person
from ._world import World

_USERS = seed_copy("users", UserRow)
_TEAMS = seed_copy("teams", TeamRow)
_MEMBERS = seed_copy("members", MemberRow)


_MAILBOXES = ("example.org", "example.com", "mail.example.net", "bücher.example")
#: Numbers of further languages, by how many of a hundred users read them.
_FURTHER_LANGUAGES = spread({0: 70, 1: 22, 2: 8})
_TEAM_CONFIGS = (jsonb(b"{}"), jsonb(b'{"theme": "dark", "roles": ["owner", "writer", "guest"]}'))
_PERMISSIONS = (jsonb(b"{}"), jsonb(b'{"invite": true}'), jsonb(b'{"invite": true, "bill": true}'))
_LARGEST_TEAM = 30


def tables(world: World) -> Iterator[Table]:
    """Return users, teams and members."""
    yield Table(_USERS, world.users, _users(world))
    yield Table(_TEAMS, world.teams, _teams(world))
    yield Table(_MEMBERS, None, _members(world))


def _users(world: World) -> Iterator[UserRow]:
    draw = world.draws("users")
    public_id = world.public_ids("users")
    for id in range(1, world.users + 1):
        created_at = world.user_created_at(id)
        seen_at = between(draw, created_at, world.timeline.end)
        first = language(draw)
        is_bot = happens(draw, 0.03)
        languages = [first]
        for _ in range(pick(draw, _FURTHER_LANGUAGES)):
            further = language(draw)
            if further not in languages:
                languages.append(further)
        email = None if is_bot or happens(draw, 0.1) else f"person{id}@{pick(draw, _MAILBOXES)}"
        name = f"{person(draw, first)} 🤖" if is_bot else person(draw, first)
        yield UserRow(
            id,
            public_id(id),
            email,
            name,
            fold(name),
            None if happens(draw, 0.2) else f"{'bot' if is_bot else 'user'}_{id}",
            is_bot,
            happens(draw, 0.08),
            languages,
            None if happens(draw, 0.1) else seen_at,
            int(draw() ** 4 * 12),
            created_at,
            between(draw, created_at, seen_at),
        )


def _teams(world: World) -> Iterator[TeamRow]:
    draw = world.draws("teams")
    founders = world.draws("founders")
    public_id = world.public_ids("teams")
    texts = Texts(draw)
    for id in range(1, world.teams + 1):
        created_at = _team_created_at(world, id)
        yield TeamRow(
            id,
            public_id(id),
            texts.name(language(draw)),
            None if happens(draw, 0.3) else f"team_{id}",
            happens(draw, 0.2),
            pick(draw, _TEAM_CONFIGS),
            _founder(world, founders, id),
            int(draw() ** 4 * 8),
            created_at,
            between(draw, created_at, world.timeline.end),
        )


def _members(world: World) -> Iterator[MemberRow]:
    draw = world.draws("members")
    founders = world.draws("founders")
    for team_id in range(1, world.teams + 1):
        team_created_at = _team_created_at(world, team_id)
        founder = _founder(world, founders, team_id)
        others = {world.user(draw) for _ in range(rank(draw, _LARGEST_TEAM) - 1)} - {founder}
        for user_id in (founder, *sorted(others)):
            came_at = max(team_created_at, world.user_created_at(user_id))
            created_at = (
                came_at if user_id == founder else between(draw, came_at, world.timeline.end)
            )
            yield MemberRow(
                team_id,
                user_id,
                user_id == founder or happens(draw, 0.1),
                pick(draw, _PERMISSIONS),
                created_at,
                created_at,
            )


def _team_created_at(world: World, team_id: int) -> int:
    return world.timeline.at((team_id - 1) / world.teams)


def _founder(world: World, draw: Draw, team_id: int) -> int:
    """Draw who created a team; a new stream gives the same users in the same order."""
    return world.user(draw, (team_id - 1) / world.teams)
