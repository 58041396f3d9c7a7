-- name: find_outcome(xid)^
-- Tell what became of a transaction by its id, and on which timeline of the log the server is.
-- Only the run of the server that gave the id can tell: once it has crashed, or another server has
-- taken its place, the id may be a new transaction's.
-- The status is NULL when the server has forgotten so old a transaction.
-- Record: Outcome
-- Index:  none: reads the commit log, no table
-- Locks:  none
-- Null:   timeline, the log always has a file that is written
SELECT
    pg_xact_status(:xid::xid8) AS status,
    substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline;
