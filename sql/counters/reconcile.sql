-- name: reconcile__claim(max_rows)^
-- Take a batch of requests out of the queue, oldest first, and return the ids of their resources.
-- Return whether the next statement of the transaction sees what was committed before the requests
-- were locked. If it does not, no request is taken.
-- A request that another session has locked is left in the queue: the change that it is about may
-- not be committed yet.
-- Record: ClaimedRequests
-- Index:  counter_reconciliations_requested_at_key_idx (order), counter_reconciliations_pkey,
--         scan: counter_reconciliations, every row, where no request is of this kind
-- Locks:  for update skip locked: counter_reconciliations
-- Null:   is_read_committed, the setting always exists
WITH taken AS (
    SELECT entity_id
    FROM counter_reconciliations
    WHERE
        entity_type = 'resource'
        AND counter = 'bookmarks'
        AND current_setting('transaction_isolation') = 'read committed'
    ORDER BY
        requested_at ASC,
        entity_type ASC,
        entity_id ASC,
        counter ASC
    LIMIT :max_rows::integer
    FOR UPDATE SKIP LOCKED
),

claimed AS (
    DELETE FROM counter_reconciliations
    WHERE
        entity_type = 'resource'
        -- An array: for a join, the planner expects a part of the queue, and reads all of it.
        AND entity_id = any(array(SELECT taken.entity_id FROM taken))
        AND counter = 'bookmarks'
    RETURNING entity_id
)

SELECT
    coalesce(array_agg(claimed.entity_id ORDER BY claimed.entity_id ASC), '{}') AS ids,
    current_setting('transaction_isolation') = 'read committed' AS is_read_committed
FROM claimed;

-- name: reconcile(ids)^
-- Compare the bookmark counters of resources, a JSON array of ids, with their bookmarks, and correct
-- those that differ. Return how many differed, and by how much.
-- Runs after reconcile__claim, in the same transaction. A single statement for both would lose
-- requests: its snapshot may be older than a change whose request it takes.
-- Counter and count are read from one snapshot, and the counter is changed by their difference. So
-- the result is right while others add and remove bookmarks, and only a wrong counter is locked.
-- Where the counter was too low, it may have stood at zero while bookmarks were removed. The
-- difference does not contain that, so the counter is requested again.
-- The cost grows with the number of bookmarks.
-- Record: Reconciliation
-- Index:  resources_pkey, bookmarks_resource_id_idx
-- Locks:  for no key update: resources, row: counter_reconciliations
-- Null:   checked, the ids are given
WITH given AS (
    SELECT items.id::bigint AS id
    FROM json_array_elements_text(:ids::json) AS items (id)
),

compared AS MATERIALIZED (
    SELECT
        resources.id,
        counted.number - resources.bookmarks AS difference
    FROM given
    INNER JOIN resources ON given.id = resources.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS number
        FROM bookmarks
        WHERE bookmarks.resource_id = resources.id
    ) AS counted
),

cur AS (
    SELECT
        resources.id,
        resources.bookmarks,
        compared.difference
    FROM compared
    INNER JOIN resources ON compared.id = resources.id
    WHERE compared.difference <> 0
    ORDER BY resources.id ASC
    FOR NO KEY UPDATE OF resources
),

corrected AS (
    -- lint: decides_under_lock: the difference is added to what the locked row holds.
    UPDATE resources
    SET bookmarks = greatest(cur.bookmarks + cur.difference, 0)
    FROM cur
    WHERE resources.id = cur.id
),

requested AS (
    INSERT INTO counter_reconciliations (
        entity_type,
        entity_id,
        counter
    )
    SELECT
        'resource',
        cur.id,
        'bookmarks'
    FROM cur
    WHERE cur.difference > 0
    ORDER BY cur.id ASC
    ON CONFLICT (entity_type, entity_id, counter) DO UPDATE
        SET requested_at = counter_reconciliations.requested_at
)

SELECT
    json_array_length(:ids::json) AS checked,
    (
        SELECT count(*)
        FROM cur
    ) AS wrong,
    (
        SELECT coalesce(sum(abs(cur.difference)), 0)
        FROM cur
    )::bigint AS difference;
