-- name: list_applied_migrations()
-- List the ids of the migrations that the database holds, in order.
-- Record: AppliedMigration
-- Index:  scan: vrooli_data_migrations, at most 100 rows, one per migration
-- Locks:  none
SELECT id
FROM vrooli_data_migrations
ORDER BY id ASC
LIMIT 1000;
