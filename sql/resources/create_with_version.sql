-- name: create_with_version(public_id, resource_type, is_private, created_by_id, version_public_id, version_label, config, is_complete)^
-- Insert one resource and its first version, which becomes its latest version.
-- The version's id is drawn first, so that neither row has to be updated afterwards. The role needs
-- USAGE on the sequence resource_versions_id_seq.
-- Record: ResourceWithVersion
-- Index:  none: inserts two rows
-- Locks:  row: resources, row: resource_versions
WITH created AS (
    INSERT INTO resources (
        public_id,
        resource_type,
        is_private,
        has_complete_version,
        created_by_id,
        latest_version_id,
        last_version_index
    )
    VALUES (
        :public_id::text,
        :resource_type::text,
        :is_private::boolean,
        :is_complete::boolean,
        :created_by_id::bigint,
        nextval('resource_versions_id_seq'),
        0
    )
    RETURNING
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
),

added AS (
    INSERT INTO resource_versions (
        id,
        public_id,
        resource_id,
        version_index,
        version_label,
        config,
        is_complete
    )
    SELECT
        created.latest_version_id,
        :version_public_id::text,
        created.id,
        created.last_version_index,
        :version_label::text,
        :config::jsonb,
        created.has_complete_version
    FROM created
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
)

SELECT
    to_json(created) AS resource,
    to_json(added) AS version
FROM created
INNER JOIN added ON created.id = added.resource_id;
