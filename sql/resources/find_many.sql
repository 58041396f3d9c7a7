-- name: find_many__created_at(resource_types, max_rows)
-- List the listed resources of several types, newest first: the first page.
-- Each type has an index scan of its own, so that rows of other types are not read. At most one
-- page per type is sorted.
-- Record: Resource
-- Index:  resources_resource_type_created_at_id_idx,
--         resources_resource_type_created_at_id_idx (order)
-- Locks:  none
SELECT
    found.id,
    found.public_id,
    found.resource_type,
    found.is_private,
    found.is_deleted,
    found.deleted_at,
    found.deleted_by_id,
    found.has_complete_version,
    found.score,
    found.bookmarks,
    found.views,
    found.created_by_id,
    found.latest_version_id,
    found.last_version_index,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:resource_types::json) AS wanted (resource_type)
INNER JOIN LATERAL (
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
    WHERE
        resources.resource_type = wanted.resource_type
        AND NOT resources.is_private
        AND NOT resources.is_deleted
        AND resources.has_complete_version
    ORDER BY
        resources.created_at DESC,
        resources.id DESC
    LIMIT :max_rows::integer
) AS found ON TRUE
ORDER BY
    found.created_at DESC,
    found.id DESC
LIMIT :max_rows::integer;

-- name: find_many__created_at_after(resource_types, after_created_at, after_id, max_rows)
-- List the listed resources of several types, newest first: the rows after a row.
-- Each type has an index scan of its own, so that rows of other types are not read. At most one
-- page per type is sorted.
-- Record: Resource
-- Index:  resources_resource_type_created_at_id_idx,
--         resources_resource_type_created_at_id_idx (order)
-- Locks:  none
SELECT
    found.id,
    found.public_id,
    found.resource_type,
    found.is_private,
    found.is_deleted,
    found.deleted_at,
    found.deleted_by_id,
    found.has_complete_version,
    found.score,
    found.bookmarks,
    found.views,
    found.created_by_id,
    found.latest_version_id,
    found.last_version_index,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:resource_types::json) AS wanted (resource_type)
INNER JOIN LATERAL (
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
    WHERE
        resources.resource_type = wanted.resource_type
        AND NOT resources.is_private
        AND NOT resources.is_deleted
        AND resources.has_complete_version
        AND (resources.created_at, resources.id)
        < (:after_created_at::timestamptz, :after_id::bigint)
    ORDER BY
        resources.created_at DESC,
        resources.id DESC
    LIMIT :max_rows::integer
) AS found ON TRUE
ORDER BY
    found.created_at DESC,
    found.id DESC
LIMIT :max_rows::integer;

-- name: find_many__created_at_before(resource_types, before_created_at, before_id, max_rows)
-- List the listed resources of several types, newest first: the rows before a row, nearest
-- first.
-- Each type has an index scan of its own, so that rows of other types are not read. At most one
-- page per type is sorted.
-- Record: Resource
-- Index:  resources_resource_type_created_at_id_idx,
--         resources_resource_type_created_at_id_idx (order)
-- Locks:  none
SELECT
    found.id,
    found.public_id,
    found.resource_type,
    found.is_private,
    found.is_deleted,
    found.deleted_at,
    found.deleted_by_id,
    found.has_complete_version,
    found.score,
    found.bookmarks,
    found.views,
    found.created_by_id,
    found.latest_version_id,
    found.last_version_index,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:resource_types::json) AS wanted (resource_type)
INNER JOIN LATERAL (
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
    WHERE
        resources.resource_type = wanted.resource_type
        AND NOT resources.is_private
        AND NOT resources.is_deleted
        AND resources.has_complete_version
        AND (resources.created_at, resources.id)
        > (:before_created_at::timestamptz, :before_id::bigint)
    ORDER BY
        resources.created_at ASC,
        resources.id ASC
    LIMIT :max_rows::integer
) AS found ON TRUE
ORDER BY
    found.created_at ASC,
    found.id ASC
LIMIT :max_rows::integer;
