-- name: create(public_id, resource_type, is_private, created_by_id)^
-- Insert one resource without versions or translations.
-- Record: Resource
-- Index:  none: inserts one row
-- Locks:  row: resources
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
    updated_at;

-- name: update(id, changes, expected_revision)^
-- Update the given fields of one resource, if its revision is the expected one.
-- Without an expected revision, the update always applies. The row is read under its lock, so that
-- concurrent changes of different fields are both kept.
-- Record: Update[Resource], or no row
-- Index:  resources_pkey
-- Locks:  for no key update: resources
WITH cur AS (
    SELECT
        resources.id,
        resources.revision,
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
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: update_by_public_id(public_id, changes, expected_revision)^
-- Update the given fields of one resource by public id, if its revision is
-- the expected one.
-- Without an expected revision, the update always applies. Locks as update does.
-- Record: Update[Resource], or no row
-- Index:  resources_public_id_key, resources_pkey
-- Locks:  for no key update: resources
WITH cur AS (
    SELECT
        resources.id,
        resources.revision,
        resources AS base
    FROM resources
    WHERE resources.public_id = :public_id::text
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
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: increment_views(public_id)^
-- Count one view of a resource that is not deleted. The revision stays the same.
-- Not HOT: views is a key of indexes, so each call adds an entry to all indexes that hold the row.
-- Record: RowId, or no row
-- Index:  resources_public_id_key
-- Locks:  row: resources
UPDATE resources
SET views = views + 1
WHERE
    public_id = :public_id::text
    AND NOT is_deleted
RETURNING id;

-- name: increment_bookmarks(public_id, by)^
-- Raise or lower the bookmark counter of a resource that is not deleted, never below zero, and
-- request that it be reconciled with the rows it counts. The revision stays the same.
-- The request is locked before the resource, as in reconciliation. An existing request is written
-- again: its lock keeps reconciliation from handling it before this change is visible.
-- Not HOT: bookmarks is a key of indexes, so each call adds an entry to all indexes that hold the
-- row.
-- Record: RowId, or no row
-- Index:  resources_public_id_key, resources_pkey
-- Locks:  row: counter_reconciliations, row: resources
WITH requested AS (
    INSERT INTO counter_reconciliations (
        entity_type,
        entity_id,
        counter
    )
    SELECT
        'resource',
        id,
        'bookmarks'
    FROM resources
    WHERE
        public_id = :public_id::text
        AND NOT is_deleted
    ON CONFLICT (entity_type, entity_id, counter) DO UPDATE
        SET requested_at = counter_reconciliations.requested_at
    RETURNING entity_id
)

UPDATE resources
SET bookmarks = greatest(resources.bookmarks + :by::integer, 0)
FROM requested
WHERE
    resources.id = requested.entity_id
    AND NOT resources.is_deleted
RETURNING resources.id;

-- name: delete(id)^
-- Delete one resource with its versions, translations and bookmarks.
-- The cost grows with these rows: the bookmarks of a popular resource are deleted one by one, and
-- stay locked until the commit.
-- Record: RowId, or no row
-- Index:  resources_pkey
-- Locks:  row: resources, cascade: bookmarks, cascade: resource_translations,
--         cascade: resource_versions
DELETE FROM resources
WHERE id = :id::bigint
RETURNING id;
