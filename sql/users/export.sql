-- name: export()
-- Stream every user, private ones included, in the order of their ids.
-- Record: UserLine
-- Index:  users_pkey (order), scan: users, every row, each is sent once
-- Locks:  none
COPY (
    SELECT
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
    ORDER BY id ASC
) TO STDOUT (FORMAT "binary");
