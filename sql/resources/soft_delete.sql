-- name: bulk_soft_delete__lock(ids)^
-- Lock the resources of a JSON array of ids, in the order of their ids, so that no run can be added
-- to them. Return whether the next statement of the transaction sees the runs that were added
-- before. It does not see them if the transaction's snapshot is older than the locks.
-- Record: ResourceLocks
-- Index:  resources_pkey
-- Locks:  for no key update: resources
-- Null:   is_read_committed, the setting always exists
WITH given AS (
    SELECT items.id::bigint AS id
    FROM json_array_elements_text(:ids::json) AS items (id)
),

locked AS (
    SELECT resources.id
    FROM resources
    INNER JOIN given ON resources.id = given.id
    ORDER BY resources.id ASC
    FOR NO KEY UPDATE OF resources
)

SELECT
    count(*) AS locked,
    current_setting('transaction_isolation') = 'read committed' AS is_read_committed
FROM locked;

-- name: bulk_soft_delete(ids, deleted_by_id)^
-- Soft-delete locked resources, cancel their runs that are Scheduled, InProgress or Paused, and
-- count the resources in the deleting user's statistics of the day (UTC). Return the counts.
-- Runs after bulk_soft_delete__lock, in the same transaction. The lock waits for sessions that are
-- adding runs, and only a statement that begins later sees these runs. The statistics are written
-- after the runs, as in update_status, so that two sessions cannot deadlock.
-- Not HOT: is_deleted is a condition of the listings' indexes, which the resource leaves.
-- Record: SoftDeletion
-- Index:  resources_pkey,
--         resource_versions_resource_id_id_key or resource_versions_resource_id_version_index_key,
--         runs_resource_version_id_status_idx, runs_pkey or runs_id_key
-- Locks:  row: resources, for no key update: runs, row: stats_users
WITH given AS (
    SELECT items.id::bigint AS id
    FROM json_array_elements_text(:ids::json) AS items (id)
),

deleted AS (
    -- lint: locks_are_ordered: bulk_soft_delete__lock has locked all of them.
    UPDATE resources
    SET
        is_deleted = TRUE,
        deleted_at = now(),
        deleted_by_id = :deleted_by_id::bigint,
        revision = resources.revision + 1,
        updated_at = now()
    FROM given
    WHERE
        resources.id = given.id
        AND NOT resources.is_deleted
    RETURNING resources.id
),

cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.revision
    FROM given
    INNER JOIN resource_versions ON given.id = resource_versions.resource_id
    INNER JOIN runs ON resource_versions.id = runs.resource_version_id
    WHERE runs.status IN ('Scheduled', 'InProgress', 'Paused')
    ORDER BY runs.id ASC
    FOR NO KEY UPDATE OF runs
),

cancelled AS (
    UPDATE runs
    SET
        status = 'Cancelled',
        completed_at = now(),
        revision = cur.revision + 1,
        updated_at = now()
    FROM cur
    WHERE
        runs.user_id = cur.user_id
        AND runs.id = cur.id
    RETURNING runs.id
),

-- Materialized, so that the statistics below wait for it.
counts AS MATERIALIZED (
    SELECT
        (
            SELECT count(*)
            FROM deleted
        ) AS deleted,
        (
            SELECT count(*)
            FROM given
            INNER JOIN resources ON given.id = resources.id
            WHERE resources.is_deleted
        ) AS already_deleted,
        (
            SELECT count(*)
            FROM given
        ) AS given,
        (
            SELECT count(*)
            FROM cancelled
        ) AS cancelled_runs
),

-- Reads from the counts, so that it runs after the last run is cancelled.
counted AS (
    INSERT INTO stats_users (
        user_id,
        period_type,
        period_start,
        period_end,
        resources_deleted
    )
    SELECT
        :deleted_by_id::bigint,
        'Daily',
        date_trunc('day', now(), 'UTC'),
        date_trunc('day', now(), 'UTC') + interval '24 hours',
        counts.deleted
    FROM counts
    WHERE counts.deleted > 0
    ON CONFLICT (user_id, period_type, period_start) DO UPDATE SET
        resources_deleted = stats_users.resources_deleted + excluded.resources_deleted,
        updated_at = excluded.updated_at
)

SELECT
    counts.deleted,
    counts.already_deleted,
    counts.given - counts.deleted - counts.already_deleted AS missing,
    counts.cancelled_runs
FROM counts;

-- name: restore(id)^
-- Undo the soft deletion of one resource, and return whether it was deleted. Its runs stay
-- cancelled.
-- Record: Restoration, or no row
-- Index:  resources_pkey
-- Locks:  for no key update: resources
WITH cur AS (
    SELECT
        resources.id,
        resources.is_deleted,
        resources.revision
    FROM resources
    WHERE resources.id = :id::bigint
    FOR NO KEY UPDATE
),

restored AS (
    UPDATE resources
    SET
        is_deleted = FALSE,
        deleted_at = NULL,
        deleted_by_id = NULL,
        revision = cur.revision + 1,
        updated_at = now()
    FROM cur
    WHERE
        resources.id = cur.id
        AND cur.is_deleted
)

SELECT cur.is_deleted AS was_deleted
FROM cur;
