-- name: import_exported__stage()!
-- Create the staging table of resources with their versions and translations, with one row per line
-- of an export. The end of the transaction drops it. import_exported__copy fills it,
-- import_exported__failures deletes rows from it, and import_exported__insert reads it. The role
-- needs TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.exported_resources (
    row_index bigint NOT NULL,
    public_id text COLLATE "C" NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    is_private boolean NOT NULL,
    is_deleted boolean NOT NULL,
    deleted_at timestamptz,
    deleted_by_public_id text COLLATE "C",
    has_complete_version boolean NOT NULL,
    score bigint NOT NULL,
    bookmarks bigint NOT NULL,
    views bigint NOT NULL,
    created_by_public_id text COLLATE "C",
    latest_version_public_id text COLLATE "C",
    last_version_index integer NOT NULL,
    revision integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    versions jsonb NOT NULL,
    translations jsonb NOT NULL
) ON COMMIT DROP;

-- name: import_exported__copy()!
-- Stage the lines that the client sends in binary, with their position. The client adds the folded
-- texts, and whether a version is complete.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: exported_resources
COPY pg_temp.exported_resources (
    row_index,
    public_id,
    resource_type,
    is_private,
    is_deleted,
    deleted_at,
    deleted_by_public_id,
    has_complete_version,
    score,
    bookmarks,
    views,
    created_by_public_id,
    latest_version_public_id,
    last_version_index,
    revision,
    created_at,
    updated_at,
    versions,
    translations
) FROM STDIN (FORMAT "binary");

-- name: import_exported__failures(duplicates_fail)
-- Delete the staged resources that cannot be written, and return each with its reason: the creator
-- or the deleting user is absent, or the database has the public id of a version, or, if duplicates
-- fail, the resource exists.
-- If two lines have the same public id of a version, the server refuses the second.
-- Record: FailedRow
-- Index:  resources_public_id_key, users_public_id_key, resource_versions_public_id_key,
--         scan: exported_resources, every row, twice
-- Locks:  row: exported_resources
WITH broken AS (
    SELECT
        staged.row_index,
        CASE
            WHEN same.id IS NOT NULL THEN 'resources_public_id_key'
            WHEN
                staged.created_by_public_id IS NOT NULL AND creator.id IS NULL
                THEN 'resources_created_by_id_fkey'
            WHEN
                staged.deleted_by_public_id IS NOT NULL AND deleter.id IS NULL
                THEN 'resources_deleted_by_id_fkey'
            ELSE 'resource_versions_public_id_key'
        END AS constraint_name
    FROM pg_temp.exported_resources AS staged
    -- OFFSET 0: a staging table has no statistics, and each row is to be looked up by its keys.
    LEFT JOIN LATERAL (
        SELECT resources.id
        FROM resources
        WHERE resources.public_id = staged.public_id
        OFFSET 0
    ) AS same ON TRUE
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.public_id = staged.created_by_public_id
        OFFSET 0
    ) AS creator ON TRUE
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.public_id = staged.deleted_by_public_id
        OFFSET 0
    ) AS deleter ON TRUE
    LEFT JOIN LATERAL (
        SELECT taken.id
        FROM jsonb_to_recordset(staged.versions) AS given (public_id text)
        INNER JOIN LATERAL (
            SELECT resource_versions.id
            FROM resource_versions
            WHERE resource_versions.public_id = given.public_id
            OFFSET 0
        ) AS taken ON TRUE
        ORDER BY taken.id ASC
        LIMIT 1
    ) AS version ON TRUE
    WHERE
        CASE
            WHEN same.id IS NOT NULL THEN :duplicates_fail::boolean
            ELSE
                (staged.created_by_public_id IS NOT NULL AND creator.id IS NULL)
                OR (staged.deleted_by_public_id IS NOT NULL AND deleter.id IS NULL)
                OR version.id IS NOT NULL
        END
),

removed AS (
    DELETE FROM pg_temp.exported_resources
    USING broken
    WHERE exported_resources.row_index = broken.row_index
)

SELECT
    row_index,
    constraint_name,
    CASE constraint_name
        WHEN 'resources_public_id_key' THEN 'the public id is taken'
        WHEN 'resource_versions_public_id_key' THEN 'the public id of a version is taken'
        ELSE 'there is no such user'
    END AS reason
FROM broken
-- lint: listing_is_ordered: a batch bounds the rows, and row_index is unique.
ORDER BY row_index ASC;

-- name: import_exported__insert(first_row, last_row)^
-- Insert the resources of one part of the lines, each with its versions and translations: the first
-- of each public id. Existing resources are not changed, nor are their versions and translations.
-- All tables are filled in the order of public ids, which is also the order of the new ids. So two
-- concurrent imports do not deadlock on these, and indexes on ids grow at their ends.
-- The role needs USAGE on both sequences.
-- Record: LoadedRows
-- Index:  users_public_id_key, scan: exported_resources, every row, once
-- Locks:  row: resources, row: resource_versions, row: resource_translations
WITH wanted AS (
    SELECT
        nextval('resources_id_seq') AS resource_id,
        chosen.public_id,
        chosen.resource_type,
        chosen.is_private,
        chosen.is_deleted,
        chosen.deleted_at,
        (
            SELECT users.id
            FROM users
            WHERE users.public_id = chosen.deleted_by_public_id
        ) AS deleted_by_id,
        chosen.has_complete_version,
        chosen.score,
        chosen.bookmarks,
        chosen.views,
        (
            SELECT users.id
            FROM users
            WHERE users.public_id = chosen.created_by_public_id
        ) AS created_by_id,
        chosen.latest_version_public_id,
        chosen.last_version_index,
        chosen.revision,
        chosen.created_at,
        chosen.updated_at,
        chosen.versions,
        chosen.translations
    FROM (
        SELECT DISTINCT ON (public_id)
            public_id,
            resource_type,
            is_private,
            is_deleted,
            deleted_at,
            deleted_by_public_id,
            has_complete_version,
            score,
            bookmarks,
            views,
            created_by_public_id,
            latest_version_public_id,
            last_version_index,
            revision,
            created_at,
            updated_at,
            versions,
            translations
        FROM pg_temp.exported_resources
        WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
        ORDER BY
            public_id ASC,
            row_index ASC
    ) AS chosen
),

given_versions AS (
    SELECT
        nextval('resource_versions_id_seq') AS version_id,
        wanted.resource_id,
        given.public_id,
        given.version_index,
        given.version_label,
        given.config,
        given.is_complete,
        given.revision,
        given.created_at,
        given.updated_at
    FROM wanted
    CROSS JOIN LATERAL jsonb_to_recordset(wanted.versions) AS given (
        public_id text,
        version_index integer,
        version_label text,
        config jsonb,
        is_complete boolean,
        revision integer,
        created_at timestamptz,
        updated_at timestamptz
    )
),

inserted AS (
    INSERT INTO resources (
        id,
        public_id,
        resource_type,
        is_private,
        is_deleted,
        deleted_at,
        deleted_by_id,
        has_complete_version,
        score,
        bookmarks,
        views,
        created_by_id,
        latest_version_id,
        last_version_index,
        revision,
        created_at,
        updated_at
    )
    SELECT
        wanted.resource_id,
        wanted.public_id,
        wanted.resource_type,
        wanted.is_private,
        wanted.is_deleted,
        wanted.deleted_at,
        wanted.deleted_by_id,
        wanted.has_complete_version,
        wanted.score,
        wanted.bookmarks,
        wanted.views,
        wanted.created_by_id,
        given_versions.version_id,
        wanted.last_version_index,
        wanted.revision,
        wanted.created_at,
        wanted.updated_at
    FROM wanted
    LEFT JOIN given_versions
        ON
            wanted.resource_id = given_versions.resource_id
            AND wanted.latest_version_public_id = given_versions.public_id
    -- lint: locks_are_ordered: the rows are numbered in the order of public ids.
    ORDER BY wanted.resource_id ASC
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
        is_complete,
        revision,
        created_at,
        updated_at
    )
    SELECT
        version_id,
        public_id,
        resource_id,
        version_index,
        version_label,
        config,
        is_complete,
        revision,
        created_at,
        updated_at
    FROM given_versions
    WHERE resource_id IN (SELECT inserted.id FROM inserted)
    ORDER BY version_id ASC
),

translations AS (
    INSERT INTO resource_translations (
        resource_id,
        language,
        name,
        name_folded,
        description,
        description_folded,
        created_at,
        updated_at
    )
    SELECT
        wanted.resource_id,
        given.language,
        given.name,
        given.name_folded,
        given.description,
        given.description_folded,
        given.created_at,
        given.updated_at
    FROM wanted
    CROSS JOIN
        LATERAL jsonb_to_recordset(wanted.translations)
            AS given (
                language text,
                name text,
                name_folded text,
                description text,
                description_folded text,
                created_at timestamptz,
                updated_at timestamptz
            )
    WHERE wanted.resource_id IN (SELECT inserted.id FROM inserted)
    ORDER BY
        wanted.resource_id ASC,
        given.language ASC
)

SELECT
    count(*) AS inserted,
    0::bigint AS updated,
    0::bigint AS missed,
    NULL::bigint[] AS ids
FROM inserted;

-- name: import_exported__drop()!
-- Drop the staging table, so that the same transaction can load the next lines.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.exported_resources;
