"""Check the queries of bulk loads: staging tables, and the COPY queries that fill tables.

The check creates the staging tables of a folder while it checks that folder. So queries that read a
staging table are checked like all others. A COPY cannot be prepared; pglast parses it.
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
from .value_types import accepts_none, annotation_text, fitting_column_types, without_none

_STAGE: Final = "__stage"
_CREATE: Final = re.compile(
    r"\s*CREATE\s+TEMPORARY\s+TABLE\s+pg_temp\.(?P<name>\w+)\s*\(.*\)\s*(?P<end>ON\s+COMMIT\s+DROP)",
    re.IGNORECASE | re.DOTALL,
)
_DENIED: Final = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
)
# A nullable, serial or identity column, and a column with a default, need no value.
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
    """The staging tables of one folder that the check created, and the problems of the others."""

    problems: list[tuple[Source, Problem]]
    #: The names of the tables.
    tables: list[str]
    #: Whether the role may not create temporary tables here.
    is_denied: bool


class _Column(NamedTuple):
    name: str
    type: str
    is_not_null: bool
    is_optional: bool


@contextmanager
def staging_tables(connection: Connection[Any], sources: Iterable[Source]) -> Iterator[Staging]:
    """Create the staging tables of one folder, and drop them at the end of the block."""
    problems: list[tuple[Source, Problem]] = []
    created: list[str] = []
    denied = False
    for source in sources:
        if not source.name.endswith(_STAGE):
            continue
        found = _CREATE.fullmatch(source.sql)
        if found is None:
            problem = Problem(
                "statement",
                "it does not create a staging table",
                "write CREATE TEMPORARY TABLE pg_temp.name (...) ON COMMIT DROP",
            )
            problems.append((source, problem))
            continue
        try:
            # Each statement of the check commits by itself, so ON COMMIT DROP is left out.
            connection.execute(source.sql[: found.start("end")].encode())
        except _DENIED:
            denied = True
        except psycopg.Error as error:
            message = error.diag.message_primary or type(error).__name__
            fix = "correct the statement"
            problems.append(
                (source, Problem("statement", f"the server refuses it: {message}", fix))
            )
        else:
            created.append(found["name"])
    try:
        yield Staging(problems, created, denied)
    finally:
        for name in created:
            connection.execute(sql.SQL("DROP TABLE pg_temp.{}").format(sql.Identifier(name)))


def check_command(
    connection: Connection[Any], source: Source, copy: Copy[Any] | None, *, is_bound: bool
) -> Iterator[Problem]:
    """Check a command of a bulk load.

    Args:
        connection: the one that has the staging tables.
        source: the command.
        copy: its binding in Python; None if it has none.
        is_bound: whether the check knows the bindings of the folder.
    """
    # Only the check needs pglast, and reports it where it is missing.
    pglast = import_module("pglast")
    try:
        statement = pglast.parse_sql(source.sql)[0].stmt
    except pglast.parser.ParseError as error:
        yield Problem("statement", f"it cannot be parsed: {error.args[0]}", "correct the statement")
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
        yield Problem("columns", f"there is no table {table}", "name an existing table")
        return
    names = [column.sval for column in statement.attlist or ()]
    yield from _check_names(table, names, columns)
    if copy is None:
        if is_bound:
            fix = "bind it by `copy` or `load`, or remove it"
            yield Problem("unused-query", "no binding uses this COPY", fix)
        return
    yield from _check_row(copy, names, {column.name: column for column in columns})


def _check_names(table: str, names: list[str], columns: list[_Column]) -> Iterator[Problem]:
    """Compare the columns of a COPY with those of its table."""
    known = [column.name for column in columns]
    is_staged = table.startswith("pg_temp.")
    for name in names:
        if name not in known:
            fix = "add the column to the table, or remove it from the COPY"
            yield Problem("columns", f"{table} has no column {name}", fix)
    for column in columns:
        if column.name not in names and (is_staged or not column.is_optional):
            other = "remove it from the table" if is_staged else "give it a default"
            fix = f"add it to the COPY, or {other}"
            yield Problem("columns", f"column {column.name} of {table} is not copied", fix)
    if is_staged and sorted(known) == sorted(names) and known != names:
        pairs = enumerate(zip(names, known, strict=True), 1)
        place, (name, column_name) = next(pair for pair in pairs if len({*pair[1]}) > 1)
        yield Problem(
            "columns",
            f"column {place} is {name} in the COPY, but {column_name} in {table}",
            "use one order in both",
        )


def _check_row(copy: Copy[Any], names: list[str], columns: dict[str, _Column]) -> Iterator[Problem]:
    """Compare the struct that Python writes with the columns of a COPY."""
    fields = record_fields(copy.row)
    # The columns that the library adds come first.
    written = [*copy.columns[: len(copy.columns) - len(fields)], *(field.name for field in fields)]
    if names != written:
        yield Problem(
            "columns",
            f"the COPY has the columns ({', '.join(names)}), but {copy.row.__name__} has "
            f"({', '.join(written)})",
            "use the same names in both, in one order",
        )
        return
    for field in fields:
        column = columns.get(field.name)
        if column is None:
            continue
        label, kind = f"{copy.row.__name__}.{field.name}", _plain(field.type)
        fitting = _column_types(kind)
        if column.type not in fitting:
            yield Problem(
                "types",
                f"column {field.name} is {column.type}, but {label} is {annotation_text(kind)}",
                f"make the column {' or '.join(sorted(fitting))}, or change the field",
            )
        elif accepts_none(kind) and column.is_not_null:
            yield Problem(
                "nulls",
                f"column {field.name} is NOT NULL, but {label} is {annotation_text(kind)}",
                "remove `| None`, or NOT NULL",
            )


def _plain(annotation: Any) -> Any:
    """Return an annotation without constraints on its values."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return Union[tuple(map(_plain, get_args(annotation)))]  # noqa: UP007 (made of a tuple)
    return annotation


def _column_types(kind: Any) -> frozenset[str]:
    """Return the types of columns that take values of a field."""
    value = without_none(kind)
    fitting = fitting_column_types(value) | {column for column, sent in WIRE if sent is value}
    # Nested values are sent as json or jsonb.
    return fitting | {"json", "jsonb"} if fitting & {"json"} else fitting
