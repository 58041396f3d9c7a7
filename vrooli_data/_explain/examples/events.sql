-- name: events()^
SELECT
    user_id,
    event_id,
    seq,
    entity_type,
    entity_id
FROM change_events
ORDER BY
    xid ASC,
    seq ASC
LIMIT 1;

-- name: events__record()^
SELECT
    users.id AS user_id,
    '00000000-0000-4000-8000-000000000000' AS event_id,
    'example' AS entity_type,
    1 AS entity_id,
    'updated' AS change_type,
    ARRAY['name'] AS changed_fields
FROM users
ORDER BY users.id ASC
LIMIT 1;
