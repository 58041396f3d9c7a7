-- name: list_texts(after_id, max_rows)
-- List what search and comparison read of the users after an id: names, as folded, and languages.
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
-- Store the folded name of one user, unless the name was changed since it was read; no change of the
-- user's own.
-- Record: Touched, or no row
-- Index:  users_pkey
-- Locks:  row: users
UPDATE users
SET name_folded = :name_folded::text
WHERE
    id = :id::bigint
    AND name = :name::text
RETURNING id;

-- name: mend_languages(id, languages, tags)^
-- Store the language tags of one user as they are written, unless they were changed since they were
-- read.
-- Record: Touched, or no row
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
