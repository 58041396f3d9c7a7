-- name: create(public_id, name, handle, is_private, config, created_by_id)^
-- Insert one team without members.
-- Record: Team
-- Index:  none: inserts one row
-- Locks:  row: teams
INSERT INTO teams (
    public_id,
    name,
    handle,
    is_private,
    config,
    created_by_id
)
VALUES (
    :public_id::text,
    :name::text,
    :handle::text,
    :is_private::boolean,
    :config::jsonb,
    :created_by_id::bigint
)
RETURNING
    id,
    public_id,
    name,
    handle,
    is_private,
    config,
    created_by_id,
    revision,
    created_at,
    updated_at;

-- name: update(id, changes, expected_revision)^
-- Update the given fields of one team, if its revision is the expected one.
-- Without an expected revision, the update always applies. The row is read under its lock, so that
-- concurrent changes of different fields are both kept. A new handle is a unique key, so the update
-- locks the row like FOR UPDATE: it and inserts of rows that refer to the team wait for each other.
-- Record: Update[Team], or no row
-- Index:  teams_pkey
-- Locks:  for no key update: teams
WITH cur AS (
    SELECT
        teams.id,
        teams.revision,
        teams AS base
    FROM teams
    WHERE teams.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE teams
    SET
        name = changed.name,
        handle = changed.handle,
        is_private = changed.is_private,
        config = changed.config,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        teams.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
    RETURNING
        teams.id,
        teams.public_id,
        teams.name,
        teams.handle,
        teams.is_private,
        teams.config,
        teams.created_by_id,
        teams.revision,
        teams.created_at,
        teams.updated_at
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: update_by_public_id(public_id, changes, expected_revision)^
-- Update the given fields of one team by public id, if its revision is
-- the expected one.
-- Without an expected revision, the update always applies. Locks as update does.
-- Record: Update[Team], or no row
-- Index:  teams_public_id_key, teams_pkey
-- Locks:  for no key update: teams
WITH cur AS (
    SELECT
        teams.id,
        teams.revision,
        teams AS base
    FROM teams
    WHERE teams.public_id = :public_id::text
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE teams
    SET
        name = changed.name,
        handle = changed.handle,
        is_private = changed.is_private,
        config = changed.config,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        teams.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
    RETURNING
        teams.id,
        teams.public_id,
        teams.name,
        teams.handle,
        teams.is_private,
        teams.config,
        teams.created_by_id,
        teams.revision,
        teams.created_at,
        teams.updated_at
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

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
RETURNING id;
