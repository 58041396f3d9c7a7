-- name: teams()^
WITH many AS (
    SELECT mode() WITHIN GROUP (ORDER BY candidates.team_id ASC) AS team_id
    FROM (
        SELECT members.team_id
        FROM members
        INNER JOIN teams ON members.team_id = teams.id
        WHERE teams.handle IS NOT NULL
        ORDER BY
            members.team_id ASC,
            members.user_id ASC
        LIMIT 10000
    ) AS candidates
)

SELECT
    teams.id,
    teams.public_id,
    teams.handle,
    teams.revision,
    teams.created_at
FROM teams
INNER JOIN many ON teams.id = many.team_id;

-- name: teams__create()^
SELECT
    'exampleteam0' AS public_id,
    id AS created_by_id
FROM users
ORDER BY id ASC
LIMIT 1;

-- name: teams__create_with_initial_setup()^
WITH first_users AS (
    SELECT id
    FROM users
    ORDER BY id ASC
    LIMIT 20
)

SELECT
    'exampleteam0' AS public_id,
    'examplechat0' AS chat_public_id,
    min(id) AS creator_id,
    json_agg(id)::text AS member_ids
FROM first_users
HAVING count(*) > 0;

-- name: teams__list_stats()^
SELECT
    team_id,
    period_type,
    period_start AS since,
    period_end AS until
FROM stats_teams
ORDER BY
    team_id ASC,
    period_type ASC,
    period_start ASC
LIMIT 1;
