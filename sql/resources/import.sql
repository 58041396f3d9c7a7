-- name: import_lines__stage()!
-- Make the table that stages the lines of an import, one row a line, until the transaction ends.
-- import_lines__copy fills it, and import_lines__insert reads it. The role needs TEMPORARY on the
-- database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.imported_lines (
    line bigint NOT NULL,
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
-- Stage the lines that the client sends, in binary: their number in the file, what is in them, and
-- what the client adds, the public id of the version and the folded texts.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: imported_lines
COPY pg_temp.imported_lines (
    line,
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

-- name: import_lines__analyze()!
-- Count what is staged for the planner: autovacuum never sees a temporary table.
-- Record: none
-- Index:  none: samples the staged rows
-- Locks:  none
ANALYZE pg_temp.imported_lines (line, public_id);

-- name: import_lines__insert()$
-- Insert the resources of the staged lines, each with its version and its translation, and count
-- them: lines of a public id that exists already are left out, and so are all but the first of it.
-- All tables are filled in the order of public ids, which is then also that of the identifiers:
-- two imports at once cannot wait for each other in a circle, and indexes grow at their ends.
-- The role needs USAGE on both sequences.
-- Record: int
-- Index:  scan: imported_lines, every row, once for each table
-- Locks:  row: resources, row: resource_versions, row: resource_translations
WITH
first_lines AS (
    SELECT
        nextval('resources_id_seq') AS resource_id,
        nextval('resource_versions_id_seq') AS version_id,
        sorted_lines.line,
        sorted_lines.public_id,
        sorted_lines.resource_type,
        sorted_lines.is_complete
    FROM (
        SELECT DISTINCT ON (public_id)
            public_id,
            line,
            resource_type,
            is_complete
        FROM pg_temp.imported_lines
        ORDER BY
            public_id ASC,
            line ASC
    ) AS sorted_lines
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
    FROM first_lines
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
        first_lines.version_id,
        imported_lines.version_public_id,
        first_lines.resource_id,
        0,
        imported_lines.version_label,
        imported_lines.config,
        imported_lines.is_complete
    FROM first_lines
    INNER JOIN pg_temp.imported_lines ON first_lines.line = imported_lines.line
    WHERE first_lines.resource_id IN (SELECT inserted.id FROM inserted)
    ORDER BY first_lines.resource_id ASC
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
        first_lines.resource_id,
        imported_lines.language,
        imported_lines.name,
        imported_lines.name_folded,
        imported_lines.description,
        imported_lines.description_folded
    FROM first_lines
    INNER JOIN pg_temp.imported_lines ON first_lines.line = imported_lines.line
    WHERE first_lines.resource_id IN (SELECT inserted.id FROM inserted)
    ORDER BY first_lines.resource_id ASC
)

SELECT count(*) FROM inserted;
