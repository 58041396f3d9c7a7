DROP TABLE bookmarks;
DROP TABLE resource_translations;
-- resources and resource_versions refer to each other.
ALTER TABLE resources DROP CONSTRAINT resources_id_latest_version_id_fkey;
DROP TABLE resource_versions;
DROP TABLE resources;
