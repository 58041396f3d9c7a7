-- transactional: false
-- squawk-ignore-file prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
--
-- The resources of a creator are listed newest first without a sort. This index takes the place of
-- one, because each change of a resource writes to all of its indexes.
--
-- The index is dropped first: CREATE INDEX CONCURRENTLY that was cut short leaves an invalid one
-- behind, and so the whole file can be run again at any time. No statement blocks reads or writes.

DROP INDEX CONCURRENTLY IF EXISTS resources_created_by_id_created_at_id_idx;
-- resources.find_by_creator__created_at and find_own__created_at, and their _after and _before; and
-- the foreign key: deleting a user.
CREATE INDEX CONCURRENTLY resources_created_by_id_created_at_id_idx
ON resources (created_by_id, created_at DESC, id DESC);

DROP INDEX CONCURRENTLY IF EXISTS resources_created_by_id_idx;
