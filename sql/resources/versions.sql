-- name: find_version_by_public_id(public_id)^
-- Fetch one version by public id.
-- Record: ResourceVersion, or no row
-- Index:  resource_versions_public_id_key
-- Locks:  none
SELECT
    id,
    public_id,
    resource_id,
    version_index,
    version_label,
    config,
    is_complete,
    revision,
    created_at,
    updated_at
FROM resource_versions
WHERE public_id = :public_id::text;

-- name: find_versions__version_index(resource_id, max_rows)
-- List the versions of one resource, the newest first: the first page.
-- Record: ResourceVersion
-- Index:  resource_versions_resource_id_version_index_key,
--         resource_versions_resource_id_version_index_key (order)
-- Locks:  none
SELECT
    id,
    public_id,
    resource_id,
    version_index,
    version_label,
    config,
    is_complete,
    revision,
    created_at,
    updated_at
FROM resource_versions
WHERE resource_id = :resource_id::bigint
ORDER BY version_index DESC
LIMIT :max_rows::integer;

-- name: find_versions__version_index_after(resource_id, after_version_index, max_rows)
-- List the versions of one resource, the newest first: the rows after a row.
-- Record: ResourceVersion
-- Index:  resource_versions_resource_id_version_index_key,
--         resource_versions_resource_id_version_index_key (order)
-- Locks:  none
SELECT
    id,
    public_id,
    resource_id,
    version_index,
    version_label,
    config,
    is_complete,
    revision,
    created_at,
    updated_at
FROM resource_versions
WHERE
    resource_id = :resource_id::bigint
    -- A bigint, as in every cursor: an integer would fail on values beyond its range.
    AND version_index < :after_version_index::bigint
ORDER BY version_index DESC
LIMIT :max_rows::integer;

-- name: find_versions__version_index_before(resource_id, before_version_index, max_rows)
-- List the versions of one resource, the newest first: the rows before
-- a row, nearest first.
-- Record: ResourceVersion
-- Index:  resource_versions_resource_id_version_index_key,
--         resource_versions_resource_id_version_index_key (order)
-- Locks:  none
SELECT
    id,
    public_id,
    resource_id,
    version_index,
    version_label,
    config,
    is_complete,
    revision,
    created_at,
    updated_at
FROM resource_versions
WHERE
    resource_id = :resource_id::bigint
    -- A bigint, as in every cursor: an integer would fail on values beyond its range.
    AND version_index > :before_version_index::bigint
ORDER BY version_index ASC
LIMIT :max_rows::integer;

-- name: add_version(resource_id, public_id, version_label, config, is_complete)^
-- Insert the next version of one resource, which becomes its latest version.
-- The resource is read under its lock, so that concurrent writers get different indexes.
-- Record: ResourceVersion, or no row
-- Index:  resources_pkey
-- Locks:  for no key update: resources, row: resource_versions
WITH cur AS (
    SELECT
        id,
        revision,
        last_version_index,
        has_complete_version
    FROM resources
    WHERE id = :resource_id::bigint
    FOR NO KEY UPDATE
),

added AS (
    INSERT INTO resource_versions (
        public_id,
        resource_id,
        version_index,
        version_label,
        config,
        is_complete
    )
    SELECT
        :public_id::text,
        cur.id,
        cur.last_version_index + 1,
        :version_label::text,
        :config::jsonb,
        :is_complete::boolean
    FROM cur
    RETURNING
        id,
        public_id,
        resource_id,
        version_index,
        version_label,
        config,
        is_complete,
        revision,
        created_at,
        updated_at
),

pointed AS (
    UPDATE resources
    SET
        has_complete_version = cur.has_complete_version OR added.is_complete,
        latest_version_id = added.id,
        last_version_index = added.version_index,
        revision = cur.revision + 1,
        updated_at = now()
    FROM cur
    INNER JOIN added ON cur.id = added.resource_id
    WHERE resources.id = cur.id
)

SELECT
    id,
    public_id,
    resource_id,
    version_index,
    version_label,
    config,
    is_complete,
    revision,
    created_at,
    updated_at
FROM added;

-- name: update_version__lock(id)^
-- Lock the resource of one version. Until the commit, no other session adds a version to the
-- resource, or changes is_complete of one of its versions.
-- Record: RowId, or no row
-- Index:  resource_versions_pkey, resources_pkey
-- Locks:  for no key update: resources
SELECT resources.id
FROM resource_versions
INNER JOIN resources ON resource_versions.resource_id = resources.id
WHERE resource_versions.id = :id::bigint
FOR NO KEY UPDATE OF resources;

-- name: update_version(id, changes, expected_revision)^
-- Update the given fields of one version, if its revision is the expected one.
-- Without an expected revision, the update always applies. The row is read under its lock, so that
-- concurrent changes of different fields are both kept. A change of is_complete also updates the
-- resource, which update_version__lock must have locked before.
-- Record: Update[ResourceVersion], or no row
-- Index:  resource_versions_pkey, resources_pkey,
--         resource_versions_resource_id_id_key or resource_versions_resource_id_version_index_key
-- Locks:  for no key update: resource_versions, row: resources
WITH cur AS (
    SELECT
        resource_versions.id,
        resource_versions.resource_id,
        resource_versions.is_complete,
        resource_versions.revision,
        resource_versions AS base
    FROM resource_versions
    WHERE resource_versions.id = :id::bigint
    FOR NO KEY UPDATE
),

updated AS (
    UPDATE resource_versions
    SET
        version_label = changed.version_label,
        config = changed.config,
        is_complete = changed.is_complete,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        cur,
        jsonb_populate_record(cur.base, :changes::jsonb) AS changed
    WHERE
        resource_versions.id = cur.id
        AND cur.revision = coalesce(:expected_revision::integer, cur.revision)
    RETURNING
        resource_versions.id,
        resource_versions.public_id,
        resource_versions.resource_id,
        resource_versions.version_index,
        resource_versions.version_label,
        resource_versions.config,
        resource_versions.is_complete,
        resource_versions.revision,
        resource_versions.created_at,
        resource_versions.updated_at
),

completions AS (
    SELECT
        cur.resource_id,
        -- lint: decides_under_lock: update_version__lock has locked the resource.
        updated.is_complete OR EXISTS (
            SELECT
            FROM resource_versions AS others
            WHERE
                others.resource_id = cur.resource_id
                AND others.id != cur.id
                AND others.is_complete
        ) AS has_complete_version
    FROM cur
    INNER JOIN updated ON cur.id = updated.id
    WHERE cur.is_complete != updated.is_complete
),

told AS (
    UPDATE resources
    SET
        has_complete_version = completions.has_complete_version,
        revision = resources.revision + 1,
        updated_at = now()
    FROM completions
    WHERE resources.id = completions.resource_id
)

SELECT
    cur.revision AS previous_revision,
    to_json(updated) AS updated
FROM cur
LEFT JOIN updated ON cur.id = updated.id;
