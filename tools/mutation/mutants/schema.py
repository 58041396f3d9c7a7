"""Migrations that no longer fit the queries and records."""

from __future__ import annotations

from tools.mutation.mutant import Check, Mutant, Refusal

_PEOPLE = "migrations/0001_users_and_teams.sql"
_RESOURCES = "migrations/0002_resources.sql"
_RUNS = "migrations/0003_runs.sql"
_CHATS = "migrations/0004_chats.sql"

MUTANTS = [
    Mutant(
        "column dropped",
        "chats.find_by_id",
        _CHATS,
        "    open_to_anyone_with_invite boolean NOT NULL DEFAULT FALSE,\n",
        "",
        Check("statement", 'column "open_to_anyone_with_invite" does not exist'),
    ),
    Mutant(
        "column dropped that a write inserts",
        "members.add",
        _PEOPLE,
        "    is_admin boolean NOT NULL DEFAULT FALSE,\n",
        "",
        Check("statement", 'column "is_admin" of relation "members" does not exist'),
    ),
    Mutant(
        "column renamed",
        "users.find_by_id",
        _PEOPLE,
        "    is_bot boolean",
        "    is_robot boolean",
        Check("statement", 'column "is_bot" does not exist'),
        after="CREATE TABLE users (",
    ),
    Mutant(
        "column retyped, time without zone",
        "bookmarks.list_by_user__created_at",
        _RESOURCES,
        "    created_at timestamptz NOT NULL DEFAULT now(),\n",
        "    created_at timestamp NOT NULL DEFAULT now(),\n",
        Check("types", "created_at is timestamp without time zone"),
        after="CREATE TABLE bookmarks (",
    ),
    Mutant(
        "column retyped, integer to numeric",
        "resources.find_by_id",
        _RESOURCES,
        "    score bigint NOT NULL",
        "    score numeric NOT NULL",
        Check("types", "column score is numeric, but Resource.score is int"),
    ),
    Mutant(
        "column retyped that only nested JSON shows",
        "users.find_with_teams",
        _PEOPLE,
        "    is_admin boolean NOT NULL DEFAULT FALSE,\n",
        "    is_admin text NOT NULL DEFAULT 'no',\n",
        Check("types", "memberships.item.is_admin is text"),
        after="CREATE TABLE members (",
    ),
    Mutant(
        "column retyped, jsonb to text",
        "runs.find_with_details",
        _RUNS,
        "    data jsonb,\n",
        "    data text,\n",
        Check("types", "column data is text"),
    ),
    Mutant(
        "column retyped, flag to number",
        "chats.find_by_user__id",
        _CHATS,
        "    has_unread boolean NOT NULL DEFAULT FALSE,\n",
        "    has_unread integer NOT NULL DEFAULT 0,\n",
        Check("types", "column has_unread is integer"),
    ),
    Mutant(
        "column made nullable",
        "users.find_by_id",
        _PEOPLE,
        "    name text NOT NULL,\n",
        "    name text,\n",
        Check("nulls", "column name can be NULL (column users.name), but User.name is str"),
        after="CREATE TABLE users (",
    ),
    Mutant(
        "column made nullable that only nested JSON shows",
        "runs.find_with_details",
        _RUNS,
        "    name text NOT NULL,\n",
        "    name text,\n",
        Check("nulls", "steps"),
        after="CREATE TABLE run_steps (",
    ),
    Mutant(
        "column made nullable that a write returns",
        "members.set_permissions",
        _PEOPLE,
        "    is_admin boolean NOT NULL DEFAULT FALSE,\n",
        "    is_admin boolean DEFAULT FALSE,\n",
        Check("nulls", "column is_admin can be NULL (column members.is_admin)"),
    ),
    Mutant(
        "column made NOT NULL",
        "resources.find_translations",
        _RESOURCES,
        "    description text,\n",
        "    description text NOT NULL,\n",
        Check("nulls", "column description is never NULL"),
        after="CREATE TABLE resource_translations (",
    ),
    Mutant(
        "foreign column made NOT NULL",
        "chats.find_by_id",
        _CHATS,
        "    team_id bigint,\n",
        "    team_id bigint NOT NULL,\n",
        Check("nulls", "column team_id is never NULL"),
    ),
    Mutant(
        "table renamed",
        "bookmarks.exists",
        _RESOURCES,
        "CREATE TABLE bookmarks (",
        "CREATE TABLE favourites (",
        Refusal('0002_resources.sql: relation "bookmarks" does not exist'),
    ),
]
