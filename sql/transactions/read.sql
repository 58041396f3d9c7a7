-- name: find_outcome(xid)^
-- Return the status of a transaction by its id, and the timeline of the server's log.
-- The answer holds only in the server run that assigned the id. After a crash or a failover, the id
-- may belong to a new transaction.
-- The status is NULL when the transaction is too old for the server to know.
-- Record: TransactionStatus
-- Index:  none: reads the commit log, no table
-- Locks:  none
-- Null:   timeline, the server always writes a file of the log
SELECT
    pg_xact_status(:xid::xid8) AS status,
    substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline;

-- name: find_run()^
-- Identify the server's current run, which lasts from its start to its end or its next crash.
-- After a crash, the server assigns the ids of lost transactions to new ones. An ordinary
-- checkpoint leaves the processes as they are, and a clean shutdown leaves the statistics.
-- Record: ServerRun
-- Index:  none: reads the control file and the list of sessions, no table
-- Locks:  none
-- Null:   system_identifier, every server has one; timeline, every server has one; started, every
--         server has a start time; stats_reset, the view always has one row; checkpoint_lsn,
--         every server has a latest checkpoint; processes.item, every process has a pid
SELECT
    (pg_control_system()).system_identifier,
    (pg_control_checkpoint()).timeline_id AS timeline,
    extract(EPOCH FROM pg_postmaster_start_time())::text AS started,
    (SELECT extract(EPOCH FROM max(stats_reset))::text FROM pg_stat_wal) AS stats_reset,
    (pg_control_checkpoint()).checkpoint_lsn::text AS checkpoint_lsn,
    (
        -- lint: arrays_are_ordered: two lists are compared as sets.
        SELECT coalesce(array_agg(server_processes.pid), '{}')
        FROM pg_stat_activity AS server_processes
        WHERE server_processes.usesysid IS NULL AND server_processes.datid IS NULL
    ) AS processes;

-- name: find_run_at_begin()^
-- Identify the server's current run at the start of a transaction behind a pooler, where each
-- transaction may reach another server.
-- The processes are left out, because listing them takes longer than everything else.
-- Record: ServerRun
-- Index:  none: reads the control file, no table
-- Locks:  none
-- Null:   system_identifier, every server has one; timeline, every server has one; started, every
--         server has a start time; stats_reset, the view always has one row; checkpoint_lsn,
--         every server has a latest checkpoint
SELECT
    (pg_control_system()).system_identifier,
    (pg_control_checkpoint()).timeline_id AS timeline,
    extract(EPOCH FROM pg_postmaster_start_time())::text AS started,
    (SELECT extract(EPOCH FROM max(stats_reset))::text FROM pg_stat_wal) AS stats_reset,
    (pg_control_checkpoint()).checkpoint_lsn::text AS checkpoint_lsn,
    '{}'::integer[] AS processes;
