-- name: find_translations(resource_id)
-- List the translations of one resource by language.
-- Record: ResourceTranslation
-- Index:  resource_translations_pkey,
--         resource_translations_pkey (order)
-- Locks:  none
SELECT
    resource_id,
    language,
    name,
    description,
    created_at,
    updated_at
FROM resource_translations
WHERE resource_id = :resource_id::bigint
ORDER BY language ASC
LIMIT 10000;

-- name: set_translation(resource_id, language, name, name_folded, description, description_folded)^
-- Insert or replace the translation of one resource into a language.
-- A translation has no revision of its own: the resource's revision counts the change.
-- Record: ResourceTranslation, or no row
-- Index:  resources_pkey
-- Locks:  for no key update: resources, row: resource_translations
WITH cur AS (
    SELECT
        id,
        revision
    FROM resources
    WHERE id = :resource_id::bigint
    FOR NO KEY UPDATE
),

changed AS (
    UPDATE resources
    SET
        revision = cur.revision + 1,
        updated_at = now()
    FROM cur
    WHERE resources.id = cur.id
)

INSERT INTO resource_translations (
    resource_id,
    language,
    name,
    name_folded,
    description,
    description_folded
)
SELECT
    cur.id,
    :language::text,
    :name::text,
    :name_folded::text,
    :description::text,
    :description_folded::text
FROM cur
ON CONFLICT (resource_id, language) DO UPDATE
    SET
        name = excluded.name,
        name_folded = excluded.name_folded,
        description = excluded.description,
        description_folded = excluded.description_folded,
        updated_at = excluded.updated_at
RETURNING
    resource_id,
    language,
    name,
    description,
    created_at,
    updated_at;

-- name: delete_translation(resource_id, language)^
-- Delete the translation of one resource into a language.
-- A translation has no revision of its own: the resource's revision counts the change.
-- Record: RowId, or no row
-- Index:  resources_pkey, resource_translations_pkey
-- Locks:  for no key update: resources, row: resource_translations
WITH cur AS (
    SELECT
        id,
        revision
    FROM resources
    WHERE id = :resource_id::bigint
    FOR NO KEY UPDATE
),

removed AS (
    DELETE FROM resource_translations
    USING cur
    WHERE
        resource_translations.resource_id = cur.id
        AND resource_translations.language = :language::text
    RETURNING resource_translations.resource_id
)

UPDATE resources
SET
    revision = cur.revision + 1,
    updated_at = now()
FROM cur
INNER JOIN removed ON cur.id = removed.resource_id
WHERE resources.id = cur.id
RETURNING resources.id;
