-- name: request(resource_id)^
-- Request that the bookmark counter of one resource be compared with its bookmarks.
-- A request that is there already keeps its place in the queue. It is written again all the same:
-- its lock keeps reconcile from handling it before the changes of this transaction are visible.
-- Record: RowId, or no row
-- Index:  resources_pkey
-- Locks:  row: counter_reconciliations
INSERT INTO counter_reconciliations (
    entity_type,
    entity_id,
    counter
)
SELECT
    'resource',
    id,
    'bookmarks'
FROM resources
WHERE id = :resource_id::bigint
ON CONFLICT (entity_type, entity_id, counter) DO UPDATE
    SET requested_at = counter_reconciliations.requested_at
RETURNING entity_id AS id;

-- name: request_all(after_id, max_rows)^
-- Request that the bookmark counters of the resources after an id be compared with their bookmarks:
-- one batch, in the order of the ids.
-- Record: RequestedBatch
-- Index:  resources_pkey, resources_pkey (order)
-- Locks:  row: counter_reconciliations
WITH given AS (
    SELECT id
    FROM resources
    WHERE id > :after_id::bigint
    ORDER BY id ASC
    LIMIT :max_rows::integer
),

requested AS (
    INSERT INTO counter_reconciliations (
        entity_type,
        entity_id,
        counter
    )
    SELECT
        'resource',
        given.id,
        'bookmarks'
    FROM given
    ORDER BY given.id ASC
    ON CONFLICT (entity_type, entity_id, counter) DO UPDATE
        SET requested_at = counter_reconciliations.requested_at
)

SELECT
    count(*) AS requested,
    max(given.id) AS last_id
FROM given;
