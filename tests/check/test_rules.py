"""Wrong statements in many spellings, and right ones, against the rules and a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.broken import QUERIES, RECORDS
from tests.check.copies import append, report

_ROW = """

class Row(msgspec.Struct):
    id: int
"""
_OWN = "WHERE customer_id = :customer_id::bigint"
#: By rule, with the suffix of the name line: statements that the rule has to refuse.
WRONG = {
    ("listing_is_ordered", ""): [
        f"SELECT id FROM orders {_OWN} ORDER BY id LIMIT 1000000",
        f"SELECT id FROM orders {_OWN} ORDER BY id LIMIT 3000000000",
        f"SELECT id FROM orders {_OWN} ORDER BY id LIMIT NULL::integer",
        f"SELECT id FROM orders {_OWN} ORDER BY id LIMIT (SELECT max(total) FROM orders)",
        f"SELECT id FROM orders {_OWN} ORDER BY id LIMIT nullif(:max_rows::integer, 0)",
        "SELECT o.id FROM (orders JOIN customers USING (id)) AS o ORDER BY o.total LIMIT 5",
        "SELECT id FROM orders UNION SELECT total FROM orders LIMIT 5",
        "SELECT extname AS id FROM pg_extension ORDER BY extversion LIMIT 5",
    ],
    ("limit_is_ordered", ""): [
        f"SELECT DISTINCT ON (total) id FROM orders {_OWN} ORDER BY total LIMIT 5",
        (
            f"WITH firsts AS (SELECT DISTINCT ON (total) id FROM orders {_OWN} ORDER BY total)"
            " SELECT id FROM firsts ORDER BY id LIMIT 5"
        ),
    ],
    ("no_offset", ""): [
        f"SELECT id FROM orders {_OWN} ORDER BY id OFFSET (20) ROWS FETCH NEXT 5 ROWS ONLY"
    ],
    ("arrays_are_ordered", "$"): [
        f"SELECT count(string_agg) AS id FROM (SELECT string_agg(note, ',') FROM orders {_OWN}) x",
        f"SELECT cardinality(array_agg(id ORDER BY total)) AS id FROM orders {_OWN}",
        f"SELECT cardinality(ARRAY(SELECT id FROM orders {_OWN})) AS id",
        f"SELECT length(JSON_ARRAYAGG(id RETURNING text)) AS id FROM orders {_OWN}",
        f"SELECT cardinality(ARRAY(SELECT id FROM orders {_OWN} ORDER BY total)) AS id",
    ],
    ("windows_are_ordered", ""): [
        (
            "SELECT numbered.id FROM (SELECT id, row_number() OVER (ORDER BY placed_at) AS place"
            f" FROM orders {_OWN}) AS numbered WHERE place = 1 ORDER BY id LIMIT 5"
        ),
        (f"SELECT id, lag(note) OVER (PARTITION BY total) FROM orders {_OWN} ORDER BY id LIMIT 5"),
        (
            "SELECT id, first_value(note) OVER same FROM orders"
            f" {_OWN} WINDOW same AS (PARTITION BY total ORDER BY placed_at) ORDER BY id LIMIT 5"
        ),
    ],
    ("windows_are_ordered", "^"): [
        (
            "SELECT max(s) AS id FROM (SELECT sum(total) OVER (ORDER BY placed_at"
            f" ROWS UNBOUNDED PRECEDING) AS s FROM orders {_OWN}) AS sums"
        ),
        (
            "SELECT count(a) AS id FROM (SELECT array_agg(id) OVER (ORDER BY placed_at) AS a"
            f" FROM orders {_OWN}) AS arrays"
        ),
    ],
    ("not_in_is_safe", ""): [
        f"SELECT id FROM orders WHERE {condition} ORDER BY id LIMIT 5"
        for condition in (
            "(note IN (SELECT name FROM customers)) IS FALSE",
            "(note IN (SELECT name FROM customers)) = FALSE",
            "TRUE <> (note IN (SELECT name FROM customers))",
            "NOT (total > 3 OR note IN (SELECT name FROM customers))",
            "NOT CASE WHEN total > 4 THEN note IN (SELECT name FROM customers) ELSE FALSE END",
            "note <> ALL (SELECT found.name FROM (SELECT * FROM customers) AS found)",
        )
    ],
    ("at_most_one_row", "^"): [
        "SELECT length(regexp_split_to_table(note, ',')) AS id FROM orders WHERE id = :id::bigint",
        "SELECT generate_subscripts(ARRAY[1, 2], 1) AS id FROM orders WHERE id = :id::bigint",
        f"SELECT id FROM orders {_OWN} ORDER BY placed_at FETCH FIRST 1 ROW WITH TIES",
        "SELECT customers.id FROM (SELECT 1), (SELECT total AS id FROM orders), customers",
    ],
    ("change_has_condition", "!"): [
        f"DELETE FROM orders WHERE {condition}"
        for condition in (
            "id = id",
            "id IS NOT NULL",
            "id = :id::bigint OR TRUE",
            "note IS NULL OR note IS NOT NULL",
            ":note::text IS NULL OR note = :note::text",
            "note = coalesce(:note::text, note)",
            "coalesce(:id::bigint, orders.id) = orders.id",
            "NOT (FALSE AND total > 3)",
            "NOT (:id::bigint > 0 AND total > 3)",
            "coalesce(id = :id::bigint, TRUE)",
            "CASE WHEN :id::bigint IS NULL THEN TRUE ELSE id = :id::bigint END",
            "(id = :id::bigint) IS NOT FALSE",
        )
    ],
    ("decides_under_lock", "!"): [
        (
            "UPDATE orders SET total = (SELECT o.total + 1 FROM public.orders AS o"
            " WHERE o.id = :id::bigint) WHERE id = :id::bigint"
        ),
        (
            "INSERT INTO orders (customer_id, total, placed_at)"
            f" SELECT :customer_id::bigint, max(total) + 1, now() FROM orders {_OWN}"
        ),
        (
            "INSERT INTO customers (email) SELECT :email::text WHERE NOT EXISTS"
            " (SELECT FROM customers WHERE email = :email::text)"
        ),
    ],
    ("locks_are_ordered", "!"): [
        (
            "INSERT INTO prices (code, price) SELECT given.code, 1"
            " FROM jsonb_array_elements_text(:codes::jsonb) AS given (code)"
            " ON CONFLICT (code) DO UPDATE SET price = excluded.price"
        ),
        (
            "INSERT INTO prices (code, price) SELECT unnest(:codes::text[]), 1"
            " ON CONFLICT (code) DO UPDATE SET price = excluded.price"
        ),
        (
            "INSERT INTO prices (code, price) SELECT given.code, 1"
            " FROM jsonb_array_elements_text(:codes::jsonb) AS given (code)"
            " ORDER BY given.code DESC ON CONFLICT (code) DO NOTHING"
        ),
        (
            "INSERT INTO prices (code, price) SELECT given.code, 1"
            " FROM jsonb_array_elements_text(:codes::jsonb) AS given (code)"
            " ON CONFLICT ON CONSTRAINT prices_key DO UPDATE SET price = excluded.price"
        ),
    ],
}
WRONG["locks_read_no_union", ""] = [
    (
        "SELECT id FROM orders WHERE id IN (SELECT id FROM customers WHERE id = :id::bigint"
        " UNION ALL SELECT :id::bigint) ORDER BY id LIMIT 5 FOR NO KEY UPDATE"
    ),
]
#: By suffix: what no rule may refuse.
RIGHT = {
    "$": [
        f"SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) AS id FROM orders {_OWN}",
        f"SELECT every(total > 3) AS id FROM orders {_OWN}",
        f"SELECT cardinality(array_agg(total ORDER BY total)) AS id FROM orders {_OWN}",
        f"SELECT cardinality(ARRAY(SELECT id FROM orders {_OWN} ORDER BY id)) AS id",
        "SELECT clock AS id FROM clock_timestamp() AS clock",
    ],
    "^": [
        "SELECT id FROM orders WHERE (id, total) = (:id::bigint, 3)",
        "SELECT id FROM orders WHERE id IN (:id::bigint)",
        "SELECT id FROM orders INNER JOIN customers USING (id) WHERE orders.id = :id::bigint",
        "SELECT id FROM orders LEFT JOIN customers USING (id) WHERE orders.id = :id::bigint",
        "SELECT unnest(ARRAY[1, 2]) AS id FROM orders WHERE id = :id::bigint ORDER BY id LIMIT 1",
    ],
    "": [
        f"SELECT id FROM orders {_OWN} ORDER BY 1 LIMIT 10000",
        f"SELECT id FROM orders {_OWN} ORDER BY id LIMIT :max_rows::integer + 1",
        "SELECT id FROM orders UNION SELECT id FROM customers ORDER BY id LIMIT 5",
        (
            "SELECT both.id FROM (SELECT id FROM orders UNION SELECT id FROM customers) AS both"
            " ORDER BY both.id LIMIT 5"
        ),
        f"SELECT DISTINCT ON (total) id FROM orders {_OWN} ORDER BY total, id LIMIT 5",
        f"SELECT id, rank() OVER (ORDER BY total) FROM orders {_OWN} ORDER BY id LIMIT 5",
        f"SELECT id, row_number() OVER (ORDER BY total, id) FROM orders {_OWN} ORDER BY id LIMIT 5",
        (
            "SELECT total AS id, row_number() OVER (ORDER BY count(*), total) FROM orders"
            f" {_OWN} GROUP BY total ORDER BY total LIMIT 5"
        ),
        "SELECT extname AS id FROM pg_extension ORDER BY extname LIMIT 5",
        (
            "SELECT id FROM orders WHERE id = any(array(SELECT :id::bigint UNION ALL SELECT 1))"
            " ORDER BY id LIMIT 5 FOR NO KEY UPDATE"
        ),
        "SELECT id FROM orders WHERE (id IN (SELECT id FROM orders)) IS FALSE ORDER BY 1 LIMIT 5",
    ],
    "!": [
        "DELETE FROM orders WHERE note IS NOT NULL",
        "DELETE FROM orders WHERE CASE WHEN :id::bigint > 9 THEN id = :id::bigint ELSE FALSE END",
        "DELETE FROM orders WHERE id = :id::bigint OR note = 'x'",
        "DELETE FROM orders WHERE id = :id::bigint AND (:note::text IS NULL OR note = :note::text)",
        (
            "INSERT INTO prices (code, price) SELECT given.code, 1"
            " FROM jsonb_array_elements_text(:codes::jsonb) AS given (code) ORDER BY code"
            " ON CONFLICT (code) DO UPDATE SET price = excluded.price"
        ),
        (
            "INSERT INTO prices (code, price) VALUES (:code::text, 1)"
            " ON CONFLICT (code) DO UPDATE SET price = excluded.price"
        ),
        (
            "WITH cur AS (SELECT id FROM customers WHERE id = :customer_id::bigint"
            " FOR NO KEY UPDATE) INSERT INTO orders (customer_id, total, placed_at)"
            f" SELECT cur.id, (SELECT max(total) + 1 FROM orders {_OWN}), now() FROM cur"
        ),
    ],
}
#: What the grammar allows and few write: the rules have to read it, whatever they think of it.
STRANGE = [
    "SELECT id FROM orders TABLESAMPLE SYSTEM (1)",
    "SELECT o.id FROM orders AS o TABLESAMPLE BERNOULLI (1) REPEATABLE (3)",
    "DELETE FROM orders USING customers TABLESAMPLE SYSTEM (1) WHERE orders.id = customers.id",
    "SELECT current_date FROM current_date",
    "SELECT a FROM JSON_TABLE('[1]'::jsonb, '$[*]' COLUMNS (a integer PATH '$'))",
    "SELECT a FROM XMLTABLE('/a' PASSING '<a/>'::xml COLUMNS a text PATH '.')",
    "SELECT JSON_ARRAYAGG(id ORDER BY id) FROM orders",
    "SELECT j.id FROM (orders JOIN customers USING (id)) AS j FOR UPDATE OF j",
    "SELECT id FROM orders FOR UPDATE OF nowhere",
    "SELECT id FROM orders WHERE id <> ALL (SELECT a FROM (SELECT * FROM orders) AS o (a))",
    "SELECT id FROM orders WHERE id <> ALL (SELECT o.note FROM (SELECT * FROM orders) AS o)",
    "INSERT INTO customers (email) VALUES ('a') ON CONFLICT (lower(email)) DO NOTHING",
    "INSERT INTO customers (email) VALUES ('a') ON CONFLICT DO NOTHING RETURNING id",
    "UPDATE orders SET (note, total) = (SELECT 'a', 1) WHERE id = 1",
    "SELECT id FROM orders ORDER BY 9 LIMIT 3",
    "SELECT (orders).* FROM orders ORDER BY orders LIMIT 3",
    "VALUES (1), (2)",
    "TABLE orders",
    "SELECT",
]


def _named(statements: dict[str, tuple[str, str]]) -> str:
    return "".join(
        f"\n-- name: {name}({', '.join(_parameters(sql))}){suffix}\n-- Do something.\n"
        f"-- Record: {'none' if suffix == '!' else 'Row'}\n-- Index:  none: not looked at\n"
        f"-- Locks:  none\n{sql};\n"
        for name, (suffix, sql) in statements.items()
    )


def _parameters(sql: str) -> list[str]:
    names = ("customer_id", "max_rows", "id", "note", "email", "codes", "code")
    return [name for name in names if f":{name}::" in sql]


def _rules(url: str, shop: Path, statements: dict[str, tuple[str, str]]) -> dict[str, list[str]]:
    """Return the rules that each statement breaks."""
    append(shop, RECORDS, _ROW)
    append(shop, QUERIES, _named(statements))
    broken: dict[str, list[str]] = {name: [] for name in statements}
    for finding in report(url, shop).findings:
        name = finding.query.removeprefix("orders.")
        if finding.code == "lint" and name in broken:
            broken[name].append(finding.what.rpartition("[")[2].rstrip("]"))
    return broken


def test_wrong_statements_are_found_in_each_spelling(shop_url: str, shop: Path) -> None:
    statements: dict[str, tuple[str, str]] = {}
    wanted: dict[str, str] = {}
    for (rule, suffix), examples in WRONG.items():
        for sql in examples:
            name = f"wrong_{len(statements)}"
            statements[name], wanted[name] = (suffix, sql), rule
    found = _rules(shop_url, shop, statements)
    assert [statements[name] for name, rule in wanted.items() if rule not in found[name]] == []


def test_right_statements_are_not_refused(shop_url: str, shop: Path) -> None:
    pairs = [(suffix, sql) for suffix, examples in RIGHT.items() for sql in examples]
    statements = {f"right_{number}": pair for number, pair in enumerate(pairs)}
    found = _rules(shop_url, shop, statements)
    assert {statements[name]: rules for name, rules in found.items() if rules} == {}


@pytest.mark.parametrize("suffix", ["", "!"])
def test_every_statement_is_read(shop_url: str, shop: Path, suffix: str) -> None:
    statements = {f"strange_{number}": (suffix, sql) for number, sql in enumerate(STRANGE)}
    assert _rules(shop_url, shop, statements).keys() == statements.keys()
