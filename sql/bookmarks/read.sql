-- name: exists(user_id, resource_id)^
-- Tell whether a user has bookmarked a resource.
-- The resource is a range of one. By equality the planner may take the index of all bookmarks of
-- the resource, of which a popular one has many.
-- Record: RowExists
-- Index:  bookmarks_pkey
-- Locks:  none
SELECT
    exists(
        SELECT bookmarks.resource_id
        FROM bookmarks
        WHERE
            bookmarks.user_id = :user_id::bigint
            AND bookmarks.resource_id BETWEEN :resource_id::bigint AND :resource_id::bigint
    ) AS row_exists;

-- name: list_by_user__created_at(user_id, max_rows)
-- List the bookmarks of one user, newest first: the first page.
-- Record: Bookmark
-- Index:  bookmarks_user_id_created_at_resource_id_idx,
--         bookmarks_user_id_created_at_resource_id_idx (order)
-- Locks:  none
SELECT
    user_id,
    resource_id,
    created_at
FROM bookmarks
WHERE user_id = :user_id::bigint
ORDER BY
    created_at DESC,
    resource_id DESC
LIMIT :max_rows::integer;

-- name: list_by_user__created_at_after(user_id, after_created_at, after_resource_id, max_rows)
-- List the bookmarks of one user, newest first: the bookmarks after a bookmark.
-- Record: Bookmark
-- Index:  bookmarks_user_id_created_at_resource_id_idx,
--         bookmarks_user_id_created_at_resource_id_idx (order)
-- Locks:  none
SELECT
    user_id,
    resource_id,
    created_at
FROM bookmarks
WHERE
    user_id = :user_id::bigint
    AND (created_at, resource_id)
    < (:after_created_at::timestamptz, :after_resource_id::bigint)
ORDER BY
    created_at DESC,
    resource_id DESC
LIMIT :max_rows::integer;

-- name: list_by_user__created_at_before(user_id, before_created_at, before_resource_id, max_rows)
-- List the bookmarks of one user, newest first: the bookmarks before a bookmark, nearest
-- first.
-- Record: Bookmark
-- Index:  bookmarks_user_id_created_at_resource_id_idx,
--         bookmarks_user_id_created_at_resource_id_idx (order)
-- Locks:  none
SELECT
    user_id,
    resource_id,
    created_at
FROM bookmarks
WHERE
    user_id = :user_id::bigint
    AND (created_at, resource_id)
    > (:before_created_at::timestamptz, :before_resource_id::bigint)
ORDER BY
    created_at ASC,
    resource_id ASC
LIMIT :max_rows::integer;
