"""Statements that no longer return what their record has as fields."""

from __future__ import annotations

from tools.mutation.mutant import Check, Mutant

MUTANTS = [
    Mutant(
        "column left out",
        "users.find_by_id",
        "sql/users/read.sql",
        "    email,\n",
        "",
        Check("columns", "User.email has no column"),
    ),
    Mutant(
        "columns swapped, of one type",
        "users.find_by_email",
        "sql/users/read.sql",
        "    email,\n    name,\n    handle,\n",
        "    handle,\n    name,\n    email,\n",
        Check("columns", "column 3 is handle, but field 3 of User is email"),
    ),
    Mutant(
        "column added",
        "teams.find_by_id",
        "sql/teams/read.sql",
        "    updated_at\n",
        "    updated_at,\n    ctid::text AS place\n",
        Check("columns", "place is no field of Team"),
    ),
    Mutant(
        "column under another name",
        "transactions.find_outcome",
        "sql/transactions/read.sql",
        " AS status",
        " AS state",
        Check("columns", "state"),
    ),
    Mutant(
        "two columns of one name",
        "teams.find_by_handle",
        "sql/teams/read.sql",
        "    name,\n    handle,\n",
        "    name,\n    name AS handle,\n    handle,\n",
        Check("columns", "two columns are called handle"),
    ),
    Mutant(
        "column cast to text",
        "chats.find_by_public_id",
        "sql/chats/read.sql",
        "    revision,\n",
        "    revision::text AS revision,\n",
        Check("types", "column revision is text, but Chat.revision is int"),
    ),
    Mutant(
        "numeric average without its cast",
        "runs.get_execution_stats",
        "sql/runs/read.sql",
        "::double precision",
        "",
        Check("types", "average_time_elapsed is numeric"),
    ),
    Mutant(
        "column left out of RETURNING",
        "members.set_admin",
        "sql/members/write.sql",
        "    permissions,\n",
        "",
        Check("columns", "Member.permissions has no column"),
    ),
    Mutant(
        "column misspelt",
        "bookmarks.list_by_user__created_at",
        "sql/bookmarks/read.sql",
        "    resource_id,\n",
        "    resources_id,\n",
        Check("statement", 'column "resources_id" does not exist'),
    ),
    Mutant(
        "function misspelt",
        "users.update",
        "sql/users/write.sql",
        "jsonb_populate_record(",
        "json_populate_record(",
        Check("statement", "json_populate_record"),
    ),
    Mutant(
        "conflict target that no unique key has",
        "members.add",
        "sql/members/write.sql",
        "ON CONFLICT (team_id, period_type, period_start)",
        "ON CONFLICT (team_id, period_type)",
        Check("statement", "no unique or exclusion constraint"),
    ),
]
