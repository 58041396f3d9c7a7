-- name: import_lines__stage()!
-- Create the staging table of users, with one row per line. The end of the transaction drops it.
-- import_lines__copy fills it, import_lines__failures deletes rows from it, and
-- import_lines__insert reads it. The role needs TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.imported_users (
    row_index bigint NOT NULL,
    public_id text COLLATE "C" NOT NULL,
    email text COLLATE "C",
    name text NOT NULL,
    name_folded text NOT NULL,
    handle text COLLATE "C",
    is_bot boolean NOT NULL,
    is_private boolean NOT NULL,
    languages text[] COLLATE "C" NOT NULL,
    last_active_at timestamptz,
    revision integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) ON COMMIT DROP;

-- name: import_lines__copy()!
-- Stage the lines that the client sends in binary, with their position and the folded name.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: imported_users
COPY pg_temp.imported_users (
    row_index,
    public_id,
    email,
    name,
    name_folded,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: import_lines__failures(duplicates_fail)
-- Delete the staged users that cannot be written, and return each with its reason: another user of
-- the database has the e-mail address or the handle, or, if duplicates fail, the user exists.
-- If two lines have the same e-mail address or handle, the server refuses the second.
-- Record: FailedRow
-- Index:  users_public_id_key, users_email_key, users_handle_key,
--         scan: imported_users, every row, twice
-- Locks:  row: imported_users
WITH broken AS (
    SELECT
        staged.row_index,
        CASE
            WHEN same.id IS NOT NULL THEN 'users_public_id_key'
            WHEN email_owner.id IS NOT NULL THEN 'users_email_key'
            ELSE 'users_handle_key'
        END AS constraint_name
    FROM pg_temp.imported_users AS staged
    -- OFFSET 0 keeps a lookup by key for each row: without statistics of the staging table, the
    -- planner may read all users.
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.public_id = staged.public_id
        OFFSET 0
    ) AS same ON TRUE
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.email = staged.email
        OFFSET 0
    ) AS email_owner ON TRUE
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.handle = staged.handle
        OFFSET 0
    ) AS handle_owner ON TRUE
    WHERE
        CASE
            WHEN same.id IS NOT NULL THEN :duplicates_fail::boolean
            ELSE email_owner.id IS NOT NULL OR handle_owner.id IS NOT NULL
        END
),

removed AS (
    DELETE FROM pg_temp.imported_users
    USING broken
    WHERE imported_users.row_index = broken.row_index
)

SELECT
    row_index,
    constraint_name,
    CASE constraint_name
        WHEN 'users_email_key' THEN 'the e-mail address is taken'
        WHEN 'users_handle_key' THEN 'the handle is taken'
        ELSE 'the public id is taken'
    END AS reason
FROM broken
-- lint: listing_is_ordered: a batch limits the rows, and row_index is unique in it.
ORDER BY row_index ASC;

-- name: import_lines__insert(first_row, last_row)^
-- Insert the users of one part of the lines: the first of each public id. Existing users are not
-- changed.
-- Rows are written in the order of public ids, so that two concurrent imports do not deadlock on
-- these. They can deadlock on e-mail addresses and handles. The server then ends one of the
-- statements, and it is run again. The role needs USAGE on the sequence.
-- Record: LoadedRows
-- Index:  scan: imported_users, every row, once
-- Locks:  row: users
WITH wanted AS (
    SELECT DISTINCT ON (public_id)
        public_id,
        email,
        name,
        name_folded,
        handle,
        is_bot,
        is_private,
        languages,
        last_active_at,
        revision,
        created_at,
        updated_at
    FROM pg_temp.imported_users
    WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
    ORDER BY
        public_id ASC,
        row_index ASC
),

inserted AS (
    INSERT INTO users (
        public_id,
        email,
        name,
        name_folded,
        handle,
        is_bot,
        is_private,
        languages,
        last_active_at,
        revision,
        created_at,
        updated_at
    )
    SELECT
        public_id,
        email,
        name,
        name_folded,
        handle,
        is_bot,
        is_private,
        languages,
        last_active_at,
        revision,
        created_at,
        updated_at
    FROM wanted
    ORDER BY public_id ASC
    -- lint: conflict_is_read: no decision depends on the existing rows.
    ON CONFLICT (public_id) DO NOTHING
    RETURNING id
)

SELECT
    count(*) AS inserted,
    0::bigint AS updated,
    0::bigint AS missed,
    NULL::bigint[] AS ids
FROM inserted;

-- name: import_lines__drop()!
-- Drop the staging table, so that the same transaction can load the next lines.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.imported_users;
