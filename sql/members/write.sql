-- name: add(team_id, user_id, is_admin, permissions)^
-- Add one user to a team, and count the new member in the team's statistics of the day (UTC).
-- Record: Member
-- Index:  none: inserts one row
-- Locks:  row: members, row: stats_teams
WITH added AS (
    INSERT INTO members (team_id, user_id, is_admin, permissions)
    VALUES (
        :team_id::bigint,
        :user_id::bigint,
        :is_admin::boolean,
        :permissions::jsonb
    )
    RETURNING
        team_id,
        user_id,
        is_admin,
        permissions,
        created_at,
        updated_at
),

counted AS (
    INSERT INTO stats_teams (team_id, period_type, period_start, period_end, members_created)
    SELECT
        added.team_id,
        'Daily',
        date_trunc('day', now(), 'UTC'),
        date_trunc('day', now(), 'UTC') + interval '24 hours',
        1
    FROM added
    ON CONFLICT (team_id, period_type, period_start) DO UPDATE SET
        members_created = stats_teams.members_created + excluded.members_created,
        updated_at = excluded.updated_at
)

SELECT
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at
FROM added;

-- name: set_admin(team_id, user_id, is_admin)^
-- Set whether one member is an administrator of the team.
-- Record: Member, or no row
-- Index:  members_pkey
-- Locks:  row: members
UPDATE members
SET
    is_admin = :is_admin::boolean,
    updated_at = now()
WHERE
    team_id = :team_id::bigint
    AND user_id = :user_id::bigint
RETURNING
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at;

-- name: set_permissions(team_id, user_id, permissions)^
-- Replace the permissions of one member.
-- Record: Member, or no row
-- Index:  members_pkey
-- Locks:  row: members
UPDATE members
SET
    permissions = :permissions::jsonb,
    updated_at = now()
WHERE
    team_id = :team_id::bigint
    AND user_id = :user_id::bigint
RETURNING
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at;

-- name: remove(team_id, user_id)^
-- Delete one membership.
-- Record: RowId, or no row
-- Index:  members_pkey
-- Locks:  row: members
DELETE FROM members
WHERE
    team_id = :team_id::bigint
    AND user_id = :user_id::bigint
RETURNING user_id AS id;
