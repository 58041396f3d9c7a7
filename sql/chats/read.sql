-- name: find_by_id(id)^
-- Fetch one chat by id.
-- Record: Chat, or no row
-- Index:  chats_pkey
-- Locks:  none
SELECT
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
FROM chats
WHERE id = :id::bigint;

-- name: find_by_public_id(public_id)^
-- Fetch one chat by public id.
-- Record: Chat, or no row
-- Index:  chats_public_id_key
-- Locks:  none
SELECT
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
FROM chats
WHERE public_id = :public_id::text;

-- name: find_many__created_at(max_rows)
-- List the chats that are not private, newest first: the first page.
-- Record: Chat
-- Index:  chats_created_at_id_idx (order)
-- Locks:  none
SELECT
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
FROM chats
WHERE NOT is_private
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_many__created_at_after(after_created_at, after_id, max_rows)
-- List the chats that are not private, newest first: the rows after a row.
-- Record: Chat
-- Index:  chats_created_at_id_idx,
--         chats_created_at_id_idx (order)
-- Locks:  none
SELECT
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
FROM chats
WHERE
    NOT is_private
    AND (created_at, id) < (:after_created_at::timestamptz, :after_id::bigint)
ORDER BY
    created_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: find_many__created_at_before(before_created_at, before_id, max_rows)
-- List the chats that are not private, newest first: the rows before a row, nearest first.
-- Record: Chat
-- Index:  chats_created_at_id_idx,
--         chats_created_at_id_idx (order)
-- Locks:  none
SELECT
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
FROM chats
WHERE
    NOT is_private
    AND (created_at, id) > (:before_created_at::timestamptz, :before_id::bigint)
ORDER BY
    created_at ASC,
    id ASC
LIMIT :max_rows::integer;

-- name: find_by_user__id(user_id, max_rows)
-- List the chats of one participant, newest first: the first page.
-- Record: UserChat
-- Index:  chat_participants_user_id_chat_id_idx,
--         chat_participants_user_id_chat_id_idx (order), chats_pkey
-- Locks:  none
SELECT
    chats.id,
    chats.public_id,
    chats.team_id,
    chats.creator_id,
    chats.is_private,
    chats.open_to_anyone_with_invite,
    chats.config,
    chats.revision,
    chats.created_at,
    chats.updated_at,
    chat_participants.has_unread
FROM chat_participants
INNER JOIN chats ON chat_participants.chat_id = chats.id
WHERE chat_participants.user_id = :user_id::bigint
ORDER BY chat_participants.chat_id DESC
LIMIT :max_rows::integer;

-- name: find_by_user__id_after(user_id, after_id, max_rows)
-- List the chats of one participant, newest first: the rows after a row.
-- Record: UserChat
-- Index:  chat_participants_user_id_chat_id_idx,
--         chat_participants_user_id_chat_id_idx (order), chats_pkey
-- Locks:  none
SELECT
    chats.id,
    chats.public_id,
    chats.team_id,
    chats.creator_id,
    chats.is_private,
    chats.open_to_anyone_with_invite,
    chats.config,
    chats.revision,
    chats.created_at,
    chats.updated_at,
    chat_participants.has_unread
FROM chat_participants
INNER JOIN chats ON chat_participants.chat_id = chats.id
WHERE
    chat_participants.user_id = :user_id::bigint
    AND chat_participants.chat_id < :after_id::bigint
ORDER BY chat_participants.chat_id DESC
LIMIT :max_rows::integer;

-- name: find_by_user__id_before(user_id, before_id, max_rows)
-- List the chats of one participant, newest first: the rows before a row, nearest first.
-- Record: UserChat
-- Index:  chat_participants_user_id_chat_id_idx,
--         chat_participants_user_id_chat_id_idx (order), chats_pkey
-- Locks:  none
SELECT
    chats.id,
    chats.public_id,
    chats.team_id,
    chats.creator_id,
    chats.is_private,
    chats.open_to_anyone_with_invite,
    chats.config,
    chats.revision,
    chats.created_at,
    chats.updated_at,
    chat_participants.has_unread
FROM chat_participants
INNER JOIN chats ON chat_participants.chat_id = chats.id
WHERE
    chat_participants.user_id = :user_id::bigint
    AND chat_participants.chat_id > :before_id::bigint
ORDER BY chat_participants.chat_id ASC
LIMIT :max_rows::integer;
