-- name: find_by_id(id)^
-- Fetch one comment by id.
-- Record: Comment, or no row
-- Index:  comments_pkey
-- Locks:  none
SELECT
    id,
    slug,
    user_id,
    parent_id,
    body,
    likes,
    revision,
    created_at
FROM comments
WHERE id = :id::bigint;

-- name: find_many_by_id(ids)
-- Fetch comments by id.
-- Record: Comment
-- Index:  comments_pkey
-- Locks:  none
SELECT
    id,
    slug,
    user_id,
    parent_id,
    body,
    likes,
    revision,
    created_at
FROM comments
WHERE id IN (SELECT value::bigint FROM jsonb_array_elements_text(:ids::jsonb))
ORDER BY id
LIMIT 10000;

-- name: find_by_slug(slug)^
-- Fetch one comment by slug.
-- Record: Comment, or no row
-- Index:  comments_slug_key
-- Locks:  none
SELECT
    id,
    slug,
    user_id,
    parent_id,
    body,
    likes,
    revision,
    created_at
FROM comments
WHERE slug = :slug::text;

-- name: find_many_by_slug(slugs)
-- Fetch comments by slug.
-- Record: Comment
-- Index:  comments_slug_key
-- Locks:  none
SELECT
    id,
    slug,
    user_id,
    parent_id,
    body,
    likes,
    revision,
    created_at
FROM comments
WHERE slug IN (SELECT value FROM jsonb_array_elements_text(:slugs::jsonb))
ORDER BY slug
LIMIT 10000;

-- name: find_with_author(id)^
-- Fetch one comment with its author.
-- Record: CommentWithAuthor, or no row
-- Index:  comments_pkey, users_pkey
-- Locks:  none
SELECT
    comments.id,
    comments.body,
    CASE
        WHEN users.id IS NOT NULL THEN json_build_object(
            'public_id', users.public_id,
            'name', users.name
        )
    END AS author
FROM comments
LEFT JOIN users ON comments.user_id = users.id
WHERE comments.id = :id::bigint;

-- name: list_by_user(user_id, max_rows)
-- List the comments of one user, newest first.
-- Record: Comment
-- Index:  comments_user_id_idx
-- Locks:  none
SELECT
    id,
    slug,
    user_id,
    parent_id,
    body,
    likes,
    revision,
    created_at
FROM comments
WHERE user_id = :user_id::bigint
ORDER BY id DESC
LIMIT :max_rows::integer;

-- name: count_by_user(user_id)$
-- Count the comments of one user.
-- Record: int
-- Index:  comments_user_id_idx
-- Locks:  none
SELECT count(*) AS comment_count
FROM comments
WHERE user_id = :user_id::bigint;

-- name: last_slug(user_id)$
-- Tell the last slug of one user; NULL without any.
-- Record: str
-- Index:  comments_user_id_idx
-- Locks:  none
SELECT max(slug) AS slug
FROM comments
WHERE user_id = :user_id::bigint;

-- name: slug_of(id)$
-- Tell the slug of one comment.
-- Record: str, or no row
-- Index:  comments_pkey
-- Locks:  none
SELECT slug
FROM comments
WHERE id = :id::bigint;

-- name: own_text()$
-- Tell how the server sees this statement.
-- Record: str
-- Index:  none: reads no table
-- Locks:  none
SELECT current_query()::text AS own_text;

-- name: find_newest(max_rows)
-- List all comments, newest first: the first page.
-- Record: Comment
-- Index:  comments_created_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    slug,
    user_id,
    parent_id,
    body,
    likes,
    revision,
    created_at
FROM comments
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_newest_after(after_created_at, after_id, max_rows)
-- List all comments, newest first: the rows after a row.
-- Record: Comment
-- Index:  comments_created_at_id_idx,
--         comments_created_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    slug,
    user_id,
    parent_id,
    body,
    likes,
    revision,
    created_at
FROM comments
WHERE (created_at, id) < (:after_created_at::timestamptz, :after_id::bigint)
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_newest_before(before_created_at, before_id, max_rows)
-- List all comments, newest first: the rows before a row, nearest first.
-- Record: Comment
-- Index:  comments_created_at_id_idx,
--         comments_created_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    slug,
    user_id,
    parent_id,
    body,
    likes,
    revision,
    created_at
FROM comments
WHERE (created_at, id) > (:before_created_at::timestamptz, :before_id::bigint)
ORDER BY
    created_at ASC,
    id ASC
LIMIT :max_rows::integer;
