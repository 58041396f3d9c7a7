-- name: create_with_initial_setup(public_id, name, handle, is_private, config, creator_id, member_ids, admin_permissions, member_permissions, chat_public_id, chat_config)^
-- Insert one team with its creator as administrator, its members, a chat in which all of them take
-- part, and its statistics of the day (UTC).
-- The members are a JSON array of ids. Duplicates count once, and so does the creator.
-- Record: TeamSetup
-- Index:  none: inserts rows
-- Locks:  row: teams, row: members, row: chats, row: chat_participants, row: stats_teams
WITH created AS (
    INSERT INTO teams (
        public_id,
        name,
        handle,
        is_private,
        config,
        created_by_id
    )
    VALUES (
        :public_id::text,
        :name::text,
        :handle::text,
        :is_private::boolean,
        :config::jsonb,
        :creator_id::bigint
    )
    RETURNING
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
),

people AS (
    SELECT :creator_id::bigint AS user_id
    UNION DISTINCT
    SELECT given.id::bigint
    FROM json_array_elements_text(:member_ids::json) AS given (id)
),

joined AS (
    INSERT INTO members (team_id, user_id, is_admin, permissions)
    SELECT
        created.id,
        people.user_id,
        people.user_id = created.created_by_id,
        CASE
            WHEN people.user_id = created.created_by_id THEN :admin_permissions::jsonb
            ELSE :member_permissions::jsonb
        END
    FROM created
    CROSS JOIN people
    -- The foreign keys lock the users in this order.
    ORDER BY people.user_id ASC
    RETURNING
        team_id,
        user_id
),

opened AS (
    INSERT INTO chats (public_id, team_id, creator_id, is_private, config)
    SELECT
        :chat_public_id::text,
        created.id,
        created.created_by_id,
        created.is_private,
        :chat_config::jsonb
    FROM created
    RETURNING
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
),

taking_part AS (
    INSERT INTO chat_participants (chat_id, user_id)
    SELECT
        opened.id,
        joined.user_id
    FROM opened
    INNER JOIN joined ON opened.team_id = joined.team_id
    ORDER BY joined.user_id ASC
),

-- A new team has no statistics yet, so these cannot conflict.
counted AS (
    INSERT INTO stats_teams (team_id, period_type, period_start, period_end, members_created)
    SELECT
        joined.team_id,
        'Daily',
        date_trunc('day', now(), 'UTC'),
        date_trunc('day', now(), 'UTC') + interval '24 hours',
        count(*)
    FROM joined
    GROUP BY joined.team_id
    RETURNING
        team_id,
        members_created
)

SELECT
    to_json(created) AS team,
    to_json(opened) AS chat,
    counted.members_created AS member_count
FROM created
INNER JOIN opened ON created.id = opened.team_id
INNER JOIN counted ON created.id = counted.team_id;
