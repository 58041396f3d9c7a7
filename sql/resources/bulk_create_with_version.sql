-- name: bulk_create_with_version__stage()!
-- Create the staging table of resources with their versions and translations, with one row per
-- input. The end of the transaction drops it. A row without a language has no translation.
-- bulk_create_with_version__copy fills it, bulk_create_with_version__failures deletes rows from it,
-- and bulk_create_with_version__insert reads it. The role needs TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.new_resources_with_versions (
    row_index bigint NOT NULL,
    public_id text COLLATE "C" NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    is_private boolean NOT NULL,
    created_by_id bigint,
    version_public_id text COLLATE "C" NOT NULL,
    version_label text COLLATE "C" NOT NULL,
    config jsonb NOT NULL,
    is_complete boolean NOT NULL,
    language text COLLATE "C",
    name text,
    name_folded text,
    description text,
    description_folded text
) ON COMMIT DROP;

-- name: bulk_create_with_version__copy()!
-- Stage the resources that the client sends in binary, with their position in its input.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: new_resources_with_versions
COPY pg_temp.new_resources_with_versions (
    row_index,
    public_id,
    resource_type,
    is_private,
    created_by_id,
    version_public_id,
    version_label,
    config,
    is_complete,
    language,
    name,
    name_folded,
    description,
    description_folded
) FROM STDIN (FORMAT "binary");

-- name: bulk_create_with_version__failures(duplicates_fail)
-- Delete the staged resources that cannot be written, and return each with its reason.
-- The public id of a version is taken if the database, or an earlier row, has it for another
-- resource. If duplicates fail, the public id of a resource is taken in the same way. A row is in
-- doubt while an earlier row has one of its keys. It fails if the first row with that key is not in
-- doubt. The query is repeated until it returns no row, so that no row fails because of a row that
-- fails itself.
-- Record: FailedRow
-- Index:  users_pkey, resources_public_id_key, resource_versions_public_id_key, resources_pkey,
--         scan: new_resources_with_versions, every row, twice
-- Locks:  row: new_resources_with_versions
WITH looked_up AS (
    SELECT
        staged.row_index,
        staged.public_id,
        staged.version_public_id,
        CASE
            WHEN
                staged.created_by_id IS NOT NULL AND creator.id IS NULL
                THEN 'resources_created_by_id_fkey'
            WHEN same.id IS NOT NULL THEN 'resources_public_id_key'
            WHEN version_owner.id IS NOT NULL THEN 'resource_versions_public_id_key'
        END AS constraint_name
    FROM pg_temp.new_resources_with_versions AS staged
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
    LEFT JOIN LATERAL (
        SELECT resources.id
        FROM resource_versions
        INNER JOIN resources ON resource_versions.resource_id = resources.id
        WHERE
            resource_versions.public_id = staged.version_public_id
            AND resources.public_id <> staged.public_id
        OFFSET 0
    ) AS version_owner ON TRUE
),

compared AS (
    SELECT
        row_index,
        public_id,
        version_public_id,
        (:duplicates_fail::boolean AND count(*) OVER same_resource > 1)
        OR first_value(public_id) OVER same_version <> public_id AS is_in_doubt
    FROM looked_up
    WHERE constraint_name IS NULL
    -- Each window reaches from the first row with the key to the row itself.
    WINDOW
        same_resource AS (PARTITION BY public_id ORDER BY row_index ASC),
        same_version AS (PARTITION BY version_public_id ORDER BY row_index ASC)
),

decided AS (
    SELECT
        row_index,
        CASE
            WHEN
                :duplicates_fail::boolean
                AND count(*) OVER same_resource > 1
                AND NOT first_value(is_in_doubt) OVER same_resource
                THEN 'resources_public_id_key'
            WHEN
                first_value(public_id) OVER same_version <> public_id
                AND NOT first_value(is_in_doubt) OVER same_version
                THEN 'resource_versions_public_id_key'
        END AS constraint_name
    FROM compared
    WINDOW
        same_resource AS (PARTITION BY public_id ORDER BY row_index ASC),
        same_version AS (PARTITION BY version_public_id ORDER BY row_index ASC)
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
    DELETE FROM pg_temp.new_resources_with_versions
    USING broken
    WHERE new_resources_with_versions.row_index = broken.row_index
)

SELECT
    row_index,
    constraint_name,
    CASE constraint_name
        WHEN 'resources_created_by_id_fkey' THEN 'there is no such user'
        WHEN 'resources_public_id_key' THEN 'the public id is taken'
        ELSE 'the public id of the version is taken'
    END AS reason
FROM broken
-- lint: listing_is_ordered: a batch bounds the rows, and row_index is unique.
ORDER BY row_index ASC;

-- name: bulk_create_with_version__insert(first_row, last_row)^
-- Insert the staged resources of one part of the input, each with its version, which becomes its
-- latest version, and its translation: the first of each public id. Existing resources are not
-- changed, nor are their versions and translations.
-- All tables are filled in the order of public ids, which is also the order of the new ids. So two
-- concurrent loads do not deadlock on these. They can deadlock on the public ids of versions. The
-- server then ends one of the statements, and it is run again. The role needs USAGE on both
-- sequences.
-- Record: LoadedRows
-- Index:  scan: new_resources_with_versions, every row, once
-- Locks:  row: resources, row: resource_versions, row: resource_translations
WITH wanted AS (
    SELECT
        nextval('resources_id_seq') AS resource_id,
        nextval('resource_versions_id_seq') AS version_id,
        chosen.public_id,
        chosen.resource_type,
        chosen.is_private,
        chosen.created_by_id,
        chosen.version_public_id,
        chosen.version_label,
        chosen.config,
        chosen.is_complete,
        chosen.language,
        chosen.name,
        chosen.name_folded,
        chosen.description,
        chosen.description_folded
    FROM (
        SELECT DISTINCT ON (public_id)
            public_id,
            resource_type,
            is_private,
            created_by_id,
            version_public_id,
            version_label,
            config,
            is_complete,
            language,
            name,
            name_folded,
            description,
            description_folded
        FROM pg_temp.new_resources_with_versions
        WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
        ORDER BY
            public_id ASC,
            row_index ASC
    ) AS chosen
),

inserted AS (
    INSERT INTO resources (
        id,
        public_id,
        resource_type,
        is_private,
        has_complete_version,
        created_by_id,
        latest_version_id,
        last_version_index
    )
    SELECT
        resource_id,
        public_id,
        resource_type,
        is_private,
        is_complete,
        created_by_id,
        version_id,
        0
    FROM wanted
    -- lint: locks_are_ordered: the rows are numbered in the order of public ids.
    ORDER BY resource_id ASC
    -- lint: conflict_is_read: existing rows do not change the result.
    ON CONFLICT (public_id) DO NOTHING
    RETURNING id
),

versions AS (
    INSERT INTO resource_versions (
        id,
        public_id,
        resource_id,
        version_index,
        version_label,
        config,
        is_complete
    )
    SELECT
        version_id,
        version_public_id,
        resource_id,
        0,
        version_label,
        config,
        is_complete
    FROM wanted
    -- IS TRUE keeps it a hashed subplan: as a join, it may become a nested loop, because nobody has
    -- counted the staged rows.
    WHERE (resource_id IN (SELECT inserted.id FROM inserted)) IS TRUE
    ORDER BY resource_id ASC
),

translations AS (
    INSERT INTO resource_translations (
        resource_id,
        language,
        name,
        name_folded,
        description,
        description_folded
    )
    SELECT
        resource_id,
        language,
        name,
        name_folded,
        description,
        description_folded
    FROM wanted
    WHERE
        (resource_id IN (SELECT inserted.id FROM inserted)) IS TRUE
        AND language IS NOT NULL
    ORDER BY resource_id ASC
)

SELECT
    count(*) AS inserted,
    0::bigint AS updated,
    0::bigint AS missed,
    array_agg(id ORDER BY id ASC) AS ids
FROM inserted;

-- name: bulk_create_with_version__drop()!
-- Drop the staging table, so that the same transaction can load more rows.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.new_resources_with_versions;
