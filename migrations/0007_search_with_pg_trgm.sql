-- transactional: false
-- requires extension: pg_trgm
-- squawk-ignore-file prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
--
-- Trigram indexes for substring search. Search answers without them too, more slowly.
--
-- Each index is dropped first: CREATE INDEX CONCURRENTLY that was cut short leaves an invalid index
-- behind, and so the whole file can be run again at any time. Neither statement blocks readers or
-- writers; both wait for transactions that are already running.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- users.search: name, handle and, where the caller asks for it, a part of the e-mail address.
DROP INDEX CONCURRENTLY IF EXISTS users_name_idx;
CREATE INDEX CONCURRENTLY users_name_idx
ON users USING gin (name gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS users_handle_idx;
CREATE INDEX CONCURRENTLY users_handle_idx
ON users USING gin (handle gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS users_email_idx;
CREATE INDEX CONCURRENTLY users_email_idx
ON users USING gin (email gin_trgm_ops);

-- resources.search: any translation's name or description.
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_name_idx;
CREATE INDEX CONCURRENTLY resource_translations_name_idx
ON resource_translations USING gin (name gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_description_idx;
CREATE INDEX CONCURRENTLY resource_translations_description_idx
ON resource_translations USING gin (description gin_trgm_ops);
