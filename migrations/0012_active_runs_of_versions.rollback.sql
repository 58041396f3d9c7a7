DROP INDEX CONCURRENTLY IF EXISTS runs_resource_version_id_idx;
CREATE INDEX CONCURRENTLY runs_resource_version_id_idx ON runs (resource_version_id);
DROP INDEX CONCURRENTLY IF EXISTS runs_resource_version_id_status_idx;
