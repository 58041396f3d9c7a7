-- name: export()
-- Stream every resource, including private and soft-deleted ones, with its versions and
-- translations, in the order of the resources' ids.
-- Versions and translations are looked up resource by resource, so that no large set is sorted, and
-- the first row is sent at once, whatever the size of the tables.
-- Record: ResourceLine
-- Index:  resources_pkey (order), users_pkey, resource_versions_pkey,
--         resource_versions_resource_id_version_index_key or resource_versions_resource_id_id_key,
--         resource_translations_pkey, scan: resources, every row, each is sent once
-- Locks:  none
COPY (
    SELECT
        resources.public_id,
        resources.resource_type,
        resources.is_private,
        resources.is_deleted,
        resources.deleted_at,
        (
            SELECT users.public_id
            FROM users
            WHERE users.id = resources.deleted_by_id
        ) AS deleted_by_public_id,
        resources.score,
        resources.bookmarks,
        resources.views,
        (
            SELECT users.public_id
            FROM users
            WHERE users.id = resources.created_by_id
        ) AS created_by_public_id,
        (
            SELECT latest.public_id
            FROM resource_versions AS latest
            WHERE latest.id = resources.latest_version_id
        ) AS latest_version_public_id,
        resources.last_version_index,
        resources.revision,
        resources.created_at,
        resources.updated_at,
        coalesce(
            (
                SELECT
                    json_agg(
                        json_build_object(
                            'public_id', resource_versions.public_id,
                            'version_index', resource_versions.version_index,
                            'version_label', resource_versions.version_label,
                            'config', resource_versions.config,
                            'is_complete', resource_versions.is_complete,
                            'revision', resource_versions.revision,
                            'created_at', resource_versions.created_at,
                            'updated_at', resource_versions.updated_at
                        )
                        ORDER BY resource_versions.version_index ASC
                    )
                FROM resource_versions
                WHERE resource_versions.resource_id = resources.id
            ),
            '[]'::json
        ) AS versions,
        coalesce(
            (
                SELECT
                    json_agg(
                        json_build_object(
                            'language', resource_translations.language,
                            'name', resource_translations.name,
                            'description', resource_translations.description,
                            'created_at', resource_translations.created_at,
                            'updated_at', resource_translations.updated_at
                        )
                        ORDER BY resource_translations.language ASC
                    )
                FROM resource_translations
                WHERE resource_translations.resource_id = resources.id
            ),
            '[]'::json
        ) AS translations
    FROM resources
    ORDER BY resources.id ASC
) TO STDOUT (FORMAT "binary");
