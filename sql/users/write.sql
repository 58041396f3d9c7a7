-- name: create(public_id, email, name, handle, is_bot, is_private, languages)^
-- Insert one user.
-- Record: User
-- Index:  none: inserts one row
-- Locks:  row: users
INSERT INTO users (
    public_id,
    email,
    name,
    handle,
    is_bot,
    is_private,
    languages
)
VALUES (
    :public_id::text,
    :email::text,
    :name::text,
    :handle::text,
    :is_bot::boolean,
    :is_private::boolean,
    :languages::text[]
)
RETURNING
    id,
    public_id,
    email,
    name,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at;

-- name: update(id, changes, expected_revision)^
-- Change the fields of one user that the changes hold, unless the revision is not the expected one.
-- Without an expected revision any will do. The row is read under its lock, so that two writers of
-- different fields both keep their change. A new e-mail address or handle, both unique keys, locks
-- the row as FOR UPDATE does: inserts of what refers to the user wait for it, and it for them.
-- Record: Update[User], or no row
-- Index:  users_pkey
-- Locks:  for no key update: users
WITH cur AS (
    SELECT
        users.id,
        users.revision,
        users AS base
    FROM users
    WHERE users.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE users
    SET
        email = changed.email,
        name = changed.name,
        handle = changed.handle,
        is_bot = changed.is_bot,
        is_private = changed.is_private,
        languages = changed.languages,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        users.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
    RETURNING
        users.id,
        users.public_id,
        users.email,
        users.name,
        users.handle,
        users.is_bot,
        users.is_private,
        users.languages,
        users.last_active_at,
        users.revision,
        users.created_at,
        users.updated_at
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: update_last_active(public_id)^
-- Set the time at which a user was last active to now; no change of the user's own.
-- Record: Touched, or no row
-- Index:  users_public_id_key
-- Locks:  row: users
UPDATE users
SET last_active_at = now()
WHERE public_id = :public_id::text
RETURNING id;

-- name: delete__lock(id)^
-- Lock a user who is to be deleted, so that no bookmark is added from here on.
-- Record: Touched, or no row
-- Index:  users_pkey
-- Locks:  for update: users
SELECT id
FROM users
WHERE id = :id::bigint
FOR UPDATE;

-- name: delete(id)^
-- Delete one locked user with memberships, runs and bookmarks, and lower the counters of the
-- resources that the bookmarks counted for.
-- Record: Touched, or no row
-- Index:  users_pkey, bookmarks_pkey or bookmarks_user_id_created_at_resource_id_idx,
--         resources_pkey
-- Locks:  row: bookmarks, for no key update: resources, row: users
WITH removed AS (
    DELETE FROM bookmarks
    WHERE user_id = :id::bigint
    RETURNING resource_id
),

cur AS (
    SELECT resources.id
    FROM resources
    WHERE
        resources.id IN (
            SELECT removed.resource_id
            FROM removed
        )
    ORDER BY resources.id ASC
    FOR NO KEY UPDATE
),

lowered AS (
    UPDATE resources
    SET bookmarks = greatest(resources.bookmarks - 1, 0)
    FROM cur
    WHERE resources.id = cur.id
)

DELETE FROM users
WHERE id = :id::bigint
RETURNING id;
