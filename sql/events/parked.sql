-- name: list_parked__parked_at(max_rows)
-- List the parked events, newest parked first: the first page.
-- Record: ParkedEvent
-- Index:  change_events_parked_at_seq_idx (order)
-- Locks:  none
SELECT
    user_id,
    event_id,
    seq,
    entity_type,
    entity_id,
    change_type,
    attempts,
    last_error,
    parked_at,
    resent_at,
    created_at
FROM change_events
WHERE parked_at IS NOT NULL
-- lint: listing_is_ordered: a sequence numbers all events.
ORDER BY
    parked_at DESC,
    seq DESC
LIMIT :max_rows::integer;

-- name: list_parked__parked_at_after(after_parked_at, after_seq, max_rows)
-- List the parked events, newest parked first: the events after an event.
-- Record: ParkedEvent
-- Index:  change_events_parked_at_seq_idx, change_events_parked_at_seq_idx (order)
-- Locks:  none
SELECT
    user_id,
    event_id,
    seq,
    entity_type,
    entity_id,
    change_type,
    attempts,
    last_error,
    parked_at,
    resent_at,
    created_at
FROM change_events
WHERE
    parked_at IS NOT NULL
    AND (parked_at, seq) < (:after_parked_at::timestamptz, :after_seq::bigint)
-- lint: listing_is_ordered: a sequence numbers all events.
ORDER BY
    parked_at DESC,
    seq DESC
LIMIT :max_rows::integer;

-- name: list_parked__parked_at_before(before_parked_at, before_seq, max_rows)
-- List the parked events, newest parked first: the events before an event, nearest first.
-- Record: ParkedEvent
-- Index:  change_events_parked_at_seq_idx, change_events_parked_at_seq_idx (order)
-- Locks:  none
SELECT
    user_id,
    event_id,
    seq,
    entity_type,
    entity_id,
    change_type,
    attempts,
    last_error,
    parked_at,
    resent_at,
    created_at
FROM change_events
WHERE
    parked_at IS NOT NULL
    AND (parked_at, seq) > (:before_parked_at::timestamptz, :before_seq::bigint)
-- lint: listing_is_ordered: a sequence numbers all events.
ORDER BY
    parked_at ASC,
    seq ASC
LIMIT :max_rows::integer;

-- name: resend(user_id, event_id)^
-- Put a parked event back into the queue, with no attempts counted, marked as sent again.
-- Record: ChangeEvent, or no row
-- Index:  change_events_pkey
-- Locks:  row: change_events
-- Null:   position, pg_control_system always returns one row
UPDATE change_events
SET
    parked_at = NULL,
    attempts = 0,
    not_before = NULL,
    resent_at = now()
WHERE
    user_id = :user_id::bigint
    AND event_id = :event_id::uuid
    AND parked_at IS NOT NULL
RETURNING
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
    ) AS position;
