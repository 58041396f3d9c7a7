-- name: search__exact(pattern, email, max_rows)
-- List, newest first, the users who are not private and whose name or handle
-- holds a text, or whose e-mail address is it.
-- For texts of one or two characters, and where there are no trigram indexes: walks the users until
-- the limit is reached.
-- Record: User
-- Index:  users_created_at_id_idx (order)
-- Locks:  none
SELECT
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
    updated_at
FROM users
WHERE
    NOT is_private
    AND (
        name ILIKE :pattern::text
        OR handle ILIKE :pattern::text
        OR email = :email::text
    )
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__exact_by_trigram(pattern, email, max_rows)
-- List, newest first, the users who are not private and whose name or handle
-- holds a text, or whose e-mail address is it.
-- Reads the hits from the trigram indexes and sorts them. A text with more than 5 000 hits is in so
-- many rows that walking the users finds enough of them sooner: then that half answers instead.
-- Record: User
-- Index:  users_pkey, scan: not run without the trigram indexes
-- Index (pg_trgm): users_name_idx, users_handle_idx, users_email_key,
--         users_created_at_id_idx (order), users_pkey
-- Locks:  none
WITH hits AS MATERIALIZED (
    SELECT id
    FROM users
    WHERE
        name ILIKE :pattern::text
        OR handle ILIKE :pattern::text
        OR email = :email::text
    LIMIT 5001
),

crowd AS (
    SELECT count(*) > 5000 AS is_large
    FROM hits
),

walked AS (
    SELECT id
    FROM users
    WHERE
        (SELECT crowd.is_large FROM crowd)
        AND NOT is_private
        AND (
            name ILIKE :pattern::text
            OR handle ILIKE :pattern::text
            OR email = :email::text
        )
    ORDER BY
        created_at DESC,
        id DESC
    LIMIT :max_rows::integer
),

found AS (
    SELECT id FROM walked
    UNION ALL
    SELECT id FROM hits
    WHERE NOT (SELECT crowd.is_large FROM crowd)
)

SELECT
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
    updated_at
FROM users
WHERE
    -- An array, not a join: looked up one by one, however many the planner expects.
    id = any(array(SELECT found.id FROM found))
    AND NOT is_private
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__substring(pattern, max_rows)
-- List, newest first, the users who are not private and whose name, handle or
-- e-mail address holds a text.
-- For texts of one or two characters, and where there are no trigram indexes: walks the users until
-- the limit is reached.
-- Record: User
-- Index:  users_created_at_id_idx (order)
-- Locks:  none
SELECT
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
    updated_at
FROM users
WHERE
    NOT is_private
    AND (
        name ILIKE :pattern::text
        OR handle ILIKE :pattern::text
        OR email ILIKE :pattern::text
    )
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__substring_by_trigram(pattern, max_rows)
-- List, newest first, the users who are not private and whose name, handle or
-- e-mail address holds a text.
-- Reads the hits from the trigram indexes and sorts them. A text with more than 5 000 hits is in so
-- many rows that walking the users finds enough of them sooner: then that half answers instead.
-- Record: User
-- Index:  users_pkey, scan: not run without the trigram indexes
-- Index (pg_trgm): users_name_idx, users_handle_idx, users_email_idx,
--         users_created_at_id_idx (order), users_pkey
-- Locks:  none
WITH hits AS MATERIALIZED (
    SELECT id
    FROM users
    WHERE
        name ILIKE :pattern::text
        OR handle ILIKE :pattern::text
        OR email ILIKE :pattern::text
    LIMIT 5001
),

crowd AS (
    SELECT count(*) > 5000 AS is_large
    FROM hits
),

walked AS (
    SELECT id
    FROM users
    WHERE
        (SELECT crowd.is_large FROM crowd)
        AND NOT is_private
        AND (
            name ILIKE :pattern::text
            OR handle ILIKE :pattern::text
            OR email ILIKE :pattern::text
        )
    ORDER BY
        created_at DESC,
        id DESC
    LIMIT :max_rows::integer
),

found AS (
    SELECT id FROM walked
    UNION ALL
    SELECT id FROM hits
    WHERE NOT (SELECT crowd.is_large FROM crowd)
)

SELECT
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
    updated_at
FROM users
WHERE
    -- An array, not a join: looked up one by one, however many the planner expects.
    id = any(array(SELECT found.id FROM found))
    AND NOT is_private
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;
