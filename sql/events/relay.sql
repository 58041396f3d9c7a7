-- name: list_heads(entity_type, after_entity_type, after_entity_id, max_entities, max_heads, hold_parked)^
-- Walk over the entities that have events to deliver, and list the first event of each free one.
-- An entity is free unless its first event is claimed, or waits after a failure, or (where parked
-- events hold up their entity) an event before it is parked. Each step jumps to the next entity, and
-- so costs the same however many events an entity has. The walk begins after an entity, goes through
-- one entity type or (NULL) all of them, and ends early at enough free ones.
-- Record: EventHeads
-- Index:  change_events_entity_type_entity_id_seq_idx,
--         change_events_entity_type_entity_id_seq_idx (order),
--         change_events_parked_entity_type_entity_id_seq_idx
-- Plan:   custom (entity_type = 'resource', after_entity_type = 'resource', after_entity_id = 0,
--         max_entities = 1000, max_heads = 100, hold_parked = TRUE), the plan of a relay that began
--         when nothing was to deliver would sort every event at each step
-- Locks:  none
-- Null:   entity_id, the start is given; heads.item.entity_id, it is a column that is NOT
--         NULL; heads.item.seq, only the start has none
WITH RECURSIVE walked AS (
    SELECT
        0 AS entities,
        0 AS free_entities,
        :after_entity_type::text COLLATE "C" AS entity_type,
        :after_entity_id::bigint AS entity_id,
        NULL::bigint AS seq,
        FALSE AS is_free
    UNION ALL
    SELECT
        walked.entities + 1 AS entities,
        walked.free_entities + following.is_free::integer AS free_entities,
        following.entity_type,
        following.entity_id,
        following.seq,
        following.is_free
    FROM walked
    CROSS JOIN
        LATERAL (
            SELECT
                change_events.entity_type,
                change_events.entity_id,
                change_events.seq,
                (
                    coalesce(change_events.claimed_until <= now(), TRUE)
                    AND coalesce(change_events.not_before <= now(), TRUE)
                    AND NOT (
                        :hold_parked::boolean
                        AND EXISTS (
                            SELECT parked.seq
                            FROM change_events AS parked
                            -- lint: joins_on_user_id: any user may have changed an entity.
                            -- For seq alone, another index may be read from end to end.
                            WHERE
                                parked.parked_at IS NOT NULL
                                AND parked.entity_type = change_events.entity_type
                                AND parked.entity_id = change_events.entity_id
                                AND (parked.entity_type, parked.entity_id, parked.seq)
                                < (
                                    change_events.entity_type,
                                    change_events.entity_id,
                                    change_events.seq
                                )
                        )
                    )
                ) AS is_free
            FROM change_events
            WHERE
                change_events.published_at IS NULL
                AND change_events.parked_at IS NULL
                AND (change_events.entity_type, change_events.entity_id)
                > (walked.entity_type, walked.entity_id)
            -- lint: limit_is_ordered: a sequence numbers all events.
            ORDER BY
                change_events.entity_type ASC,
                change_events.entity_id ASC,
                change_events.seq ASC
            LIMIT 1
        ) AS following
    WHERE
        walked.entities < :max_entities::integer
        AND walked.free_entities < :max_heads::integer
        AND walked.entity_type = coalesce(:entity_type::text, walked.entity_type)
)

SELECT
    entities,
    entity_type,
    entity_id,
    (
        -- lint: arrays_are_ordered: the walk numbers the entities.
        SELECT
            coalesce(
                json_agg(
                    json_build_object(
                        'entity_type', free.entity_type,
                        'entity_id', free.entity_id,
                        'seq', free.seq
                    )
                    ORDER BY free.entities ASC
                ),
                '[]'
            )
        FROM walked AS free
        WHERE
            free.is_free
            AND free.entity_type = coalesce(:entity_type::text, free.entity_type)
    ) AS heads
FROM walked
WHERE entity_type = coalesce(:entity_type::text, entity_type)
ORDER BY entities DESC
LIMIT 1;

-- name: claim(claimed_by, heads, lease, max_followers, max_events)
-- Claim the events that are first of their entities, and events that follow them without a gap.
-- Heads are what `list_heads` returned, as JSON. A head that another relay has claimed, published,
-- failed or parked since is not claimed, and neither is what follows it: the rows decide, under
-- their locks. Rows that another session has locked are skipped, so nobody waits.
-- Record: ChangeEvent
-- Index:  change_events_entity_type_entity_id_seq_idx,
--         change_events_entity_type_entity_id_seq_idx (order), change_events_pkey
-- Plan:   custom (claimed_by = '00000000-0000-4000-8000-000000000000', heads = '[]', lease = 30,
--         max_followers = 0, max_events = 100), for any number of followers it may read the whole
--         table
-- Locks:  for no key update skip locked: change_events
-- Null:   position, pg_control_system always returns one row
WITH heads AS (
    SELECT
        items.value ->> 'entity_type' AS entity_type,
        (items.value ->> 'entity_id')::bigint AS entity_id,
        (items.value ->> 'seq')::bigint AS seq
    FROM jsonb_array_elements(:heads::jsonb) AS items (value)
),

-- Whatever the statistics say, only the index on entities can serve this: it is read from the head
-- on, for as many events as are wanted. Statistics may be of a time at which there were few events,
-- and for conditions on single columns the planner then reads another index from end to end.
queued AS MATERIALIZED (
    SELECT
        listed.user_id,
        listed.event_id,
        heads.entity_type,
        heads.entity_id,
        listed.seq
    FROM heads
    CROSS JOIN
        LATERAL (
            SELECT
                change_events.user_id,
                change_events.event_id,
                change_events.entity_type,
                change_events.entity_id,
                change_events.seq,
                first_value(change_events.seq) OVER (
                    ORDER BY
                        change_events.entity_type ASC,
                        change_events.entity_id ASC,
                        change_events.seq ASC
                    ROWS UNBOUNDED PRECEDING
                ) AS first_seq
            FROM change_events
            WHERE
                change_events.published_at IS NULL
                AND change_events.parked_at IS NULL
                AND (change_events.entity_type, change_events.entity_id, change_events.seq)
                >= (heads.entity_type, heads.entity_id, heads.seq)
            -- lint: limit_is_ordered: a sequence numbers all events.
            ORDER BY
                change_events.entity_type ASC,
                change_events.entity_id ASC,
                change_events.seq ASC
            LIMIT :max_followers::integer + 1
        ) AS listed
    WHERE
        listed.entity_type = heads.entity_type
        AND listed.entity_id = heads.entity_id
        AND listed.first_seq = heads.seq
),

-- Each event is read again by its key. One expression asks whether it is still waiting, so that the
-- planner cannot choose the index on those that are.
locked AS (
    SELECT
        queued.user_id,
        queued.event_id,
        queued.entity_type,
        queued.entity_id,
        queued.seq
    FROM queued
    CROSS JOIN
        LATERAL (
            SELECT change_events.seq
            FROM change_events
            WHERE
                change_events.user_id = queued.user_id
                AND change_events.event_id = queued.event_id
                AND coalesce(change_events.published_at, change_events.parked_at) IS NULL
                AND coalesce(change_events.claimed_until <= now(), TRUE)
                AND coalesce(change_events.not_before <= now(), TRUE)
            -- lint: locks_are_ordered: nobody waits for them here.
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS free
),

-- Without a gap, as many events are locked up to an event as are queued up to it.
counted AS (
    SELECT
        either.user_id,
        either.event_id,
        either.is_locked,
        count(*) FILTER (WHERE NOT either.is_locked) OVER entities AS queued_events,
        count(*) FILTER (WHERE either.is_locked) OVER entities AS locked_events
    FROM (
        SELECT
            user_id,
            event_id,
            entity_type,
            entity_id,
            seq,
            FALSE AS is_locked
        FROM queued
        UNION ALL
        SELECT
            user_id,
            event_id,
            entity_type,
            entity_id,
            seq,
            TRUE AS is_locked
        FROM locked
    ) AS either
    -- lint: windows_are_ordered: an event is queued once, and locked once.
    WINDOW entities AS (
        PARTITION BY either.entity_type, either.entity_id
        ORDER BY either.seq ASC, either.is_locked ASC
        ROWS UNBOUNDED PRECEDING
    )
),

claimed AS (
    -- lint: decides_under_lock: what was read before is decided again under the locks.
    -- lint: locks_are_ordered: each row is locked above.
    UPDATE change_events
    SET
        claimed_by = :claimed_by::uuid,
        claimed_until = now() + make_interval(secs => :lease::double precision)
    FROM counted
    WHERE
        change_events.user_id = counted.user_id
        AND change_events.event_id = counted.event_id
        AND counted.is_locked
        AND counted.locked_events = counted.queued_events
    RETURNING
        change_events.user_id,
        change_events.event_id,
        change_events.seq,
        change_events.xid,
        change_events.entity_type,
        change_events.entity_id,
        change_events.change_type,
        change_events.changed_fields,
        change_events.previous_data,
        change_events.new_data,
        change_events.attempts,
        change_events.resent_at,
        change_events.created_at
)

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
FROM claimed
ORDER BY
    seq ASC,
    user_id ASC,
    event_id ASC
LIMIT :max_events::integer;

-- name: publish(claimed_by, events)$
-- Mark events as delivered that are still claimed by the given claim.
-- The events are a JSON array of objects with user_id and event_id, here and below.
-- Record: int
-- Index:  change_events_pkey
-- Plan:   custom (claimed_by = '00000000-0000-4000-8000-000000000000', events = '[]'), the plan of a
--         relay that began when there were few events would read the whole table
-- Locks:  for no key update: change_events
WITH given AS (
    SELECT
        (items.value ->> 'user_id')::bigint AS user_id,
        (items.value ->> 'event_id')::uuid AS event_id
    FROM jsonb_array_elements(:events::jsonb) AS items (value)
),

cur AS (
    SELECT
        change_events.user_id,
        change_events.event_id
    FROM change_events
    INNER JOIN given
        ON
            change_events.user_id = given.user_id
            AND change_events.event_id = given.event_id
    WHERE
        change_events.claimed_by = :claimed_by::uuid
        AND change_events.published_at IS NULL
    ORDER BY
        change_events.user_id ASC,
        change_events.event_id ASC
    FOR NO KEY UPDATE OF change_events
),

published AS (
    UPDATE change_events
    SET
        published_at = now(),
        claimed_by = NULL,
        claimed_until = NULL
    FROM cur
    WHERE
        change_events.user_id = cur.user_id
        AND change_events.event_id = cur.event_id
    RETURNING change_events.user_id
)

SELECT count(*) AS published
FROM published;

-- name: renew(claimed_by, events, lease, max_events)
-- Extend the lease of events that are still claimed by the given claim, and list these.
-- Record: EventKey
-- Index:  change_events_pkey
-- Plan:   custom (claimed_by = '00000000-0000-4000-8000-000000000000', events = '[]', lease = 30,
--         max_events = 100), the plan of a relay that began when there were few events would read
--         the whole table
-- Locks:  for no key update: change_events
WITH given AS (
    SELECT
        (items.value ->> 'user_id')::bigint AS user_id,
        (items.value ->> 'event_id')::uuid AS event_id
    FROM jsonb_array_elements(:events::jsonb) AS items (value)
),

cur AS (
    SELECT
        change_events.user_id,
        change_events.event_id
    FROM change_events
    INNER JOIN given
        ON
            change_events.user_id = given.user_id
            AND change_events.event_id = given.event_id
    WHERE
        change_events.claimed_by = :claimed_by::uuid
        AND change_events.published_at IS NULL
    ORDER BY
        change_events.user_id ASC,
        change_events.event_id ASC
    FOR NO KEY UPDATE OF change_events
),

renewed AS (
    UPDATE change_events
    SET claimed_until = now() + make_interval(secs => :lease::double precision)
    FROM cur
    WHERE
        change_events.user_id = cur.user_id
        AND change_events.event_id = cur.event_id
    RETURNING
        change_events.user_id,
        change_events.event_id
)

SELECT
    user_id,
    event_id
FROM renewed
ORDER BY
    user_id ASC,
    event_id ASC
LIMIT :max_events::integer;

-- name: release(claimed_by, events)$
-- Give events back that are still claimed by the given claim, so that any relay may claim them.
-- Record: int
-- Index:  change_events_pkey
-- Plan:   custom (claimed_by = '00000000-0000-4000-8000-000000000000', events = '[]'), the plan of a
--         relay that began when there were few events would read the whole table
-- Locks:  for no key update: change_events
WITH given AS (
    SELECT
        (items.value ->> 'user_id')::bigint AS user_id,
        (items.value ->> 'event_id')::uuid AS event_id
    FROM jsonb_array_elements(:events::jsonb) AS items (value)
),

cur AS (
    SELECT
        change_events.user_id,
        change_events.event_id
    FROM change_events
    INNER JOIN given
        ON
            change_events.user_id = given.user_id
            AND change_events.event_id = given.event_id
    WHERE
        change_events.claimed_by = :claimed_by::uuid
        AND change_events.published_at IS NULL
    ORDER BY
        change_events.user_id ASC,
        change_events.event_id ASC
    FOR NO KEY UPDATE OF change_events
),

released AS (
    UPDATE change_events
    SET
        claimed_by = NULL,
        claimed_until = NULL
    FROM cur
    WHERE
        change_events.user_id = cur.user_id
        AND change_events.event_id = cur.event_id
    RETURNING change_events.user_id
)

SELECT count(*) AS released
FROM released;

-- name: fail(claimed_by, user_id, event_id, error, retry_after, max_attempts, followers)$
-- Count a failed delivery of an event that is still claimed by the given claim.
-- It is tried again after so many seconds, or parked once so many attempts have failed. The events
-- behind it, as in `publish`, are given back in the same statement.
-- Record: int
-- Index:  change_events_pkey
-- Plan:   custom (claimed_by = '00000000-0000-4000-8000-000000000000', user_id = 1, event_id =
--         '00000000-0000-4000-8000-000000000000', error = 'ValueError', retry_after = 1,
--         max_attempts = 10, followers = '[]'), the plan of a relay that began when there were few
--         events would read the whole table
-- Locks:  for no key update: change_events
WITH given AS (
    SELECT
        (items.value ->> 'user_id')::bigint AS user_id,
        (items.value ->> 'event_id')::uuid AS event_id
    FROM jsonb_array_elements(:followers::jsonb) AS items (value)
    UNION
    SELECT
        :user_id::bigint AS user_id,
        :event_id::uuid AS event_id
),

cur AS (
    SELECT
        change_events.user_id,
        change_events.event_id,
        change_events.event_id = :event_id::uuid
        AND change_events.user_id = :user_id::bigint AS has_failed,
        change_events.attempts + 1 >= :max_attempts::integer AS is_last
    FROM change_events
    INNER JOIN given
        ON
            change_events.user_id = given.user_id
            AND change_events.event_id = given.event_id
    WHERE
        change_events.claimed_by = :claimed_by::uuid
        AND change_events.published_at IS NULL
    ORDER BY
        change_events.user_id ASC,
        change_events.event_id ASC
    FOR NO KEY UPDATE OF change_events
),

failed AS (
    UPDATE change_events
    SET
        claimed_by = NULL,
        claimed_until = NULL,
        attempts = CASE WHEN cur.has_failed THEN attempts + 1 ELSE attempts END,
        last_error = CASE WHEN cur.has_failed THEN :error::text ELSE last_error END,
        parked_at = CASE WHEN cur.has_failed AND cur.is_last THEN now() END,
        not_before = CASE
            WHEN cur.has_failed AND NOT cur.is_last
                THEN now() + make_interval(secs => :retry_after::double precision)
        END
    FROM cur
    WHERE
        change_events.user_id = cur.user_id
        AND change_events.event_id = cur.event_id
    RETURNING change_events.user_id
)

SELECT count(*) AS failed
FROM failed;
