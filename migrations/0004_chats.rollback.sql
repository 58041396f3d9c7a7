DROP TABLE chat_participants;
DROP TABLE chats;
