-- name: search__any_type(pattern, max_rows)
-- List, best score first, the listed resources with a translation whose name or
-- description holds a text.
-- For texts of one or two characters, and where there are no trigram indexes: walks the resources
-- until the limit is reached.
-- Record: Resource
-- Index:  resources_score_id_idx (order), resource_translations_pkey
-- Locks:  none
SELECT
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
FROM resources
WHERE
    NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND EXISTS (
        SELECT
        FROM resource_translations
        WHERE
            resource_translations.resource_id = resources.id
            AND (
                resource_translations.name ILIKE :pattern::text
                OR resource_translations.description ILIKE :pattern::text
            )
        -- Keeps the look of each resource at its own translations: as a join, the planner would
        -- read all translations and sort all that match.
        OFFSET 0
    )
ORDER BY
    score DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__any_type_by_trigram(pattern, max_rows)
-- List, best score first, the listed resources with a translation whose name or
-- description holds a text.
-- Reads the hits from the trigram indexes and sorts them. A text with more than 5 000 hits is in so
-- many rows that walking the resources finds enough of them sooner: then that half answers instead.
-- Record: Resource
-- Index:  resource_translations_pkey, scan: not run without the trigram indexes
-- Index (pg_trgm): resource_translations_name_idx, resource_translations_description_idx,
--         resources_score_id_idx (order), resource_translations_pkey, resources_pkey
-- Locks:  none
WITH hits AS MATERIALIZED (
    SELECT resource_id
    FROM resource_translations
    WHERE
        name ILIKE :pattern::text
        OR description ILIKE :pattern::text
    LIMIT 5001
),

crowd AS (
    SELECT count(*) > 5000 AS is_large
    FROM hits
),

walked AS (
    SELECT id
    FROM resources
    WHERE
        (SELECT crowd.is_large FROM crowd)
        AND NOT is_private
        AND NOT is_deleted
        AND has_complete_version
        AND EXISTS (
            SELECT
            FROM resource_translations
            WHERE
                resource_translations.resource_id = resources.id
                AND (
                    resource_translations.name ILIKE :pattern::text
                    OR resource_translations.description ILIKE :pattern::text
                )
            -- Keeps the look of each resource at its own translations: as a join, the planner would
            -- read all translations and sort all that match.
            OFFSET 0
        )
    ORDER BY
        score DESC,
        id DESC
    LIMIT :max_rows::integer
),

found AS (
    SELECT id FROM walked
    UNION ALL
    SELECT resource_id FROM hits
    WHERE NOT (SELECT crowd.is_large FROM crowd)
)

SELECT
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
FROM resources
WHERE
    -- An array, not a join: looked up one by one, however many the planner expects, and each once,
    -- though a resource is a hit for each of its translations that hold the text.
    id = any(array(SELECT found.id FROM found))
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    score DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__one_type(pattern, resource_type, max_rows)
-- List, best score first, the listed resources of one type with a translation whose name or
-- description holds a text.
-- For texts of one or two characters, and where there are no trigram indexes: walks the resources
-- until the limit is reached.
-- Record: Resource
-- Index:  resources_resource_type_score_id_idx,
--         resources_resource_type_score_id_idx (order), resource_translations_pkey
-- Locks:  none
SELECT
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
FROM resources
WHERE
    resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
    AND EXISTS (
        SELECT
        FROM resource_translations
        WHERE
            resource_translations.resource_id = resources.id
            AND (
                resource_translations.name ILIKE :pattern::text
                OR resource_translations.description ILIKE :pattern::text
            )
        -- Keeps the look of each resource at its own translations: as a join, the planner would
        -- read all translations and sort all that match.
        OFFSET 0
    )
ORDER BY
    score DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__one_type_by_trigram(pattern, resource_type, max_rows)
-- List, best score first, the listed resources of one type with a translation whose name or
-- description holds a text.
-- Reads the hits from the trigram indexes and sorts them. A text with more than 5 000 hits is in so
-- many rows that walking the resources finds enough of them sooner: then that half answers instead.
-- Record: Resource
-- Index:  resource_translations_pkey, resources_pkey,
--         resources_resource_type_score_id_idx, scan: not run without the trigram indexes
-- Index (pg_trgm): resource_translations_name_idx, resource_translations_description_idx,
--         resources_resource_type_score_id_idx, resource_translations_pkey, resources_pkey
-- Locks:  none
WITH hits AS MATERIALIZED (
    SELECT resource_id
    FROM resource_translations
    WHERE
        name ILIKE :pattern::text
        OR description ILIKE :pattern::text
    LIMIT 5001
),

crowd AS (
    SELECT count(*) > 5000 AS is_large
    FROM hits
),

walked AS (
    SELECT id
    FROM resources
    WHERE
        (SELECT crowd.is_large FROM crowd)
        AND resource_type = :resource_type::text
        AND NOT is_private
        AND NOT is_deleted
        AND has_complete_version
        AND EXISTS (
            SELECT
            FROM resource_translations
            WHERE
                resource_translations.resource_id = resources.id
                AND (
                    resource_translations.name ILIKE :pattern::text
                    OR resource_translations.description ILIKE :pattern::text
                )
            -- Keeps the look of each resource at its own translations: as a join, the planner would
            -- read all translations and sort all that match.
            OFFSET 0
        )
    ORDER BY
        score DESC,
        id DESC
    LIMIT :max_rows::integer
),

found AS (
    SELECT id FROM walked
    UNION ALL
    SELECT resource_id FROM hits
    WHERE NOT (SELECT crowd.is_large FROM crowd)
)

SELECT
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
FROM resources
WHERE
    -- An array, not a join: looked up one by one, however many the planner expects, and each once,
    -- though a resource is a hit for each of its translations that hold the text.
    id = any(array(SELECT found.id FROM found))
    AND resource_type = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    score DESC,
    id DESC
LIMIT :max_rows::integer;
