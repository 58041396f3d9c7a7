-- name: position()$
-- Name the position of the latest event that a listener may have been handed.
-- The greatest of three: the latest event below the xid horizon, the latest that was pruned, and the
-- position before all events.
-- Record: str
-- Index:  change_events_xid_seq_idx, change_events_xid_seq_idx (order),
--         scan: pruned_events, at most 1 rows
-- Locks:  none
-- Null:   position, concat_ws is never NULL
SELECT
    concat_ws(
        '/',
        (SELECT control.system_identifier FROM pg_control_system() AS control),
        positions.xid,
        positions.seq
    ) AS position
FROM (
    (
        SELECT
            xid,
            seq
        FROM change_events
        WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY
            xid DESC,
            seq DESC
        -- lint: limit_is_ordered: of two equal positions either will do.
        LIMIT 1
    )
    UNION ALL
    SELECT
        xid,
        seq
    FROM pruned_events
    WHERE xid < pg_snapshot_xmax(pg_current_snapshot())
    UNION ALL
    SELECT
        '0'::xid8 AS xid,
        0 AS seq
) AS positions
ORDER BY
    positions.xid DESC,
    positions.seq DESC
-- lint: limit_is_ordered: whichever of two equal positions it is, the text is the same.
LIMIT 1;

-- name: list_after(xid, seq, entity_types, batch_size)^
-- Fetch the events behind a position that no open transaction can still precede.
-- A transaction may be committed after others with a higher xid. So events are read up to the xid
-- horizon: below it every transaction has ended. An open transaction holds the horizon back.
-- Whether the position is still good is read in the same snapshot, so that nothing is pruned between.
-- Record: ReadEvents
-- Index:  change_events_xid_seq_idx, change_events_xid_seq_idx (order),
--         scan: pruned_events, at most 1 rows
-- Plan:   custom (xid = '1000', seq = 0, entity_types = NULL, batch_size = 1000), the plan of a
--         listener that began when there were few events would read the whole table
-- Locks:  none
-- Null:   is_known, xid is not NULL; events.item.position, concat_ws never is; system_identifier,
--         pg_control_system always returns one row
WITH batch AS (
    SELECT
        user_id,
        event_id,
        seq,
        entity_type,
        entity_id,
        change_type,
        changed_fields,
        previous_data,
        new_data,
        attempts,
        resent_at,
        created_at,
        concat_ws(
            '/',
            (SELECT control.system_identifier FROM pg_control_system() AS control),
            xid,
            seq
        ) AS position,
        xid
    FROM change_events
    WHERE
        (xid, seq) > (:xid::text::xid8, :seq::bigint)
        AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY
        xid ASC,
        seq ASC
    -- lint: limit_is_ordered: seq comes from a sequence, so that no two events share it.
    LIMIT :batch_size::integer
)

SELECT
    (SELECT control.system_identifier FROM pg_control_system() AS control) AS system_identifier,
    (
        EXISTS (
            SELECT 1
            FROM pruned_events
            WHERE
                (pruned_events.xid, pruned_events.seq) > (:xid::text::xid8, :seq::bigint)
                -- One with an xid of the future was restored from another server.
                AND pruned_events.xid < pg_snapshot_xmax(pg_current_snapshot())
        )
    ) AS is_pruned,
    (
        :xid::text::xid8 = '0'::xid8
        OR EXISTS (
            SELECT 1
            FROM change_events
            WHERE
                change_events.xid = :xid::text::xid8
                AND change_events.seq = :seq::bigint
        )
        OR EXISTS (
            SELECT 1
            FROM pruned_events
            WHERE
                pruned_events.xid = :xid::text::xid8
                AND pruned_events.seq = :seq::bigint
        )
    ) AS is_known,
    (
        SELECT batch.position
        FROM batch
        ORDER BY
            batch.xid DESC,
            batch.seq DESC
        -- lint: limit_is_ordered: seq comes from a sequence, so that no two events share it.
        LIMIT 1
    ) AS position,
    (SELECT count(*) FROM batch) AS event_count,
    (
        SELECT
            coalesce(
                json_agg(
                    json_build_object(
                        'user_id', batch.user_id,
                        'event_id', batch.event_id,
                        'seq', batch.seq,
                        'entity_type', batch.entity_type,
                        'entity_id', batch.entity_id,
                        'change_type', batch.change_type,
                        'changed_fields', batch.changed_fields,
                        'previous_data', batch.previous_data,
                        'new_data', batch.new_data,
                        'attempts', batch.attempts,
                        'resent_at', batch.resent_at,
                        'created_at', batch.created_at,
                        'position', batch.position
                    )
                    -- lint: arrays_are_ordered: a sequence numbers all events.
                    ORDER BY
                        batch.xid ASC,
                        batch.seq ASC
                ),
                '[]'
            )
        FROM batch
        WHERE
            :entity_types::text[] IS NULL
            OR batch.entity_type = any(:entity_types::text[])
    ) AS events;

-- name: lag()^
-- Tell how far delivery is behind, and which transaction holds the xid horizon back.
-- The lock of the transaction's id names its session for every role. Without pg_read_all_stats,
-- the state of the session, and since when, are NULL where it belongs to another role.
-- It reads every event that is not published.
-- Record: EventLag
-- Index:  change_events_xid_seq_idx,
--         scan: change_events, every row, those that are not published and those that are parked
-- Locks:  none
WITH unpublished AS (
    SELECT
        count(*) AS event_count,
        now() - min(created_at) AS oldest_age
    FROM change_events
    WHERE
        published_at IS NULL
        AND parked_at IS NULL
)

SELECT
    unpublished.event_count AS unpublished,
    (
        SELECT count(*)
        FROM change_events
        WHERE change_events.parked_at IS NOT NULL
    ) AS parked,
    unpublished.oldest_age,
    (
        SELECT count(*)
        FROM change_events
        WHERE
            change_events.xid >= pg_snapshot_xmin(pg_current_snapshot())
            AND change_events.xid < pg_snapshot_xmax(pg_current_snapshot())
    ) AS hidden,
    (
        SELECT count(*)
        FROM change_events
        WHERE change_events.xid >= pg_snapshot_xmax(pg_current_snapshot())
    ) AS restored,
    (
        SELECT
            json_build_object(
                'pid', transaction_locks.pid,
                'gid', prepared.gid,
                'database', coalesce(activity.datname, prepared.database),
                'application_name', activity.application_name,
                'role', coalesce(activity.usename, prepared.owner),
                'state', activity.state,
                'since', coalesce(activity.xact_start, prepared.prepared)
            )
        FROM pg_locks AS transaction_locks
        LEFT JOIN pg_stat_activity AS activity ON transaction_locks.pid = activity.pid
        LEFT JOIN
            pg_prepared_xacts AS prepared
            ON transaction_locks.transactionid = prepared.transaction
        WHERE
            transaction_locks.locktype = 'transactionid'
            AND transaction_locks.mode = 'ExclusiveLock'
            AND transaction_locks.granted
            AND transaction_locks.transactionid = pg_snapshot_xmin(pg_current_snapshot())::xid
        ORDER BY transaction_locks.pid ASC
        -- lint: limit_is_ordered: a transaction has one lock on its own id.
        LIMIT 1
    ) AS holder
FROM unpublished;

-- name: restamp(batch_size)$
-- Give events with xids of another server the xid of this transaction, the first of them first.
-- Return how many.
-- No transaction that began here before can have seen such an xid: they are of the future. What
-- another session has restamped meanwhile has an xid of the past by then, or one that it can have
-- shown nobody yet, because this transaction began before it.
-- Record: int
-- Index:  change_events_xid_seq_idx, change_events_xid_seq_idx (order), change_events_pkey
-- Plan:   custom (batch_size = 1000), for any number of rows it would read the whole table
-- Locks:  for no key update: change_events
WITH restored_events AS (
    SELECT
        user_id,
        event_id
    FROM change_events
    WHERE
        -- Not by the snapshot: to one that is older than a concurrent restamp, its xid is of the
        -- future too.
        xid > pg_current_xact_id()
    ORDER BY
        xid ASC,
        seq ASC
    -- lint: limit_is_ordered: seq comes from a sequence, so that no two events share it.
    LIMIT :batch_size::integer
    -- lint: locks_are_ordered: by xid and seq, which no two events share.
    FOR NO KEY UPDATE
),

restamped AS (
    UPDATE change_events
    SET xid = pg_current_xact_id()
    FROM restored_events
    WHERE
        change_events.user_id = restored_events.user_id
        AND change_events.event_id = restored_events.event_id
    RETURNING change_events.seq
)

SELECT count(*) AS restamped
FROM restamped;

-- name: restamp__pruned()$
-- Forget what was pruned on another server: positions of that server are refused anyway. Return how
-- many rows said so.
-- Record: int
-- Index:  scan: pruned_events, at most 1 rows
-- Locks:  row: pruned_events
WITH forgotten AS (
    DELETE FROM pruned_events
    WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())
    RETURNING id
)

SELECT count(*) AS forgotten
FROM forgotten;
