-- name: create_with_event(public_id, resource_type, is_private, created_by_id, changed_by, event_id)^
-- Insert one resource without versions or translations, and record its event.
-- Record: Resource
-- Index:  none: inserts two rows
-- Locks:  row: resources, row: change_events
WITH created AS (
    INSERT INTO resources (
        public_id,
        resource_type,
        is_private,
        created_by_id
    )
    VALUES (
        :public_id::text,
        :resource_type::text,
        :is_private::boolean,
        :created_by_id::bigint
    )
    RETURNING
        id,
        public_id,
        resource_type,
        is_private,
        is_deleted,
        deleted_at,
        deleted_by_id,
        has_complete_version,
        score,
        bookmarks,
        views,
        created_by_id,
        latest_version_id,
        last_version_index,
        revision,
        created_at,
        updated_at
),

recorded AS (
    INSERT INTO change_events (user_id, event_id, entity_type, entity_id, change_type, new_data)
    SELECT
        :changed_by::bigint,
        :event_id::uuid,
        'resource',
        created.id,
        'created',
        to_jsonb(created)
    FROM created
)

SELECT
    id,
    public_id,
    resource_type,
    is_private,
    is_deleted,
    deleted_at,
    deleted_by_id,
    has_complete_version,
    score,
    bookmarks,
    views,
    created_by_id,
    latest_version_id,
    last_version_index,
    revision,
    created_at,
    updated_at
FROM created;

-- name: update_with_event(id, changes, expected_revision, changed_by, event_id)^
-- Update the given fields of one resource, if its revision is the expected one, and record the
-- event of the update. Without an expected revision, the update always applies.
-- The event is inserted from the updated row. So its seq is drawn while the resource is locked, and
-- the events of a resource are numbered in the order of their commits. revision and updated_at
-- change with every update, and are not among the changed fields.
-- Record: Update[Resource], or no row
-- Index:  resources_pkey
-- Locks:  for no key update: resources, row: change_events
WITH cur AS (
    SELECT
        resources.id,
        resources.public_id,
        resources.resource_type,
        resources.is_private,
        resources.is_deleted,
        resources.deleted_at,
        resources.deleted_by_id,
        resources.has_complete_version,
        resources.score,
        resources.bookmarks,
        resources.views,
        resources.created_by_id,
        resources.latest_version_id,
        resources.last_version_index,
        resources.revision,
        resources.created_at,
        resources.updated_at,
        resources AS base
    FROM resources
    WHERE resources.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE resources
    SET
        resource_type = changed.resource_type,
        is_private = changed.is_private,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        resources.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
    RETURNING
        resources.id,
        resources.public_id,
        resources.resource_type,
        resources.is_private,
        resources.is_deleted,
        resources.deleted_at,
        resources.deleted_by_id,
        resources.has_complete_version,
        resources.score,
        resources.bookmarks,
        resources.views,
        resources.created_by_id,
        resources.latest_version_id,
        resources.last_version_index,
        resources.revision,
        resources.created_at,
        resources.updated_at
),

changes AS MATERIALIZED (
    SELECT
        updated.id,
        to_jsonb(cur) - 'base' AS previous_data,
        to_jsonb(updated) AS new_data
    FROM cur
    INNER JOIN updated ON cur.id = updated.id
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
        'resource',
        changes.id,
        'updated',
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
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: delete_with_event(id, changed_by, event_id)^
-- Delete one resource with its versions, translations and bookmarks, and record its event.
-- The cost grows with these rows, as in delete.
-- Record: RowId, or no row
-- Index:  resources_pkey
-- Locks:  row: resources, cascade: bookmarks, cascade: resource_translations,
--         cascade: resource_versions, row: change_events
WITH deleted AS (
    DELETE FROM resources
    WHERE id = :id::bigint
    RETURNING
        id,
        public_id,
        resource_type,
        is_private,
        is_deleted,
        deleted_at,
        deleted_by_id,
        has_complete_version,
        score,
        bookmarks,
        views,
        created_by_id,
        latest_version_id,
        last_version_index,
        revision,
        created_at,
        updated_at
)

INSERT INTO change_events (user_id, event_id, entity_type, entity_id, change_type, previous_data)
SELECT
    :changed_by::bigint,
    :event_id::uuid,
    'resource',
    deleted.id,
    'deleted',
    to_jsonb(deleted)
FROM deleted
RETURNING entity_id AS id;

-- name: soft_delete_with_event(id, deleted_by_id, event_id)^
-- Soft-delete one locked resource, cancel its runs that are Scheduled, InProgress or Paused, count
-- it in the deleting user's statistics of the day (UTC), and record its event. The cancelled runs
-- get no events.
-- Runs after bulk_soft_delete__lock, in the same transaction, as bulk_soft_delete does.
-- Record: SoftDeleted, or no row
-- Index:  resources_pkey,
--         resource_versions_resource_id_id_key or resource_versions_resource_id_version_index_key,
--         runs_resource_version_id_status_idx, runs_pkey or runs_id_key
-- Locks:  for no key update: resources, for no key update: runs, row: stats_users,
--         row: change_events
WITH cur AS (
    SELECT
        resources.id,
        resources.public_id,
        resources.resource_type,
        resources.is_private,
        resources.is_deleted,
        resources.deleted_at,
        resources.deleted_by_id,
        resources.has_complete_version,
        resources.score,
        resources.bookmarks,
        resources.views,
        resources.created_by_id,
        resources.latest_version_id,
        resources.last_version_index,
        resources.revision,
        resources.created_at,
        resources.updated_at
    FROM resources
    WHERE resources.id = :id::bigint
    FOR NO KEY UPDATE
),

deleted AS (
    UPDATE resources
    SET
        is_deleted = TRUE,
        deleted_at = now(),
        deleted_by_id = :deleted_by_id::bigint,
        revision = cur.revision + 1,
        updated_at = now()
    FROM cur
    WHERE
        resources.id = cur.id
        AND NOT cur.is_deleted
    RETURNING
        resources.id,
        resources.public_id,
        resources.resource_type,
        resources.is_private,
        resources.is_deleted,
        resources.deleted_at,
        resources.deleted_by_id,
        resources.has_complete_version,
        resources.score,
        resources.bookmarks,
        resources.views,
        resources.created_by_id,
        resources.latest_version_id,
        resources.last_version_index,
        resources.revision,
        resources.created_at,
        resources.updated_at
),

active_runs AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.revision
    FROM cur
    INNER JOIN resource_versions ON cur.id = resource_versions.resource_id
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
        revision = active_runs.revision + 1,
        updated_at = now()
    FROM active_runs
    WHERE
        runs.user_id = active_runs.user_id
        AND runs.id = active_runs.id
    RETURNING runs.id
),

counts AS MATERIALIZED (
    SELECT
        (
            SELECT count(*)
            FROM deleted
        ) AS deleted,
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
),

changes AS MATERIALIZED (
    SELECT
        deleted.id,
        to_jsonb(cur) AS previous_data,
        to_jsonb(deleted) AS new_data
    FROM cur
    INNER JOIN deleted ON cur.id = deleted.id
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
        :deleted_by_id::bigint,
        :event_id::uuid,
        'resource',
        changes.id,
        'soft_deleted',
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

SELECT to_json(deleted) AS deleted
FROM cur
LEFT JOIN deleted ON cur.id = deleted.id;
