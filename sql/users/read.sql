-- name: find_by_id(id)^
-- Fetch one user by id.
-- Record: User, or no row
-- Index:  users_pkey
-- Locks:  none
SELECT
    id,
    public_id,
    email,
    name,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at
FROM users
WHERE id = :id::bigint;

-- name: find_by_public_id(public_id)^
-- Fetch one user by public id.
-- Record: User, or no row
-- Index:  users_public_id_key
-- Locks:  none
SELECT
    id,
    public_id,
    email,
    name,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at
FROM users
WHERE public_id = :public_id::text;

-- name: find_by_email(email)^
-- Fetch one user by e-mail address, given in its normalized form (NFC, lower case).
-- Record: User, or no row
-- Index:  users_email_key
-- Locks:  none
SELECT
    id,
    public_id,
    email,
    name,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at
FROM users
WHERE email = :email::text;

-- name: find_by_handle(handle)^
-- Fetch one user by handle, given in lower case.
-- Record: User, or no row
-- Index:  users_handle_key
-- Locks:  none
SELECT
    id,
    public_id,
    email,
    name,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at
FROM users
WHERE handle = :handle::text;

-- name: find_with_teams(public_id)^
-- Fetch one user with all memberships, newest first, and the member count of each team.
-- The cost has no limit: it reads every membership of the user, and counts every member of these
-- teams. For users of very many or very large teams, use members.find_by_user, which pages and
-- counts nothing.
-- Record: UserWithTeams, or no row
-- Index:  users_public_id_key, members_user_id_created_at_team_id_idx, teams_pkey, members_pkey
-- Locks:  none
SELECT
    users.id,
    users.public_id,
    users.email,
    users.name,
    users.handle,
    users.is_bot,
    users.is_private,
    users.languages,
    users.last_active_at,
    users.revision,
    users.created_at,
    users.updated_at,
    coalesce(
        (
            SELECT
                json_agg(
                    json_build_object(
                        'is_admin', members.is_admin,
                        'created_at', members.created_at,
                        'team', json_build_object(
                            'public_id', teams.public_id,
                            'name', teams.name,
                            'handle', teams.handle,
                            'is_private', teams.is_private,
                            'member_count', (
                                SELECT count(*)
                                FROM members AS peers
                                WHERE peers.team_id = teams.id
                            )
                        )
                    )
                    ORDER BY members.created_at DESC, members.team_id DESC
                )
            FROM members
            INNER JOIN teams ON members.team_id = teams.id
            WHERE members.user_id = users.id
        ),
        '[]'::json
    ) AS memberships
FROM users
WHERE users.public_id = :public_id::text;

-- name: find_many_by_id(ids)
-- Fetch users by a JSON array of ids, in the order of the array. Absent ones are left out.
-- Each row is looked up separately: for a plain join, the planner may read and lock the whole
-- table.
-- Record: User
-- Index:  users_pkey
-- Locks:  none
SELECT
    found.id,
    found.public_id,
    found.email,
    found.name,
    found.handle,
    found.is_bot,
    found.is_private,
    found.languages,
    found.last_active_at,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:ids::json) WITH ORDINALITY AS wanted (id, position)
INNER JOIN LATERAL (
    SELECT
        users.id,
        users.public_id,
        users.email,
        users.name,
        users.handle,
        users.is_bot,
        users.is_private,
        users.languages,
        users.last_active_at,
        users.revision,
        users.created_at,
        users.updated_at
    FROM users
    WHERE users.id = wanted.id::bigint
    LIMIT 1
) AS found ON TRUE
ORDER BY wanted.position ASC
LIMIT 10000;

-- name: find_many_by_public_id(public_ids)
-- Fetch users by a JSON array of public ids, in the order of the array. Absent ones are left out.
-- Each row is looked up separately: for a plain join, the planner may read and lock the whole
-- table.
-- Record: User
-- Index:  users_public_id_key
-- Locks:  none
SELECT
    found.id,
    found.public_id,
    found.email,
    found.name,
    found.handle,
    found.is_bot,
    found.is_private,
    found.languages,
    found.last_active_at,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:public_ids::json) WITH ORDINALITY AS wanted (public_id, position)
INNER JOIN LATERAL (
    SELECT
        users.id,
        users.public_id,
        users.email,
        users.name,
        users.handle,
        users.is_bot,
        users.is_private,
        users.languages,
        users.last_active_at,
        users.revision,
        users.created_at,
        users.updated_at
    FROM users
    WHERE users.public_id = wanted.public_id
    LIMIT 1
) AS found ON TRUE
ORDER BY wanted.position ASC
LIMIT 10000;

-- name: find_many__created_at(max_rows)
-- List the users who are not private, newest first: the first page.
-- Record: User
-- Index:  users_created_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    public_id,
    email,
    name,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at
FROM users
WHERE NOT is_private
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_many__created_at_after(after_created_at, after_id, max_rows)
-- List the users who are not private, newest first: the rows after a row.
-- Record: User
-- Index:  users_created_at_id_idx,
--         users_created_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    public_id,
    email,
    name,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at
FROM users
WHERE
    NOT is_private
    AND (created_at, id) < (:after_created_at::timestamptz, :after_id::bigint)
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_many__created_at_before(before_created_at, before_id, max_rows)
-- List the users who are not private, newest first: the rows before a row, nearest first.
-- Record: User
-- Index:  users_created_at_id_idx,
--         users_created_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    public_id,
    email,
    name,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at
FROM users
WHERE
    NOT is_private
    AND (created_at, id) > (:before_created_at::timestamptz, :before_id::bigint)
ORDER BY
    created_at ASC,
    id ASC
LIMIT :max_rows::integer;
