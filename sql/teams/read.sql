-- name: find_by_id(id)^
-- Fetch one team by id.
-- Record: Team, or no row
-- Index:  teams_pkey
-- Locks:  none
SELECT
    id,
    public_id,
    name,
    handle,
    is_private,
    config,
    created_by_id,
    revision,
    created_at,
    updated_at
FROM teams
WHERE id = :id::bigint;

-- name: find_by_public_id(public_id)^
-- Fetch one team by public id.
-- Record: Team, or no row
-- Index:  teams_public_id_key
-- Locks:  none
SELECT
    id,
    public_id,
    name,
    handle,
    is_private,
    config,
    created_by_id,
    revision,
    created_at,
    updated_at
FROM teams
WHERE public_id = :public_id::text;

-- name: find_by_handle(handle)^
-- Fetch one team by handle, given in lower case.
-- Record: Team, or no row
-- Index:  teams_handle_key
-- Locks:  none
SELECT
    id,
    public_id,
    name,
    handle,
    is_private,
    config,
    created_by_id,
    revision,
    created_at,
    updated_at
FROM teams
WHERE handle = :handle::text;

-- name: find_many__created_at(max_rows)
-- List the teams that are not private, newest first: the first page.
-- Record: Team
-- Index:  teams_created_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    public_id,
    name,
    handle,
    is_private,
    config,
    created_by_id,
    revision,
    created_at,
    updated_at
FROM teams
WHERE NOT is_private
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_many__created_at_after(after_created_at, after_id, max_rows)
-- List the teams that are not private, newest first: the rows after a row.
-- Record: Team
-- Index:  teams_created_at_id_idx,
--         teams_created_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    public_id,
    name,
    handle,
    is_private,
    config,
    created_by_id,
    revision,
    created_at,
    updated_at
FROM teams
WHERE
    NOT is_private
    AND (created_at, id) < (:after_created_at::timestamptz, :after_id::bigint)
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_many__created_at_before(before_created_at, before_id, max_rows)
-- List the teams that are not private, newest first: the rows before a row, nearest first.
-- Record: Team
-- Index:  teams_created_at_id_idx,
--         teams_created_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    public_id,
    name,
    handle,
    is_private,
    config,
    created_by_id,
    revision,
    created_at,
    updated_at
FROM teams
WHERE
    NOT is_private
    AND (created_at, id) > (:before_created_at::timestamptz, :before_id::bigint)
ORDER BY
    created_at ASC,
    id ASC
LIMIT :max_rows::integer;
