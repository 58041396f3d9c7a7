-- name: add(user_id, resource_id)^
-- Bookmark a resource that is not deleted for a user, count the bookmark in the resource, and tell
-- whether it is new. The revision stays the same.
-- The user is locked first, then the resource, then the bookmark is written: users.delete and
-- resources.delete lock in the same order. While the resource is locked, no other session adds or
-- removes its bookmarks. Returns no row where the resource is absent or deleted.
-- Not HOT: bookmarks is in the indexes that listings are sorted by, so each call writes to them.
-- Record: Added, or no row
-- Index:  users_pkey, resources_pkey, bookmarks_pkey
-- Locks:  for key share: users, for no key update: resources, row: bookmarks
WITH owners AS (
    SELECT users.id
    FROM users
    WHERE users.id = :user_id::bigint
    FOR KEY SHARE
),

cur AS (
    SELECT
        resources.id,
        -- The foreign key refuses a user who is absent.
        coalesce(owners.id, :user_id::bigint) AS user_id
    FROM resources
    LEFT JOIN owners ON TRUE
    WHERE
        resources.id = :resource_id::bigint
        AND NOT resources.is_deleted
    FOR NO KEY UPDATE OF resources
),

found AS (
    SELECT bookmarks.resource_id
    FROM bookmarks
    WHERE
        bookmarks.user_id = :user_id::bigint
        AND bookmarks.resource_id BETWEEN :resource_id::bigint AND :resource_id::bigint
),

added AS (
    INSERT INTO bookmarks (user_id, resource_id)
    SELECT
        cur.user_id,
        cur.id
    FROM cur
    WHERE NOT EXISTS (SELECT 1 FROM found)
    ON CONFLICT (user_id, resource_id) DO NOTHING
    RETURNING resource_id
),

counted AS (
    UPDATE resources
    SET bookmarks = resources.bookmarks + 1
    FROM cur
    INNER JOIN added ON cur.id = added.resource_id
    WHERE resources.id = cur.id
)

SELECT added.resource_id IS NOT NULL AS added
FROM cur
LEFT JOIN added ON cur.id = added.resource_id;

-- name: remove(user_id, resource_id)^
-- Remove a bookmark, if it is there, and lower the counter of its resource, never below zero. The
-- revision stays the same.
-- The resource is locked before the bookmark, as in add. The bookmark of a deleted resource can be
-- removed.
-- Not HOT: bookmarks is in the indexes that listings are sorted by, so each call writes to them.
-- Record: RowId, or no row
-- Index:  resources_pkey, bookmarks_pkey
-- Locks:  for no key update: resources, row: bookmarks
WITH cur AS (
    SELECT resources.id
    FROM resources
    WHERE resources.id = :resource_id::bigint
    FOR NO KEY UPDATE
),

removed AS (
    DELETE FROM bookmarks
    USING cur
    WHERE
        bookmarks.user_id = :user_id::bigint
        AND bookmarks.resource_id BETWEEN :resource_id::bigint AND :resource_id::bigint
        AND bookmarks.resource_id = cur.id
    RETURNING bookmarks.resource_id
),

counted AS (
    UPDATE resources
    SET bookmarks = greatest(resources.bookmarks - 1, 0)
    FROM cur
    INNER JOIN removed ON cur.id = removed.resource_id
    WHERE resources.id = cur.id
)

SELECT resource_id AS id
FROM removed;
