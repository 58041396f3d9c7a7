-- name: members()^
WITH many AS (
    SELECT mode() WITHIN GROUP (ORDER BY candidates.user_id ASC) AS user_id
    FROM (
        SELECT members.user_id
        FROM members
        ORDER BY
            members.team_id ASC,
            members.user_id ASC
        LIMIT 10000
    ) AS candidates
),

newest AS (
    SELECT
        members.user_id,
        members.team_id,
        members.created_at
    FROM members
    INNER JOIN many ON members.user_id = many.user_id
    ORDER BY
        members.created_at DESC,
        members.team_id ASC
    LIMIT 5
)

SELECT
    user_id,
    team_id,
    created_at
FROM newest
ORDER BY
    created_at ASC,
    team_id DESC
LIMIT 1;

-- name: members__find_by_team()^
WITH many AS (
    SELECT mode() WITHIN GROUP (ORDER BY candidates.team_id ASC) AS team_id
    FROM (
        SELECT members.team_id
        FROM members
        ORDER BY
            members.team_id ASC,
            members.user_id ASC
        LIMIT 10000
    ) AS candidates
),

first_users AS (
    SELECT
        members.team_id,
        members.user_id
    FROM members
    INNER JOIN many ON members.team_id = many.team_id
    ORDER BY members.user_id ASC
    LIMIT 5
)

SELECT
    team_id,
    user_id
FROM first_users
ORDER BY user_id DESC
LIMIT 1;

-- name: members__add()^
SELECT
    teams.id AS team_id,
    users.id AS user_id
FROM teams
CROSS JOIN users
WHERE
    NOT EXISTS (
        SELECT
        FROM members
        WHERE
            members.team_id = teams.id
            AND members.user_id = users.id
    )
ORDER BY
    teams.id ASC,
    users.id ASC
LIMIT 1;
