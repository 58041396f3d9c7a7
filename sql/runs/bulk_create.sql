-- name: bulk_create__stage()!
-- Create the staging table of runs, with one row per input. The end of the transaction drops it.
-- bulk_create__copy fills it, bulk_create__failures deletes rows from it, and bulk_create__insert
-- or bulk_create__update reads it. The role needs TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.new_runs (
    row_index bigint NOT NULL,
    user_id bigint NOT NULL,
    public_id text COLLATE "C" NOT NULL,
    resource_version_id bigint,
    name text NOT NULL,
    is_private boolean NOT NULL,
    data jsonb
) ON COMMIT DROP;

-- name: bulk_create__copy()!
-- Stage the runs that the client sends in binary, with their position in its input.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: new_runs
COPY pg_temp.new_runs (
    row_index,
    user_id,
    public_id,
    resource_version_id,
    name,
    is_private,
    data
) FROM STDIN (FORMAT "binary");

-- name: bulk_create__failures(duplicates_fail)
-- Delete the staged runs that cannot be written, and return each with its reason.
-- A public id belongs to the user of the run in the database that has it, or else to the user of
-- the first row that has it and does not fail for another reason. Rows of other users fail. If
-- duplicates fail, the other rows of the same user fail too.
-- Record: FailedRow
-- Index:  users_pkey, resource_versions_pkey, resources_pkey, runs_public_id_key,
--         scan: new_runs, every row, twice
-- Locks:  row: new_runs
WITH looked_up AS (
    SELECT
        staged.row_index,
        staged.user_id,
        staged.public_id,
        version.is_deleted,
        CASE
            WHEN owner.id IS NULL THEN 'runs_user_id_fkey'
            WHEN
                staged.resource_version_id IS NOT NULL AND version.is_deleted IS NOT FALSE
                THEN 'runs_resource_version_id_fkey'
            WHEN same.user_id <> staged.user_id THEN 'runs_public_id_key'
            WHEN same.user_id IS NOT NULL AND :duplicates_fail::boolean THEN 'runs_public_id_key'
        END AS constraint_name
    FROM pg_temp.new_runs AS staged
    -- OFFSET 0: a staging table has no statistics, and each row is to be looked up by its keys.
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.id = staged.user_id
        OFFSET 0
    ) AS owner ON TRUE
    LEFT JOIN LATERAL (
        SELECT resources.is_deleted
        FROM resource_versions
        INNER JOIN resources ON resource_versions.resource_id = resources.id
        WHERE resource_versions.id = staged.resource_version_id
        OFFSET 0
    ) AS version ON TRUE
    LEFT JOIN LATERAL (
        SELECT runs.user_id
        FROM runs
        WHERE runs.public_id = staged.public_id
        OFFSET 0
    ) AS same ON TRUE
),

compared AS (
    SELECT
        row_index,
        is_deleted,
        constraint_name,
        first_value(user_id) OVER same_run <> user_id
        OR (:duplicates_fail::boolean AND count(*) OVER same_run > 1) AS is_repeated
    FROM looked_up
    -- Each window reaches from the first row with the public id to the row itself; rows that fail
    -- already are not among the others.
    WINDOW same_run AS (PARTITION BY public_id, constraint_name ORDER BY row_index ASC)
),

broken AS (
    SELECT
        row_index,
        is_deleted,
        coalesce(constraint_name, 'runs_public_id_key') AS constraint_name
    FROM compared
    WHERE
        constraint_name IS NOT NULL
        OR is_repeated
),

removed AS (
    DELETE FROM pg_temp.new_runs
    USING broken
    WHERE new_runs.row_index = broken.row_index
)

SELECT
    row_index,
    constraint_name,
    CASE
        WHEN constraint_name = 'runs_user_id_fkey' THEN 'there is no such user'
        WHEN constraint_name = 'runs_public_id_key' THEN 'the public id is taken'
        WHEN is_deleted THEN 'the resource is deleted'
        ELSE 'there is no such resource version'
    END AS reason
FROM broken
-- lint: listing_is_ordered: a batch bounds the rows, and row_index is unique.
ORDER BY row_index ASC;

-- name: bulk_create__insert(first_row, last_row)^
-- Insert the staged runs of one part of the input as Scheduled: the first of each public id.
-- Existing runs are not changed. Runs whose resource was deleted since they were staged are not
-- inserted, and are counted as missed.
-- Resources are locked against deletion until the commit, in the order of their ids, and runs are
-- written in the order of public ids, so that two concurrent loads do not deadlock. The role needs
-- USAGE on the sequence.
-- Record: LoadedRows
-- Index:  resource_versions_pkey, resources_pkey, scan: new_runs, every row, once
-- Locks:  for share: resources, row: runs
WITH wanted AS (
    SELECT
        nextval('runs_id_seq') AS id,
        chosen.user_id,
        chosen.public_id,
        chosen.resource_version_id,
        chosen.name,
        chosen.is_private,
        chosen.data
    FROM (
        SELECT DISTINCT ON (public_id)
            user_id,
            public_id,
            resource_version_id,
            name,
            is_private,
            data
        FROM pg_temp.new_runs
        WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
        ORDER BY
            public_id ASC,
            row_index ASC
    ) AS chosen
),

runnable AS (
    SELECT resource_versions.id
    FROM resource_versions
    INNER JOIN resources ON resource_versions.resource_id = resources.id
    WHERE
        resource_versions.id IN (SELECT wanted.resource_version_id FROM wanted)
        AND NOT resources.is_deleted
    ORDER BY resources.id ASC
    FOR SHARE OF resources
),

written AS (
    INSERT INTO runs (
        id,
        user_id,
        public_id,
        resource_version_id,
        name,
        is_private,
        data
    )
    SELECT
        id,
        user_id,
        public_id,
        resource_version_id,
        name,
        is_private,
        data
    FROM wanted
    WHERE
        resource_version_id IS NULL
        OR resource_version_id IN (SELECT runnable.id FROM runnable)
    ORDER BY public_id ASC
    -- lint: conflict_is_read: existing rows do not change the result.
    ON CONFLICT (public_id) DO NOTHING
    RETURNING id
)

SELECT
    count(*) AS inserted,
    0::bigint AS updated,
    (
        SELECT count(*)
        FROM wanted
        WHERE
            wanted.resource_version_id IS NOT NULL
            AND wanted.resource_version_id NOT IN (SELECT runnable.id FROM runnable)
    ) AS missed,
    array_agg(id ORDER BY id ASC) AS ids
FROM written;

-- name: bulk_create__update(first_row, last_row)^
-- Insert the staged runs of one part of the input, the last of each public id. Existing runs get
-- its name, privacy and data. Runs whose resource was deleted since they were staged, or whose
-- public id another user has taken, are not written, and are counted as missed.
-- Resources are locked against deletion until the commit, in the order of their ids, and runs are
-- written in the order of public ids, so that two concurrent loads do not deadlock. The role needs
-- USAGE on the sequence.
-- Record: LoadedRows
-- Index:  resource_versions_pkey, resources_pkey, scan: new_runs, every row, once
-- Locks:  for share: resources, row: runs
WITH wanted AS (
    SELECT
        nextval('runs_id_seq') AS id,
        chosen.user_id,
        chosen.public_id,
        chosen.resource_version_id,
        chosen.name,
        chosen.is_private,
        chosen.data
    FROM (
        SELECT DISTINCT ON (public_id)
            user_id,
            public_id,
            resource_version_id,
            name,
            is_private,
            data
        FROM pg_temp.new_runs
        WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
        ORDER BY
            public_id ASC,
            row_index DESC
    ) AS chosen
),

runnable AS (
    SELECT resource_versions.id
    FROM resource_versions
    INNER JOIN resources ON resource_versions.resource_id = resources.id
    WHERE
        resource_versions.id IN (SELECT wanted.resource_version_id FROM wanted)
        AND NOT resources.is_deleted
    ORDER BY resources.id ASC
    FOR SHARE OF resources
),

written AS (
    INSERT INTO runs (
        id,
        user_id,
        public_id,
        resource_version_id,
        name,
        is_private,
        data,
        updated_at
    )
    SELECT
        id,
        user_id,
        public_id,
        resource_version_id,
        name,
        is_private,
        data,
        now()
    FROM wanted
    WHERE
        resource_version_id IS NULL
        OR resource_version_id IN (SELECT runnable.id FROM runnable)
    ORDER BY public_id ASC
    -- lint: conflict_is_read: a run that is not updated is missed, and then read.
    ON CONFLICT (public_id) DO UPDATE
        SET
            name = excluded.name,
            is_private = excluded.is_private,
            data = excluded.data,
            revision = runs.revision + 1,
            updated_at = excluded.updated_at
        WHERE runs.user_id = excluded.user_id
    RETURNING id
)

SELECT
    count(*) FILTER (WHERE written.id = wanted.id) AS inserted,
    count(*) FILTER (WHERE wanted.id IS NULL) AS updated,
    count(wanted.id) - count(written.id) AS missed,
    array_agg(written.id ORDER BY written.id ASC) FILTER (WHERE written.id = wanted.id) AS ids
FROM wanted
FULL JOIN written ON wanted.id = written.id;

-- name: bulk_create__drop()!
-- Drop the staging table, so that the same transaction can load more rows.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.new_runs;
