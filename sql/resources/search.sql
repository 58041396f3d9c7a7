-- name: search__any_type(pattern, max_rows)
-- List the listed resources with a translation whose name or description contains a text, best
-- score first.
-- For texts without a trigram, and for databases without trigram indexes. Reads the resources from
-- the best score down until the limit is reached, in the worst case all of them. Set a
-- statement_timeout for untrusted searches.
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
        -- Keeps this a lookup per resource. As a join, the planner would read all translations
        -- and sort all matches.
        OFFSET 0
    )
ORDER BY
    score DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__any_type_by_trigram(pattern, max_rows)
-- List the listed resources with a translation whose name or description contains a text, best
-- score first.
-- Reads the matches from the trigram indexes and sorts them. With more than 5 000 matches, it first
-- reads the 10 000 resources with the best score, and stops if enough of these match. In the worst
-- case it then reads every matching translation, even of resources that are not listed. Set a
-- statement_timeout for untrusted searches.
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

-- The CTE of the matches has no LIMIT, and is read only as far as needed. With a LIMIT, the planner
-- would expect to find enough matches early in a sequential scan.
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
            -- Keeps this a lookup per resource. As a join, the planner would read all translations
            -- and sort all matches.
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
    -- An array instead of a join: each id is looked up by its key, whatever number the planner
    -- expects, and once, although a resource may match by several translations.
    id = any(array(SELECT found.id FROM found))
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    -- An expression, because the planner would walk an index in this order to find the matches.
    score + 0 DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__one_type(pattern, resource_type, max_rows)
-- List the listed resources of one type with a translation whose name or description contains a
-- text, best score first.
-- For texts without a trigram, and for databases without trigram indexes. Reads the resources from
-- the best score down until the limit is reached, in the worst case all of them. Set a
-- statement_timeout for untrusted searches.
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
        -- Keeps this a lookup per resource. As a join, the planner would read all translations
        -- and sort all matches.
        OFFSET 0
    )
ORDER BY
    score DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: search__one_type_by_trigram(pattern, resource_type, max_rows)
-- List the listed resources of one type with a translation whose name or description contains a
-- text, best score first.
-- Reads the matches from the trigram indexes and sorts them. With more than 5 000 matches, it first
-- reads the 10 000 resources with the best score, and stops if enough of these match. In the worst
-- case it then reads every matching translation, even of resources that are not listed. Set a
-- statement_timeout for untrusted searches.
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

-- The CTE of the matches has no LIMIT, and is read only as far as needed. With a LIMIT, the planner
-- would expect to find enough matches early in a sequential scan.
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
            -- Keeps this a lookup per resource. As a join, the planner would read all translations
            -- and sort all matches.
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
    -- An array instead of a join: each id is looked up by its key, whatever number the planner
    -- expects, and once, although a resource may match by several translations.
    id = any(array(SELECT found.id FROM found))
    -- An expression: PostgreSQL 18 may look the ids up in an index of one type, for each of its views.
    AND resource_type || '' = :resource_type::text
    AND NOT is_private
    AND NOT is_deleted
    AND has_complete_version
ORDER BY
    -- An expression, because the planner would walk an index in this order to find the matches.
    score + 0 DESC,
    id DESC
LIMIT :max_rows::integer;
