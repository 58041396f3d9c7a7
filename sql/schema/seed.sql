-- name: holds_rows()$
-- Tell whether the database holds any user or resource, and so is not to be seeded.
-- Record: bool
-- Index:  scan: users and resources, the first row
-- Locks:  none
SELECT
    EXISTS (SELECT 1 FROM users)
    OR EXISTS (SELECT 1 FROM resources) AS holds_rows;

-- name: advance_identities()$
-- Let each identity go on after the highest id of its table, and return the next ids.
-- Record: list[int]
-- Index:  users_pkey (order), teams_pkey (order), resources_pkey (order),
--         resource_versions_pkey (order), chats_pkey (order), runs_id_key (order)
-- Locks:  function: setval
SELECT
    ARRAY[
        setval('users_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM users), FALSE),
        setval('teams_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM teams), FALSE),
        setval('resources_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM resources), FALSE),
        setval(
            'resource_versions_id_seq',
            (SELECT coalesce(max(id), 0) + 1 FROM resource_versions),
            FALSE
        ),
        setval('chats_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM chats), FALSE),
        setval('runs_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM runs), FALSE)
    ] AS next_ids;
