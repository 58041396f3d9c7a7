"""Changes that nobody could notice: a finding would be a false one."""

from __future__ import annotations

from tools.mutation.mutant import Equivalent, Mutant

_IS_BOT = "    is_bot boolean NOT NULL DEFAULT FALSE,\n"
_IS_PRIVATE = "    is_private boolean NOT NULL DEFAULT FALSE,\n"
_DELETE = """\
-- name: delete(id)^
-- Delete one team with its members, chats and statistics.
-- The cost grows with the number of these rows. They are deleted one by one, and stay locked until
-- the commit.
-- Record: RowId, or no row
-- Index:  teams_pkey
-- Locks:  row: teams, cascade: chat_participants, cascade: chats, cascade: members,
--         cascade: stats_teams
DELETE FROM teams
WHERE id = :id::bigint
"""

MUTANTS = [
    Mutant(
        "columns of a table swapped",
        "",
        "migrations/0001_users_and_teams.sql",
        _IS_BOT + _IS_PRIVATE,
        _IS_PRIVATE + _IS_BOT,
        Equivalent("every query names its columns, and none depends on the order of a table's"),
    ),
    Mutant(
        "jsonb column made nullable",
        "members.set_permissions",
        "migrations/0001_users_and_teams.sql",
        "    permissions jsonb NOT NULL DEFAULT '{}',\n",
        "    permissions jsonb DEFAULT '{}',\n",
        Equivalent("a JsonValue may be None as it is, and no method writes NULL there"),
    ),
    Mutant(
        "text made varchar of the length that a CHECK allows",
        "resources.find_version_by_public_id",
        "migrations/0002_resources.sql",
        '    version_label text COLLATE "C" NOT NULL,\n',
        '    version_label varchar(128) COLLATE "C" NOT NULL,\n',
        Equivalent("both are str to Python, of the same lengths"),
    ),
    Mutant(
        "parameter renamed",
        "teams.delete",
        "sql/teams/write.sql",
        _DELETE,
        _DELETE.replace("delete(id)", "delete(team_id)").replace(":id", ":team_id"),
        Equivalent("parameters are passed by their place"),
    ),
    Mutant(
        "conditions in another order",
        "members.find",
        "sql/members/read.sql",
        "    team_id = :team_id::bigint\n    AND user_id = :user_id::bigint",
        "    user_id = :user_id::bigint\n    AND team_id = :team_id::bigint",
        Equivalent("AND has no order; the plan is the same"),
    ),
    Mutant(
        "count of a column for count of rows",
        "users.find_with_teams",
        "sql/users/read.sql",
        "SELECT count(*)\n",
        "SELECT count(peers.user_id)\n",
        Equivalent("the column is never NULL"),
    ),
    Mutant(
        "fields of a record documented otherwise",
        "users.find_by_id",
        "vrooli_data/records/users.py",
        "    #: ASCII lower case.\n",
        "    #: In lower case.\n",
        Equivalent("a comment"),
    ),
    Mutant(
        "an index less in the header",
        "users.find_many__created_at_after",
        "sql/users/read.sql",
        "-- Index:  users_created_at_id_idx,\n--         users_created_at_id_idx (order)\n",
        "-- Index:  users_created_at_id_idx\n",
        Equivalent("the header says less, and nothing untrue; the reviewed plan is the same"),
    ),
]
