-- name: users()^
WITH many AS (
    SELECT mode() WITHIN GROUP (ORDER BY candidates.user_id ASC) AS user_id
    FROM (
        SELECT members.user_id
        FROM members
        INNER JOIN users ON members.user_id = users.id
        WHERE
            users.email IS NOT NULL
            AND users.handle IS NOT NULL
        ORDER BY
            members.team_id ASC,
            members.user_id ASC
        LIMIT 10000
    ) AS candidates
),

newest AS (
    SELECT
        id,
        public_id
    FROM users
    ORDER BY
        created_at DESC,
        id DESC
    LIMIT 50
)

SELECT
    users.id,
    users.public_id,
    users.email,
    users.handle,
    users.revision,
    users.created_at,
    '%' || split_part(coalesce(users.name_folded, lower(users.name)), ' ', 1) || '%' AS pattern,
    '%' || split_part(users.email, '@', 1) || '%' AS email_pattern,
    (SELECT json_agg(newest.id) FROM newest)::text AS ids,
    (SELECT json_agg(newest.public_id) FROM newest)::text AS public_ids
FROM users
INNER JOIN many ON users.id = many.user_id;

-- name: users__create()^
SELECT 'exampleuser0' AS public_id;

-- name: users__mend_name()^
SELECT
    id,
    name,
    name_folded
FROM users
ORDER BY id ASC
LIMIT 1;

-- name: users__mend_languages()^
SELECT
    id,
    languages,
    languages AS tags
FROM users
ORDER BY id ASC
LIMIT 1;

-- name: users__list_stats()^
SELECT
    user_id,
    period_type,
    period_start AS since,
    period_end AS until
FROM stats_users
ORDER BY
    user_id ASC,
    period_type ASC,
    period_start ASC
LIMIT 1;
