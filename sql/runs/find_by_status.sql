-- name: find_by_status__created_at(statuses, max_rows)
-- List the runs that have one of several statuses, newest first: the first page.
-- Each status has an index scan of its own, so that rows of other statuses are not read. At most
-- one page per status is sorted.
-- Record: Run
-- Index:  runs_status_created_at_id_idx,
--         runs_status_created_at_id_idx (order)
-- Locks:  none
SELECT
    found.user_id,
    found.id,
    found.public_id,
    found.resource_version_id,
    found.name,
    found.status,
    found.is_private,
    found.started_at,
    found.completed_at,
    found.time_elapsed,
    found.completed_complexity,
    found.context_switches,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:statuses::json) AS wanted (status)
INNER JOIN LATERAL (
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
    WHERE runs.status = wanted.status
    ORDER BY
        runs.created_at DESC,
        runs.id DESC
    LIMIT :max_rows::integer
) AS found ON TRUE
ORDER BY
    found.created_at DESC,
    found.id DESC
LIMIT :max_rows::integer;

-- name: find_by_status__created_at_after(statuses, after_created_at, after_id, max_rows)
-- List the runs that have one of several statuses, newest first: the runs after a run.
-- Each status has an index scan of its own, so that rows of other statuses are not read. At most
-- one page per status is sorted.
-- Record: Run
-- Index:  runs_status_created_at_id_idx,
--         runs_status_created_at_id_idx (order)
-- Locks:  none
SELECT
    found.user_id,
    found.id,
    found.public_id,
    found.resource_version_id,
    found.name,
    found.status,
    found.is_private,
    found.started_at,
    found.completed_at,
    found.time_elapsed,
    found.completed_complexity,
    found.context_switches,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:statuses::json) AS wanted (status)
INNER JOIN LATERAL (
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
        runs.status = wanted.status
        AND (runs.created_at, runs.id) < (:after_created_at::timestamptz, :after_id::bigint)
    ORDER BY
        runs.created_at DESC,
        runs.id DESC
    LIMIT :max_rows::integer
) AS found ON TRUE
ORDER BY
    found.created_at DESC,
    found.id DESC
LIMIT :max_rows::integer;

-- name: find_by_status__created_at_before(statuses, before_created_at, before_id, max_rows)
-- List the runs that have one of several statuses, newest first: the runs before a run,
-- nearest first.
-- Each status has an index scan of its own, so that rows of other statuses are not read. At most
-- one page per status is sorted.
-- Record: Run
-- Index:  runs_status_created_at_id_idx,
--         runs_status_created_at_id_idx (order)
-- Locks:  none
SELECT
    found.user_id,
    found.id,
    found.public_id,
    found.resource_version_id,
    found.name,
    found.status,
    found.is_private,
    found.started_at,
    found.completed_at,
    found.time_elapsed,
    found.completed_complexity,
    found.context_switches,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:statuses::json) AS wanted (status)
INNER JOIN LATERAL (
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
        runs.status = wanted.status
        AND (runs.created_at, runs.id) > (:before_created_at::timestamptz, :before_id::bigint)
    ORDER BY
        runs.created_at ASC,
        runs.id ASC
    LIMIT :max_rows::integer
) AS found ON TRUE
ORDER BY
    found.created_at ASC,
    found.id ASC
LIMIT :max_rows::integer;

-- name: find_by_status__of_user__created_at(user_id, statuses, max_rows)
-- List the runs of one user that have one of several statuses, newest first: the first page.
-- Each status has an index scan of its own, so that rows of other statuses are not read. At most
-- one page per status is sorted.
-- Record: Run
-- Index:  runs_user_id_status_created_at_id_idx,
--         runs_user_id_status_created_at_id_idx (order)
-- Locks:  none
SELECT
    found.user_id,
    found.id,
    found.public_id,
    found.resource_version_id,
    found.name,
    found.status,
    found.is_private,
    found.started_at,
    found.completed_at,
    found.time_elapsed,
    found.completed_complexity,
    found.context_switches,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:statuses::json) AS wanted (status)
INNER JOIN LATERAL (
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
        AND runs.status = wanted.status
    ORDER BY
        runs.created_at DESC,
        runs.id DESC
    LIMIT :max_rows::integer
) AS found ON TRUE
ORDER BY
    found.created_at DESC,
    found.id DESC
LIMIT :max_rows::integer;

-- name: find_by_status__of_user__created_at_after(user_id, statuses, after_created_at, after_id, max_rows)
-- List the runs of one user that have one of several statuses, newest first: the runs after a run.
-- Each status has an index scan of its own, so that rows of other statuses are not read. At most
-- one page per status is sorted.
-- Record: Run
-- Index:  runs_user_id_status_created_at_id_idx,
--         runs_user_id_status_created_at_id_idx (order)
-- Locks:  none
SELECT
    found.user_id,
    found.id,
    found.public_id,
    found.resource_version_id,
    found.name,
    found.status,
    found.is_private,
    found.started_at,
    found.completed_at,
    found.time_elapsed,
    found.completed_complexity,
    found.context_switches,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:statuses::json) AS wanted (status)
INNER JOIN LATERAL (
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
        AND runs.status = wanted.status
        AND (runs.created_at, runs.id) < (:after_created_at::timestamptz, :after_id::bigint)
    ORDER BY
        runs.created_at DESC,
        runs.id DESC
    LIMIT :max_rows::integer
) AS found ON TRUE
ORDER BY
    found.created_at DESC,
    found.id DESC
LIMIT :max_rows::integer;

-- name: find_by_status__of_user__created_at_before(user_id, statuses, before_created_at, before_id, max_rows)
-- List the runs of one user that have one of several statuses, newest first: the runs before a run,
-- nearest first.
-- Each status has an index scan of its own, so that rows of other statuses are not read. At most
-- one page per status is sorted.
-- Record: Run
-- Index:  runs_user_id_status_created_at_id_idx,
--         runs_user_id_status_created_at_id_idx (order)
-- Locks:  none
SELECT
    found.user_id,
    found.id,
    found.public_id,
    found.resource_version_id,
    found.name,
    found.status,
    found.is_private,
    found.started_at,
    found.completed_at,
    found.time_elapsed,
    found.completed_complexity,
    found.context_switches,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:statuses::json) AS wanted (status)
INNER JOIN LATERAL (
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
        AND runs.status = wanted.status
        AND (runs.created_at, runs.id) > (:before_created_at::timestamptz, :before_id::bigint)
    ORDER BY
        runs.created_at ASC,
        runs.id ASC
    LIMIT :max_rows::integer
) AS found ON TRUE
ORDER BY
    found.created_at ASC,
    found.id ASC
LIMIT :max_rows::integer;
