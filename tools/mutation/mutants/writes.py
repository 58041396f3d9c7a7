"""Writes that count, lock or queue no longer as they should."""

from __future__ import annotations

from tools.mutation.mutant import Check, Lint, Mutant, Refusal

MUTANTS = [
    Mutant(
        "advisory lock that the header lacks",
        "users.find_by_handle",
        "sql/users/read.sql",
        "WHERE handle = ",
        "WHERE pg_try_advisory_xact_lock(1) AND handle = ",
        Check("locks", "advisory: pg_try_advisory_xact_lock"),
    ),
    Mutant(
        "revision not moved",
        "users.update",
        "sql/users/write.sql",
        "        revision = cur.revision + 1,\n",
        "",
        Lint("changes_are_counted"),
    ),
    Mutant(
        "revision moved by two",
        "chats.update",
        "sql/chats/write.sql",
        "cur.revision + 1",
        "cur.revision + 2",
        Lint("changes_are_counted"),
    ),
    Mutant(
        "revision moved with a counter",
        "resources.increment_views",
        "sql/resources/write.sql",
        "SET views = views + 1\n",
        "SET\n    views = views + 1,\n    revision = revision + 1\n",
        Lint("changes_are_counted"),
    ),
    Mutant(
        "updated_at not moved",
        "members.set_permissions",
        "sql/members/write.sql",
        "    permissions = :permissions::jsonb,\n    updated_at = now()\n",
        "    permissions = :permissions::jsonb\n",
        Lint("changes_are_counted"),
    ),
    Mutant(
        "updated_at set to another clock",
        "runs.update",
        "sql/runs/write.sql",
        "updated_at = now()",
        "updated_at = clock_timestamp()",
        Lint("changes_are_counted"),
    ),
    Mutant(
        "now() in ON CONFLICT",
        "members.add",
        "sql/members/write.sql",
        "updated_at = excluded.updated_at",
        "updated_at = now()",
        Lint("conflict_sets_are_pure"),
    ),
    Mutant(
        "row read without its lock",
        "users.update",
        "sql/users/write.sql",
        "    FOR NO KEY UPDATE\n",
        "",
        Check("locks", "the statement locks row: users"),
    ),
    Mutant(
        "row read under too weak a lock",
        "runs.update_status",
        "sql/runs/update_status.sql",
        "    FOR NO KEY UPDATE\n",
        "    FOR SHARE\n",
        Check("locks", "for share: runs"),
    ),
    Mutant(
        "row read under too strong a lock",
        "chats.update",
        "sql/chats/write.sql",
        "    FOR NO KEY UPDATE\n",
        "    FOR UPDATE\n",
        Check("locks", "the statement locks for update: chats"),
    ),
    Mutant(
        "lock that does not wait",
        "users.delete__lock",
        "sql/users/write.sql",
        "FOR UPDATE;",
        "FOR UPDATE SKIP LOCKED;",
        Check("locks", "for update skip locked: users"),
    ),
    Mutant(
        "cascade that the header lacks",
        "teams.delete",
        "sql/teams/write.sql",
        "cascade: chats, ",
        "",
        Check("locks", "cascade: chats"),
    ),
    Mutant(
        "lock of another table of the join",
        "resources.update_version__lock",
        "sql/resources/versions.sql",
        "FOR NO KEY UPDATE OF resources",
        "FOR NO KEY UPDATE OF resource_versions",
        Check("locks", "for no key update: resource_versions"),
    ),
    Mutant(
        "many rows locked in any order",
        "users.delete__batch",
        "sql/users/write.sql",
        "    ORDER BY resources.id ASC\n",
        "",
        Check("plan", "the plan is not the one"),
    ),
    Mutant(
        "many rows locked in the opposite order",
        "users.delete__batch",
        "sql/users/write.sql",
        "    ORDER BY resources.id ASC\n",
        "    ORDER BY resources.id DESC\n",
        Check("plan", "the plan is not the one"),
    ),
    Mutant(
        "write left out",
        "chats.create",
        "sql/chats/write.sql",
        """joined AS (
    INSERT INTO chat_participants (chat_id, user_id)
    SELECT""",
        """joined AS (
    SELECT""",
        Check("locks", "the statement locks row: chats"),
    ),
    Mutant(
        "conflict unread by SERIALIZABLE",
        "chats.add_participant",
        "sql/chats/participants.sql",
        """
UNION ALL
SELECT FALSE AS added
FROM chat_participants
WHERE
    chat_id = :chat_id::bigint
    AND user_id = :user_id::bigint;""",
        ";",
        Check("index", "chat_participants_user_id_chat_id_idx"),
    ),
    Mutant(
        "transition left out",
        "runs.update_status",
        "sql/runs/update_status.sql",
        "            ('InProgress', 'Paused'),\n",
        "",
        Check("plan", "the plan is not the one"),
    ),
    Mutant(
        "expected revision forgotten",
        "teams.update",
        "sql/teams/write.sql",
        "\n        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)",
        "",
        Refusal("unused declared parameter in query update: ['expected_revision']"),
    ),
    Mutant(
        "run of a deleted resource started",
        "runs.start_with_steps",
        "sql/runs/start_with_steps.sql",
        "            WHERE target.is_deleted\n",
        "",
        Check("plan", "the plan is not the one"),
    ),
    Mutant(
        "deleted resources counted",
        "resources.increment_views",
        "sql/resources/write.sql",
        "\n    AND NOT is_deleted",
        "",
        Check("plan", "the plan is not the one"),
    ),
]
