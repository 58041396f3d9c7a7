-- name: find_by_creator__created_at(created_by_id, max_rows)
-- List the listed resources of one creator, newest first: the first page.
-- Record: Resource
-- Index:  resources_created_by_id_created_at_id_idx,
--         resources_created_by_id_created_at_id_idx (order),
--         scan: resources, every row, at worst all those of one creator
-- Locks:  none
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
FROM resources
WHERE
    created_by_id = :created_by_id::bigint
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_creator__created_at_after(created_by_id, after_created_at, after_id, max_rows)
-- List the listed resources of one creator, newest first: the rows after a row.
-- Record: Resource
-- Index:  resources_created_by_id_created_at_id_idx,
--         resources_created_by_id_created_at_id_idx (order),
--         scan: resources, every row, at worst all those of one creator
-- Locks:  none
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
FROM resources
WHERE
    created_by_id = :created_by_id::bigint
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (created_at, id) < (:after_created_at::timestamptz, :after_id::bigint)
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_creator__created_at_before(created_by_id, before_created_at, before_id, max_rows)
-- List the listed resources of one creator, newest first: the rows before a row, nearest
-- first.
-- Record: Resource
-- Index:  resources_created_by_id_created_at_id_idx,
--         resources_created_by_id_created_at_id_idx (order),
--         scan: resources, every row, at worst all those of one creator
-- Locks:  none
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
FROM resources
WHERE
    created_by_id = :created_by_id::bigint
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (created_at, id) > (:before_created_at::timestamptz, :before_id::bigint)
ORDER BY
    created_at ASC,
    id ASC
LIMIT :max_rows::integer;

-- name: find_own__created_at(user_id, max_rows)
-- List the resources of one user that are not deleted, private ones too, newest first:
-- the first page.
-- Record: Resource
-- Index:  resources_created_by_id_created_at_id_idx,
--         resources_created_by_id_created_at_id_idx (order),
--         scan: resources, every row, at worst all those of one user
-- Locks:  none
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
FROM resources
WHERE
    created_by_id = :user_id::bigint
    AND NOT is_deleted
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_own__created_at_after(user_id, after_created_at, after_id, max_rows)
-- List the resources of one user that are not deleted, private ones too, newest first:
-- the rows after a row.
-- Record: Resource
-- Index:  resources_created_by_id_created_at_id_idx,
--         resources_created_by_id_created_at_id_idx (order),
--         scan: resources, every row, at worst all those of one user
-- Locks:  none
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
FROM resources
WHERE
    created_by_id = :user_id::bigint
    AND NOT is_deleted
    AND (created_at, id) < (:after_created_at::timestamptz, :after_id::bigint)
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_own__created_at_before(user_id, before_created_at, before_id, max_rows)
-- List the resources of one user that are not deleted, private ones too, newest first:
-- the rows before a row, nearest first.
-- Record: Resource
-- Index:  resources_created_by_id_created_at_id_idx,
--         resources_created_by_id_created_at_id_idx (order),
--         scan: resources, every row, at worst all those of one user
-- Locks:  none
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
FROM resources
WHERE
    created_by_id = :user_id::bigint
    AND NOT is_deleted
    AND (created_at, id) > (:before_created_at::timestamptz, :before_id::bigint)
ORDER BY
    created_at ASC,
    id ASC
LIMIT :max_rows::integer;
