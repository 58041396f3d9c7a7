-- name: count_by_type()^
-- Count the listed resources by type.
-- Every listed resource is read, so the cost grows with the table.
-- Record: ResourceCounts
-- Index:  scan: resources, every row, each is counted once
-- Locks:  none
SELECT
    count(*) AS total,
    json_build_object(
        'Api', count(*) FILTER (WHERE resource_type = 'Api'),
        'Code', count(*) FILTER (WHERE resource_type = 'Code'),
        'Data', count(*) FILTER (WHERE resource_type = 'Data'),
        'Note', count(*) FILTER (WHERE resource_type = 'Note'),
        'Project', count(*) FILTER (WHERE resource_type = 'Project'),
        'Prompt', count(*) FILTER (WHERE resource_type = 'Prompt'),
        'Routine', count(*) FILTER (WHERE resource_type = 'Routine'),
        'Standard', count(*) FILTER (WHERE resource_type = 'Standard')
    ) AS by_type
FROM resources
WHERE
    NOT is_private
    AND NOT is_deleted
    AND has_complete_version;
