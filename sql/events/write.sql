-- name: record(user_id, event_id, entity_type, entity_id, change_type, changed_fields, previous_data, new_data)^
-- Record one event of an entity that the application keeps.
-- No lock of a row orders the changes of such an entity. So a lock of the entity is taken before seq
-- is drawn, and held until the end of the transaction.
-- Record: ChangeEvent
-- Index:  none: inserts one row
-- Locks:  advisory: pg_advisory_xact_lock, row: change_events
-- Null:   position, pg_control_system always returns one row
WITH locked AS MATERIALIZED (
    SELECT
        pg_advisory_xact_lock(
            hashtextextended(concat_ws(' ', :entity_type::text, :entity_id::bigint), 0)
        )
)

INSERT INTO change_events (
    user_id,
    event_id,
    entity_type,
    entity_id,
    change_type,
    changed_fields,
    previous_data,
    new_data
)
SELECT
    :user_id::bigint,
    :event_id::uuid,
    :entity_type::text,
    :entity_id::bigint,
    :change_type::text,
    :changed_fields::text[],
    :previous_data::jsonb,
    :new_data::jsonb
FROM locked
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
