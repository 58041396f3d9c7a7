DROP TABLE stats_teams;
DROP TABLE stats_users;
