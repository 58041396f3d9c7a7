-- name: update_status_with_event(id, status, time_elapsed, outputs, keep_steps, changed_by, event_id)^
-- Move one run to another status, if its current status allows it, and count a completed run in its
-- user's statistics of the day (UTC).
-- started_at is set once, and completed_at by every final status. An existing output gets the new
-- value. When the run becomes Completed, its unfinished steps become Skipped, unless keep_steps is
-- true.
-- The event of the change is recorded. It holds the run without its data, outputs and steps.
-- It is inserted from the updated row, as in resources.update_with_event.
-- Record: StatusUpdate, or no row
-- Index:  runs_id_key, runs_pkey or runs_id_key, run_steps_pkey
-- Locks:  for no key update: runs, row: run_steps, row: run_io, row: stats_users,
--         row: change_events
WITH cur AS (
    SELECT
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
    FROM runs
    WHERE runs.id = :id::bigint
    FOR NO KEY UPDATE
),

-- The steps of a start that commits while this waits for its lock are not in the snapshot of this
-- statement, and could not be skipped. So a run that is Scheduled there does not become Completed.
seen AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status
    -- lint: decides_under_lock: the snapshot alone tells whether the steps are seen.
    FROM runs
    WHERE runs.id = :id::bigint
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
    INNER JOIN seen ON cur.user_id = seen.user_id AND cur.id = seen.id
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND NOT (:status::text = 'Completed' AND seen.status = 'Scheduled')
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

-- Steps only move forward: the recheck of rows that changed meanwhile misses none.
skipped AS (
    UPDATE run_steps
    SET
        status = 'Skipped',
        updated_at = now()
    -- lint: locks_are_ordered: whoever writes steps has locked the run.
    FROM updated
    WHERE
        run_steps.user_id = updated.user_id
        AND run_steps.run_id = updated.id
        AND run_steps.status IN ('Scheduled', 'InProgress')
        AND updated.status = 'Completed'
        AND NOT :keep_steps::boolean
),

written AS (
    INSERT INTO run_io (user_id, run_id, side, step, key, value)
    SELECT
        updated.user_id,
        updated.id,
        'output',
        0,
        outputs.key,
        outputs.value
    FROM updated
    CROSS JOIN jsonb_each(:outputs::jsonb) AS outputs
    ON CONFLICT (user_id, run_id, side, step, key) DO UPDATE SET
        value = excluded.value,
        updated_at = excluded.updated_at
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
),

changes AS MATERIALIZED (
    SELECT
        updated.id,
        to_jsonb(cur) AS previous_data,
        to_jsonb(updated) AS new_data
    FROM cur
    INNER JOIN updated ON cur.user_id = updated.user_id AND cur.id = updated.id
),

recorded AS (
    INSERT INTO change_events (
        user_id,
        event_id,
        entity_type,
        entity_id,
        change_type,
        changed_fields,
        previous_data,
        new_data
    )
    SELECT
        :changed_by::bigint,
        :event_id::uuid,
        'run',
        changes.id,
        'status_changed',
        (
            SELECT coalesce(array_agg(fields.name ORDER BY fields.name ASC), '{}')
            FROM jsonb_object_keys(changes.new_data) AS fields (name)
            WHERE
                fields.name NOT IN ('revision', 'updated_at')
                AND changes.previous_data -> fields.name
                IS DISTINCT FROM changes.new_data -> fields.name
        ),
        changes.previous_data,
        changes.new_data
    FROM changes
)

SELECT
    CASE
        WHEN :status::text = 'Completed' AND seen.status = 'Scheduled' THEN seen.status
        ELSE cur.status
    END AS previous_status,
    to_json(updated) AS updated
FROM cur
INNER JOIN seen ON cur.user_id = seen.user_id AND cur.id = seen.id
LEFT JOIN updated ON cur.id = updated.id;

-- name: update_status_with_event__of_user(id, user_id, status, time_elapsed, outputs, keep_steps, changed_by, event_id)^
-- Move one run of one user to another status, if its current status allows it, and count a
-- completed run in the user's statistics of the day (UTC).
-- started_at is set once, and completed_at by every final status. An existing output gets the new
-- value. When the run becomes Completed, its unfinished steps become Skipped, unless keep_steps is
-- true.
-- The event of the change is recorded. It holds the run without its data, outputs and steps.
-- Record: StatusUpdate, or no row
-- Index:  runs_pkey or runs_id_key, run_steps_pkey
-- Locks:  for no key update: runs, row: run_steps, row: run_io, row: stats_users,
--         row: change_events
WITH cur AS (
    SELECT
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
    FROM runs
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.id = :id::bigint
    FOR NO KEY UPDATE
),

-- The steps of a start that commits while this waits for its lock are not in the snapshot of this
-- statement, and could not be skipped. So a run that is Scheduled there does not become Completed.
-- The revision is read to keep the planner from the index of all statuses of the user.
seen AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status,
        runs.revision
    -- lint: decides_under_lock: the snapshot alone tells whether the steps are seen.
    FROM runs
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.id = :id::bigint
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
    INNER JOIN seen ON cur.user_id = seen.user_id AND cur.id = seen.id
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND NOT (:status::text = 'Completed' AND seen.status = 'Scheduled')
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

-- Steps only move forward: the recheck of rows that changed meanwhile misses none.
skipped AS (
    UPDATE run_steps
    SET
        status = 'Skipped',
        updated_at = now()
    -- lint: locks_are_ordered: whoever writes steps has locked the run.
    FROM updated
    WHERE
        run_steps.user_id = updated.user_id
        AND run_steps.run_id = updated.id
        AND run_steps.status IN ('Scheduled', 'InProgress')
        AND updated.status = 'Completed'
        AND NOT :keep_steps::boolean
),

written AS (
    INSERT INTO run_io (user_id, run_id, side, step, key, value)
    SELECT
        updated.user_id,
        updated.id,
        'output',
        0,
        outputs.key,
        outputs.value
    FROM updated
    CROSS JOIN jsonb_each(:outputs::jsonb) AS outputs
    ON CONFLICT (user_id, run_id, side, step, key) DO UPDATE SET
        value = excluded.value,
        updated_at = excluded.updated_at
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
),

changes AS MATERIALIZED (
    SELECT
        updated.id,
        to_jsonb(cur) AS previous_data,
        to_jsonb(updated) AS new_data
    FROM cur
    INNER JOIN updated ON cur.user_id = updated.user_id AND cur.id = updated.id
),

recorded AS (
    INSERT INTO change_events (
        user_id,
        event_id,
        entity_type,
        entity_id,
        change_type,
        changed_fields,
        previous_data,
        new_data
    )
    SELECT
        :changed_by::bigint,
        :event_id::uuid,
        'run',
        changes.id,
        'status_changed',
        (
            SELECT coalesce(array_agg(fields.name ORDER BY fields.name ASC), '{}')
            FROM jsonb_object_keys(changes.new_data) AS fields (name)
            WHERE
                fields.name NOT IN ('revision', 'updated_at')
                AND changes.previous_data -> fields.name
                IS DISTINCT FROM changes.new_data -> fields.name
        ),
        changes.previous_data,
        changes.new_data
    FROM changes
)

SELECT
    CASE
        WHEN :status::text = 'Completed' AND seen.status = 'Scheduled' THEN seen.status
        ELSE cur.status
    END AS previous_status,
    to_json(updated) AS updated
FROM cur
INNER JOIN seen ON cur.user_id = seen.user_id AND cur.id = seen.id
LEFT JOIN updated ON cur.id = updated.id;
