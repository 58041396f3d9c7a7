-- name: bulk_create__stage()!
-- Make the table that stages bookmarks, one row for each of the input, until the transaction ends.
-- bulk_create__copy fills it, bulk_create__failures takes rows out, bulk_create__insert reads it.
-- The role needs TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.new_bookmarks (
    row_index bigint NOT NULL,
    user_id bigint NOT NULL,
    resource_id bigint NOT NULL
) ON COMMIT DROP;

-- name: bulk_create__copy()!
-- Stage the bookmarks that the client sends, in binary, with their place in its input.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: new_bookmarks
COPY pg_temp.new_bookmarks (
    row_index,
    user_id,
    resource_id
) FROM STDIN (FORMAT "binary");

-- name: bulk_create__failures(duplicates_fail)
-- Take the staged bookmarks that cannot be written out of the staging, and tell which and why.
-- Those of one user and resource are told apart by their place in the input: where duplicates fail,
-- all but the first do, and so do those that are there already.
-- Record: FailedRow
-- Index:  users_pkey, resources_pkey, bookmarks_pkey, scan: new_bookmarks, every row, twice
-- Locks:  row: new_bookmarks
WITH broken AS (
    SELECT
        placed.row_index,
        CASE
            WHEN found_user.id IS NULL THEN 'bookmarks_user_id_fkey'
            WHEN found_resource.is_deleted IS NOT FALSE THEN 'bookmarks_resource_id_fkey'
            ELSE 'bookmarks_pkey'
        END AS constraint_name,
        CASE
            WHEN found_user.id IS NULL THEN 'there is no such user'
            WHEN found_resource.is_deleted IS NULL THEN 'there is no such resource'
            WHEN found_resource.is_deleted THEN 'the resource is deleted'
            ELSE 'the bookmark exists'
        END AS reason
    FROM (
        SELECT
            row_index,
            user_id,
            resource_id,
            row_number() OVER (PARTITION BY user_id, resource_id ORDER BY row_index ASC) AS place
        FROM pg_temp.new_bookmarks
    ) AS placed
    -- OFFSET 0: a staging table has no statistics, and each row is to be looked up by its keys.
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.id = placed.user_id
        OFFSET 0
    ) AS found_user ON TRUE
    LEFT JOIN LATERAL (
        SELECT resources.is_deleted
        FROM resources
        WHERE resources.id = placed.resource_id
        OFFSET 0
    ) AS found_resource ON TRUE
    LEFT JOIN LATERAL (
        SELECT bookmarks.user_id
        FROM bookmarks
        WHERE
            bookmarks.user_id = placed.user_id
            AND bookmarks.resource_id = placed.resource_id
            AND :duplicates_fail::boolean
        OFFSET 0
    ) AS found_bookmark ON TRUE
    WHERE
        found_user.id IS NULL
        OR found_resource.is_deleted IS NOT FALSE
        OR found_bookmark.user_id IS NOT NULL
        OR (:duplicates_fail::boolean AND placed.place > 1)
),

removed AS (
    DELETE FROM pg_temp.new_bookmarks
    USING broken
    WHERE new_bookmarks.row_index = broken.row_index
)

SELECT
    row_index,
    constraint_name,
    reason
FROM broken
-- lint: listing_is_ordered: a batch bounds them, and each row of it has its own place.
ORDER BY row_index ASC;

-- name: bulk_create__insert(first_row, last_row)^
-- Insert the staged bookmarks of a part of the input and count them in their resources, each user
-- and resource once; those that are there already are left out, and those of users and resources that
-- were deleted since they were staged are missed.
-- Users and then resources are locked in the order of their ids, as in bookmarks.add: sessions cannot
-- wait for each other in a circle for them.
-- Record: LoadedRows
-- Index:  users_pkey, resources_pkey, scan: new_bookmarks, every row, once
-- Locks:  for key share: users, row: bookmarks, for no key update: resources
WITH wanted AS (
    SELECT DISTINCT
        user_id,
        resource_id
    FROM pg_temp.new_bookmarks
    WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
),

owners AS (
    SELECT users.id
    FROM users
    WHERE users.id IN (SELECT wanted.user_id FROM wanted)
    ORDER BY users.id ASC
    FOR KEY SHARE
),

owned AS (
    SELECT
        wanted.user_id,
        wanted.resource_id
    FROM wanted
    INNER JOIN owners ON wanted.user_id = owners.id
),

cur AS (
    SELECT resources.id
    FROM resources
    WHERE
        resources.id IN (SELECT owned.resource_id FROM owned)
        AND NOT resources.is_deleted
    ORDER BY resources.id ASC
    FOR NO KEY UPDATE
),

inserted AS (
    INSERT INTO bookmarks (
        user_id,
        resource_id
    )
    SELECT
        owned.user_id,
        owned.resource_id
    FROM owned
    INNER JOIN cur ON owned.resource_id = cur.id
    ORDER BY
        owned.user_id ASC,
        owned.resource_id ASC
    -- lint: conflict_is_read: nothing is decided by the rows that were there already.
    ON CONFLICT (user_id, resource_id) DO NOTHING
    RETURNING resource_id
),

counted AS (
    UPDATE resources
    SET bookmarks = resources.bookmarks + added.number
    FROM
        cur,
        (
            SELECT
                inserted.resource_id,
                count(*) AS number
            FROM inserted
            GROUP BY inserted.resource_id
        ) AS added
    WHERE
        resources.id = cur.id
        AND cur.id = added.resource_id
)

SELECT
    (SELECT count(*) FROM inserted) AS inserted,
    0::bigint AS updated,
    (
        SELECT count(*)
        FROM wanted
        WHERE NOT EXISTS (
            SELECT 1 FROM owned
            INNER JOIN cur ON owned.resource_id = cur.id
            WHERE
                owned.user_id = wanted.user_id
                AND owned.resource_id = wanted.resource_id
        )
    ) AS missed,
    NULL::bigint[] AS ids;

-- name: bulk_create__drop()!
-- Drop the staging table, so that more can be loaded in the same transaction.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.new_bookmarks;
