-- name: create(public_id, email, name, name_folded, handle, is_bot, is_private, languages)^
-- Insert one user.
-- Record: User
-- Index:  none: inserts one row
-- Locks:  row: users
INSERT INTO users (
    public_id,
    email,
    name,
    name_folded,
    handle,
    is_bot,
    is_private,
    languages
)
VALUES (
    :public_id::text,
    :email::text,
    :name::text,
    :name_folded::text,
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
-- Update the given fields of one user, if its revision is the expected one.
-- Without an expected revision, the update always applies. The row is read under its lock, so that
-- concurrent changes of different fields are both kept. A new e-mail address or handle is a unique
-- key, so the update locks the row like FOR UPDATE: it and inserts of rows that refer to the user
-- wait for each other.
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
        name_folded = changed.name_folded,
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

-- name: update_by_public_id(public_id, changes, expected_revision)^
-- Update the given fields of one user by public id, if its revision is
-- the expected one.
-- Without an expected revision, the update always applies. Locks as update does.
-- Record: Update[User], or no row
-- Index:  users_public_id_key, users_pkey
-- Locks:  for no key update: users
WITH cur AS (
    SELECT
        users.id,
        users.revision,
        users AS base
    FROM users
    WHERE users.public_id = :public_id::text
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE users
    SET
        email = changed.email,
        name = changed.name,
        name_folded = changed.name_folded,
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
-- Set last_active_at of one user to now. The revision stays the same.
-- Record: RowId, or no row
-- Index:  users_public_id_key
-- Locks:  row: users
UPDATE users
SET last_active_at = now()
WHERE public_id = :public_id::text
RETURNING id;

-- name: delete__lock(id)^
-- Lock one user before deletion, so that no rows that refer to the user can be added.
-- Record: RowId, or no row
-- Index:  users_pkey
-- Locks:  for update: users
SELECT id
FROM users
WHERE id = :id::bigint
FOR UPDATE;

-- name: delete__batch(id, max_rows)^
-- Delete a batch of one locked user's bookmarks, and clear the user from a batch of the resources
-- created and a batch of the resources deleted. Return whether these were the last.
-- A user may have tens of thousands of each. The bookmark counters are lowered. Each resource stays
-- locked until the commit. It is rewritten, with an entry in each of its indexes: about 50 pages
-- for one resource, and about 5 000 for a batch of 100. The resources are locked before the
-- bookmarks, as in resources.delete and bookmarks.remove.
-- Record: Batch
-- Index:  bookmarks_pkey or bookmarks_user_id_created_at_resource_id_idx,
--         resources_created_by_id_created_at_id_idx, resources_deleted_by_id_idx,
--         resources_pkey
-- Locks:  row: bookmarks, for no key update: resources
-- Null:   is_last, max_rows is given
WITH taken AS MATERIALIZED (
    SELECT bookmarks.resource_id
    FROM bookmarks
    WHERE bookmarks.user_id = :id::bigint
    ORDER BY bookmarks.resource_id ASC
    LIMIT :max_rows::integer
),

made AS MATERIALIZED (
    SELECT resources.id
    FROM resources
    WHERE resources.created_by_id = :id::bigint
    -- lint: limit_is_ordered: any rows may be first, and sorting all of them costs more.
    LIMIT :max_rows::integer
),

discarded AS MATERIALIZED (
    SELECT resources.id
    FROM resources
    WHERE resources.deleted_by_id = :id::bigint
    -- lint: limit_is_ordered: any rows may be first.
    LIMIT :max_rows::integer
),

cur AS (
    SELECT
        resources.id,
        resources.bookmarks,
        resources.created_by_id,
        resources.deleted_by_id
    FROM resources
    WHERE
        -- An array: beside a UNION ALL, a lock drops the rows that another session has changed
        -- while it was waited for.
        resources.id = any(
            array(
                SELECT taken.resource_id
                FROM taken
                UNION ALL
                SELECT made.id
                FROM made
                UNION ALL
                SELECT discarded.id
                FROM discarded
            )
        )
    ORDER BY resources.id ASC
    FOR NO KEY UPDATE
),

removed AS (
    -- lint: decides_under_lock: all rows belong to the user that delete__lock has locked.
    DELETE FROM bookmarks
    WHERE
        bookmarks.user_id = :id::bigint
        -- A range of ids: for a list of ids, the planner may read all bookmarks of each resource,
        -- and a popular resource has many.
        AND bookmarks.resource_id <= (
            SELECT max(taken.resource_id)
            FROM taken
            INNER JOIN cur ON taken.resource_id = cur.id
        )
    RETURNING bookmarks.resource_id
),

changed AS (
    UPDATE resources
    SET
        bookmarks = CASE
            WHEN removed.resource_id IS NULL THEN cur.bookmarks
            ELSE greatest(cur.bookmarks - 1, 0)
        END,
        created_by_id = nullif(cur.created_by_id, :id::bigint),
        deleted_by_id = nullif(cur.deleted_by_id, :id::bigint)
    FROM cur
    LEFT JOIN removed ON cur.id = removed.resource_id
    WHERE resources.id = cur.id
)

SELECT
    greatest(
        (
            SELECT count(*)
            FROM taken
        ),
        (
            SELECT count(*)
            FROM made
        ),
        (
            SELECT count(*)
            FROM discarded
        )
    ) < :max_rows::integer AS is_last;

-- name: delete__runs(id, max_rows)^
-- Delete a batch of one locked user's runs, with their steps and values, and return whether
-- these were the last.
-- Record: Batch
-- Index:  runs_pkey or runs_id_key
-- Locks:  row: runs, cascade: run_io, cascade: run_steps
-- Null:   is_last, max_rows is given
WITH removed AS (
    -- lint: decides_under_lock: all rows belong to the user that delete__lock has locked.
    DELETE FROM runs
    WHERE
        runs.user_id = :id::bigint
        AND runs.id IN (
            SELECT taken.id
            FROM runs AS taken
            WHERE taken.user_id = :id::bigint
            ORDER BY taken.id ASC
            LIMIT :max_rows::integer
        )
    RETURNING runs.id
)

SELECT count(*) < :max_rows::integer AS is_last
FROM removed;

-- name: delete(id)^
-- Delete one locked user with memberships, participations and statistics. Teams and chats stay,
-- without a creator.
-- delete__batch and delete__runs run first. This statement deletes the rows that they leave.
-- Record: RowId, or no row
-- Index:  users_pkey
-- Locks:  row: users, cascade: bookmarks, cascade: chat_participants, cascade: chats,
--         cascade: members, cascade: resources, cascade: run_io, cascade: run_steps, cascade: runs,
--         cascade: stats_users, cascade: teams
DELETE FROM users
WHERE id = :id::bigint
RETURNING id;
