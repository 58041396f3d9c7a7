-- name: find_by_type__created_at(resource_type, max_rows)
-- List the listed resources of one type, newest first: the first page.
-- Record: Resource
-- Index:  resources_resource_type_created_at_id_idx,
--         resources_resource_type_created_at_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__created_at_after(resource_type, after_created_at, after_id, max_rows)
-- List the listed resources of one type, newest first: the rows after a row.
-- Record: Resource
-- Index:  resources_resource_type_created_at_id_idx,
--         resources_resource_type_created_at_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (created_at, id) < (:after_created_at::timestamptz, :after_id::bigint)
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__created_at_before(resource_type, before_created_at, before_id, max_rows)
-- List the listed resources of one type, newest first: the rows before a row, nearest first.
-- Record: Resource
-- Index:  resources_resource_type_created_at_id_idx,
--         resources_resource_type_created_at_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (created_at, id) > (:before_created_at::timestamptz, :before_id::bigint)
ORDER BY
    created_at ASC,
    id ASC
LIMIT :max_rows::integer;

-- name: find_by_type__updated_at(resource_type, max_rows)
-- List the listed resources of one type, most recently changed first: the first page.
-- Record: Resource
-- Index:  resources_resource_type_updated_at_id_idx,
--         resources_resource_type_updated_at_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    updated_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__updated_at_after(resource_type, after_updated_at, after_id, max_rows)
-- List the listed resources of one type, most recently changed first: the rows after a row.
-- Record: Resource
-- Index:  resources_resource_type_updated_at_id_idx,
--         resources_resource_type_updated_at_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (updated_at, id) < (:after_updated_at::timestamptz, :after_id::bigint)
ORDER BY
    updated_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__updated_at_before(resource_type, before_updated_at, before_id, max_rows)
-- List the listed resources of one type, most recently changed first:
-- the rows before a row, nearest first.
-- Record: Resource
-- Index:  resources_resource_type_updated_at_id_idx,
--         resources_resource_type_updated_at_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (updated_at, id) > (:before_updated_at::timestamptz, :before_id::bigint)
ORDER BY
    updated_at ASC,
    id ASC
LIMIT :max_rows::integer;

-- name: find_by_type__score(resource_type, max_rows)
-- List the listed resources of one type, best score first: the first page.
-- The counter is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_score_id_idx,
--         resources_resource_type_score_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    score DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__score_after(resource_type, after_score, after_id, max_rows)
-- List the listed resources of one type, best score first: the rows after a row.
-- The counter is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_score_id_idx,
--         resources_resource_type_score_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (score, id) < (:after_score::bigint, :after_id::bigint)
ORDER BY
    score DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__score_before(resource_type, before_score, before_id, max_rows)
-- List the listed resources of one type, best score first: the rows before a row, nearest first.
-- The counter is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_score_id_idx,
--         resources_resource_type_score_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (score, id) > (:before_score::bigint, :before_id::bigint)
ORDER BY
    score ASC,
    id ASC
LIMIT :max_rows::integer;

-- name: find_by_type__bookmarks(resource_type, max_rows)
-- List the listed resources of one type, most bookmarked first: the first page.
-- The counter is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_bookmarks_id_idx,
--         resources_resource_type_bookmarks_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    bookmarks DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__bookmarks_after(resource_type, after_bookmarks, after_id, max_rows)
-- List the listed resources of one type, most bookmarked first: the rows after a row.
-- The counter is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_bookmarks_id_idx,
--         resources_resource_type_bookmarks_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (bookmarks, id) < (:after_bookmarks::bigint, :after_id::bigint)
ORDER BY
    bookmarks DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__bookmarks_before(resource_type, before_bookmarks, before_id, max_rows)
-- List the listed resources of one type, most bookmarked first:
-- the rows before a row, nearest first.
-- The counter is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_bookmarks_id_idx,
--         resources_resource_type_bookmarks_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (bookmarks, id) > (:before_bookmarks::bigint, :before_id::bigint)
ORDER BY
    bookmarks ASC,
    id ASC
LIMIT :max_rows::integer;

-- name: find_by_type__views(resource_type, max_rows)
-- List the listed resources of one type, most viewed first: the first page.
-- The counter is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_views_id_idx,
--         resources_resource_type_views_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    views DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__views_after(resource_type, after_views, after_id, max_rows)
-- List the listed resources of one type, most viewed first: the rows after a row.
-- The counter is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_views_id_idx,
--         resources_resource_type_views_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (views, id) < (:after_views::bigint, :after_id::bigint)
ORDER BY
    views DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_by_type__views_before(resource_type, before_views, before_id, max_rows)
-- List the listed resources of one type, most viewed first: the rows before a row, nearest first.
-- The counter is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_views_id_idx,
--         resources_resource_type_views_id_idx (order)
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
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND (views, id) > (:before_views::bigint, :before_id::bigint)
ORDER BY
    views ASC,
    id ASC
LIMIT :max_rows::integer;
