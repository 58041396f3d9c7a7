-- name: bulk_create__stage()!
-- Create the staging table of resources, with one row per input. The end of the transaction drops
-- it. bulk_create__copy fills it, bulk_create__failures deletes rows from it, and
-- bulk_create__insert or bulk_create__update reads it. The role needs TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.new_resources (
    row_index bigint NOT NULL,
    public_id text COLLATE "C" NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    is_private boolean NOT NULL,
    created_by_id bigint
) ON COMMIT DROP;

-- name: bulk_create__copy()!
-- Stage the resources that the client sends in binary, with their position in its input.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: new_resources
COPY pg_temp.new_resources (
    row_index,
    public_id,
    resource_type,
    is_private,
    created_by_id
) FROM STDIN (FORMAT "binary");

-- name: bulk_create__failures(duplicates_fail)
-- Delete the staged resources that cannot be written, and return each with its reason.
-- If duplicates fail, a resource fails whose public id exists, and so do all rows with one public id
-- except the first that does not fail for another reason.
-- Record: FailedRow
-- Index:  users_pkey, resources_public_id_key, scan: new_resources, every row, twice
-- Locks:  row: new_resources
WITH looked_up AS (
    SELECT
        staged.row_index,
        staged.public_id,
        CASE
            WHEN
                staged.created_by_id IS NOT NULL AND creator.id IS NULL
                THEN 'resources_created_by_id_fkey'
            WHEN same.id IS NOT NULL THEN 'resources_public_id_key'
        END AS constraint_name
    FROM pg_temp.new_resources AS staged
    -- OFFSET 0: a staging table has no statistics, and each row is to be looked up by its keys.
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.id = staged.created_by_id
        OFFSET 0
    ) AS creator ON TRUE
    LEFT JOIN LATERAL (
        SELECT resources.id
        FROM resources
        WHERE
            resources.public_id = staged.public_id
            AND :duplicates_fail::boolean
        OFFSET 0
    ) AS same ON TRUE
),

compared AS (
    SELECT
        row_index,
        constraint_name,
        :duplicates_fail::boolean AND count(*) OVER same_resource > 1 AS is_repeated
    FROM looked_up
    -- The window reaches from the first row with the public id to the row itself. Rows that already
    -- fail are in another partition.
    WINDOW same_resource AS (PARTITION BY public_id, constraint_name ORDER BY row_index ASC)
),

broken AS (
    SELECT
        row_index,
        coalesce(constraint_name, 'resources_public_id_key') AS constraint_name
    FROM compared
    WHERE
        constraint_name IS NOT NULL
        OR is_repeated
),

removed AS (
    DELETE FROM pg_temp.new_resources
    USING broken
    WHERE new_resources.row_index = broken.row_index
)

SELECT
    row_index,
    constraint_name,
    CASE constraint_name
        WHEN 'resources_created_by_id_fkey' THEN 'there is no such user'
        ELSE 'the public id is taken'
    END AS reason
FROM broken
-- lint: listing_is_ordered: a batch bounds the rows, and row_index is unique.
ORDER BY row_index ASC;

-- name: bulk_create__insert(first_row, last_row)^
-- Insert the staged resources of one part of the input, without versions or translations: the first
-- of each public id. Existing resources are not changed.
-- Rows are written in the order of public ids, so that two concurrent loads do not deadlock on
-- these.
-- Record: LoadedRows
-- Index:  scan: new_resources, every row, once
-- Locks:  row: resources
WITH written AS (
    INSERT INTO resources (
        public_id,
        resource_type,
        is_private,
        created_by_id
    )
    SELECT DISTINCT ON (public_id)
        public_id,
        resource_type,
        is_private,
        created_by_id
    FROM pg_temp.new_resources
    WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
    ORDER BY
        public_id ASC,
        row_index ASC
    -- lint: conflict_is_read: existing rows do not change the result.
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
-- Insert the staged resources of one part of the input, the last of each public id. Existing
-- resources get its type and privacy.
-- Rows are written in the order of public ids, so that two concurrent loads do not deadlock on
-- these. The role needs USAGE on the sequence.
-- Record: LoadedRows
-- Index:  scan: new_resources, every row, once
-- Locks:  row: resources
WITH wanted AS (
    SELECT
        nextval('resources_id_seq') AS id,
        chosen.public_id,
        chosen.resource_type,
        chosen.is_private,
        chosen.created_by_id
    FROM (
        SELECT DISTINCT ON (public_id)
            public_id,
            resource_type,
            is_private,
            created_by_id
        FROM pg_temp.new_resources
        WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
        ORDER BY
            public_id ASC,
            row_index DESC
    ) AS chosen
),

written AS (
    INSERT INTO resources (
        id,
        public_id,
        resource_type,
        is_private,
        created_by_id,
        updated_at
    )
    SELECT
        id,
        public_id,
        resource_type,
        is_private,
        created_by_id,
        now()
    FROM wanted
    ORDER BY public_id ASC
    ON CONFLICT (public_id) DO UPDATE
        SET
            resource_type = excluded.resource_type,
            is_private = excluded.is_private,
            revision = resources.revision + 1,
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
DROP TABLE pg_temp.new_resources;
