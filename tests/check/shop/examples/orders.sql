-- name: orders()^
SELECT
    orders.id,
    orders.customer_id,
    'Ring twice' AS note,
    20 AS max_rows
FROM orders
ORDER BY orders.id DESC
LIMIT 1;
