-- name: find(team_id, user_id)^
-- Fetch one membership.
-- Record: Member, or no row
-- Index:  members_pkey
-- Locks:  none
SELECT
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at
FROM members
WHERE
    team_id = :team_id::bigint
    AND user_id = :user_id::bigint;

-- name: find_by_team__user_id(team_id, max_rows)
-- List the members of one team, newest user first: the first page.
-- Record: Member
-- Index:  members_pkey,
--         members_pkey (order)
-- Locks:  none
SELECT
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at
FROM members
WHERE team_id = :team_id::bigint
ORDER BY user_id DESC
LIMIT :max_rows::integer;

-- name: find_by_team__user_id_after(team_id, after_user_id, max_rows)
-- List the members of one team, newest user first: the rows after a row.
-- Record: Member
-- Index:  members_pkey,
--         members_pkey (order)
-- Locks:  none
SELECT
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at
FROM members
WHERE
    team_id = :team_id::bigint
    AND user_id < :after_user_id::bigint
ORDER BY user_id DESC
LIMIT :max_rows::integer;

-- name: find_by_team__user_id_before(team_id, before_user_id, max_rows)
-- List the members of one team, newest user first: the rows before a row, nearest first.
-- Record: Member
-- Index:  members_pkey,
--         members_pkey (order)
-- Locks:  none
SELECT
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at
FROM members
WHERE
    team_id = :team_id::bigint
    AND user_id > :before_user_id::bigint
ORDER BY user_id ASC
LIMIT :max_rows::integer;

-- name: find_by_user__created_at(user_id, max_rows)
-- List the memberships of one user, newest first: the first page.
-- Record: Member
-- Index:  members_user_id_created_at_team_id_idx,
--         members_user_id_created_at_team_id_idx (order)
-- Locks:  none
SELECT
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at
FROM members
WHERE user_id = :user_id::bigint
ORDER BY
    created_at DESC,
    team_id DESC
LIMIT :max_rows::integer;

-- name: find_by_user__created_at_after(user_id, after_created_at, after_team_id, max_rows)
-- List the memberships of one user, newest first: the rows after a row.
-- Record: Member
-- Index:  members_user_id_created_at_team_id_idx,
--         members_user_id_created_at_team_id_idx (order)
-- Locks:  none
SELECT
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at
FROM members
WHERE
    user_id = :user_id::bigint
    AND (created_at, team_id) < (:after_created_at::timestamptz, :after_team_id::bigint)
ORDER BY
    created_at DESC,
    team_id DESC
LIMIT :max_rows::integer;

-- name: find_by_user__created_at_before(user_id, before_created_at, before_team_id, max_rows)
-- List the memberships of one user, newest first: the rows before a row, nearest first.
-- Record: Member
-- Index:  members_user_id_created_at_team_id_idx,
--         members_user_id_created_at_team_id_idx (order)
-- Locks:  none
SELECT
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at
FROM members
WHERE
    user_id = :user_id::bigint
    AND (created_at, team_id) > (:before_created_at::timestamptz, :before_team_id::bigint)
ORDER BY
    created_at ASC,
    team_id ASC
LIMIT :max_rows::integer;
