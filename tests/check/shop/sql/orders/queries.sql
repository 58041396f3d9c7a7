-- name: find_by_id(id)^
-- Fetch one order with its customer.
-- Record: OrderWithCustomer, or no row
-- Index:  orders_pkey, customers_pkey
-- Locks:  none
SELECT
    orders.id,
    orders.total,
    orders.note,
    orders.placed_at,
    json_build_object(
        'email', customers.email,
        'name', customers.name
    ) AS customer
FROM orders
INNER JOIN customers ON orders.customer_id = customers.id
WHERE orders.id = :id::bigint;

-- name: list_by_customer(customer_id, max_rows)
-- List the orders of one customer, newest first.
-- Record: Order
-- Index:  orders_customer_id_placed_at_id_idx,
--         orders_customer_id_placed_at_id_idx (order)
-- Locks:  none
SELECT
    id,
    total,
    note,
    placed_at
FROM orders
WHERE customer_id = :customer_id::bigint
ORDER BY
    placed_at DESC,
    id DESC
LIMIT :max_rows::integer;

-- name: set_note(id, note)^
-- Replace the note of one order.
-- Record: Order, or no row
-- Index:  orders_pkey
-- Locks:  row: orders
UPDATE orders
SET note = :note::text
WHERE id = :id::bigint
RETURNING
    id,
    total,
    note,
    placed_at;

-- name: total_of_customer(customer_id)$
-- Add up what one customer has ordered.
-- Record: int
-- Index:  orders_customer_id_placed_at_id_idx
-- Locks:  none
SELECT coalesce(sum(total), 0) AS total
FROM orders
WHERE customer_id = :customer_id::bigint;
