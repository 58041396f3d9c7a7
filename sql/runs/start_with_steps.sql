-- name: start_with_steps(id, steps)^
-- Start one Scheduled run with its steps and their inputs, and count it in its user's statistics of
-- the day (UTC). Returns no row when the run is absent or its resource is deleted.
-- The steps are a JSON array of objects with name and inputs, numbered from 1 in their order. The
-- resource is locked before the run, as in bulk_soft_delete: this waits for a deletion in progress,
-- and a later deletion waits for this commit.
-- Record: RunStart, or no row
-- Index:  runs_id_key, resource_versions_pkey, resources_pkey, runs_pkey or runs_id_key
-- Locks:  for share: resources, for no key update: runs, row: run_steps, row: run_io,
--         row: stats_users
WITH target AS (
    SELECT resources.is_deleted
    -- lint: decides_under_lock: the version of a run never changes.
    FROM runs
    INNER JOIN resource_versions ON runs.resource_version_id = resource_versions.id
    INNER JOIN resources ON resource_versions.resource_id = resources.id
    WHERE runs.id = :id::bigint
    FOR SHARE OF resources
),

cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status,
        runs.started_at,
        runs.revision
    FROM runs
    WHERE
        runs.id = :id::bigint
        AND NOT EXISTS (
            SELECT
            FROM target
            WHERE target.is_deleted
        )
    FOR NO KEY UPDATE
),

started AS (
    UPDATE runs
    SET
        status = 'InProgress',
        started_at = coalesce(cur.started_at, now()),
        revision = cur.revision + 1,
        updated_at = now()
    FROM cur
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND cur.status = 'Scheduled'
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

-- jsonb_to_recordset would turn inputs that are JSON null into SQL NULL.
given AS (
    SELECT
        items.step,
        items.value ->> 'name' AS name,
        items.value -> 'inputs' AS inputs
    FROM jsonb_array_elements(:steps::jsonb) WITH ORDINALITY AS items (value, step)
),

planned AS (
    INSERT INTO run_steps (user_id, run_id, step, name, status)
    SELECT
        started.user_id,
        started.id,
        given.step,
        given.name,
        'Scheduled'
    FROM started
    CROSS JOIN given
    RETURNING
        step,
        name,
        status,
        time_elapsed,
        created_at
),

supplied AS (
    INSERT INTO run_io (user_id, run_id, side, step, key, value)
    SELECT
        started.user_id,
        started.id,
        'input',
        given.step,
        inputs.key,
        inputs.value
    FROM started
    CROSS JOIN given
    CROSS JOIN jsonb_each(given.inputs) AS inputs
    RETURNING step
),

counted AS (
    INSERT INTO stats_users (user_id, period_type, period_start, period_end, runs_started)
    SELECT
        started.user_id,
        'Daily',
        date_trunc('day', now(), 'UTC'),
        date_trunc('day', now(), 'UTC') + interval '24 hours',
        1
    FROM started
    ON CONFLICT (user_id, period_type, period_start) DO UPDATE SET
        runs_started = stats_users.runs_started + excluded.runs_started,
        updated_at = excluded.updated_at
)

SELECT
    cur.status AS previous_status,
    CASE
        WHEN started.id IS NOT NULL
            THEN json_build_object(
                'run', started,
                'steps', (
                    SELECT coalesce(json_agg(planned ORDER BY planned.step ASC), '[]')
                    FROM planned
                ),
                'input_count', (
                    SELECT count(*)
                    FROM supplied
                )
            )
    END AS started
FROM cur
LEFT JOIN started ON cur.id = started.id;

-- name: start_with_steps__of_user(id, user_id, steps)^
-- Start one Scheduled run of one user with its steps and their inputs, and count it in the user's
-- statistics of the day (UTC). Returns no row when the run is absent or its resource is deleted.
-- The steps are a JSON array of objects with name and inputs, numbered from 1 in their order. The
-- resource is locked before the run, as in bulk_soft_delete: this waits for a deletion in progress,
-- and a later deletion waits for this commit.
-- Record: RunStart, or no row
-- Index:  runs_pkey or runs_id_key, resource_versions_pkey, resources_pkey
-- Locks:  for share: resources, for no key update: runs, row: run_steps, row: run_io,
--         row: stats_users
WITH target AS (
    SELECT resources.is_deleted
    -- lint: decides_under_lock: the version of a run never changes.
    FROM runs
    INNER JOIN resource_versions ON runs.resource_version_id = resource_versions.id
    INNER JOIN resources ON resource_versions.resource_id = resources.id
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.id = :id::bigint
    FOR SHARE OF resources
),

cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status,
        runs.started_at,
        runs.revision
    FROM runs
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.id = :id::bigint
        AND NOT EXISTS (
            SELECT
            FROM target
            WHERE target.is_deleted
        )
    FOR NO KEY UPDATE
),

started AS (
    UPDATE runs
    SET
        status = 'InProgress',
        started_at = coalesce(cur.started_at, now()),
        revision = cur.revision + 1,
        updated_at = now()
    FROM cur
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND cur.status = 'Scheduled'
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

-- jsonb_to_recordset would turn inputs that are JSON null into SQL NULL.
given AS (
    SELECT
        items.step,
        items.value ->> 'name' AS name,
        items.value -> 'inputs' AS inputs
    FROM jsonb_array_elements(:steps::jsonb) WITH ORDINALITY AS items (value, step)
),

planned AS (
    INSERT INTO run_steps (user_id, run_id, step, name, status)
    SELECT
        started.user_id,
        started.id,
        given.step,
        given.name,
        'Scheduled'
    FROM started
    CROSS JOIN given
    RETURNING
        step,
        name,
        status,
        time_elapsed,
        created_at
),

supplied AS (
    INSERT INTO run_io (user_id, run_id, side, step, key, value)
    SELECT
        started.user_id,
        started.id,
        'input',
        given.step,
        inputs.key,
        inputs.value
    FROM started
    CROSS JOIN given
    CROSS JOIN jsonb_each(given.inputs) AS inputs
    RETURNING step
),

counted AS (
    INSERT INTO stats_users (user_id, period_type, period_start, period_end, runs_started)
    SELECT
        started.user_id,
        'Daily',
        date_trunc('day', now(), 'UTC'),
        date_trunc('day', now(), 'UTC') + interval '24 hours',
        1
    FROM started
    ON CONFLICT (user_id, period_type, period_start) DO UPDATE SET
        runs_started = stats_users.runs_started + excluded.runs_started,
        updated_at = excluded.updated_at
)

SELECT
    cur.status AS previous_status,
    CASE
        WHEN started.id IS NOT NULL
            THEN json_build_object(
                'run', started,
                'steps', (
                    SELECT coalesce(json_agg(planned ORDER BY planned.step ASC), '[]')
                    FROM planned
                ),
                'input_count', (
                    SELECT count(*)
                    FROM supplied
                )
            )
    END AS started
FROM cur
LEFT JOIN started ON cur.id = started.id;
