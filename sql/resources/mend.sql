-- name: list_texts(after_resource_id, after_language, max_rows)
-- List the translations after a given translation, with their texts and folded texts.
-- Record: TranslationTexts
-- Index:  resource_translations_pkey, resource_translations_pkey (order)
-- Locks:  none
SELECT
    resource_id,
    language,
    name,
    description,
    coalesce(name_folded, lower(name)) AS name_folded,
    coalesce(description_folded, lower(description)) AS description_folded
FROM resource_translations
WHERE (resource_id, language) > (:after_resource_id::bigint, :after_language::text)
ORDER BY
    resource_id ASC,
    language ASC
LIMIT :max_rows::integer;

-- name: mend_texts(resource_id, language, name, description, name_folded, description_folded)^
-- Store the folded texts of one translation, unless its texts have changed since they were read.
-- The resource's revision stays the same.
-- Record: RowId, or no row
-- Index:  resource_translations_pkey
-- Locks:  row: resource_translations
UPDATE resource_translations
SET
    name_folded = :name_folded::text,
    description_folded = :description_folded::text
WHERE
    resource_id = :resource_id::bigint
    AND language = :language::text
    AND name = :name::text
    AND description IS NOT DISTINCT FROM :description::text
RETURNING resource_id AS id;

-- name: mend_language(resource_id, tag)^
-- Keep one of the translations whose language tags differ only in case, under the given tag, and
-- delete the others. The translation with this tag is kept, or else the one that was changed last.
-- The resource's revision stays the same.
-- Record: RowId, or no row
-- Index:  resource_translations_pkey
-- Locks:  for update: resource_translations
WITH cur AS (
    SELECT
        resource_id,
        language,
        updated_at
    FROM resource_translations
    WHERE
        resource_id = :resource_id::bigint
        AND lower(language) = lower(:tag::text)
    ORDER BY
        resource_id ASC,
        language ASC
    FOR UPDATE
),

kept AS (
    SELECT
        resource_id,
        language
    FROM cur
    ORDER BY
        language = :tag::text DESC,
        updated_at DESC,
        language DESC
    LIMIT 1
),

removed AS (
    DELETE FROM resource_translations
    USING cur, kept
    WHERE
        resource_translations.resource_id = cur.resource_id
        AND resource_translations.language = cur.language
        AND cur.language <> kept.language
),

renamed AS (
    UPDATE resource_translations
    SET
        language = :tag::text,
        updated_at = now()
    FROM kept
    WHERE
        resource_translations.resource_id = kept.resource_id
        AND resource_translations.language = kept.language
        AND kept.language <> :tag::text
)

SELECT resource_id AS id
FROM kept;
