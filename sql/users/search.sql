-- name: search__exact(pattern, email, max_rows)
-- List, newest first, the users who are not private and whose name or handle
-- holds a text, or whose e-mail address is it.
-- For texts that hold no trigram, and where there are no trigram indexes: walks the users until the
-- limit is reached, at worst to the last one: give strangers' searches a statement_timeout.
-- Record: User
-- Index:  users_created_at_id_idx (order),
--         scan: users, every row, where few hold the text
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
        coalesce(name_folded, lower(name)) LIKE :pattern::text
        OR handle LIKE :pattern::text
        OR email = :email::text
    )
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__exact_by_trigram(pattern, email, max_rows)
-- List, newest first, the users who are not private and whose name or handle
-- holds a text, or whose e-mail address is it.
-- Reads the hits from the trigram indexes and sorts them. With more than 5 000 of them, walks the
-- 10 000 newest users first, and is done if enough of these hold the text. At worst reads those and
-- then every user who holds the text: give strangers' searches a statement_timeout.
-- Record: User
-- Index:  never: without the trigram indexes another query is run
-- Index (pg_trgm): users_name_folded_idx, users_handle_idx, users_email_key,
--         users_created_at_id_idx (order), users_pkey
-- Locks:  none
WITH hits AS MATERIALIZED (
    SELECT id
    FROM users
    WHERE
        NOT is_private
        AND (
            coalesce(name_folded, lower(name)) LIKE :pattern::text
            OR handle LIKE :pattern::text
            OR email = :email::text
        )
),

-- Hits are read as they are asked for. With a limit of their own, the planner would hope to meet as
-- many soon, and read the table from its beginning.
first_hits AS MATERIALIZED (
    SELECT id
    FROM hits
    LIMIT 5001
),

walked AS (
    SELECT id
    FROM (
        SELECT
            id,
            email,
            name,
            name_folded,
            handle,
            created_at
        FROM users
        WHERE
            (SELECT count(*) > 5000 FROM first_hits)
            AND NOT is_private
        ORDER BY
            created_at DESC,
            id DESC
        LIMIT 10000
    ) AS newest
    WHERE
        coalesce(name_folded, lower(name)) LIKE :pattern::text
        OR handle LIKE :pattern::text
        OR email = :email::text
    ORDER BY
        created_at DESC,
        id DESC
    LIMIT :max_rows::integer
),

found AS (
    SELECT id FROM walked
    UNION ALL
    SELECT id FROM hits
    WHERE (SELECT count(*) FROM walked) < :max_rows::integer
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
-- An array, not a join: looked up one by one, however many the planner expects, and each once,
-- though some may be both walked and hits.
WHERE id = any(array(SELECT found.id FROM found))
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__substring(pattern, email_pattern, max_rows)
-- List, newest first, the users who are not private and whose name, handle or
-- e-mail address holds a text.
-- For texts that hold no trigram, and where there are no trigram indexes: walks the users until the
-- limit is reached, at worst to the last one: give strangers' searches a statement_timeout.
-- Record: User
-- Index:  users_created_at_id_idx (order),
--         scan: users, every row, where few hold the text
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
        coalesce(name_folded, lower(name)) LIKE :pattern::text
        OR handle LIKE :pattern::text
        OR email LIKE :email_pattern::text
    )
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__substring_by_trigram(pattern, email_pattern, max_rows)
-- List, newest first, the users who are not private and whose name, handle or
-- e-mail address holds a text.
-- Reads the hits from the trigram indexes and sorts them. With more than 5 000 of them, walks the
-- 10 000 newest users first, and is done if enough of these hold the text. At worst reads those and
-- then every user who holds the text: give strangers' searches a statement_timeout.
-- Record: User
-- Index:  never: without the trigram indexes another query is run
-- Index (pg_trgm): users_name_folded_idx, users_handle_idx, users_email_idx,
--         users_created_at_id_idx (order), users_pkey
-- Locks:  none
WITH hits AS MATERIALIZED (
    SELECT id
    FROM users
    WHERE
        NOT is_private
        AND (
            coalesce(name_folded, lower(name)) LIKE :pattern::text
            OR handle LIKE :pattern::text
            OR email LIKE :email_pattern::text
        )
),

-- Hits are read as they are asked for. With a limit of their own, the planner would hope to meet as
-- many soon, and read the table from its beginning.
first_hits AS MATERIALIZED (
    SELECT id
    FROM hits
    LIMIT 5001
),

walked AS (
    SELECT id
    FROM (
        SELECT
            id,
            email,
            name,
            name_folded,
            handle,
            created_at
        FROM users
        WHERE
            (SELECT count(*) > 5000 FROM first_hits)
            AND NOT is_private
        ORDER BY
            created_at DESC,
            id DESC
        LIMIT 10000
    ) AS newest
    WHERE
        coalesce(name_folded, lower(name)) LIKE :pattern::text
        OR handle LIKE :pattern::text
        OR email LIKE :email_pattern::text
    ORDER BY
        created_at DESC,
        id DESC
    LIMIT :max_rows::integer
),

found AS (
    SELECT id FROM walked
    UNION ALL
    SELECT id FROM hits
    WHERE (SELECT count(*) FROM walked) < :max_rows::integer
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
-- An array, not a join: looked up one by one, however many the planner expects, and each once,
-- though some may be both walked and hits.
WHERE id = any(array(SELECT found.id FROM found))
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;
