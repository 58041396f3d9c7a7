-- transactional: false
-- squawk-ignore-file prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
--
-- The active runs of a version are found without a look at the others: resources.bulk_soft_delete
-- cancels them while it holds the resource, and a version may have hundreds of thousands of runs.
--
-- The index is dropped first: CREATE INDEX CONCURRENTLY that was cut short leaves an invalid one
-- behind, and so the whole file can be run again at any time. No statement blocks reads or writes.

DROP INDEX CONCURRENTLY IF EXISTS runs_resource_version_id_status_idx;
-- resources.bulk_soft_delete__cancel; and the foreign key: deleting a version.
CREATE INDEX CONCURRENTLY runs_resource_version_id_status_idx
ON runs (resource_version_id, status);

DROP INDEX CONCURRENTLY IF EXISTS runs_resource_version_id_idx;
