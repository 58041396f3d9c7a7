"""Check what loads rows in bulk: staging tables, and the COPY queries that fill tables.

The check makes each staging table for as long as its folder is checked, so that the queries that
read one are checked as any other. What the server only parses, such as COPY, is read by its parser.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

import psycopg
from psycopg import Connection, sql

from .._copying import WIRE, Copy
from .._queries import Source
from .._rows import record_fields
from .problems import Problem
from .value_types import accepts_none, arriving, shown, without_none

_STAGE: Final = "__stage"
_MADE: Final = re.compile(
    r"\s*CREATE\s+TEMPORARY\s+TABLE\s+pg_temp\.(?P<name>\w+)\s*\(.*\)\s*(?P<end>ON\s+COMMIT\s+DROP)",
    re.IGNORECASE | re.DOTALL,
)
_DENIED: Final = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
)
# A serial or identity column and one with a default need no value.
_COLUMNS: Final = """
SELECT
    attname::text,
    CASE pg_type.typtype
        WHEN 'e' THEN 'text'
        WHEN 'd' THEN format_type(pg_type.typbasetype, NULL)
        ELSE format_type(pg_type.oid, NULL)
    END,
    attnotnull,
    atthasdef OR attidentity <> '' OR NOT attnotnull
FROM pg_attribute
INNER JOIN pg_type ON pg_attribute.atttypid = pg_type.oid
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""


class Staging(NamedTuple):
    """What became of the staging tables of one folder."""

    problems: list[tuple[Source, Problem]]
    #: The names of the tables.
    tables: list[str]
    #: Whether the role may make none here.
    is_denied: bool


class _Column(NamedTuple):
    name: str
    type: str
    is_not_null: bool
    is_optional: bool


@contextmanager
def staging_tables(connection: Connection[Any], sources: Iterable[Source]) -> Iterator[Staging]:
    """Make the staging tables of one folder, and tell what is wrong with them; drop them after."""
    problems: list[tuple[Source, Problem]] = []
    made: list[str] = []
    denied = False
    for source in sources:
        if not source.name.endswith(_STAGE):
            continue
        found = _MADE.fullmatch(source.sql)
        if found is None:
            problem = Problem(
                "statement",
                "it makes no staging table",
                "write CREATE TEMPORARY TABLE pg_temp.name (...) ON COMMIT DROP",
            )
            problems.append((source, problem))
            continue
        try:
            # Each statement of the check is a transaction of its own.
            connection.execute(source.sql[: found.start("end")].encode())
        except _DENIED:
            denied = True
        except psycopg.Error as error:
            message = error.diag.message_primary or type(error).__name__
            problem = Problem("statement", f"the server refuses it: {message}", "correct it")
            problems.append((source, problem))
        else:
            made.append(found["name"])
    try:
        yield Staging(problems, made, denied)
    finally:
        for name in made:
            connection.execute(sql.SQL("DROP TABLE pg_temp.{}").format(sql.Identifier(name)))


def check_command(
    connection: Connection[Any], source: Source, copy: Copy[Any] | None, *, is_bound: bool
) -> Iterator[Problem]:
    """Check a command of a bulk load; *copy* is what Python binds it to.

    *is_bound* tells whether Python is known at all.
    """
    # Only the check needs it, which says so where it is missing.
    pglast = import_module("pglast")
    try:
        statement = pglast.parse_sql(source.sql)[0].stmt
    except pglast.parser.ParseError as error:
        yield Problem("statement", f"it cannot be parsed: {error.args[0]}", "correct it")
        return
    if type(statement).__name__ == "CopyStmt":
        yield from _check_copy(connection, statement, copy, is_bound=is_bound)


def _check_copy(
    connection: Connection[Any],
    statement: Any,
    copy: Copy[Any] | None,
    *,
    is_bound: bool,
) -> Iterator[Problem]:
    if not statement.is_from:
        return
    table = ".".join(filter(None, (statement.relation.schemaname, statement.relation.relname)))
    columns = [_Column(*row) for row in connection.execute(_COLUMNS, (table,)).fetchall()]
    if not columns:
        yield Problem("columns", f"there is no table {table}", "name one that there is")
        return
    names = [column.sval for column in statement.attlist or ()]
    yield from _check_names(table, names, columns)
    if copy is None:
        if is_bound:
            fix = "bind it by `copy` or `load`, or drop it"
            yield Problem("unused-query", "no Python writes these rows", fix)
        return
    yield from _check_row(copy, names, {column.name: column for column in columns})


def _check_names(table: str, names: list[str], columns: list[_Column]) -> Iterator[Problem]:
    """Hold the columns of a COPY to those of its table."""
    known = [column.name for column in columns]
    is_staged = table.startswith("pg_temp.")
    for name in names:
        if name not in known:
            yield Problem("columns", f"{table} has no column {name}", "add it, or do not copy it")
    for column in columns:
        if column.name not in names and (is_staged or not column.is_optional):
            fix = "copy it, or drop it" if is_staged else "copy it, or give it a default"
            yield Problem("columns", f"column {column.name} of {table} is not copied", fix)
    if is_staged and sorted(known) == sorted(names) and known != names:
        pairs = enumerate(zip(names, known, strict=True), 1)
        place, (name, column_name) = next(pair for pair in pairs if len({*pair[1]}) > 1)
        yield Problem(
            "columns",
            f"the COPY has {name} in place {place}, where {table} has {column_name}",
            "put both in one order",
        )


def _check_row(copy: Copy[Any], names: list[str], columns: dict[str, _Column]) -> Iterator[Problem]:
    """Hold the struct that Python writes to the columns of a COPY."""
    fields = record_fields(copy.row)
    # What the library adds itself comes first.
    written = [*copy.columns[: len(copy.columns) - len(fields)], *(field.name for field in fields)]
    if names != written:
        yield Problem(
            "columns",
            f"the COPY has ({', '.join(names)}), and {copy.row.__name__} writes "
            f"({', '.join(written)})",
            "put the same into both, in one order",
        )
        return
    for field in fields:
        column = columns.get(field.name)
        if column is None:
            continue
        label, kind = f"{copy.row.__name__}.{field.name}", _plain(field.type)
        goes = _goes_as(kind)
        if column.type not in goes:
            yield Problem(
                "types",
                f"column {field.name} is {column.type}, but {label} is {shown(kind)}",
                f"make the column {' or '.join(sorted(goes))}, or change the field",
            )
        elif accepts_none(kind) and column.is_not_null:
            yield Problem(
                "nulls",
                f"column {field.name} takes no NULL, but {label} is {shown(kind)}",
                "drop `| None`, or NOT NULL",
            )


def _plain(annotation: Any) -> Any:
    """Return an annotation without what only limits its values."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return Union[tuple(map(_plain, get_args(annotation)))]  # noqa: UP007 (made of a tuple)
    return annotation


def _goes_as(kind: Any) -> frozenset[str]:
    value = without_none(kind)
    goes = arriving(value) | {column for column, sent in WIRE if sent is value}
    # What is nested is sent as JSON of either kind.
    return goes | {"json", "jsonb"} if goes & {"json"} else goes
