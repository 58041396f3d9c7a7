"""Operations on several tables: one call of the library, and the same statements by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from psycopg import Connection

from vrooli_data import CreateResource, CreateTeam, CreateVersion, HeldConnection, JsonValue
from vrooli_data._public_id import new_public_id
from vrooli_data._rows import Row
from vrooli_data.inputs import (
    ADMIN_PERMISSIONS,
    MEMBER_PERMISSIONS,
    TEAM_CHAT_CONFIG,
    StartStep,
)
from vrooli_data.validation import json_text

#: Executes a statement with its parameters, and returns its rows.
Execute: TypeAlias = Callable[..., list[Row]]

_FEW, _MANY = 5, 50
_CONFIG: dict[str, JsonValue] = {"entry": "main", "limits": {"seconds": 30, "tokens": 4000}}
_INPUTS: dict[str, JsonValue] = {
    "text": "What is to be done?",
    "settings": {"depth": 2, "tags": ["a", "b"]},
}

_INSERT_RESOURCE = """
INSERT INTO resources (public_id, resource_type, created_by_id) VALUES ($1, $2, $3) RETURNING id
"""
_INSERT_VERSION = """
INSERT INTO resource_versions
    (public_id, resource_id, version_index, version_label, config, is_complete)
VALUES ($1, $2, 0, $3, $4::jsonb, $5)
RETURNING id, public_id, resource_id, version_index, version_label, config, is_complete, revision,
    created_at, updated_at
"""
_POINT_RESOURCE = """
UPDATE resources
SET latest_version_id = $2, last_version_index = 0, has_complete_version = $3
WHERE id = $1
RETURNING id, public_id, resource_type, is_private, is_deleted, deleted_at, deleted_by_id,
    has_complete_version, score, bookmarks, views, created_by_id, latest_version_id,
    last_version_index, revision, created_at, updated_at
"""

_INSERT_TEAM = """
INSERT INTO teams (public_id, name, created_by_id) VALUES ($1, $2, $3)
RETURNING id, public_id, name, handle, is_private, config, created_by_id, revision, created_at,
    updated_at
"""
_INSERT_CREATOR = """
INSERT INTO members (team_id, user_id, is_admin, permissions) VALUES ($1, $2, TRUE, $3::jsonb)
"""
_INSERT_MEMBERS = """
INSERT INTO members (team_id, user_id, permissions)
SELECT $1, given.id::bigint, $3::jsonb FROM json_array_elements_text($2::json) AS given (id)
"""
_INSERT_CHAT = """
INSERT INTO chats (public_id, team_id, creator_id, config) VALUES ($1, $2, $3, $4::jsonb)
RETURNING id, public_id, team_id, creator_id, is_private, open_to_anyone_with_invite, config,
    revision, created_at, updated_at
"""
_INSERT_PARTICIPANTS = """
INSERT INTO chat_participants (chat_id, user_id)
SELECT $1, given.id::bigint FROM json_array_elements_text($2::json) AS given (id)
"""
_INSERT_TEAM_STATS = """
INSERT INTO stats_teams (team_id, period_type, period_start, period_end, members_created)
VALUES ($1, 'Daily', date_trunc('day', now(), 'UTC'),
    date_trunc('day', now(), 'UTC') + interval '24 hours', $2)
"""

_INSERT_RUN = """
INSERT INTO runs (user_id, resource_version_id, name) VALUES (%s, %s, 'Benchmark') RETURNING id
"""
_SHARE_RESOURCE = """
SELECT resources.is_deleted
FROM runs
INNER JOIN resource_versions ON runs.resource_version_id = resource_versions.id
INNER JOIN resources ON resource_versions.resource_id = resources.id
WHERE runs.id = $1
FOR SHARE OF resources
"""
_START_RUN = """
UPDATE runs
SET status = 'InProgress', started_at = now(), revision = revision + 1, updated_at = now()
WHERE id = $1 AND status = 'Scheduled'
RETURNING user_id, id, resource_version_id, name, status, is_private, started_at, completed_at,
    time_elapsed, completed_complexity, context_switches, revision, created_at, updated_at
"""
_INSERT_STEPS = """
INSERT INTO run_steps (user_id, run_id, step, name, status)
SELECT $1, $2, given.step, given.value ->> 'name', 'Scheduled'
FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY AS given (value, step)
RETURNING step, name, status, time_elapsed, created_at
"""
_INSERT_INPUTS = """
INSERT INTO run_io (user_id, run_id, side, step, key, value)
SELECT $1, $2, 'input', given.step, inputs.key, inputs.value
FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY AS given (value, step)
CROSS JOIN jsonb_each(given.value -> 'inputs') AS inputs
"""
_COUNT_RUN = """
INSERT INTO stats_users (user_id, period_type, period_start, period_end, runs_started)
VALUES ($1, 'Daily', date_trunc('day', now(), 'UTC'),
    date_trunc('day', now(), 'UTC') + interval '24 hours', 1)
ON CONFLICT (user_id, period_type, period_start) DO UPDATE SET
    runs_started = stats_users.runs_started + excluded.runs_started,
    updated_at = excluded.updated_at
"""


class Rows(NamedTuple):
    """Existing rows that the operations refer to."""

    connection: Connection[Row]
    user_ids: list[int]
    version_id: int

    @classmethod
    def of(cls, connection: Connection[Row]) -> Rows:
        """Read them from the database."""
        users = connection.execute("SELECT id FROM users ORDER BY id LIMIT 500").fetchall()
        [(version_id,)] = connection.execute(
            "SELECT latest_version_id FROM resources"
            " WHERE latest_version_id IS NOT NULL AND NOT is_deleted ORDER BY id LIMIT 1"
        ).fetchall()
        return cls(connection, [id for (id,) in users], version_id)

    def some_users(self, place: int, count: int) -> list[int]:
        """Return *count* different users; each place has others."""
        return [self.user_ids[(place + n) % len(self.user_ids)] for n in range(count)]


class Operation(NamedTuple):
    """One operation, done in two ways."""

    name: str
    #: Prepares the calls at the given places, and returns the argument of each.
    given: Callable[[Rows, Sequence[int]], list[Any]]
    one: Callable[[HeldConnection, Any], object]
    several: Callable[[Execute, Any], object]


def _users(rows: Rows, places: Sequence[int], count: int = 1) -> list[list[int]]:
    return [rows.some_users(place, count) for place in places]


def _create_resource(held: HeldConnection, users: list[int]) -> None:
    held.resources.create_with_version(
        CreateResource(resource_type="Routine", created_by_id=users[0]),
        CreateVersion(version_label="1.0", config=_CONFIG, is_complete=True),
    )


def _create_resource_by_hand(execute: Execute, users: list[int]) -> None:
    [(resource_id,)] = execute(_INSERT_RESOURCE, new_public_id(), "Routine", users[0])
    version = (new_public_id(), resource_id, "1.0", json_text(_CONFIG), True)
    [(version_id, *_)] = execute(_INSERT_VERSION, *version)
    execute(_POINT_RESOURCE, resource_id, version_id, True)


def _create_team(held: HeldConnection, users: list[int]) -> None:
    held.teams.create_with_initial_setup(CreateTeam(name="Benchmark"), users[0], users[1:])


def _create_team_by_hand(execute: Execute, users: list[int]) -> None:
    creator, *members = users
    [(team_id, *_)] = execute(_INSERT_TEAM, new_public_id(), "Benchmark", creator)
    execute(_INSERT_CREATOR, team_id, creator, json_text(ADMIN_PERMISSIONS))
    execute(_INSERT_MEMBERS, team_id, json_text(members), json_text(MEMBER_PERMISSIONS))
    chat = (new_public_id(), team_id, creator, json_text(TEAM_CHAT_CONFIG))
    [(chat_id, *_)] = execute(_INSERT_CHAT, *chat)
    execute(_INSERT_PARTICIPANTS, chat_id, json_text(users))
    execute(_INSERT_TEAM_STATS, team_id, len(users))


def _runs(rows: Rows, places: Sequence[int]) -> list[int]:
    """Insert a scheduled run for each place."""
    return [
        id
        for place in places
        for (id,) in rows.connection.execute(
            _INSERT_RUN, (*rows.some_users(place, 1), rows.version_id)
        )
    ]


def _start_run(held: HeldConnection, run_id: int, *, steps: int) -> None:
    given = [StartStep(name=f"Step {n}", inputs=_INPUTS) for n in range(steps)]
    held.runs.start_with_steps(run_id, given)


def _start_run_by_hand(execute: Execute, run_id: int, *, steps: int) -> None:
    text = json_text([{"name": f"Step {n}", "inputs": _INPUTS} for n in range(steps)])
    [(is_deleted,)] = execute(_SHARE_RESOURCE, run_id)
    if is_deleted:
        raise LookupError
    [(user_id, *_)] = execute(_START_RUN, run_id)
    execute(_INSERT_STEPS, user_id, run_id, text)
    execute(_INSERT_INPUTS, user_id, run_id, text)
    execute(_COUNT_RUN, user_id)


OPERATIONS = (
    Operation("resources.create_with_version", _users, _create_resource, _create_resource_by_hand),
    *(
        Operation(
            f"teams.create_with_initial_setup, {count} members",
            partial(_users, count=count + 1),
            _create_team,
            _create_team_by_hand,
        )
        for count in (_FEW, _MANY)
    ),
    *(
        Operation(
            f"runs.start_with_steps, {count} steps",
            _runs,
            partial(_start_run, steps=count),
            partial(_start_run_by_hand, steps=count),
        )
        for count in (_FEW, _MANY)
    ),
)
