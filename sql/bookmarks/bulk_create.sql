-- name: bulk_create__stage()!
-- Create the staging table of bookmarks, with one row per input. The end of the transaction drops
-- it. bulk_create__copy fills it, bulk_create__failures deletes rows from it, and
-- bulk_create__insert reads it. The role needs TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.new_bookmarks (
    row_index bigint NOT NULL,
    user_id bigint NOT NULL,
    resource_id bigint NOT NULL
) ON COMMIT DROP;

-- name: bulk_create__copy()!
-- Stage the bookmarks that the client sends in binary, with their position in its input.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: new_bookmarks
COPY pg_temp.new_bookmarks (
    row_index,
    user_id,
    resource_id
) FROM STDIN (FORMAT "binary");

-- name: bulk_create__failures(duplicates_fail)
-- Delete the staged bookmarks that cannot be written, and return each with its reason.
-- If duplicates fail, existing bookmarks fail, and of several rows with one user and resource all
-- except the first.
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
-- lint: listing_is_ordered: a batch bounds the rows, and row_index is unique.
ORDER BY row_index ASC;

-- name: bulk_create__insert(first_row, last_row)^
-- Insert the staged bookmarks of one part of the input, each user and resource once, and count them
-- in their resources. Existing bookmarks are not changed. Bookmarks whose user or resource was
-- deleted since they were staged are not inserted, and are counted as missed.
-- Users and then resources are locked in the order of their ids, as in bookmarks.add, so that
-- sessions do not deadlock on these.
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
    -- lint: conflict_is_read: existing rows do not change the result.
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
-- Drop the staging table, so that the same transaction can load more rows.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.new_bookmarks;
