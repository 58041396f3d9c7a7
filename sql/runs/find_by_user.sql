-- name: find_by_user__created_at(user_id, max_rows)
-- List the runs of one user, newest first: the first page.
-- Record: Run
-- Index:  runs_user_id_created_at_id_idx,
--         runs_user_id_created_at_id_idx (order)
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
WHERE user_id = :user_id::bigint
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_user__created_at_after(user_id, after_created_at, after_id, max_rows)
-- List the runs of one user, newest first: the runs after a run.
-- Record: Run
-- Index:  runs_user_id_created_at_id_idx,
--         runs_user_id_created_at_id_idx (order)
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
    AND (created_at, id) < (:after_created_at::timestamptz, :after_id::bigint)
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_user__created_at_before(user_id, before_created_at, before_id, max_rows)
-- List the runs of one user, newest first: the runs before a run, nearest
-- first.
-- Record: Run
-- Index:  runs_user_id_created_at_id_idx,
--         runs_user_id_created_at_id_idx (order)
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
    AND (created_at, id) > (:before_created_at::timestamptz, :before_id::bigint)
ORDER BY
    created_at ASC,
    id ASC
LIMIT :max_rows::integer;
