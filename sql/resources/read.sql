-- name: find_by_id(id)^
-- Fetch one resource by id.
-- Record: Resource, or no row
-- Index:  resources_pkey
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
WHERE id = :id::bigint;

-- name: find_by_public_id(public_id)^
-- Fetch one resource by public id.
-- Record: Resource, or no row
-- Index:  resources_public_id_key
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
WHERE public_id = :public_id::text;

-- name: find_many_by_id(ids)
-- Fetch resources by a JSON array of ids, in the order of the array. Absent ids are left out.
-- Each id is looked up separately: for a plain join, the planner may read and lock the whole
-- table.
-- Record: Resource
-- Index:  resources_pkey
-- Locks:  none
SELECT
    found.id,
    found.public_id,
    found.resource_type,
    found.is_private,
    found.is_deleted,
    found.deleted_at,
    found.deleted_by_id,
    found.has_complete_version,
    found.score,
    found.bookmarks,
    found.views,
    found.created_by_id,
    found.latest_version_id,
    found.last_version_index,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:ids::json) WITH ORDINALITY AS wanted (id, position)
INNER JOIN LATERAL (
    SELECT
        resources.id,
        resources.public_id,
        resources.resource_type,
        resources.is_private,
        resources.is_deleted,
        resources.deleted_at,
        resources.deleted_by_id,
        resources.has_complete_version,
        resources.score,
        resources.bookmarks,
        resources.views,
        resources.created_by_id,
        resources.latest_version_id,
        resources.last_version_index,
        resources.revision,
        resources.created_at,
        resources.updated_at
    FROM resources
    WHERE resources.id = wanted.id::bigint
    LIMIT 1
) AS found ON TRUE
ORDER BY wanted.position ASC
LIMIT 10000;

-- name: find_many_by_public_id(public_ids)
-- Fetch resources by a JSON array of public ids, in the order of the array. Absent public ids are
-- left out.
-- Each public id is looked up separately: for a plain join, the planner may read and lock the whole
-- table.
-- Record: Resource
-- Index:  resources_public_id_key
-- Locks:  none
SELECT
    found.id,
    found.public_id,
    found.resource_type,
    found.is_private,
    found.is_deleted,
    found.deleted_at,
    found.deleted_by_id,
    found.has_complete_version,
    found.score,
    found.bookmarks,
    found.views,
    found.created_by_id,
    found.latest_version_id,
    found.last_version_index,
    found.revision,
    found.created_at,
    found.updated_at
FROM json_array_elements_text(:public_ids::json) WITH ORDINALITY AS wanted (public_id, position)
INNER JOIN LATERAL (
    SELECT
        resources.id,
        resources.public_id,
        resources.resource_type,
        resources.is_private,
        resources.is_deleted,
        resources.deleted_at,
        resources.deleted_by_id,
        resources.has_complete_version,
        resources.score,
        resources.bookmarks,
        resources.views,
        resources.created_by_id,
        resources.latest_version_id,
        resources.last_version_index,
        resources.revision,
        resources.created_at,
        resources.updated_at
    FROM resources
    WHERE resources.public_id = wanted.public_id
    LIMIT 1
) AS found ON TRUE
ORDER BY wanted.position ASC
LIMIT 10000;

-- name: find_with_latest_version(public_id)^
-- Fetch one resource with its creator and its latest version.
-- Record: ResourceWithLatestVersion, or no row
-- Index:  resources_public_id_key, users_pkey, resource_versions_pkey
-- Locks:  none
SELECT
    resources.id,
    resources.public_id,
    resources.resource_type,
    resources.is_private,
    resources.is_deleted,
    resources.deleted_at,
    resources.deleted_by_id,
    resources.has_complete_version,
    resources.score,
    resources.bookmarks,
    resources.views,
    resources.created_by_id,
    resources.latest_version_id,
    resources.last_version_index,
    resources.revision,
    resources.created_at,
    resources.updated_at,
    CASE
        WHEN users.id IS NOT NULL
            THEN json_build_object(
                'public_id', users.public_id,
                'name', users.name,
                'handle', users.handle
            )
    END AS creator,
    CASE
        WHEN resource_versions.id IS NOT NULL
            THEN json_build_object(
                'id', resource_versions.id,
                'public_id', resource_versions.public_id,
                'version_index', resource_versions.version_index,
                'version_label', resource_versions.version_label,
                'config', resource_versions.config,
                'is_complete', resource_versions.is_complete,
                'created_at', resource_versions.created_at
            )
    END AS latest_version
FROM resources
LEFT JOIN users ON resources.created_by_id = users.id
LEFT JOIN resource_versions ON resources.latest_version_id = resource_versions.id
WHERE resources.public_id = :public_id::text;

-- name: find_trending(days, max_rows)
-- List the listed resources of the last days, best score first, then bookmarks and views.
-- Up to 1000 recent resources are read type by type, and sorted. If there are more, the index is
-- read from the best score down until the limit is reached. created_at is a key column of that
-- index, so old rows are skipped without reading the table. More recent resources make the scan
-- shorter. It is long only if thousands of recent resources score below most old resources.
-- The counters are keys of the index, so raising one is not a HOT update.
-- Record: Resource
-- Index:  resources_resource_type_created_at_id_idx,
--         resources_score_bookmarks_views_id_created_at_idx (order),
--         scan: resources, every row, where many are recent and worse than the old
-- Locks:  none
WITH types (resource_type) AS (
    VALUES
    ('Api'),
    ('Code'),
    ('Data'),
    ('Note'),
    ('Project'),
    ('Prompt'),
    ('Routine'),
    ('Standard')
),

recent AS (
    SELECT found.id
    FROM types
    CROSS JOIN
        LATERAL (
            SELECT resources.id
            FROM resources
            WHERE
                resources.resource_type = types.resource_type
                AND NOT resources.is_private
                AND NOT resources.is_deleted
                AND resources.has_complete_version
                AND resources.created_at >= now() - make_interval(days => :days::integer)
            ORDER BY
                resources.created_at DESC,
                resources.id DESC
            LIMIT 1001
        ) AS found
    -- lint: limit_is_ordered: they are only counted.
    LIMIT 1001
),

counted AS MATERIALIZED (
    SELECT count(*) <= 1000 AS are_few
    FROM recent
),

few AS (
    SELECT
        found.id,
        found.public_id,
        found.resource_type,
        found.is_private,
        found.is_deleted,
        found.deleted_at,
        found.deleted_by_id,
        found.has_complete_version,
        found.score,
        found.bookmarks,
        found.views,
        found.created_by_id,
        found.latest_version_id,
        found.last_version_index,
        found.revision,
        found.created_at,
        found.updated_at
    FROM types
    CROSS JOIN
        LATERAL (
            SELECT
                resources.id,
                resources.public_id,
                resources.resource_type,
                resources.is_private,
                resources.is_deleted,
                resources.deleted_at,
                resources.deleted_by_id,
                resources.has_complete_version,
                resources.score,
                resources.bookmarks,
                resources.views,
                resources.created_by_id,
                resources.latest_version_id,
                resources.last_version_index,
                resources.revision,
                resources.created_at,
                resources.updated_at
            FROM resources
            WHERE
                resources.resource_type = types.resource_type
                AND NOT resources.is_private
                AND NOT resources.is_deleted
                AND resources.has_complete_version
                AND resources.created_at >= now() - make_interval(days => :days::integer)
            ORDER BY
                resources.created_at DESC,
                resources.id DESC
            LIMIT 1000
        ) AS found
    WHERE (
        SELECT counted.are_few
        FROM counted
    )
),

walked AS (
    SELECT
        resources.id,
        resources.public_id,
        resources.resource_type,
        resources.is_private,
        resources.is_deleted,
        resources.deleted_at,
        resources.deleted_by_id,
        resources.has_complete_version,
        resources.score,
        resources.bookmarks,
        resources.views,
        resources.created_by_id,
        resources.latest_version_id,
        resources.last_version_index,
        resources.revision,
        resources.created_at,
        resources.updated_at
    FROM resources
    WHERE
        NOT resources.is_private
        AND NOT resources.is_deleted
        AND resources.has_complete_version
        AND resources.created_at >= now() - make_interval(days => :days::integer)
        AND NOT (
            SELECT counted.are_few
            FROM counted
        )
    ORDER BY
        resources.score DESC,
        resources.bookmarks DESC,
        resources.views DESC,
        resources.id DESC
    LIMIT :max_rows::integer
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
FROM few
UNION ALL
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
FROM walked
-- lint: listing_is_ordered: one of the two is empty, so no id occurs twice.
ORDER BY
    score DESC,
    bookmarks DESC,
    views DESC,
    id DESC
LIMIT :max_rows::integer;
