DROP INDEX CONCURRENTLY IF EXISTS resources_created_by_id_idx;
CREATE INDEX CONCURRENTLY resources_created_by_id_idx ON resources (created_by_id);
DROP INDEX CONCURRENTLY IF EXISTS resources_created_by_id_created_at_id_idx;
