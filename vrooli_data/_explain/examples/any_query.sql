-- name: any_query()^
SELECT
    20 AS max_rows,
    30 AS days;
