-- name: update_status(id, status, time_elapsed)^
-- Move one run to another status, if its current status allows it, and count a completed run in its
-- user's statistics of the day (UTC).
-- started_at is set once, completed_at by every final status.
-- Record: StatusUpdate, or no row
-- Index:  runs_id_key, runs_pkey or runs_id_key
-- Locks:  for no key update: runs, row: stats_users
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status,
        runs.started_at,
        runs.time_elapsed,
        runs.revision
    FROM runs
    WHERE runs.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE runs
    SET
        status = :status::text,
        started_at = CASE
            WHEN :status::text = 'InProgress' THEN coalesce(cur.started_at, now())
            ELSE cur.started_at
        END,
        completed_at = CASE
            WHEN :status::text IN ('Completed', 'Failed', 'Cancelled') THEN now()
        END,
        time_elapsed = coalesce(:time_elapsed::bigint, cur.time_elapsed),
        revision = cur.revision + 1,
        updated_at = now()
    FROM cur
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND (cur.status, :status::text) IN (
            ('Scheduled', 'InProgress'),
            ('Scheduled', 'Cancelled'),
            ('InProgress', 'Paused'),
            ('InProgress', 'Completed'),
            ('InProgress', 'Failed'),
            ('InProgress', 'Cancelled'),
            ('Paused', 'InProgress'),
            ('Paused', 'Failed'),
            ('Paused', 'Cancelled')
        )
    RETURNING
        runs.user_id,
        runs.id,
        runs.public_id,
        runs.resource_version_id,
        runs.name,
        runs.status,
        runs.is_private,
        runs.started_at,
        runs.completed_at,
        runs.time_elapsed,
        runs.completed_complexity,
        runs.context_switches,
        runs.revision,
        runs.created_at,
        runs.updated_at
),

counted AS (
    INSERT INTO stats_users (user_id, period_type, period_start, period_end, runs_completed)
    SELECT
        updated.user_id,
        'Daily',
        date_trunc('day', now(), 'UTC'),
        date_trunc('day', now(), 'UTC') + interval '24 hours',
        1
    FROM updated
    WHERE updated.status = 'Completed'
    ON CONFLICT (user_id, period_type, period_start) DO UPDATE SET
        runs_completed = stats_users.runs_completed + excluded.runs_completed,
        updated_at = excluded.updated_at
)

SELECT
    cur.status AS previous_status,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: update_status__of_user(id, user_id, status, time_elapsed)^
-- Move one run of one user to another status, if its current status allows it, and count a
-- completed run in the user's statistics of the day (UTC).
-- started_at is set once, completed_at by every final status.
-- Record: StatusUpdate, or no row
-- Index:  runs_pkey or runs_id_key
-- Locks:  for no key update: runs, row: stats_users
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status,
        runs.started_at,
        runs.time_elapsed,
        runs.revision
    FROM runs
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE runs
    SET
        status = :status::text,
        started_at = CASE
            WHEN :status::text = 'InProgress' THEN coalesce(cur.started_at, now())
            ELSE cur.started_at
        END,
        completed_at = CASE
            WHEN :status::text IN ('Completed', 'Failed', 'Cancelled') THEN now()
        END,
        time_elapsed = coalesce(:time_elapsed::bigint, cur.time_elapsed),
        revision = cur.revision + 1,
        updated_at = now()
    FROM cur
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND (cur.status, :status::text) IN (
            ('Scheduled', 'InProgress'),
            ('Scheduled', 'Cancelled'),
            ('InProgress', 'Paused'),
            ('InProgress', 'Completed'),
            ('InProgress', 'Failed'),
            ('InProgress', 'Cancelled'),
            ('Paused', 'InProgress'),
            ('Paused', 'Failed'),
            ('Paused', 'Cancelled')
        )
    RETURNING
        runs.user_id,
        runs.id,
        runs.public_id,
        runs.resource_version_id,
        runs.name,
        runs.status,
        runs.is_private,
        runs.started_at,
        runs.completed_at,
        runs.time_elapsed,
        runs.completed_complexity,
        runs.context_switches,
        runs.revision,
        runs.created_at,
        runs.updated_at
),

counted AS (
    INSERT INTO stats_users (user_id, period_type, period_start, period_end, runs_completed)
    SELECT
        updated.user_id,
        'Daily',
        date_trunc('day', now(), 'UTC'),
        date_trunc('day', now(), 'UTC') + interval '24 hours',
        1
    FROM updated
    WHERE updated.status = 'Completed'
    ON CONFLICT (user_id, period_type, period_start) DO UPDATE SET
        runs_completed = stats_users.runs_completed + excluded.runs_completed,
        updated_at = excluded.updated_at
)

SELECT
    cur.status AS previous_status,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;
