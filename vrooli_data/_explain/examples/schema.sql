-- name: schema()^
SELECT 'users' AS table_name;
