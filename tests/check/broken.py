"""What is broken in the shop, one thing at a time, and what a check has to tell of it."""

from __future__ import annotations

from typing import NamedTuple

QUERIES = "sql/orders/queries.sql"
RECORDS = "shop_records.py"
METHODS = "shop_repositories.py"
#: Told by the parse tree, which is read from PostgreSQL 16 on.
_NEED_TREES = {"nulls", "null-line", "locks"}

_ALWAYS = "the statement always returns a row, but the header says `or no row`"


class Broken(NamedTuple):
    """One thing that is broken, and what is told of it."""

    code: str
    query: str
    old: str
    new: str
    told: str
    file: str = QUERIES

    @property
    def needs_trees(self) -> bool:
        """Return whether only a parse tree shows it."""
        return (
            self.code in _NEED_TREES
            or self.told == _ALWAYS
            or "customer." in self.told
            or "customer holds" in self.told
        )


BROKEN = [
    Broken(
        "columns",
        "list_by_customer",
        "    note,\n    placed_at\nFROM",
        "    placed_at\nFROM",
        "Order.note has no column",
    ),
    Broken(
        "columns",
        "list_by_customer",
        "    note,\n    placed_at\nFROM",
        "    note,\n    placed_at,\n    customer_id\nFROM",
        "customer_id is no field of Order",
    ),
    Broken(
        "columns",
        "list_by_customer",
        "    id,\n    total,\n    note,\n    placed_at\nFROM",
        "    total,\n    id,\n    note,\n    placed_at\nFROM",
        "column 1 is total, but field 1 of Order is id",
    ),
    Broken(
        "columns",
        "list_by_customer",
        "    note,\n    placed_at\nFROM",
        "    note,\n    total,\n    placed_at\nFROM",
        "two columns are called total",
    ),
    Broken(
        "columns",
        "total_of_customer",
        " AS total\n",
        " AS total, count(*)\n",
        "returns 2 columns where int takes one",
    ),
    Broken(
        "columns",
        "find_by_id",
        "'email', customers.email,\n        ",
        "",
        "customer holds no key email",
    ),
    Broken(
        "columns",
        "find_by_id",
        "'email', customers",
        "'id', customers.id, 'email', customers",
        "customer holds the key id",
    ),
    Broken(
        "columns",
        "set_note",
        "    total: int\n",
        "    total: int\n    paid: bool\n",
        "Order.paid has no column",
        RECORDS,
    ),
    Broken(
        "types",
        "list_by_customer",
        "    total,\n    note,\n    placed_at\nFROM",
        "    total::text AS total,\n    note,\n    placed_at\nFROM",
        "column total is text, but Order.total is int",
    ),
    Broken(
        "types",
        "list_by_customer",
        "    placed_at\nFROM",
        "    placed_at::timestamp AS placed_at\nFROM",
        "timestamp without time zone",
    ),
    Broken(
        "types",
        "total_of_customer",
        "sum(total)",
        "sum(total::bigint)",
        "column total is numeric, but int is int",
    ),
    Broken(
        "types",
        "find_by_id",
        "'email', customers.email",
        "'email', customers.id",
        "customer.email is bigint, but Customer.email is str",
    ),
    Broken(
        "types",
        "find_by_id",
        "json_build_object(\n",
        "jsonb_build_object(\n",
        "column customer is jsonb",
    ),
    Broken("types", "set_note", "total: int", "total: str", "column total is integer", RECORDS),
    Broken(
        "nulls",
        "set_note",
        "note: str | None",
        "note: str",
        "column note can be NULL (column orders.note), but Order.note is str",
        RECORDS,
    ),
    Broken(
        "nulls",
        "set_note",
        "total: int",
        "total: int | None",
        "column total is never NULL",
        RECORDS,
    ),
    Broken(
        "nulls",
        "find_by_id",
        "INNER JOIN",
        "LEFT JOIN",
        "column customer.email can be NULL (left join of customers)",
    ),
    Broken(
        "nulls",
        "find_by_id",
        "name: str | None",
        "name: str",
        "column customer.name can be NULL",
        RECORDS,
    ),
    Broken(
        "nulls",
        "total_of_customer",
        "coalesce(sum(total), 0)",
        "sum(total)",
        "column total can be NULL",
    ),
    Broken(
        "plan-line",
        "list_by_customer",
        "placed_at_id_idx (order)\n",
        "placed_at_id_idx (order)\n-- Plan:   custom, some customers order more\n",
        "is not `custom (parameter = value), reason`",
    ),
    Broken(
        "plan-line",
        "list_by_customer",
        "placed_at_id_idx (order)\n",
        "placed_at_id_idx (order)\n-- Plan:   generic (customer_id = 1, max_rows = 20), so\n",
        "is not `custom (parameter = value), reason`",
    ),
    Broken(
        "plan-line",
        "list_by_customer",
        "placed_at_id_idx (order)\n",
        "placed_at_id_idx (order)\n-- Plan:   custom (customer_id = 1), some order more\n",
        "gives other parameters than customer_id, max_rows",
    ),
    Broken(
        "index",
        "list_by_customer",
        "placed_at_id_idx (order)\n",
        "placed_at_id_idx (order)\n"
        "-- Plan:   custom (customer_id = NULL, max_rows = 20), some order more\n",
        "the plan no longer has an index condition on",
    ),
    Broken(
        "statement",
        "list_by_customer",
        "placed_at_id_idx (order)\n",
        "placed_at_id_idx (order)\n"
        "-- Plan:   custom (customer_id = 'x', max_rows = 20), some order more\n",
        "the server refuses it: invalid input syntax",
    ),
    Broken(
        "null-line",
        "set_note",
        "-- Locks:  row: orders\n",
        "-- Locks:  row: orders\n-- Null:   note, it is set here\n",
        "`Null: note` changes nothing",
    ),
    Broken(
        "null-line",
        "set_note",
        "-- Locks:  row: orders\n",
        "-- Locks:  row: orders\n-- Null:   notes, it is set here\n",
        "names no column",
    ),
    Broken(
        "null-line",
        "set_note",
        "-- Locks:  row: orders\n",
        "-- Locks:  row: orders\n-- Null:   note\n",
        "is not `Null: column, reason`",
    ),
    Broken(
        "record",
        "list_by_customer",
        "-- Record: Order\n",
        "-- Record: Orders\n",
        "there is no record Orders",
    ),
    Broken(
        "record",
        "list_by_customer",
        "-- Record: Order\n",
        "-- Record: many Orders\n",
        "is no record, scalar or none",
    ),
    Broken(
        "record",
        "list_by_customer",
        "-- Record: Order\n",
        "-- Record: Order, or no row\n",
        "`or no row` goes with ^ alone",
    ),
    Broken(
        "record",
        "total_of_customer",
        "customer_id)$\n-- Add up what one customer has ordered.\n-- Record: int\n",
        "customer_id)^\n-- Add up what one customer has ordered.\n-- Record: int, or no row\n",
        _ALWAYS,
    ),
    Broken(
        "record",
        "total_of_customer",
        "-- Record: int",
        "-- Record: none",
        "`Record: none` and ! go together",
    ),
    Broken(
        "locks",
        "set_note",
        "-- Locks:  row: orders",
        "-- Locks:  none",
        "the statement locks row: orders",
    ),
    Broken(
        "locks",
        "list_by_customer",
        "LIMIT :max_rows::integer;",
        "LIMIT :max_rows::integer\nFOR SHARE;",
        "the statement locks for share: orders",
    ),
    Broken(
        "index",
        "set_note",
        "-- Index:  orders_pkey\n",
        "-- Index:  orders_key\n",
        "there is no index orders_key",
    ),
    Broken(
        "index",
        "set_note",
        "-- Index:  orders_pkey\n",
        "-- Index:  customers_pkey\n",
        "no longer has an index condition on customers_pkey; it goes through orders_pkey",
    ),
    Broken(
        "index",
        "set_note",
        "-- Index:  orders_pkey\n",
        "-- Index:  none: one row\n",
        "uses orders_pkey, which the header does not name",
    ),
    Broken(
        "index",
        "set_note",
        "-- Index:  orders_pkey\n",
        "-- Index:  scan:\n",
        "is no index, `scan: table, bound` or `none: reason`",
    ),
    Broken(
        "index",
        "set_note",
        "WHERE id = :id::bigint\nR",
        "WHERE id + 0 = :id::bigint\nR",
        "no longer has an index condition on orders_pkey",
    ),
    Broken(
        "index",
        "total_of_customer",
        "WHERE customer_id = :customer_id::bigint;",
        "WHERE total < :customer_id::bigint;",
        "reads the table orders from end to end",
    ),
    Broken(
        "index",
        "list_by_customer",
        "    placed_at DESC,\n    id DESC",
        "    total DESC,\n    id DESC",
        "no longer takes its order from",
    ),
    Broken(
        "index",
        "list_by_customer",
        "    placed_at DESC,\n    id DESC",
        "    placed_at DESC,\n    id ASC",
        "no longer takes its order from",
    ),
    Broken(
        "index",
        "set_note",
        "-- Index:  orders_pkey\n",
        "-- Index:  scan: orders, every row, once\n",
        "the plan does not read orders from end to end",
    ),
    Broken(
        "index",
        "set_note",
        "-- Index:  orders_pkey\n",
        "-- Index:  scan: orders, a few\n",
        "`scan: orders, a few` is not `scan: table, at most N rows`",
    ),
    Broken(
        "index",
        "total_of_customer",
        (
            "-- Index:  orders_customer_id_placed_at_id_idx\n-- Locks:  none\n"
            "SELECT coalesce(sum(total), 0) AS total\n"
            "FROM orders\nWHERE customer_id = :customer_id::bigint;"
        ),
        (
            "-- Index:  scan: orders, at most 500 rows\n-- Locks:  none\n"
            "SELECT coalesce(sum(total), 0) AS total\n"
            "FROM orders\nWHERE total = :customer_id::bigint;"
        ),
        "orders holds 20000 rows, not 500 at most",
    ),
    Broken(
        "index",
        "list_by_customer",
        (
            "-- Index:  orders_customer_id_placed_at_id_idx,\n"
            "--         orders_customer_id_placed_at_id_idx (order)\n-- Locks:  none\nSELECT\n"
            "    id,\n    total,\n    note,\n    placed_at\nFROM orders\n"
            "WHERE customer_id = :customer_id::bigint\nORDER BY\n    placed_at DESC,\n"
        ),
        (
            "-- Index:  orders_pkey (order)\n-- Locks:  none\nSELECT\n"
            "    id,\n    total,\n    note,\n    placed_at\nFROM orders\n"
            "WHERE customer_id <> :customer_id::bigint\nORDER BY\n"
        ),
        "until enough rows pass the filter, at worst to the end",
    ),
    Broken(
        "locks",
        "find_by_id",
        "    ) AS customer\n",
        "    ) AS customer, pg_advisory_xact_lock(orders.id)::text AS locked\n",
        "the statement locks advisory: pg_advisory_xact_lock",
    ),
    Broken(
        "index",
        "list_by_customer",
        (
            "-- Index:  orders_customer_id_placed_at_id_idx,\n"
            "--         orders_customer_id_placed_at_id_idx (order)\n-- Locks:  none\nSELECT\n"
            "    id,\n    total,\n    note,\n    placed_at\nFROM orders\n"
            "WHERE customer_id = :customer_id::bigint\nORDER BY\n"
        ),
        (
            "-- Index:  orders_customer_id_placed_at_id_idx (order)\n-- Locks:  none\n"
            "SELECT DISTINCT ON (customer_id)\n    id,\n    total,\n    note,\n    placed_at\n"
            "FROM orders\nWHERE :customer_id::bigint > 0\nORDER BY\n    customer_id ASC,\n"
        ),
        "until enough rows differ, at worst to the end",
    ),
    Broken(
        "locks",
        "find_by_id",
        "    ) AS customer\n",
        "    ) AS customer, nextval('orders_id_seq')::text AS number\n",
        "the statement locks function: nextval",
    ),
    Broken(
        "lint",
        "list_by_customer",
        (
            "WHERE customer_id = :customer_id::bigint\n"
            "ORDER BY\n    placed_at DESC,\n    id DESC\nLIMIT :max_rows::integer;"
        ),
        (
            "WHERE customer_id = :customer_id::bigint AND total < :max_rows::integer\n"
            "ORDER BY\n    placed_at DESC,\n    id DESC;"
        ),
        "may return any number of rows",
    ),
    Broken(
        "lint",
        "list_by_customer",
        "    placed_at DESC,\n    id DESC",
        "    placed_at DESC",
        "ORDER BY holds no unique key of the result",
    ),
    Broken(
        "lint",
        "list_by_customer",
        "LIMIT :max_rows::integer;",
        "LIMIT :max_rows::integer\nOFFSET 20;",
        "OFFSET reads every row that it skips",
    ),
    Broken(
        "lint",
        "list_by_customer",
        "WHERE customer_id = :customer_id::bigint\n",
        "WHERE customer_id = :customer_id::bigint AND id NOT IN (SELECT total FROM orders "
        "WHERE note NOT IN (SELECT name FROM customers))\n",
        "NOT IN finds no row as soon as one of the values is NULL",
    ),
    Broken(
        "lint",
        "find_by_id",
        "WHERE orders.id = :id::bigint;",
        "WHERE orders.customer_id = :id::bigint;",
        "^ promises at most one row, and nothing shows it",
    ),
    Broken(
        "lint",
        "set_note",
        "WHERE id = :id::bigint\nR",
        "WHERE :id::bigint > 0\nR",
        "updates every row of orders",
    ),
    Broken(
        "lint",
        "set_note",
        "SET note = :note::text\n",
        "SET note = :note::text || (SELECT o.note FROM orders AS o WHERE o.id = :id::bigint)\n",
        "decides a change of orders by a read without a lock",
    ),
    Broken(
        "lint",
        "set_note",
        ":note::text\n",
        ":note\n",
        ":note stands without a cast",
    ),
    Broken(
        "lint",
        "set_note",
        "SET note = :note::text\n",
        "-- lint: no_star: whatever\nSET note = :note::text\n",
        "excuses no_star but does not break it",
    ),
    Broken(
        "statement",
        "total_of_customer",
        "FROM orders\nWHERE customer_id = :customer_id::bigint;",
        "FROM orders\nFULL JOIN customers ON total < customers.id\nWHERE :customer_id::bigint > 0;",
        "the server refuses it: FULL JOIN is only supported",
    ),
    Broken(
        "statement",
        "set_note",
        "SET note = :note::text",
        "SET remark = :note::text",
        'the server refuses it: column "remark" of relation "orders" does not exist',
    ),
    Broken(
        "statement",
        "set_note",
        "SET note = :note::text",
        "SET note = :note::jsonpath[][",
        "the server refuses it: syntax error",
    ),
]
