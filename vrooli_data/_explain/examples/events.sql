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

-- name: events__list_heads()^
SELECT
    NULL::text AS entity_type,
    '' AS after_entity_type,
    0 AS after_entity_id,
    1000 AS max_entities,
    100 AS max_heads,
    FALSE AS hold_parked;

-- name: events__claim()^
WITH heads AS (
    SELECT
        entity_type,
        entity_id,
        min(seq) AS seq
    FROM change_events
    WHERE
        published_at IS NULL
        AND parked_at IS NULL
    GROUP BY
        entity_type,
        entity_id
    ORDER BY
        entity_type ASC,
        entity_id ASC
    LIMIT 100
)

SELECT
    '00000000-0000-4000-8000-000000000000' AS claimed_by,
    30 AS lease,
    0 AS max_followers,
    100 AS max_events,
    json_agg(heads)::text AS heads
FROM heads
HAVING count(*) > 0;

-- name: events__publish()^
SELECT
    claimed_by,
    30 AS lease,
    100 AS max_events,
    json_build_array(
        json_build_object('user_id', user_id, 'event_id', event_id)
    )::text AS events
FROM change_events
WHERE
    claimed_by IS NOT NULL
    AND published_at IS NULL
ORDER BY seq ASC
LIMIT 1;

-- name: events__renew()^
SELECT
    claimed_by,
    30 AS lease,
    100 AS max_events,
    json_build_array(
        json_build_object('user_id', user_id, 'event_id', event_id)
    )::text AS events
FROM change_events
WHERE
    claimed_by IS NOT NULL
    AND published_at IS NULL
ORDER BY seq ASC
LIMIT 1;

-- name: events__release()^
SELECT
    claimed_by,
    30 AS lease,
    100 AS max_events,
    json_build_array(
        json_build_object('user_id', user_id, 'event_id', event_id)
    )::text AS events
FROM change_events
WHERE
    claimed_by IS NOT NULL
    AND published_at IS NULL
ORDER BY seq ASC
LIMIT 1;

-- name: events__fail()^
SELECT
    claimed_by,
    user_id,
    event_id,
    'ValueError' AS error,
    1 AS retry_after,
    10 AS max_attempts,
    '[]' AS followers
FROM change_events
WHERE
    claimed_by IS NOT NULL
    AND published_at IS NULL
ORDER BY seq ASC
LIMIT 1;

-- name: events__list_parked()^
SELECT
    parked_at,
    seq
FROM change_events
WHERE parked_at IS NOT NULL
ORDER BY
    parked_at ASC,
    seq ASC
LIMIT 1 OFFSET 1;

-- name: events__resend()^
SELECT
    user_id,
    event_id
FROM change_events
WHERE parked_at IS NOT NULL
ORDER BY
    parked_at ASC,
    seq ASC
LIMIT 1;
