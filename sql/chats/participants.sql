-- name: find_participants__user_id(chat_id, max_rows)
-- List the participants of one chat, newest user first: the first page.
-- Record: Participant
-- Index:  chat_participants_pkey,
--         chat_participants_pkey (order), users_pkey
-- Locks:  none
SELECT
    users.public_id,
    users.name,
    users.handle,
    chat_participants.user_id,
    chat_participants.has_unread,
    chat_participants.created_at
FROM chat_participants
INNER JOIN users ON chat_participants.user_id = users.id
WHERE chat_participants.chat_id = :chat_id::bigint
ORDER BY chat_participants.user_id DESC
LIMIT :max_rows::integer;

-- name: find_participants__user_id_after(chat_id, after_user_id, max_rows)
-- List the participants of one chat, newest user first: the rows after a row.
-- Record: Participant
-- Index:  chat_participants_pkey,
--         chat_participants_pkey (order), users_pkey
-- Locks:  none
SELECT
    users.public_id,
    users.name,
    users.handle,
    chat_participants.user_id,
    chat_participants.has_unread,
    chat_participants.created_at
FROM chat_participants
INNER JOIN users ON chat_participants.user_id = users.id
WHERE
    chat_participants.chat_id = :chat_id::bigint
    AND chat_participants.user_id < :after_user_id::bigint
ORDER BY chat_participants.user_id DESC
LIMIT :max_rows::integer;

-- name: find_participants__user_id_before(chat_id, before_user_id, max_rows)
-- List the participants of one chat, newest user first: the rows before a row, nearest first.
-- Record: Participant
-- Index:  chat_participants_pkey,
--         chat_participants_pkey (order), users_pkey
-- Locks:  none
SELECT
    users.public_id,
    users.name,
    users.handle,
    chat_participants.user_id,
    chat_participants.has_unread,
    chat_participants.created_at
FROM chat_participants
INNER JOIN users ON chat_participants.user_id = users.id
WHERE
    chat_participants.chat_id = :chat_id::bigint
    AND chat_participants.user_id > :before_user_id::bigint
ORDER BY chat_participants.user_id ASC
LIMIT :max_rows::integer;

-- name: add_participant(chat_id, user_id)^
-- Add one user to the participants of a chat, and return whether the row is new.
-- The statement reads an existing row as well, because SERIALIZABLE does not track what ON CONFLICT
-- DO NOTHING reads. Returns no row if another session has added the user since it began.
-- Record: Added, or no row
-- Index:  chat_participants_pkey or chat_participants_user_id_chat_id_idx
-- Locks:  row: chat_participants
WITH added AS (
    INSERT INTO chat_participants (chat_id, user_id)
    VALUES (:chat_id::bigint, :user_id::bigint)
    ON CONFLICT (chat_id, user_id) DO NOTHING
    RETURNING user_id
)

SELECT TRUE AS added
FROM added
UNION ALL
SELECT FALSE AS added
FROM chat_participants
WHERE
    chat_id = :chat_id::bigint
    AND user_id = :user_id::bigint;

-- name: remove_participant(chat_id, user_id)^
-- Remove one user from the participants of a chat.
-- Record: RowId, or no row
-- Index:  chat_participants_pkey or chat_participants_user_id_chat_id_idx
-- Locks:  row: chat_participants
DELETE FROM chat_participants
WHERE
    chat_id = :chat_id::bigint
    AND user_id = :user_id::bigint
RETURNING user_id AS id;

-- name: set_unread(chat_id, user_id, has_unread)^
-- Set whether one participant has something unread in a chat. The chat's revision stays the same.
-- Record: RowId, or no row
-- Index:  chat_participants_pkey or chat_participants_user_id_chat_id_idx
-- Locks:  row: chat_participants
UPDATE chat_participants
SET has_unread = :has_unread::boolean
WHERE
    chat_id = :chat_id::bigint
    AND user_id = :user_id::bigint
RETURNING user_id AS id;
