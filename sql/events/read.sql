-- name: find_by_event_id(user_id, event_id)^
-- Fetch one event by its user and its id.
-- Record: ChangeEvent, or no row
-- Index:  change_events_pkey
-- Locks:  none
-- Null:   position, pg_control_system always returns one row
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
    ) AS position
FROM change_events
WHERE
    user_id = :user_id::bigint
    AND event_id = :event_id::uuid;
