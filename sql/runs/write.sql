-- name: create(user_id, public_id, resource_version_id, name, is_private, data)^
-- Insert one Scheduled run. Returns no row when the version is absent or its resource is deleted.
-- The resource is locked against deletion until the commit.
-- Record: Run, or no row
-- Index:  resource_versions_pkey, resources_pkey
-- Locks:  for share: resources, row: runs
WITH target AS (
    SELECT resources.is_deleted
    FROM resource_versions
    INNER JOIN resources ON resource_versions.resource_id = resources.id
    WHERE resource_versions.id = :resource_version_id::bigint
    FOR SHARE OF resources
)

INSERT INTO runs (
    user_id,
    public_id,
    resource_version_id,
    name,
    is_private,
    data
)
SELECT
    :user_id::bigint,
    :public_id::text,
    :resource_version_id::bigint,
    :name::text,
    :is_private::boolean,
    :data::jsonb
WHERE
    :resource_version_id::bigint IS NULL
    OR EXISTS (
        SELECT target.is_deleted
        FROM target
        WHERE NOT target.is_deleted
    )
RETURNING
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
    updated_at;

-- name: update(id, changes, expected_revision)^
-- Update the given fields of one run, if its revision is the expected one.
-- Without an expected revision, the update always applies.
-- Record: Update[Run], or no row
-- Index:  runs_id_key, runs_pkey or runs_id_key
-- Locks:  for no key update: runs
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.revision,
        runs AS base
    FROM runs
    WHERE runs.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE runs
    SET
        name = changed.name,
        is_private = changed.is_private,
        data = changed.data,
        time_elapsed = changed.time_elapsed,
        completed_complexity = changed.completed_complexity,
        context_switches = changed.context_switches,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
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
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: update__of_user(id, user_id, changes, expected_revision)^
-- Update the given fields of one run of one user, if its revision is the expected one.
-- Without an expected revision, the update always applies.
-- Record: Update[Run], or no row
-- Index:  runs_pkey or runs_id_key
-- Locks:  for no key update: runs
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.revision,
        runs AS base
    FROM runs
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE runs
    SET
        name = changed.name,
        is_private = changed.is_private,
        data = changed.data,
        time_elapsed = changed.time_elapsed,
        completed_complexity = changed.completed_complexity,
        context_switches = changed.context_switches,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
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
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: update_by_public_id(public_id, changes, expected_revision)^
-- Update the given fields of one run by public id, if its revision is
-- the expected one.
-- Without an expected revision, the update always applies. Locks as update does.
-- Record: Update[Run], or no row
-- Index:  runs_public_id_key, runs_pkey or runs_id_key
-- Locks:  for no key update: runs
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.revision,
        runs AS base
    FROM runs
    WHERE runs.public_id = :public_id::text
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE runs
    SET
        name = changed.name,
        is_private = changed.is_private,
        data = changed.data,
        time_elapsed = changed.time_elapsed,
        completed_complexity = changed.completed_complexity,
        context_switches = changed.context_switches,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
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
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: update_by_public_id__of_user(public_id, user_id, changes, expected_revision)^
-- Update the given fields of one run of one user by public id, if its revision is
-- the expected one.
-- Without an expected revision, the update always applies. Locks as update does.
-- Record: Update[Run], or no row
-- Index:  runs_public_id_key, runs_pkey or runs_id_key
-- Locks:  for no key update: runs
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.revision,
        runs AS base
    FROM runs
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.public_id = :public_id::text
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE runs
    SET
        name = changed.name,
        is_private = changed.is_private,
        data = changed.data,
        time_elapsed = changed.time_elapsed,
        completed_complexity = changed.completed_complexity,
        context_switches = changed.context_switches,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
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
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: delete(id)^
-- Delete one run with its steps and values.
-- Record: RowId, or no row
-- Index:  runs_id_key
-- Locks:  row: runs, cascade: run_io, cascade: run_steps
DELETE FROM runs
WHERE id = :id::bigint
RETURNING id;

-- name: delete__of_user(id, user_id)^
-- Delete one run of one user with its steps and values.
-- Record: RowId, or no row
-- Index:  runs_pkey or runs_id_key
-- Locks:  row: runs, cascade: run_io, cascade: run_steps
DELETE FROM runs
WHERE
    user_id = :user_id::bigint
    AND id = :id::bigint
RETURNING id;
