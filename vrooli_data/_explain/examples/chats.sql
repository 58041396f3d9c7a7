-- name: chats()^
WITH many AS (
    SELECT mode() WITHIN GROUP (ORDER BY candidates.user_id ASC) AS user_id
    FROM (
        SELECT chat_participants.user_id
        FROM chat_participants
        ORDER BY
            chat_participants.chat_id ASC,
            chat_participants.user_id ASC
        LIMIT 10000
    ) AS candidates
),

newest AS (
    SELECT
        chat_participants.chat_id,
        chat_participants.user_id
    FROM chat_participants
    INNER JOIN many ON chat_participants.user_id = many.user_id
    ORDER BY chat_participants.chat_id DESC
    LIMIT 5
)

SELECT
    chats.id,
    chats.id AS chat_id,
    chats.public_id,
    chats.team_id,
    chats.revision,
    chats.created_at,
    newest.user_id,
    newest.user_id AS creator_id,
    '{"is_private": true}' AS changes
FROM newest
INNER JOIN chats ON newest.chat_id = chats.id
ORDER BY chats.id ASC
LIMIT 1;

-- name: chats__create()^
SELECT
    'examplechat0' AS public_id,
    teams.id AS team_id,
    users.id AS creator_id
FROM teams
CROSS JOIN users
ORDER BY
    teams.id ASC,
    users.id ASC
LIMIT 1;

-- name: chats__find_participants()^
WITH many AS (
    SELECT mode() WITHIN GROUP (ORDER BY candidates.chat_id ASC) AS chat_id
    FROM (
        SELECT chat_participants.chat_id
        FROM chat_participants
        ORDER BY
            chat_participants.chat_id ASC,
            chat_participants.user_id ASC
        LIMIT 10000
    ) AS candidates
),

first_users AS (
    SELECT
        chat_participants.chat_id,
        chat_participants.user_id
    FROM chat_participants
    INNER JOIN many ON chat_participants.chat_id = many.chat_id
    ORDER BY chat_participants.user_id ASC
    LIMIT 5
)

SELECT
    chat_id,
    user_id
FROM first_users
ORDER BY user_id DESC
LIMIT 1;

-- name: chats__add_participant()^
SELECT
    chats.id AS chat_id,
    users.id AS user_id
FROM chats
CROSS JOIN users
WHERE
    NOT EXISTS (
        SELECT
        FROM chat_participants
        WHERE
            chat_participants.chat_id = chats.id
            AND chat_participants.user_id = users.id
    )
ORDER BY
    chats.id ASC,
    users.id ASC
LIMIT 1;
