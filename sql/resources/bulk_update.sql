-- name: bulk_update(changes, max_conflict_ratio)^
-- Update the given fields of many resources.
-- A resource that is missing, or whose revision is not the expected one, is a conflict, and is not
-- changed. If the share of conflicts exceeds the given ratio, nothing is updated.
-- The changes are a JSON array of objects with id, expected_revision (null: any revision) and the
-- fields to change. Each id occurs once. The rows are locked in the order of their ids and read
-- under their locks, so that concurrent changes of different fields are both kept.
-- Not HOT: updated_at is a key of an index, so each row gets an entry in all indexes that hold it.
-- About 22 pages are touched per row.
-- Record: BulkUpdateOutcome
-- Index:  resources_pkey
-- Locks:  for no key update: resources
-- Null:   conflicts.item.id, each of the changes has one; is_written, max_conflict_ratio is given
WITH given AS (
    SELECT
        (items.value ->> 'id')::bigint AS id,
        (items.value ->> 'expected_revision')::integer AS expected_revision,
        items.value AS changes
    FROM jsonb_array_elements(:changes::jsonb) AS items (value)
),

cur AS (
    SELECT
        resources.id,
        resources.revision,
        given.expected_revision,
        given.changes,
        resources AS base
    FROM resources
    INNER JOIN given ON resources.id = given.id
    ORDER BY resources.id ASC
    FOR NO KEY UPDATE OF resources
),

conflicts AS (
    SELECT
        given.id,
        given.expected_revision,
        cur.revision AS actual_revision
    FROM given
    LEFT JOIN cur ON given.id = cur.id
    WHERE
        cur.id IS NULL
        OR cur.revision != given.expected_revision
),

shares AS (
    SELECT
        count(*)::double precision / greatest(
            (
                SELECT count(*)
                FROM given
            ),
            1
        ) AS conflict_ratio
    FROM conflicts
),

updated AS (
    UPDATE resources
    SET
        resource_type = changed.resource_type,
        is_private = changed.is_private,
        revision = cur.revision + 1,
        updated_at = now()
    FROM
        shares,
        cur,
        jsonb_populate_record(cur.base, cur.changes) AS changed
    WHERE
        resources.id = cur.id
        AND cur.revision = coalesce(cur.expected_revision, cur.revision)
        AND shares.conflict_ratio <= :max_conflict_ratio::double precision
    RETURNING resources.id
)

SELECT
    (
        SELECT count(*)
        FROM updated
    ) AS updated,
    (
        SELECT
            coalesce(
                json_agg(
                    json_build_object(
                        'id', conflicts.id,
                        'expected_revision', conflicts.expected_revision,
                        'actual_revision', conflicts.actual_revision
                    )
                    -- lint: arrays_are_ordered: no resource is given twice.
                    ORDER BY conflicts.id ASC
                ),
                '[]'
            )
        FROM conflicts
    ) AS conflicts,
    shares.conflict_ratio <= :max_conflict_ratio::double precision AS is_written
FROM shares;
