-- name: add_views(views)^
-- Add to the views of resources, a JSON object from public ids to numbers, and return how many
-- resources were found. Absent and deleted ones are left out. The revision stays the same.
-- Not HOT: views is in the indexes that listings are sorted by, so each row is written to all of
-- them, once for all of its views.
-- Record: ViewedResources
-- Index:  resources_public_id_key, resources_pkey
-- Locks:  for no key update: resources
WITH given AS (
    SELECT
        items.key AS public_id,
        items.value::bigint AS number
    FROM json_each_text(:views::json) AS items (key, value)
),

cur AS (
    SELECT
        resources.id,
        resources.views,
        given.number
    FROM given
    INNER JOIN resources ON given.public_id = resources.public_id
    WHERE NOT resources.is_deleted
    ORDER BY resources.id ASC
    FOR NO KEY UPDATE OF resources
),

counted AS (
    UPDATE resources
    SET views = cur.views + cur.number
    FROM cur
    WHERE resources.id = cur.id
)

SELECT count(*) AS resources
FROM cur;
