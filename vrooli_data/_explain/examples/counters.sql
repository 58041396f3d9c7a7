-- name: counters()^
WITH oldest AS (
    SELECT entity_id
    FROM counter_reconciliations
    WHERE
        entity_type = 'resource'
        AND counter = 'bookmarks'
    ORDER BY
        requested_at ASC,
        entity_type ASC,
        entity_id ASC,
        counter ASC
    LIMIT 50
)

SELECT
    min(entity_id) AS resource_id,
    min(entity_id) AS after_id,
    json_agg(entity_id)::text AS ids
FROM oldest;
