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

-- name: find_run()^
-- Tell in which run the server is, from its start to its end or to its next crash: a crash gives ids
-- of transactions that it has lost to new ones. An ordinary checkpoint leaves the processes as they
-- are, and a stop in good order the statistics.
-- Record: ServerRun
-- Index:  none: reads the control file and the list of sessions, no table
-- Locks:  none
-- Null:   system_identifier, every server has one; timeline, every server is on one; started, every
--         server was started; statistics_since, the view always has its one row; checkpoint_lsn,
--         there always is a latest one; processes.item, every process has a pid
SELECT
    (pg_control_system()).system_identifier,
    (pg_control_checkpoint()).timeline_id AS timeline,
    extract(EPOCH FROM pg_postmaster_start_time())::text AS started,
    (SELECT extract(EPOCH FROM max(stats_reset))::text FROM pg_stat_wal) AS statistics_since,
    (pg_control_checkpoint()).checkpoint_lsn::text AS checkpoint_lsn,
    (
        SELECT coalesce(array_agg(server_processes.pid), '{}')
        FROM pg_stat_activity AS server_processes
        WHERE server_processes.usesysid IS NULL AND server_processes.datid IS NULL
    ) AS processes;

-- name: find_run_at_begin()^
-- Tell in which run the server is, at the start of a transaction behind a pooler, where each may come
-- to another server. The processes are left out: to list them takes longer than all else.
-- Record: ServerRun
-- Index:  none: reads the control file, no table
-- Locks:  none
-- Null:   system_identifier, every server has one; timeline, every server is on one; started, every
--         server was started; statistics_since, the view always has its one row; checkpoint_lsn,
--         there always is a latest one
SELECT
    (pg_control_system()).system_identifier,
    (pg_control_checkpoint()).timeline_id AS timeline,
    extract(EPOCH FROM pg_postmaster_start_time())::text AS started,
    (SELECT extract(EPOCH FROM max(stats_reset))::text FROM pg_stat_wal) AS statistics_since,
    (pg_control_checkpoint()).checkpoint_lsn::text AS checkpoint_lsn,
    '{}'::integer[] AS processes;
