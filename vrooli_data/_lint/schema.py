"""Read the tables of a database: their columns and their unique keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg import Connection

from .._loading import ROW_INDEX

# Views have columns and no keys. An expression in an index has no name.
_TABLES = """
SELECT
    pg_namespace.nspname,
    pg_class.relname,
    pg_table_is_visible(pg_class.oid),
    EXISTS (
        SELECT 1
        FROM pg_constraint
        WHERE pg_constraint.contype = 'f' AND pg_constraint.confrelid = pg_class.oid
    ),
    array(
        SELECT attname::text
        FROM pg_attribute
        WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    ),
    array(
        SELECT attname::text
        FROM pg_attribute
        WHERE attrelid = pg_class.oid AND attnum > 0 AND attnotnull
    ),
    (
        SELECT json_agg(keys.columns)
        FROM (
            SELECT array_agg(pg_attribute.attname::text) AS columns
            FROM pg_index
            CROSS JOIN unnest(pg_index.indkey[0:pg_index.indnkeyatts - 1]) AS key (number)
            LEFT JOIN pg_attribute
                ON
                    pg_index.indrelid = pg_attribute.attrelid
                    AND key.number = pg_attribute.attnum
                    AND key.number > 0
            WHERE
                pg_index.indrelid = pg_class.oid
                AND pg_index.indisunique
                AND pg_index.indisvalid
                AND pg_index.indpred IS NULL
            GROUP BY pg_index.indexrelid
            HAVING bool_and(pg_attribute.attname IS NOT NULL)
        ) AS keys
    )
FROM pg_class
INNER JOIN pg_namespace ON pg_class.relnamespace = pg_namespace.oid
WHERE
    pg_class.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND pg_namespace.nspname <> 'pg_toast'
"""
# A name of several functions is of the kind with the most rows.
_FUNCTIONS = """
WITH kinds AS (
    SELECT
        proname::text AS name,
        bool_or(prokind = 'a') AS is_aggregate,
        bool_or(proretset) AS is_set
    FROM pg_proc
    GROUP BY proname
)

SELECT
    coalesce(array_agg(name) FILTER (WHERE is_aggregate AND NOT is_set), '{}'),
    coalesce(array_agg(name) FILTER (WHERE is_set), '{}'),
    coalesce(array_agg(name) FILTER (WHERE NOT is_aggregate AND NOT is_set), '{}')
FROM kinds
"""


@dataclass
class Table:
    """The facts of one table that the rules need."""

    columns: set[str] = field(default_factory=set)
    not_null: set[str] = field(default_factory=set)
    #: The columns of primary keys, unique constraints and unique indexes on all rows, by name.
    unique: dict[str, tuple[str, ...]] = field(default_factory=dict)
    primary: tuple[str, ...] = ()
    #: Columns that one sequence numbers, which are unique even without a constraint.
    identities: set[str] = field(default_factory=set)
    is_referenced: bool = False

    @property
    def keys(self) -> list[frozenset[str]]:
        """The sets of columns that identify a row."""
        unique = [frozenset(columns) for columns in self.unique.values()]
        return [*unique, *(frozenset({column}) for column in self.identities)]


class Functions(NamedTuple):
    """Names of functions, by the rows that they make."""

    #: Those that turn many rows into one.
    aggregates: frozenset[str] = frozenset(
        {"array_agg", "avg", "bool_and", "bool_or", "count", "json_agg", "json_object_agg"}
        | {"jsonb_agg", "jsonb_object_agg", "max", "min", "string_agg", "sum"}
    )
    #: Those that turn one row into many.
    many_rows: frozenset[str] = frozenset(
        {"generate_series", "json_array_elements", "json_array_elements_text", "json_each"}
        | {"jsonb_array_elements", "jsonb_array_elements_text", "jsonb_each", "unnest"}
    )
    #: Those that return one row.
    one_row: frozenset[str] = frozenset(
        {"jsonb_populate_record", "jsonb_to_record", "json_to_record"}
    )


class Schema(dict[str, Table]):
    """The tables by name. An unknown table has no columns, and only a staging table has a key."""

    def __init__(self, functions: Functions = Functions()) -> None:  # noqa: B008 (a constant)
        super().__init__()
        #: Without a database: those of the server that the queries of this package call.
        self.functions = functions

    def __missing__(self, name: str) -> Table:
        if not name.startswith("pg_temp."):
            return Table()
        # It has no constraint. The load numbers the rows.
        return Table(not_null={ROW_INDEX}, unique={ROW_INDEX: (ROW_INDEX,)})


def read_catalog(connection: Connection[Any]) -> Schema:
    """Read the tables of a database, by their names with and without the schema."""
    aggregates, many_rows, one_row = (
        frozenset(names) for names in connection.execute(_FUNCTIONS).fetchall()[0]
    )
    schema = Schema(Functions(aggregates, many_rows, one_row))
    for owner, name, is_visible, is_referenced, columns, not_null, keys in connection.execute(
        _TABLES
    ):
        unique = {str(number): tuple(key) for number, key in enumerate(keys or ())}
        table = Table(set(columns), set(not_null), unique, is_referenced=is_referenced)
        schema[f"{owner}.{name}"] = table
        if is_visible:
            schema[name] = table
    return schema
