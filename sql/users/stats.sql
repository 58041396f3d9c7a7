-- name: list_stats(user_id, period_type, since, until, max_rows)
-- List the statistics of one user for the periods of one length that began in a span of time, oldest
-- first. A period in which nothing was counted has no row.
-- Record: UserStats
-- Index:  stats_users_pkey,
--         stats_users_pkey (order)
-- Locks:  none
SELECT
    user_id,
    period_type,
    period_start,
    period_end,
    runs_started,
    runs_completed,
    resources_deleted,
    created_at,
    updated_at
FROM stats_users
WHERE
    user_id = :user_id::bigint
    AND period_type = :period_type::text
    AND period_start >= :since::timestamptz
    AND period_start < :until::timestamptz
ORDER BY period_start ASC
LIMIT :max_rows::integer;
