-- name: bulk_create__stage()!
-- Create the staging table of users, with one row per input. The end of the transaction drops it.
-- bulk_create__copy fills it, bulk_create__failures deletes rows from it, and bulk_create__insert
-- or bulk_create__update reads it. The role needs TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.new_users (
    row_index bigint NOT NULL,
    public_id text COLLATE "C" NOT NULL,
    email text COLLATE "C",
    name text NOT NULL,
    name_folded text NOT NULL,
    handle text COLLATE "C",
    is_bot boolean NOT NULL,
    is_private boolean NOT NULL,
    languages text[] COLLATE "C" NOT NULL
) ON COMMIT DROP;

-- name: bulk_create__copy()!
-- Stage the users that the client sends in binary, with their position in its input.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: new_users
COPY pg_temp.new_users (
    row_index,
    public_id,
    email,
    name,
    name_folded,
    handle,
    is_bot,
    is_private,
    languages
) FROM STDIN (FORMAT "binary");

-- name: bulk_create__failures(duplicates_fail)
-- Delete the staged users that cannot be written, and return each with its reason.
-- An e-mail address or handle is taken if the database, or an earlier row, has it for another user.
-- If duplicates fail, a public id is taken in the same way. A row is in doubt while an earlier row
-- has one of its keys. It fails if the first row with that key is not in doubt. The query is
-- repeated until it returns no row, so that no row fails because of a row that fails itself.
-- Record: FailedRow
-- Index:  users_public_id_key, users_email_key, users_handle_key,
--         scan: new_users, every row, twice
-- Locks:  row: new_users
WITH looked_up AS (
    SELECT
        staged.row_index,
        staged.public_id,
        staged.email,
        staged.handle,
        CASE
            WHEN same.id IS NOT NULL THEN 'users_public_id_key'
            WHEN email_owner.id IS NOT NULL THEN 'users_email_key'
            WHEN handle_owner.id IS NOT NULL THEN 'users_handle_key'
        END AS constraint_name
    FROM pg_temp.new_users AS staged
    -- OFFSET 0 keeps a lookup by key for each row: without statistics of the staging table, the
    -- planner may read all users.
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE
            users.public_id = staged.public_id
            AND :duplicates_fail::boolean
        OFFSET 0
    ) AS same ON TRUE
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE
            users.email = staged.email
            AND users.public_id <> staged.public_id
        OFFSET 0
    ) AS email_owner ON TRUE
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE
            users.handle = staged.handle
            AND users.public_id <> staged.public_id
        OFFSET 0
    ) AS handle_owner ON TRUE
),

compared AS (
    SELECT
        row_index,
        public_id,
        email,
        handle,
        (:duplicates_fail::boolean AND count(*) OVER same_user > 1)
        OR (email IS NOT NULL AND min(public_id) OVER same_email <> max(public_id) OVER same_email)
        OR (
            handle IS NOT NULL
            AND min(public_id) OVER same_handle <> max(public_id) OVER same_handle
        ) AS is_in_doubt
    FROM looked_up
    WHERE constraint_name IS NULL
    -- Each window contains the rows with the same key, up to the row itself.
    WINDOW
        same_user AS (PARTITION BY public_id ORDER BY row_index ASC),
        same_email AS (PARTITION BY email ORDER BY row_index ASC),
        same_handle AS (PARTITION BY handle ORDER BY row_index ASC)
),

decided AS (
    SELECT
        row_index,
        CASE
            WHEN
                :duplicates_fail::boolean
                AND count(*) OVER same_user > 1
                AND NOT first_value(is_in_doubt) OVER same_user
                THEN 'users_public_id_key'
            WHEN
                email IS NOT NULL
                AND first_value(public_id) OVER same_email <> public_id
                AND NOT first_value(is_in_doubt) OVER same_email
                THEN 'users_email_key'
            WHEN
                handle IS NOT NULL
                AND first_value(public_id) OVER same_handle <> public_id
                AND NOT first_value(is_in_doubt) OVER same_handle
                THEN 'users_handle_key'
        END AS constraint_name
    FROM compared
    WINDOW
        same_user AS (PARTITION BY public_id ORDER BY row_index ASC),
        same_email AS (PARTITION BY email ORDER BY row_index ASC),
        same_handle AS (PARTITION BY handle ORDER BY row_index ASC)
),

broken AS (
    SELECT
        row_index,
        constraint_name
    FROM looked_up
    WHERE constraint_name IS NOT NULL
    UNION ALL
    SELECT
        row_index,
        constraint_name
    FROM decided
    WHERE constraint_name IS NOT NULL
),

removed AS (
    DELETE FROM pg_temp.new_users
    USING broken
    WHERE new_users.row_index = broken.row_index
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

-- name: bulk_create__insert(first_row, last_row)^
-- Insert the staged users of one part of the input: the first of each public id. Existing users are
-- not changed.
-- Rows are written in the order of public ids, so that two concurrent loads do not deadlock on
-- these. They can deadlock on e-mail addresses and handles. The server then ends one of the
-- statements, and it is run again.
-- Record: LoadedRows
-- Index:  scan: new_users, every row, once
-- Locks:  row: users
WITH written AS (
    INSERT INTO users (
        public_id,
        email,
        name,
        name_folded,
        handle,
        is_bot,
        is_private,
        languages
    )
    SELECT DISTINCT ON (public_id)
        public_id,
        email,
        name,
        name_folded,
        handle,
        is_bot,
        is_private,
        languages
    FROM pg_temp.new_users
    WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
    ORDER BY
        public_id ASC,
        row_index ASC
    -- lint: conflict_is_read: no decision depends on the existing rows.
    ON CONFLICT (public_id) DO NOTHING
    RETURNING id
)

SELECT
    count(*) AS inserted,
    0::bigint AS updated,
    0::bigint AS missed,
    array_agg(id ORDER BY id ASC) AS ids
FROM written;

-- name: bulk_create__update(first_row, last_row)^
-- Insert the staged users of one part of the input, the last of each public id. Existing users get
-- all of its values.
-- Rows are written in the order of public ids, so that two concurrent loads do not deadlock on
-- these. They can deadlock on e-mail addresses and handles. The server then ends one of the
-- statements, and it is run again. An existing user is locked like FOR UPDATE, because e-mail
-- address and handle are unique keys. The role needs USAGE on the sequence.
-- Record: LoadedRows
-- Index:  scan: new_users, every row, once
-- Locks:  row: users
WITH wanted AS (
    SELECT
        nextval('users_id_seq') AS id,
        chosen.public_id,
        chosen.email,
        chosen.name,
        chosen.name_folded,
        chosen.handle,
        chosen.is_bot,
        chosen.is_private,
        chosen.languages
    FROM (
        SELECT DISTINCT ON (public_id)
            public_id,
            email,
            name,
            name_folded,
            handle,
            is_bot,
            is_private,
            languages
        FROM pg_temp.new_users
        WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
        ORDER BY
            public_id ASC,
            row_index DESC
    ) AS chosen
),

written AS (
    INSERT INTO users (
        id,
        public_id,
        email,
        name,
        name_folded,
        handle,
        is_bot,
        is_private,
        languages,
        updated_at
    )
    SELECT
        id,
        public_id,
        email,
        name,
        name_folded,
        handle,
        is_bot,
        is_private,
        languages,
        now()
    FROM wanted
    ORDER BY public_id ASC
    ON CONFLICT (public_id) DO UPDATE
        SET
            email = excluded.email,
            name = excluded.name,
            name_folded = excluded.name_folded,
            handle = excluded.handle,
            is_bot = excluded.is_bot,
            is_private = excluded.is_private,
            languages = excluded.languages,
            revision = users.revision + 1,
            updated_at = excluded.updated_at
    RETURNING id
)

SELECT
    count(*) FILTER (WHERE wanted.id IS NOT NULL) AS inserted,
    count(*) FILTER (WHERE wanted.id IS NULL) AS updated,
    0::bigint AS missed,
    array_agg(written.id ORDER BY written.id ASC) FILTER (WHERE wanted.id IS NOT NULL) AS ids
FROM written
LEFT JOIN wanted ON written.id = wanted.id;

-- name: bulk_create__drop()!
-- Drop the staging table, so that the same transaction can load more rows.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.new_users;
