-- name: find_by_id(id)^
-- Fetch one run by id.
-- Record: Run, or no row
-- Index:  runs_id_key
-- Locks:  none
SELECT
    user_id,
    id,
    public_id,
    resource_version_id,
    name,
    status,
    is_private,
    started_at,
    completed_at,
    time_elapsed,
    completed_complexity,
    context_switches,
    revision,
    created_at,
    updated_at
FROM runs
WHERE id = :id::bigint;

-- name: find_by_id__of_user(id, user_id)^
-- Fetch one run of one user by id.
-- Record: Run, or no row
-- Index:  runs_pkey or runs_id_key
-- Locks:  none
SELECT
    user_id,
    id,
    public_id,
    resource_version_id,
    name,
    status,
    is_private,
    started_at,
    completed_at,
    time_elapsed,
    completed_complexity,
    context_switches,
    revision,
    created_at,
    updated_at
FROM runs
WHERE
    user_id = :user_id::bigint
    AND id = :id::bigint;

-- name: find_by_public_id(public_id)^
-- Fetch one run by public id.
-- Record: Run, or no row
-- Index:  runs_public_id_key
-- Locks:  none
SELECT
    user_id,
    id,
    public_id,
    resource_version_id,
    name,
    status,
    is_private,
    started_at,
    completed_at,
    time_elapsed,
    completed_complexity,
    context_switches,
    revision,
    created_at,
    updated_at
FROM runs
WHERE public_id = :public_id::text;

-- name: find_by_public_id__of_user(public_id, user_id)^
-- Fetch one run of one user by public id.
-- Record: Run, or no row
-- Index:  runs_public_id_key
-- Locks:  none
SELECT
    user_id,
    id,
    public_id,
    resource_version_id,
    name,
    status,
    is_private,
    started_at,
    completed_at,
    time_elapsed,
    completed_complexity,
    context_switches,
    revision,
    created_at,
    updated_at
FROM runs
WHERE
    user_id = :user_id::bigint
    AND public_id = :public_id::text;

-- name: find_with_details(id)^
-- Fetch one run by id with its version, user, steps, inputs and outputs.
-- Record: RunDetails, or no row
-- Index:  runs_id_key, users_pkey, resource_versions_pkey, resources_pkey,
--         run_steps_pkey, run_io_pkey
-- Locks:  none
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
    runs.updated_at,
    runs.data,
    CASE
        WHEN resource_versions.id IS NOT NULL
            THEN json_build_object(
                'public_id', resource_versions.public_id,
                'version_label', resource_versions.version_label,
                'resource', json_build_object(
                    'public_id', resources.public_id,
                    'resource_type', resources.resource_type
                )
            )
    END AS resource_version,
    json_build_object(
        'public_id', users.public_id,
        'name', users.name,
        'handle', users.handle
    ) AS "user",
    coalesce(
        (
            SELECT
                json_agg(
                    json_build_object(
                        'step', run_steps.step,
                        'name', run_steps.name,
                        'status', run_steps.status,
                        'time_elapsed', run_steps.time_elapsed,
                        'created_at', run_steps.created_at
                    )
                    ORDER BY run_steps.step ASC
                )
            FROM run_steps
            WHERE
                run_steps.user_id = runs.user_id
                AND run_steps.run_id = runs.id
        ),
        '[]'::json
    ) AS steps,
    coalesce(
        (
            SELECT
                json_agg(
                    json_build_object(
                        'step', run_io.step,
                        'key', run_io.key,
                        'value', run_io.value
                    )
                    ORDER BY run_io.step ASC, run_io.key ASC
                )
            FROM run_io
            WHERE
                run_io.user_id = runs.user_id
                AND run_io.run_id = runs.id
                AND run_io.side = 'input'
        ),
        '[]'::json
    ) AS inputs,
    coalesce(
        (
            SELECT
                json_agg(
                    json_build_object(
                        'step', run_io.step,
                        'key', run_io.key,
                        'value', run_io.value
                    )
                    ORDER BY run_io.step ASC, run_io.key ASC
                )
            FROM run_io
            WHERE
                run_io.user_id = runs.user_id
                AND run_io.run_id = runs.id
                AND run_io.side = 'output'
        ),
        '[]'::json
    ) AS outputs
FROM runs
INNER JOIN users ON runs.user_id = users.id
LEFT JOIN (
    resource_versions
    INNER JOIN resources ON resource_versions.resource_id = resources.id
) ON runs.resource_version_id = resource_versions.id
WHERE runs.id = :id::bigint;

-- name: find_with_details__of_user(id, user_id)^
-- Fetch one run of one user by id with its version, user, steps, inputs and outputs.
-- Record: RunDetails, or no row
-- Index:  runs_pkey or runs_id_key, users_pkey, resource_versions_pkey, resources_pkey,
--         run_steps_pkey, run_io_pkey
-- Locks:  none
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
    runs.updated_at,
    runs.data,
    CASE
        WHEN resource_versions.id IS NOT NULL
            THEN json_build_object(
                'public_id', resource_versions.public_id,
                'version_label', resource_versions.version_label,
                'resource', json_build_object(
                    'public_id', resources.public_id,
                    'resource_type', resources.resource_type
                )
            )
    END AS resource_version,
    json_build_object(
        'public_id', users.public_id,
        'name', users.name,
        'handle', users.handle
    ) AS "user",
    coalesce(
        (
            SELECT
                json_agg(
                    json_build_object(
                        'step', run_steps.step,
                        'name', run_steps.name,
                        'status', run_steps.status,
                        'time_elapsed', run_steps.time_elapsed,
                        'created_at', run_steps.created_at
                    )
                    ORDER BY run_steps.step ASC
                )
            FROM run_steps
            WHERE
                run_steps.user_id = runs.user_id
                AND run_steps.run_id = runs.id
        ),
        '[]'::json
    ) AS steps,
    coalesce(
        (
            SELECT
                json_agg(
                    json_build_object(
                        'step', run_io.step,
                        'key', run_io.key,
                        'value', run_io.value
                    )
                    ORDER BY run_io.step ASC, run_io.key ASC
                )
            FROM run_io
            WHERE
                run_io.user_id = runs.user_id
                AND run_io.run_id = runs.id
                AND run_io.side = 'input'
        ),
        '[]'::json
    ) AS inputs,
    coalesce(
        (
            SELECT
                json_agg(
                    json_build_object(
                        'step', run_io.step,
                        'key', run_io.key,
                        'value', run_io.value
                    )
                    ORDER BY run_io.step ASC, run_io.key ASC
                )
            FROM run_io
            WHERE
                run_io.user_id = runs.user_id
                AND run_io.run_id = runs.id
                AND run_io.side = 'output'
        ),
        '[]'::json
    ) AS outputs
FROM runs
INNER JOIN users ON runs.user_id = users.id
LEFT JOIN (
    resource_versions
    INNER JOIN resources ON resource_versions.resource_id = resources.id
) ON runs.resource_version_id = resource_versions.id
WHERE
    runs.user_id = :user_id::bigint
    AND runs.id = :id::bigint;

-- name: get_execution_stats()^
-- Count the runs of all users by status, and average the milliseconds of the completed ones.
-- Record: ExecutionStats
-- Index:  scan: runs, every row, each is counted once
-- Locks:  none
SELECT
    count(*) AS total,
    json_build_object(
        'Scheduled', count(*) FILTER (WHERE status = 'Scheduled'),
        'InProgress', count(*) FILTER (WHERE status = 'InProgress'),
        'Paused', count(*) FILTER (WHERE status = 'Paused'),
        'Completed', count(*) FILTER (WHERE status = 'Completed'),
        'Failed', count(*) FILTER (WHERE status = 'Failed'),
        'Cancelled', count(*) FILTER (WHERE status = 'Cancelled')
    ) AS by_status,
    (avg(time_elapsed) FILTER (WHERE status = 'Completed'))::double precision
        AS average_time_elapsed
FROM runs;

-- name: get_execution_stats__of_user(user_id)^
-- Count the runs of one user by status, and average the milliseconds of the completed ones.
-- Record: ExecutionStats
-- Index:  runs_user_id_status_created_at_id_idx
-- Locks:  none
SELECT
    count(*) AS total,
    json_build_object(
        'Scheduled', count(*) FILTER (WHERE status = 'Scheduled'),
        'InProgress', count(*) FILTER (WHERE status = 'InProgress'),
        'Paused', count(*) FILTER (WHERE status = 'Paused'),
        'Completed', count(*) FILTER (WHERE status = 'Completed'),
        'Failed', count(*) FILTER (WHERE status = 'Failed'),
        'Cancelled', count(*) FILTER (WHERE status = 'Cancelled')
    ) AS by_status,
    (avg(time_elapsed) FILTER (WHERE status = 'Completed'))::double precision
        AS average_time_elapsed
FROM runs
WHERE user_id = :user_id::bigint;
