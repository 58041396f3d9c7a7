-- name: import_lines__stage()!
-- Create the staging table of runs with their steps, inputs and outputs, with one row per line. The
-- end of the transaction drops it. import_lines__copy fills it, import_lines__failures deletes rows
-- from it, and import_lines__insert reads it. The role needs TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.imported_runs (
    row_index bigint NOT NULL,
    public_id text COLLATE "C" NOT NULL,
    user_public_id text COLLATE "C" NOT NULL,
    resource_version_public_id text COLLATE "C",
    name text NOT NULL,
    status text COLLATE "C" NOT NULL,
    is_private boolean NOT NULL,
    data jsonb,
    started_at timestamptz,
    completed_at timestamptz,
    time_elapsed bigint,
    completed_complexity integer NOT NULL,
    context_switches integer NOT NULL,
    revision integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    steps jsonb NOT NULL,
    io jsonb NOT NULL
) ON COMMIT DROP;

-- name: import_lines__copy()!
-- Stage the lines that the client sends in binary, with their position.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: imported_runs
COPY pg_temp.imported_runs (
    row_index,
    public_id,
    user_public_id,
    resource_version_public_id,
    name,
    status,
    is_private,
    data,
    started_at,
    completed_at,
    time_elapsed,
    completed_complexity,
    context_switches,
    revision,
    created_at,
    updated_at,
    steps,
    io
) FROM STDIN (FORMAT "binary");

-- name: import_lines__failures(duplicates_fail)
-- Delete the staged runs that cannot be written, and return each with its reason.
-- The user and the version of a run must exist. A run that is Scheduled, InProgress or Paused needs
-- a resource that is not deleted. Existing runs fail only if duplicates fail.
-- Record: FailedRow
-- Index:  users_public_id_key, resource_versions_public_id_key, resources_pkey,
--         runs_public_id_key, scan: imported_runs, every row, twice
-- Locks:  row: imported_runs
WITH looked_up AS (
    SELECT
        placed.row_index,
        CASE
            WHEN same.id IS NOT NULL OR placed.place > 1
                THEN CASE WHEN :duplicates_fail::boolean THEN 'the public id is taken' END
            WHEN found_user.id IS NULL THEN 'there is no such user'
            WHEN placed.resource_version_public_id IS NULL THEN NULL
            WHEN target.is_deleted IS NULL THEN 'there is no such version'
            WHEN
                target.is_deleted
                AND placed.status IN ('Scheduled', 'InProgress', 'Paused')
                THEN 'the resource is deleted'
        END AS reason
    FROM (
        SELECT
            row_index,
            public_id,
            user_public_id,
            resource_version_public_id,
            status,
            CASE
                WHEN :duplicates_fail::boolean
                    THEN row_number() OVER (PARTITION BY public_id ORDER BY row_index ASC)
                ELSE 1
            END AS place
        FROM pg_temp.imported_runs
    ) AS placed
    -- OFFSET 0: a staging table has no statistics, and each row is to be looked up by its keys.
    LEFT JOIN LATERAL (
        SELECT runs.id
        FROM runs
        WHERE runs.public_id = placed.public_id
        OFFSET 0
    ) AS same ON TRUE
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.public_id = placed.user_public_id
        OFFSET 0
    ) AS found_user ON TRUE
    LEFT JOIN LATERAL (
        SELECT resources.is_deleted
        FROM resource_versions
        INNER JOIN resources ON resource_versions.resource_id = resources.id
        WHERE resource_versions.public_id = placed.resource_version_public_id
        OFFSET 0
    ) AS target ON TRUE
),

broken AS (
    SELECT
        row_index,
        reason
    FROM looked_up
    WHERE reason IS NOT NULL
),

removed AS (
    DELETE FROM pg_temp.imported_runs
    USING broken
    WHERE imported_runs.row_index = broken.row_index
)

SELECT
    row_index,
    CASE reason
        WHEN 'the public id is taken' THEN 'runs_public_id_key'
        WHEN 'there is no such user' THEN 'runs_user_id_fkey'
        ELSE 'runs_resource_version_id_fkey'
    END AS constraint_name,
    reason
FROM broken
-- lint: listing_is_ordered: a batch bounds the rows, and row_index is unique.
ORDER BY row_index ASC;

-- name: import_lines__insert(first_row, last_row)^
-- Insert the runs of one part of the lines, each with its steps, inputs and outputs: the first of
-- each public id. Existing runs are not changed. Statistics do not count imported runs.
-- The resources of active runs are locked first, as in runs.create: this waits for a deletion in
-- progress, and a later deletion finds the runs. Runs are written in the order of public ids, so
-- that two concurrent imports do not deadlock. If another session inserts one of the runs meanwhile,
-- the statement fails, and the import checks its rows again. The role needs USAGE on the sequence.
-- Record: LoadedRows
-- Index:  users_public_id_key, resource_versions_public_id_key, resources_pkey,
--         runs_public_id_key, scan: imported_runs, every row, once
-- Locks:  for share: resources, row: runs, row: run_steps, row: run_io
WITH chosen AS (
    SELECT DISTINCT ON (imported_runs.public_id)
        imported_runs.public_id,
        imported_runs.name,
        imported_runs.status,
        imported_runs.is_private,
        imported_runs.data,
        imported_runs.started_at,
        imported_runs.completed_at,
        imported_runs.time_elapsed,
        imported_runs.completed_complexity,
        imported_runs.context_switches,
        imported_runs.revision,
        imported_runs.created_at,
        imported_runs.updated_at,
        imported_runs.steps,
        imported_runs.io,
        found_user.id AS user_id,
        version.id AS resource_version_id,
        version.resource_id,
        imported_runs.resource_version_public_id IS NOT NULL AS has_version,
        imported_runs.status IN ('Scheduled', 'InProgress', 'Paused') AS is_active
    FROM pg_temp.imported_runs
    -- OFFSET 0: a staging table has no statistics, and each row is to be looked up by its keys.
    LEFT JOIN LATERAL (
        SELECT runs.id
        FROM runs
        WHERE runs.public_id = imported_runs.public_id
        OFFSET 0
    ) AS same ON TRUE
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.public_id = imported_runs.user_public_id
        OFFSET 0
    ) AS found_user ON TRUE
    LEFT JOIN LATERAL (
        SELECT
            resource_versions.id,
            resource_versions.resource_id
        FROM resource_versions
        WHERE resource_versions.public_id = imported_runs.resource_version_public_id
        OFFSET 0
    ) AS version ON TRUE
    WHERE
        imported_runs.row_index BETWEEN :first_row::bigint AND :last_row::bigint
        AND same.id IS NULL
    ORDER BY
        imported_runs.public_id ASC,
        imported_runs.row_index ASC
),

targets AS (
    SELECT
        resources.id,
        resources.is_deleted
    FROM resources
    WHERE
        resources.id IN (
            SELECT chosen.resource_id
            FROM chosen
            WHERE chosen.is_active
        )
    ORDER BY resources.id ASC
    FOR SHARE
),

wanted AS (
    SELECT
        nextval('runs_id_seq') AS id,
        chosen.user_id,
        chosen.public_id,
        chosen.resource_version_id,
        chosen.name,
        chosen.status,
        chosen.is_private,
        chosen.data,
        chosen.started_at,
        chosen.completed_at,
        chosen.time_elapsed,
        chosen.completed_complexity,
        chosen.context_switches,
        chosen.revision,
        chosen.created_at,
        chosen.updated_at,
        chosen.steps,
        chosen.io
    FROM chosen
    LEFT JOIN targets ON chosen.resource_id = targets.id
    WHERE
        chosen.user_id IS NOT NULL
        AND (chosen.resource_version_id IS NOT NULL OR NOT chosen.has_version)
        AND (NOT chosen.is_active OR NOT chosen.has_version OR NOT targets.is_deleted)
),

inserted AS (
    INSERT INTO runs (
        id,
        user_id,
        public_id,
        resource_version_id,
        name,
        status,
        is_private,
        data,
        started_at,
        completed_at,
        time_elapsed,
        completed_complexity,
        context_switches,
        revision,
        created_at,
        updated_at
    )
    SELECT
        id,
        user_id,
        public_id,
        resource_version_id,
        name,
        status,
        is_private,
        data,
        started_at,
        completed_at,
        time_elapsed,
        completed_complexity,
        context_switches,
        revision,
        created_at,
        updated_at
    FROM wanted
    -- lint: decides_under_lock: the key of the table refuses a run that came meanwhile.
    ORDER BY public_id ASC
),

planned AS (
    INSERT INTO run_steps (
        user_id,
        run_id,
        step,
        name,
        status,
        time_elapsed,
        created_at,
        updated_at
    )
    SELECT
        wanted.user_id,
        wanted.id,
        items.step,
        items.name,
        items.status,
        items.time_elapsed,
        items.created_at,
        items.updated_at
    FROM wanted
    CROSS JOIN jsonb_to_recordset(wanted.steps) AS items (
        step integer,
        name text,
        status text,
        time_elapsed bigint,
        created_at timestamptz,
        updated_at timestamptz
    )
),

supplied AS (
    INSERT INTO run_io (
        user_id,
        run_id,
        side,
        step,
        key,
        value,
        created_at,
        updated_at
    )
    SELECT
        wanted.user_id,
        wanted.id,
        sides.side,
        (items.value ->> 'step')::integer,
        items.value ->> 'key',
        -- jsonb_to_recordset would turn values that are JSON null into SQL NULL.
        items.value -> 'value',
        (items.value ->> 'created_at')::timestamptz,
        (items.value ->> 'updated_at')::timestamptz
    FROM wanted
    CROSS JOIN jsonb_each(wanted.io) AS sides (side, given)
    CROSS JOIN jsonb_array_elements(sides.given) AS items (value)
)

SELECT
    (SELECT count(*) FROM wanted) AS inserted,
    0::bigint AS updated,
    (SELECT count(*) FROM chosen) - (SELECT count(*) FROM wanted) AS missed,
    NULL::bigint[] AS ids;

-- name: import_lines__drop()!
-- Drop the staging table, so that the same transaction can load the next lines.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.imported_runs;
