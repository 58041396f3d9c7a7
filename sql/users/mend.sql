-- name: list_texts(after_id, max_rows)
-- List the users with a greater id, with their names, folded names and languages.
-- Record: UserTexts
-- Index:  users_pkey, users_pkey (order)
-- Locks:  none
SELECT
    id,
    name,
    coalesce(name_folded, lower(name)) AS name_folded,
    languages
FROM users
WHERE id > :after_id::bigint
ORDER BY id ASC
LIMIT :max_rows::integer;

-- name: mend_name(id, name, name_folded)^
-- Store the folded name of one user, unless the name has changed since it was read. The user's
-- revision stays the same.
-- Record: RowId, or no row
-- Index:  users_pkey
-- Locks:  row: users
UPDATE users
SET name_folded = :name_folded::text
WHERE
    id = :id::bigint
    AND name = :name::text
RETURNING id;

-- name: mend_languages(id, languages, tags)^
-- Store the normalized language tags of one user, unless they have changed since they were read.
-- Record: RowId, or no row
-- Index:  users_pkey
-- Locks:  for no key update: users
WITH cur AS (
    SELECT
        id,
        revision
    FROM users
    WHERE
        id = :id::bigint
        AND languages = :languages::text[]
    FOR NO KEY UPDATE
)

UPDATE users
SET
    languages = :tags::text[],
    revision = cur.revision + 1,
    updated_at = now()
FROM cur
WHERE users.id = cur.id
RETURNING users.id;
