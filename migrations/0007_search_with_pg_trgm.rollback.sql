-- The extension stays: others may have come to use it.
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_description_idx;
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_name_idx;
DROP INDEX CONCURRENTLY IF EXISTS users_email_idx;
DROP INDEX CONCURRENTLY IF EXISTS users_handle_idx;
DROP INDEX CONCURRENTLY IF EXISTS users_name_idx;
