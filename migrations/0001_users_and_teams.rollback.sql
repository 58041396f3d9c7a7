DROP TABLE members;
DROP TABLE teams;
DROP TABLE users;
