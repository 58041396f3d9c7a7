-- name: seed__lock()!
-- Let nobody write users or resources between the look whether they are empty and the end.
-- Utility: is a command, which has no plan.
-- Record: none
-- Index:  none: reads no table
-- Locks:  none
LOCK TABLE users, resources IN SHARE ROW EXCLUSIVE MODE;

-- name: holds_rows()$
-- Tell whether the database holds any user or resource, and so is not to be seeded.
-- Record: bool
-- Index:  scan: users and resources, the first row
-- Locks:  none
SELECT
    EXISTS (SELECT 1 FROM users)
    OR EXISTS (SELECT 1 FROM resources) AS holds_rows;

-- name: seed__defer()!
-- Let resources point at versions that are loaded after them.
-- Utility: is a command, which has no plan.
-- Record: none
-- Index:  none: reads no table
-- Locks:  none
SET CONSTRAINTS resources_id_latest_version_id_fkey DEFERRED;

-- name: seed_users__copy()!
-- Fill users with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: users
COPY users (
    id,
    public_id,
    email,
    name,
    name_folded,
    handle,
    is_bot,
    is_private,
    languages,
    last_active_at,
    revision,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_teams__copy()!
-- Fill teams with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: teams
COPY teams (
    id,
    public_id,
    name,
    handle,
    is_private,
    config,
    created_by_id,
    revision,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_members__copy()!
-- Fill members with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: members
COPY members (
    team_id,
    user_id,
    is_admin,
    permissions,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_resources__copy()!
-- Fill resources with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: resources
COPY resources (
    id,
    public_id,
    resource_type,
    is_private,
    is_deleted,
    deleted_at,
    deleted_by_id,
    has_complete_version,
    score,
    bookmarks,
    views,
    created_by_id,
    latest_version_id,
    last_version_index,
    revision,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_resource_versions__copy()!
-- Fill resource_versions with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: resource_versions
COPY resource_versions (
    id,
    public_id,
    resource_id,
    version_index,
    version_label,
    config,
    is_complete,
    revision,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_resource_translations__copy()!
-- Fill resource_translations with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: resource_translations
COPY resource_translations (
    resource_id,
    language,
    name,
    name_folded,
    description,
    description_folded,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_bookmarks__copy()!
-- Fill bookmarks with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: bookmarks
COPY bookmarks (
    user_id,
    resource_id,
    created_at
) FROM STDIN (FORMAT "binary");

-- name: seed_runs__copy()!
-- Fill runs with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: runs
COPY runs (
    id,
    public_id,
    user_id,
    resource_version_id,
    name,
    status,
    is_private,
    data,
    started_at,
    completed_at,
    time_elapsed,
    completed_complexity,
    context_switches,
    revision,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_run_steps__copy()!
-- Fill run_steps with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: run_steps
COPY run_steps (
    user_id,
    run_id,
    step,
    name,
    status,
    time_elapsed,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_run_io__copy()!
-- Fill run_io with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: run_io
COPY run_io (
    user_id,
    run_id,
    side,
    step,
    key,
    value,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_chats__copy()!
-- Fill chats with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: chats
COPY chats (
    id,
    public_id,
    team_id,
    creator_id,
    is_private,
    open_to_anyone_with_invite,
    config,
    revision,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_chat_participants__copy()!
-- Fill chat_participants with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: chat_participants
COPY chat_participants (
    chat_id,
    user_id,
    has_unread,
    created_at
) FROM STDIN (FORMAT "binary");

-- name: seed_change_events__copy()!
-- Fill change_events with the rows of the seed, which the client sends in binary, in the order of keys.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: change_events
COPY change_events (
    user_id,
    event_id,
    seq,
    entity_type,
    entity_id,
    change_type,
    changed_fields,
    previous_data,
    new_data,
    published_at,
    attempts,
    parked_at,
    created_at
) FROM STDIN (FORMAT "binary");

-- name: advance_identities()$
-- Let each identity go on after the highest id of its table, and return the next ids.
-- Record: list[int]
-- Index:  users_pkey (order), teams_pkey (order), resources_pkey (order),
--         resource_versions_pkey (order), chats_pkey (order), runs_id_key (order),
--         scan: change_events, every row, once, when a database is seeded
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
        setval('runs_id_seq', (SELECT coalesce(max(id), 0) + 1 FROM runs), FALSE),
        setval(
            'change_events_seq_seq',
            (SELECT coalesce(max(seq), 0) + 1 FROM change_events),
            FALSE
        )
    ] AS next_ids;

-- name: seed__vacuum()!
-- Count the rows for the planner, and mark the pages all of whose rows are visible to everybody, so
-- that index-only scans work from the first query on.
-- Utility: is a command, which has no plan.
-- Record: none
-- Index:  none: goes through the tables
-- Locks:  none
VACUUM (ANALYZE)
users,
teams,
members,
resources,
resource_versions,
resource_translations,
bookmarks,
runs,
run_steps,
run_io,
chats,
chat_participants,
change_events;
