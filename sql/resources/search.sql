-- name: search__any_type(pattern, max_rows)
-- List, best score first, the listed resources with a translation whose name or
-- description holds a text.
-- For texts that hold no trigram, and where there are no trigram indexes: walks the resources until
-- the limit is reached, at worst to the last one: give strangers' searches a statement_timeout.
-- The score is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_score_id_idx (order), resource_translations_pkey,
--         scan: resources, every row, where few hold the text
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
                coalesce(
                    resource_translations.name_folded,
                    lower(resource_translations.name)
                ) LIKE :pattern::text
                OR coalesce(
                    resource_translations.description_folded,
                    lower(resource_translations.description)
                ) LIKE :pattern::text
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
-- Reads the hits from the trigram indexes and sorts them. With more than 5 000 of them, walks the
-- 10 000 best resources first, and is done if enough of these hold the text. At worst reads those
-- and then every translation that holds the text, however few of their resources are listed: give
-- strangers' searches a statement_timeout.
-- Record: Resource
-- Index:  never: without the trigram indexes another query is run
-- Index (pg_trgm): resource_translations_name_folded_idx,
--         resource_translations_description_folded_idx,
--         resources_score_id_idx (order), resource_translations_pkey, resources_pkey
-- Locks:  none
WITH hits AS MATERIALIZED (
    SELECT resource_id
    FROM resource_translations
    WHERE
        coalesce(name_folded, lower(name)) LIKE :pattern::text
        OR coalesce(description_folded, lower(description)) LIKE :pattern::text
),

-- Hits are read as they are asked for. With a limit of their own, the planner would hope to meet as
-- many soon, and read the table from its beginning.
first_hits AS MATERIALIZED (
    SELECT resource_id
    FROM hits
    LIMIT 5001
),

walked AS (
    SELECT id
    FROM (
        SELECT
            id,
            score
        FROM resources
        WHERE
            (SELECT count(*) > 5000 FROM first_hits)
            AND NOT is_private
            AND NOT is_deleted
            AND has_complete_version
        ORDER BY
            score DESC,
            id DESC
        LIMIT 10000
    ) AS best
    WHERE
        EXISTS (
            SELECT
            FROM resource_translations
            WHERE
                resource_translations.resource_id = best.id
                AND (
                    coalesce(
                        resource_translations.name_folded,
                        lower(resource_translations.name)
                    ) LIKE :pattern::text
                    OR coalesce(
                        resource_translations.description_folded,
                        lower(resource_translations.description)
                    ) LIKE :pattern::text
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
    WHERE (SELECT count(*) FROM walked) < :max_rows::integer
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
    -- Sorted, and not in the order of an index, which the planner would walk to look for the hits.
    score + 0 DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__one_type(pattern, resource_type, max_rows)
-- List, best score first, the listed resources of one type with a translation whose name or
-- description holds a text.
-- For texts that hold no trigram, and where there are no trigram indexes: walks the resources until
-- the limit is reached, at worst to the last one: give strangers' searches a statement_timeout.
-- The score is a key of the index, so raising it is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_score_id_idx,
--         resources_resource_type_score_id_idx (order), resource_translations_pkey,
--         scan: resources, every row, of the type, where few hold the text
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
                coalesce(
                    resource_translations.name_folded,
                    lower(resource_translations.name)
                ) LIKE :pattern::text
                OR coalesce(
                    resource_translations.description_folded,
                    lower(resource_translations.description)
                ) LIKE :pattern::text
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
-- Reads the hits from the trigram indexes and sorts them. With more than 5 000 of them, walks the
-- 10 000 best resources first, and is done if enough of these hold the text. At worst reads those
-- and then every translation that holds the text, however few of their resources are listed: give
-- strangers' searches a statement_timeout.
-- Record: Resource
-- Index:  never: without the trigram indexes another query is run
-- Index (pg_trgm): resource_translations_name_folded_idx,
--         resource_translations_description_folded_idx,
--         resources_resource_type_score_id_idx, resource_translations_pkey, resources_pkey
-- Locks:  none
WITH hits AS MATERIALIZED (
    SELECT resource_id
    FROM resource_translations
    WHERE
        coalesce(name_folded, lower(name)) LIKE :pattern::text
        OR coalesce(description_folded, lower(description)) LIKE :pattern::text
),

-- Hits are read as they are asked for. With a limit of their own, the planner would hope to meet as
-- many soon, and read the table from its beginning.
first_hits AS MATERIALIZED (
    SELECT resource_id
    FROM hits
    LIMIT 5001
),

walked AS (
    SELECT id
    FROM (
        SELECT
            id,
            score
        FROM resources
        WHERE
            (SELECT count(*) > 5000 FROM first_hits)
            AND resource_type = :resource_type::text
            AND NOT is_private
            AND NOT is_deleted
            AND has_complete_version
        ORDER BY
            score DESC,
            id DESC
        LIMIT 10000
    ) AS best
    WHERE
        EXISTS (
            SELECT
            FROM resource_translations
            WHERE
                resource_translations.resource_id = best.id
                AND (
                    coalesce(
                        resource_translations.name_folded,
                        lower(resource_translations.name)
                    ) LIKE :pattern::text
                    OR coalesce(
                        resource_translations.description_folded,
                        lower(resource_translations.description)
                    ) LIKE :pattern::text
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
    WHERE (SELECT count(*) FROM walked) < :max_rows::integer
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
    -- Sorted, and not in the order of an index, which the planner would walk to look for the hits.
    score + 0 DESC,
    id DESC
LIMIT :max_rows::integer;
