-- name: find_outcome(xid)^
-- Tell what became of a transaction by its id, and on which timeline of the log the server is.
-- The status is NULL when the server has forgotten so old a transaction.
-- Record: Outcome
-- Index:  none: reads the commit log, no table
-- Locks:  none
-- Null:   timeline, the log always has a file that is written
SELECT
    pg_xact_status(:xid::xid8) AS status,
    substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline;
