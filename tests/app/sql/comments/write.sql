-- name: create(slug, body, user_id, parent_id)^
-- Insert one comment.
-- Record: Comment
-- Index:  none: inserts
-- Locks:  row: comments
INSERT INTO comments (slug, body, user_id, parent_id)
VALUES (:slug::text, :body::text, :user_id::bigint, :parent_id::bigint)
RETURNING
    id,
    slug,
    user_id,
    parent_id,
    body,
    likes,
    revision,
    created_at;

-- name: update(id, changes, expected_revision)^
-- Change the fields given of one comment.
-- Record: Update[Comment], or no row
-- Index:  comments_pkey
-- Locks:  for no key update: comments, row: comments
WITH cur AS (
    SELECT
        comments.id,
        comments.revision,
        comments AS base
    FROM comments
    WHERE comments.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE comments
    SET
        user_id = changed.user_id,
        body = changed.body,
        revision = cur.revision + 1
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        comments.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
    RETURNING
        comments.id,
        comments.slug,
        comments.user_id,
        comments.parent_id,
        comments.body,
        comments.likes,
        comments.revision,
        comments.created_at
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;

-- name: like_by_user(user_id)!
-- Like every comment of one user.
-- Record: none
-- Index:  comments_user_id_idx
-- Locks:  row: comments
UPDATE comments
SET likes = likes + 1
WHERE user_id = :user_id::bigint;

-- name: delete(id)!
-- Delete one comment.
-- Record: none
-- Index:  comments_pkey
-- Locks:  row: comments
DELETE FROM comments
WHERE id = :id::bigint;
