-- name: create(public_id, team_id, creator_id, is_private, open_to_anyone_with_invite, config)^
-- Insert one chat. Its creator, if any, becomes its first participant.
-- Record: Chat
-- Index:  none: inserts one row
-- Locks:  row: chats, row: chat_participants
WITH created AS (
    INSERT INTO chats (
        public_id,
        team_id,
        creator_id,
        is_private,
        open_to_anyone_with_invite,
        config
    )
    VALUES (
        :public_id::text,
        :team_id::bigint,
        :creator_id::bigint,
        :is_private::boolean,
        :open_to_anyone_with_invite::boolean,
        :config::jsonb
    )
    RETURNING
        id,
        public_id,
        team_id,
        creator_id,
        is_private,
        open_to_anyone_with_invite,
        config,
        revision,
        created_at,
        updated_at
),

joined AS (
    INSERT INTO chat_participants (chat_id, user_id)
    SELECT
        created.id,
        created.creator_id
    FROM created
    WHERE created.creator_id IS NOT NULL
)

SELECT
    id,
    public_id,
    team_id,
    creator_id,
    is_private,
    open_to_anyone_with_invite,
    config,
    revision,
    created_at,
    updated_at
FROM created;

-- name: update(id, changes, expected_revision)^
-- Update the given fields of one chat, if its revision is the expected one.
-- Without an expected revision, the update always applies. The row is read under its lock, so that
-- concurrent changes of different fields are both kept.
-- Record: Update[Chat], or no row
-- Index:  chats_pkey
-- Locks:  for no key update: chats
WITH cur AS (
    SELECT
        chats.id,
        chats.revision,
        chats AS base
    FROM chats
    WHERE chats.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE chats
    SET
        team_id = changed.team_id,
        is_private = changed.is_private,
        open_to_anyone_with_invite = changed.open_to_anyone_with_invite,
        config = changed.config,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        chats.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
    RETURNING
        chats.id,
        chats.public_id,
        chats.team_id,
        chats.creator_id,
        chats.is_private,
        chats.open_to_anyone_with_invite,
        chats.config,
        chats.revision,
        chats.created_at,
        chats.updated_at
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: update_by_public_id(public_id, changes, expected_revision)^
-- Update the given fields of one chat by public id, if its revision is
-- the expected one.
-- Without an expected revision, the update always applies. Locks as update does.
-- Record: Update[Chat], or no row
-- Index:  chats_public_id_key, chats_pkey
-- Locks:  for no key update: chats
WITH cur AS (
    SELECT
        chats.id,
        chats.revision,
        chats AS base
    FROM chats
    WHERE chats.public_id = :public_id::text
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE chats
    SET
        team_id = changed.team_id,
        is_private = changed.is_private,
        open_to_anyone_with_invite = changed.open_to_anyone_with_invite,
        config = changed.config,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        chats.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
    RETURNING
        chats.id,
        chats.public_id,
        chats.team_id,
        chats.creator_id,
        chats.is_private,
        chats.open_to_anyone_with_invite,
        chats.config,
        chats.revision,
        chats.created_at,
        chats.updated_at
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: delete(id)^
-- Delete one chat and its list of participants.
-- Record: RowId, or no row
-- Index:  chats_pkey
-- Locks:  row: chats, cascade: chat_participants
DELETE FROM chats
WHERE id = :id::bigint
RETURNING id;
