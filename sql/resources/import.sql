-- name: import_lines__stage()!
-- Make the table that stages the lines of an import, one row for each, until the transaction ends.
-- import_lines__copy fills it, import_lines__insert reads it. The role needs TEMPORARY on the
-- database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.imported_resources (
    row_index bigint NOT NULL,
    version_public_id text COLLATE "C" NOT NULL,
    public_id text COLLATE "C" NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    language text COLLATE "C" NOT NULL,
    name text NOT NULL,
    name_folded text NOT NULL,
    description text,
    description_folded text,
    version_label text COLLATE "C" NOT NULL,
    is_complete boolean NOT NULL,
    config jsonb NOT NULL
) ON COMMIT DROP;

-- name: import_lines__copy()!
-- Stage the lines that the client sends, in binary: their place among them, what is in them, and
-- what the client adds, the public id of the version and the folded texts.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: imported_resources
COPY pg_temp.imported_resources (
    row_index,
    version_public_id,
    public_id,
    resource_type,
    language,
    name,
    name_folded,
    description,
    description_folded,
    version_label,
    is_complete,
    config
) FROM STDIN (FORMAT "binary");

-- name: import_lines__insert(first_row, last_row)^
-- Insert the resources of a part of the lines, each with its version and its translation: the first
-- of each public id; those that are there stay as they are.
-- All tables are filled in the order of public ids, which is then also that of the identifiers:
-- two imports at once cannot wait for each other in a circle, and indexes grow at their ends.
-- The role needs USAGE on both sequences.
-- Record: LoadedRows
-- Index:  scan: imported_resources, every row, once
-- Locks:  row: resources, row: resource_versions, row: resource_translations
WITH wanted AS (
    SELECT
        nextval('resources_id_seq') AS resource_id,
        nextval('resource_versions_id_seq') AS version_id,
        chosen.version_public_id,
        chosen.public_id,
        chosen.resource_type,
        chosen.language,
        chosen.name,
        chosen.name_folded,
        chosen.description,
        chosen.description_folded,
        chosen.version_label,
        chosen.is_complete,
        chosen.config
    FROM (
        SELECT DISTINCT ON (public_id)
            public_id,
            version_public_id,
            resource_type,
            language,
            name,
            name_folded,
            description,
            description_folded,
            version_label,
            is_complete,
            config
        FROM pg_temp.imported_resources
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
        has_complete_version,
        latest_version_id,
        last_version_index
    )
    SELECT
        resource_id,
        public_id,
        resource_type,
        is_complete,
        version_id,
        0
    FROM wanted
    ORDER BY resource_id ASC
    -- lint: conflict_is_read: nothing is decided by the rows that were there already.
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
    WHERE resource_id IN (SELECT inserted.id FROM inserted)
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
    WHERE resource_id IN (SELECT inserted.id FROM inserted)
    ORDER BY resource_id ASC
)

SELECT
    count(*) AS inserted,
    0::bigint AS updated,
    0::bigint AS missed,
    NULL::bigint [] AS ids
FROM inserted;

-- name: import_lines__drop()!
-- Drop the staging table, so that the next lines can be loaded in the same transaction.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.imported_resources;
