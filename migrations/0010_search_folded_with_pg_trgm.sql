-- transactional: false
-- requires extension: pg_trgm
-- squawk-ignore-file prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
--
-- Trigram indexes of folded texts, in the place of those of 0007 that search uses no more; handle and
-- email, which are stored folded, keep theirs. Can be run again at any time, as 0007.

-- users.search.
DROP INDEX CONCURRENTLY IF EXISTS users_name_folded_idx;
CREATE INDEX CONCURRENTLY users_name_folded_idx
ON users USING gin ((coalesce(name_folded, lower(name))) gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS users_name_idx;

-- resources.search: any translation's name or description.
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_name_folded_idx;
CREATE INDEX CONCURRENTLY resource_translations_name_folded_idx
ON resource_translations USING gin ((coalesce(name_folded, lower(name))) gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_description_folded_idx;
CREATE INDEX CONCURRENTLY resource_translations_description_folded_idx
ON resource_translations
USING gin ((coalesce(description_folded, lower(description))) gin_trgm_ops);
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_name_idx;
DROP INDEX CONCURRENTLY IF EXISTS resource_translations_description_idx;

-- The planner knows nothing of an expression until it was analysed. An empty table is left alone: as
-- one that was analysed it would be taken for small.
DO $$
BEGIN
    IF EXISTS (SELECT FROM users) THEN
        ANALYZE users;
    END IF;
    IF EXISTS (SELECT FROM resource_translations) THEN
        ANALYZE resource_translations;
    END IF;
END
$$;
