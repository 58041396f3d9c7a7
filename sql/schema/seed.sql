-- name: seed__lock()!
-- Lock users and resources against writes from the check that they are empty to the commit.
-- Utility: is a command, which has no plan.
-- Record: none
-- Index:  none: reads no table
-- Locks:  none
LOCK TABLE users, resources IN SHARE ROW EXCLUSIVE MODE;

-- name: holds_rows()$
-- Return whether the database has any user or resource. Such a database is not seeded.
-- Record: bool
-- Index:  scan: users and resources, the first row
-- Locks:  none
SELECT
    EXISTS (SELECT 1 FROM users)
    OR EXISTS (SELECT 1 FROM resources) AS holds_rows;

-- name: seed__defer()!
-- Defer the foreign key of resources to versions, which are loaded after them.
-- Utility: is a command, which has no plan.
-- Record: none
-- Index:  none: reads no table
-- Locks:  none
SET CONSTRAINTS resources_id_latest_version_id_fkey DEFERRED;

-- name: seed_users__copy()!
-- Load the seed's users, which the client sends in binary, ordered by key.
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
-- Load the seed's teams, which the client sends in binary, ordered by key.
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
-- Load the seed's members, which the client sends in binary, ordered by key.
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
-- Load the seed's resources, which the client sends in binary, ordered by key.
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
-- Load the seed's resource_versions, which the client sends in binary, ordered by key.
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
-- Load the seed's resource_translations, which the client sends in binary, ordered by key.
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
-- Load the seed's bookmarks, which the client sends in binary, ordered by key.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: bookmarks
COPY bookmarks (
    user_id,
    resource_id,
    created_at
) FROM STDIN (FORMAT "binary");

-- name: seed_runs__copy()!
-- Load the seed's runs, which the client sends in binary, ordered by key.
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
-- Load the seed's run_steps, which the client sends in binary, ordered by key.
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
-- Load the seed's run_io, which the client sends in binary, ordered by key.
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
-- Load the seed's chats, which the client sends in binary, ordered by key.
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
-- Load the seed's chat_participants, which the client sends in binary, ordered by key.
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
-- Load the seed's change_events, which the client sends in binary, ordered by key.
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
    claimed_by,
    claimed_until,
    created_at
) FROM STDIN (FORMAT "binary");

-- name: seed_counter_reconciliations__copy()!
-- Load the seed's counter_reconciliations, which the client sends in binary, ordered by key.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: counter_reconciliations
COPY counter_reconciliations (
    entity_type,
    entity_id,
    counter,
    requested_at
) FROM STDIN (FORMAT "binary");

-- name: seed_stats_users__copy()!
-- Load the seed's stats_users, which the client sends in binary, ordered by key.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: stats_users
COPY stats_users (
    user_id,
    period_type,
    period_start,
    period_end,
    runs_started,
    runs_completed,
    resources_deleted,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: seed_stats_teams__copy()!
-- Load the seed's stats_teams, which the client sends in binary, ordered by key.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: stats_teams
COPY stats_teams (
    team_id,
    period_type,
    period_start,
    period_end,
    members_created,
    created_at,
    updated_at
) FROM STDIN (FORMAT "binary");

-- name: advance_identities()$
-- Set each identity to continue after the highest id of its table, and return the next ids.
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
-- Collect the planner's statistics, and set the visibility map, so that index-only scans work from
-- the first query on.
-- Utility: is a command, which has no plan.
-- Record: none
-- Index:  none: reads whole tables
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
change_events,
counter_reconciliations,
stats_users,
stats_teams;
