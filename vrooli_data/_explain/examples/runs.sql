-- name: runs()^
WITH many AS (
    SELECT mode() WITHIN GROUP (ORDER BY candidates.user_id ASC) AS user_id
    FROM (
        SELECT runs.user_id
        FROM runs
        ORDER BY runs.id ASC
        LIMIT 10000
    ) AS candidates
),

newest AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.public_id,
        runs.resource_version_id,
        runs.revision,
        runs.created_at
    FROM runs
    INNER JOIN many ON runs.user_id = many.user_id
    ORDER BY
        runs.created_at DESC,
        runs.id DESC
    LIMIT 5
)

SELECT
    user_id,
    id,
    public_id,
    resource_version_id,
    revision,
    created_at
FROM newest
ORDER BY
    created_at ASC,
    id ASC
LIMIT 1;

-- name: runs__create()^
SELECT
    users.id AS user_id,
    'examplerun00' AS public_id,
    resource_versions.id AS resource_version_id
FROM users
CROSS JOIN resource_versions
INNER JOIN resources ON resource_versions.resource_id = resources.id
WHERE NOT resources.is_deleted
ORDER BY
    users.id ASC,
    resource_versions.id ASC
LIMIT 1;

-- name: runs__start_with_steps()^
SELECT
    runs.id,
    runs.user_id
FROM runs
INNER JOIN resource_versions ON runs.resource_version_id = resource_versions.id
INNER JOIN resources ON resource_versions.resource_id = resources.id
WHERE
    runs.status = 'Scheduled'
    AND NOT resources.is_deleted
    AND NOT EXISTS (
        SELECT
        FROM run_steps
        WHERE
            run_steps.user_id = runs.user_id
            AND run_steps.run_id = runs.id
    )
ORDER BY
    runs.created_at DESC,
    runs.id DESC
LIMIT 1;

-- name: runs__update_status()^
SELECT
    id,
    user_id,
    'Completed' AS status,
    1000 AS time_elapsed,
    '{"answer": 42}' AS outputs
FROM runs
WHERE status = 'InProgress'
ORDER BY
    created_at DESC,
    id DESC
LIMIT 1;

-- name: runs__start_step()^
SELECT
    run_steps.user_id,
    run_steps.run_id,
    run_steps.step
FROM run_steps
INNER JOIN runs ON run_steps.user_id = runs.user_id AND run_steps.run_id = runs.id
WHERE
    runs.status = 'InProgress'
    AND run_steps.status = 'Scheduled'
ORDER BY
    runs.created_at DESC,
    runs.id DESC,
    run_steps.step ASC
LIMIT 1;

-- name: runs__finish_step()^
SELECT
    run_steps.user_id,
    run_steps.run_id,
    run_steps.step,
    'Completed' AS status,
    1000 AS time_elapsed,
    '{"answer": 42}' AS outputs
FROM run_steps
INNER JOIN runs ON run_steps.user_id = runs.user_id AND run_steps.run_id = runs.id
WHERE
    runs.status = 'InProgress'
    AND run_steps.status IN ('Scheduled', 'InProgress')
ORDER BY
    runs.created_at DESC,
    runs.id DESC,
    run_steps.step ASC
LIMIT 1;

-- name: runs__add_outputs()^
SELECT
    user_id,
    run_id,
    step,
    '{"answer": 42}' AS outputs
FROM run_steps
ORDER BY
    run_id DESC,
    step ASC
LIMIT 1;

-- name: runs__update_status_with_event()^
SELECT
    id,
    user_id,
    '00000000-0000-4000-8000-000000000000' AS event_id,
    'Completed' AS status,
    1000 AS time_elapsed,
    '{"answer": 42}' AS outputs
FROM runs
WHERE status = 'InProgress'
ORDER BY
    created_at DESC,
    id DESC
LIMIT 1;
