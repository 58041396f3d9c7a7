"""Parameters, and the methods that pass them."""

from __future__ import annotations

from tools.mutation.mutant import Check, Mutant, Refusal

_MEMBERS = "sql/members/write.sql"
_METHODS = "vrooli_data/_async/repositories"

MUTANTS = [
    Mutant(
        "parameter of a smaller type",
        "users.find_by_id",
        "sql/users/read.sql",
        ":id::bigint",
        ":id::integer",
        Check("parameters", "for :id"),
    ),
    Mutant(
        "parameter of another type",
        "resources.find_trending",
        "sql/resources/read.sql",
        ":days::integer",
        ":days::text",
        Check("statement", "make_interval"),
    ),
    Mutant(
        "parameter of another type that the server converts",
        "chats.find_participants__user_id",
        "sql/chats/participants.sql",
        "chat_participants.chat_id = :chat_id::bigint",
        "chat_participants.chat_id::text = :chat_id::text",
        Check("parameters", "for :chat_id"),
    ),
    Mutant(
        "array for JSON",
        "users.find_many_by_id",
        "sql/users/read.sql",
        "json_array_elements_text(:ids::json)",
        "unnest(:ids::text[])",
        Check("parameters", "for :ids"),
    ),
    Mutant(
        "parameter left out of the name line",
        "members.remove",
        _MEMBERS,
        "remove(team_id, user_id)^",
        "remove(team_id)^",
        Refusal("undeclared parameter name in query remove: user_id"),
    ),
    Mutant(
        "parameter that only the name line has",
        "members.remove",
        _MEMBERS,
        "remove(team_id, user_id)^",
        "remove(team_id, user_id, reason)^",
        Refusal("unused declared parameter in query remove: ['reason']"),
    ),
    Mutant(
        "parameters of the name line swapped",
        "members.set_admin",
        _MEMBERS,
        "set_admin(team_id, user_id, is_admin)^",
        "set_admin(user_id, team_id, is_admin)^",
        Check("parameters", "something else than its user_id for :user_id"),
    ),
    Mutant(
        "cast left out",
        "members.set_admin",
        _MEMBERS,
        "team_id = :team_id::bigint",
        "team_id = :team_id",
        Check("lint", "stands without a cast"),
    ),
    Mutant(
        "condition left out",
        "members.set_admin",
        _MEMBERS,
        "\n    AND user_id = :user_id::bigint",
        "",
        Refusal("unused declared parameter in query set_admin: ['user_id']"),
    ),
    Mutant(
        "method passes its arguments in another order",
        "members.set_admin",
        f"{_METHODS}/members.py",
        "find_one(_SET_ADMIN, team_id, user_id, is_admin)",
        "find_one(_SET_ADMIN, user_id, team_id, is_admin)",
        Check("parameters", "something else than its"),
    ),
    Mutant(
        "method passes too little",
        "members.set_permissions",
        f"{_METHODS}/members.py",
        "find_one(_SET_PERMISSIONS, team_id, user_id, json_text(permissions))",
        "find_one(_SET_PERMISSIONS, user_id, json_text(permissions))",
        Check("parameters", "passes other parameters than the query takes: permissions"),
    ),
    Mutant(
        "method passes an object for its JSON text",
        "members.set_permissions",
        f"{_METHODS}/members.py",
        "user_id, json_text(permissions))",
        "user_id, permissions)",
        Check("parameters", "for :permissions"),
    ),
    Mutant(
        "method runs another query",
        "users.find_by_handle",
        f"{_METHODS}/users.py",
        "self.find_one(_FIND_BY_HANDLE, normalized_handle(handle))",
        "self.find_one(_FIND_BY_EMAIL, normalized_handle(handle))",
        Check("unused-query", "no method runs this query"),
    ),
    Mutant(
        "method without its query",
        "AsyncUserRepository.update_last_active",
        f"{_METHODS}/users.py",
        "if await self.find_one(_UPDATE_LAST_ACTIVE, public_id) is None",
        "if not public_id",
        Check("method", "runs no query"),
    ),
    Mutant(
        "method builds another record",
        "users.find_with_teams",
        f"{_METHODS}/users.py",
        'bind("find_with_teams", UserWithTeams)',
        'bind("find_with_teams", User)',
        Check("record", "the rows become User, but the header says UserWithTeams"),
    ),
    Mutant(
        "query that no method runs",
        "bookmarks.count",
        "sql/bookmarks/read.sql",
        "-- name: list_by_user__created_at(user_id, max_rows)\n",
        "-- name: count()$\n-- Count them.\n-- Record: int\n"
        "-- Index:  scan: bookmarks, every row, once\n-- Locks:  none\n"
        "SELECT count(*) AS total\nFROM bookmarks;\n\n"
        "-- name: list_by_user__created_at(user_id, max_rows)\n",
        Check("unused-query", "no method runs this query"),
        after="-- name: exists(user_id, resource_id)^\n",
    ),
    Mutant(
        "query under another name",
        "users.find_by_nickname",
        "sql/users/read.sql",
        "-- name: find_by_handle(handle)^",
        "-- name: find_by_nickname(handle)^",
        Refusal("users.find_by_handle"),
        after="-- name: find_by_handle(",
    ),
]
