"""What a test's database holds, and how to make one of its tables refuse every write."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

_TABLES = """
SELECT relname
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
ORDER BY relname
"""
#: The constraint that `refuse_writes` adds.
REFUSED = "refused"


def contents(connection: Connection[Any]) -> dict[str, list[str]]:
    """Return every row of every table, as text."""
    tables = [table for (table,) in connection.execute(_TABLES)]
    rows = sql.SQL("SELECT rows::text FROM {} AS rows ORDER BY 1")
    return {
        table: [row for (row,) in connection.execute(rows.format(sql.Identifier(table)))]
        for table in tables
    }


def refuse_writes(connection: Connection[Any], table: str) -> None:
    """Let every insert into a table and every update of it fail; the rows there stay."""
    statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} CHECK (FALSE) NOT VALID")
    connection.execute(statement.format(sql.Identifier(table), sql.Identifier(REFUSED)))
