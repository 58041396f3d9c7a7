-- name: search__exact(pattern, email, max_rows)
-- List the users who are not private and whose name or handle contains a text, or whose e-mail
-- address equals it, newest first.
-- For texts without a trigram, and for databases without trigram indexes. Reads users until the
-- limit is reached, in the worst case all of them. Set a statement_timeout for untrusted searches.
-- Record: User
-- Index:  users_created_at_id_idx (order),
--         scan: users, every row, if few contain the text
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
-- List the users who are not private and whose name or handle contains a text, or whose e-mail
-- address equals it, newest first.
-- Reads the matches from the trigram indexes and sorts them. With more than 5 000 matches, it first
-- reads the 10 000 newest users, and stops if enough of them match. In the worst case it reads
-- these and then every matching user. Set a statement_timeout for untrusted searches.
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

-- The CTE of the matches has no LIMIT, and is read only as far as needed. With a LIMIT, the planner
-- would expect enough matches at the start of a sequential scan.
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
-- An array instead of a join: each id is looked up by its key, whatever number the planner expects.
-- A user who is in both lists is looked up once.
WHERE id = any(array(SELECT found.id FROM found))
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__substring(pattern, email_pattern, max_rows)
-- List the users who are not private and whose name, handle or e-mail address contains a text,
-- newest first.
-- For texts without a trigram, and for databases without trigram indexes. Reads users until the
-- limit is reached, in the worst case all of them. Set a statement_timeout for untrusted searches.
-- Record: User
-- Index:  users_created_at_id_idx (order),
--         scan: users, every row, if few contain the text
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
-- List the users who are not private and whose name, handle or e-mail address contains a text,
-- newest first.
-- Reads the matches from the trigram indexes and sorts them. With more than 5 000 matches, it first
-- reads the 10 000 newest users, and stops if enough of them match. In the worst case it reads
-- these and then every matching user. Set a statement_timeout for untrusted searches.
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

-- The CTE of the matches has no LIMIT, and is read only as far as needed. With a LIMIT, the planner
-- would expect enough matches at the start of a sequential scan.
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
-- An array instead of a join: each id is looked up by its key, whatever number the planner expects.
-- A user who is in both lists is looked up once.
WHERE id = any(array(SELECT found.id FROM found))
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;
