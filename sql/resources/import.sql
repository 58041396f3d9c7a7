-- name: import_staged()$
-- Insert the resources staged by an import, each with its version and its translation, and count
-- them: lines of a public id that exists already are left out, and so are all but the first of it.
-- All tables are filled in the order of public ids, which is then also that of the identifiers:
-- two imports at once cannot wait for each other in a circle, and indexes grow at their ends.
-- The role needs USAGE on both sequences.
-- Not for psql alone: the import makes and fills imported_lines, a temporary table, beforehand.
-- Utility: reads imported_lines, a temporary table of the import.
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
