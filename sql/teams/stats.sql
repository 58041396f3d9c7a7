-- name: list_stats(team_id, period_type, since, until, max_rows)
-- List the statistics of one team for the periods of one length that began in a span of time, oldest
-- first. A period in which nothing was counted has no row.
-- Record: TeamStats
-- Index:  stats_teams_pkey,
--         stats_teams_pkey (order)
-- Locks:  none
SELECT
    team_id,
    period_type,
    period_start,
    period_end,
    members_created,
    created_at,
    updated_at
FROM stats_teams
WHERE
    team_id = :team_id::bigint
    AND period_type = :period_type::text
    AND period_start >= :since::timestamptz
    AND period_start < :until::timestamptz
ORDER BY period_start ASC
LIMIT :max_rows::integer;
