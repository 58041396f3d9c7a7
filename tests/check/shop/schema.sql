CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    name text
);

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers (id),
    total integer NOT NULL,
    note text,
    placed_at timestamptz NOT NULL
);

CREATE INDEX orders_customer_id_placed_at_id_idx
ON orders (customer_id, placed_at DESC, id DESC);

-- Rows enough for the planner to care.
INSERT INTO customers (email, name)
SELECT 'customer' || n || '@example.org', 'Customer ' || n
FROM generate_series(1, 2000) AS n;

INSERT INTO orders (customer_id, total, placed_at)
SELECT n % 2000 + 1, n % 100, '2026-01-01 00:00+00'::timestamptz + n * interval '1 minute'
FROM generate_series(1, 20000) AS n;

ANALYZE;
