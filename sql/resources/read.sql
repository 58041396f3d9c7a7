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
-- Fetch the resources of a JSON array of ids, in its order; absent ones are left out.
-- Each is looked up by itself: in a plain join, the planner may read and lock the whole table.
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
-- Fetch the resources of a JSON array of public ids, in its order; absent ones are left out.
-- Each is looked up by itself: in a plain join, the planner may read and lock the whole table.
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
-- Fetch one resource with its creator and the version it points at.
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
-- The walk ends at the limit or at the last listed resource: created_at is a key column of the
-- index, so rows that are too old are passed over without a look at the table. The counters are
-- keys of the index, so raising one is not a HOT update.
-- Record: Resource
-- Index:  resources_score_bookmarks_views_id_created_at_idx (order),
--         scan: resources, every row, where few of them are recent
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
    AND created_at >= now() - make_interval(days => :days::integer)
ORDER BY
    score DESC,
    bookmarks DESC,
    views DESC,
    id DESC
LIMIT :max_rows::integer;
