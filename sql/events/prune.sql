-- name: prune(older_than, max_events)$
-- Delete the events that were published longest ago, of those older than so long, and count
-- them.
-- The last position that was ever deleted is kept in pruned_events, so that a reader that has not
-- come as far is refused, and misses nothing unnoticed. Rows that another session has locked are
-- skipped, so that several may prune at once.
-- Record: int
-- Index:  change_events_published_at_idx or change_events_xid_seq_idx, change_events_pkey
-- Plan:   custom (older_than = '1 day', max_events = 10), for any number of rows it would read the
--         whole table
-- Locks:  for update skip locked: change_events, row: pruned_events
WITH cur AS (
    SELECT
        user_id,
        event_id
    FROM change_events
    WHERE
        published_at < now() - :older_than::interval
        -- A listener has not seen the others yet, however old they are.
        AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY
        published_at ASC,
        user_id ASC,
        event_id ASC
    LIMIT :max_events::integer
    FOR UPDATE SKIP LOCKED
),

deleted AS (
    DELETE FROM change_events
    USING cur
    WHERE
        change_events.user_id = cur.user_id
        AND change_events.event_id = cur.event_id
    RETURNING
        change_events.user_id,
        change_events.event_id,
        change_events.xid,
        change_events.seq
),

latest AS (
    SELECT
        xid,
        seq
    FROM deleted
    ORDER BY
        xid DESC,
        seq DESC,
        user_id DESC,
        event_id DESC
    LIMIT 1
),

noted AS (
    INSERT INTO pruned_events (
        id,
        xid,
        seq
    )
    SELECT
        1 AS id,
        xid,
        seq
    FROM latest
    -- lint: conflict_sets_are_pure: one id in all of the statement, which no value replaces.
    ON CONFLICT (id) DO UPDATE
        SET
            -- An xid of the future was restored from another server.
            xid = CASE
                WHEN pruned_events.xid > pg_current_xact_id() THEN excluded.xid
                ELSE greatest(pruned_events.xid, excluded.xid)
            END,
            seq = CASE
                WHEN pruned_events.xid > pg_current_xact_id() THEN excluded.seq
                WHEN pruned_events.xid < excluded.xid THEN excluded.seq
                WHEN pruned_events.xid > excluded.xid THEN pruned_events.seq
                ELSE greatest(pruned_events.seq, excluded.seq)
            END
)

SELECT count(*) AS deleted
FROM deleted;
