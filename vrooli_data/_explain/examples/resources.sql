-- name: resources()^
WITH best AS (
    SELECT
        id,
        public_id,
        resource_type,
        score,
        bookmarks,
        views,
        revision,
        created_at,
        updated_at
    FROM resources
    WHERE
        NOT is_private
        AND NOT is_deleted
        AND has_complete_version
    ORDER BY
        score DESC,
        bookmarks DESC,
        views DESC,
        id DESC
    LIMIT 50
)

SELECT
    best.id,
    best.id AS resource_id,
    best.public_id,
    best.resource_type,
    best.score,
    best.bookmarks,
    best.views,
    best.revision,
    best.created_at,
    best.updated_at,
    resource_translations.language,
    '%'
    || split_part(
        coalesce(resource_translations.name_folded, lower(resource_translations.name)), ' ', 1
    )
    || '%' AS pattern,
    '00000000-0000-4000-8000-000000000000' AS event_id,
    (SELECT json_agg(listed.id) FROM best AS listed)::text AS ids,
    (SELECT json_agg(listed.public_id) FROM best AS listed)::text AS public_ids
FROM best
INNER JOIN resource_translations ON best.id = resource_translations.resource_id
ORDER BY
    best.score ASC,
    best.id ASC,
    resource_translations.language ASC
LIMIT 1;

-- name: resources__create()^
SELECT
    'exampleresrc' AS public_id,
    id AS created_by_id
FROM users
ORDER BY id ASC
LIMIT 1;

-- name: resources__create_with_event()^
SELECT
    'exampleresrc' AS public_id,
    '00000000-0000-4000-8000-000000000000' AS event_id,
    id AS created_by_id,
    id AS changed_by
FROM users
ORDER BY id ASC
LIMIT 1;

-- name: resources__create_with_version()^
SELECT
    'exampleresrc' AS public_id,
    'exampleversn' AS version_public_id,
    id AS created_by_id
FROM users
ORDER BY id ASC
LIMIT 1;

-- name: resources__add_version()^
SELECT
    'exampleversn' AS public_id,
    id AS resource_id
FROM resources
WHERE NOT is_deleted
ORDER BY id ASC
LIMIT 1;

-- name: resources__delete()^
SELECT resources.id
FROM resources
WHERE
    NOT EXISTS (
        SELECT
        FROM resource_versions
        INNER JOIN runs ON resource_versions.id = runs.resource_version_id
        WHERE resource_versions.resource_id = resources.id
    )
ORDER BY resources.id ASC
LIMIT 1;

-- name: resources__delete_with_event()^
SELECT
    resources.id,
    '00000000-0000-4000-8000-000000000000' AS event_id
FROM resources
WHERE
    NOT EXISTS (
        SELECT
        FROM resource_versions
        INNER JOIN runs ON resource_versions.id = runs.resource_version_id
        WHERE resource_versions.resource_id = resources.id
    )
ORDER BY resources.id ASC
LIMIT 1;

-- name: resources__find_versions()^
WITH candidates AS (
    SELECT
        id,
        last_version_index
    FROM resources
    ORDER BY id ASC
    LIMIT 10000
)

SELECT
    id AS resource_id,
    last_version_index / 2 AS version_index
FROM candidates
ORDER BY
    last_version_index DESC,
    id ASC
LIMIT 1;

-- name: resources__find_version_by_public_id()^
SELECT public_id
FROM resource_versions
ORDER BY id DESC
LIMIT 1;

-- name: resources__update_version()^
SELECT
    id,
    revision
FROM resource_versions
ORDER BY id DESC
LIMIT 1;

-- name: resources__mend_texts()^
SELECT
    resource_id,
    language,
    name,
    description,
    name_folded,
    description_folded
FROM resource_translations
ORDER BY
    resource_id ASC,
    language ASC
LIMIT 1;

-- name: resources__mend_language()^
SELECT
    resource_id,
    upper(language) AS tag
FROM resource_translations
ORDER BY
    resource_id ASC,
    language ASC
LIMIT 1;

-- name: resources__soft_delete_with_event()^
SELECT
    resources.id,
    users.id AS deleted_by_id,
    '00000000-0000-4000-8000-000000000000' AS event_id
FROM resources
CROSS JOIN users
WHERE NOT resources.is_deleted
ORDER BY
    resources.score DESC,
    resources.id DESC,
    users.id ASC
LIMIT 1;

-- name: resources__bulk_soft_delete()^
WITH listed AS (
    SELECT id
    FROM resources
    WHERE NOT is_deleted
    ORDER BY
        score DESC,
        id DESC
    LIMIT 50
)

SELECT
    (SELECT min(users.id) FROM users) AS deleted_by_id,
    json_agg(listed.id)::text AS ids
FROM listed
HAVING count(*) > 0;

-- name: resources__find_by_creator()^
WITH candidates AS (
    SELECT
        id,
        created_by_id,
        created_at
    FROM resources
    WHERE
        NOT is_private
        AND NOT is_deleted
        AND has_complete_version
    ORDER BY id ASC
    LIMIT 10000
),

many AS (
    SELECT mode() WITHIN GROUP (ORDER BY created_by_id ASC) AS created_by_id
    FROM candidates
),

newest AS (
    SELECT
        candidates.id,
        candidates.created_by_id,
        candidates.created_at
    FROM candidates
    INNER JOIN many ON candidates.created_by_id = many.created_by_id
    ORDER BY
        candidates.created_at DESC,
        candidates.id DESC
    LIMIT 2
)

SELECT
    id,
    created_by_id,
    created_at
FROM newest
ORDER BY
    created_at ASC,
    id ASC
LIMIT 1;

-- name: resources__find_own()^
WITH candidates AS (
    SELECT
        id,
        created_by_id,
        created_at
    FROM resources
    WHERE
        NOT is_private
        AND NOT is_deleted
        AND has_complete_version
    ORDER BY id ASC
    LIMIT 10000
),

many AS (
    SELECT mode() WITHIN GROUP (ORDER BY created_by_id ASC) AS created_by_id
    FROM candidates
),

newest AS (
    SELECT
        candidates.id,
        candidates.created_by_id,
        candidates.created_at
    FROM candidates
    INNER JOIN many ON candidates.created_by_id = many.created_by_id
    ORDER BY
        candidates.created_at DESC,
        candidates.id DESC
    LIMIT 2
)

SELECT
    id,
    created_by_id AS user_id,
    created_at
FROM newest
ORDER BY
    created_at ASC,
    id ASC
LIMIT 1;
