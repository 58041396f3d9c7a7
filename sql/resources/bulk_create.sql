-- name: bulk_create__stage()!
-- Make the table that stages resources, one row for each of the input, until the transaction ends.
-- bulk_create__copy fills it, bulk_create__failures takes rows out, bulk_create__insert or
-- bulk_create__update reads it. The role needs TEMPORARY on the database.
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
-- Stage the resources that the client sends, in binary, with their place in its input.
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
-- Take the staged resources that cannot be written out of the staging, and tell which and why.
-- Where duplicates fail, so do those of a public id that is there, and of those with one public id
-- all but the first that does not fail for another reason.
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
    -- The window reaches from the first row with the public id to the row itself; rows that fail
    -- already are not among the others.
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
-- lint: listing_is_ordered: a batch bounds them, and each row of it has its own place.
ORDER BY row_index ASC;

-- name: bulk_create__insert(first_row, last_row)^
-- Insert the staged resources of a part of the input, without any version or translation: the first
-- of each public id; those that are there stay as they are.
-- Rows are written in the order of public ids: two loads at once cannot wait for each other in a
-- circle for them.
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
    -- lint: conflict_is_read: nothing is decided by the rows that were there already.
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
-- Insert the staged resources of a part of the input, the last of each public id, or give those that
-- are there its type and privacy.
-- Rows are written in the order of public ids: two loads at once cannot wait for each other in a
-- circle for them. The role needs USAGE on the sequence.
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
-- Drop the staging table, so that more can be loaded in the same transaction.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.new_resources;
