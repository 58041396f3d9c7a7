DROP INDEX CONCURRENTLY IF EXISTS resource_translations_description_idx;
CREATE INDEX CONCURRENTLY resource_translations_description_idx
ON resource_translations USING gin (description gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_name_idx;
CREATE INDEX CONCURRENTLY resource_translations_name_idx
ON resource_translations USING gin (name gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_description_folded_idx;
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_name_folded_idx;
DROP INDEX CONCURRENTLY IF EXISTS users_name_idx;
CREATE INDEX CONCURRENTLY users_name_idx
ON users USING gin (name gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS users_name_folded_idx;
