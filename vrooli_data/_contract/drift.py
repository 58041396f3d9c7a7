"""Compare a database in use with the migrations and the queries."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from .._command_line import NOWHERE_ELSE, Options, command
from .._migrate import MigrationState, status
from .._migrations import Folders
from .._own_session import own_session
from .._queries import sql_folder
from .._search_path import SearchPath
from .catalog import PATH, Fact, expected_facts, read_facts
from .findings import Finding, Report, shown_path
from .folder_check import check_folder
from .problems import Problem
from .python_side import read_python
from .scratch import APPLICATION_NAME

_MIGRATION_PROBLEMS = {
    "pending": ("the migration was not applied", "run `{migrate}`"),
    "changed": (
        "the migration was applied with another text",
        "restore the file, and put the change into a new migration",
    ),
    "unknown": ("there is no such file", "use the version that applied it, or a later one"),
}

_INVALID = """
SELECT pg_class.relname::text, tables.relname::text
FROM pg_index
INNER JOIN pg_class ON pg_index.indexrelid = pg_class.oid
INNER JOIN pg_class AS tables ON pg_index.indrelid = tables.oid
WHERE
    tables.relnamespace = quote_ident(current_schema())::regnamespace
    AND NOT (pg_index.indisvalid AND pg_index.indisready AND pg_index.indislive)
    -- A session is building it now.
    AND NOT EXISTS (
        SELECT FROM pg_stat_progress_create_index WHERE index_relid = pg_index.indexrelid
    )
ORDER BY 1
"""
_SEQUENCES = """
SELECT
    tables.relname::text,
    pg_attribute.attname::text,
    pg_class.relname::text,
    pg_sequence.seqincrement
FROM pg_class
INNER JOIN pg_sequence ON pg_class.oid = pg_sequence.seqrelid
INNER JOIN pg_depend
    ON
        pg_depend.classid = 'pg_class'::regclass
        AND pg_depend.objid = pg_class.oid
        AND pg_depend.deptype IN ('a', 'i')
INNER JOIN pg_attribute
    ON
        pg_depend.refobjid = pg_attribute.attrelid
        AND pg_depend.refobjsubid = pg_attribute.attnum
INNER JOIN pg_class AS tables ON pg_depend.refobjid = tables.oid
WHERE
    tables.relnamespace = quote_ident(current_schema())::regnamespace
    AND pg_class.relnamespace = tables.relnamespace
    AND has_column_privilege(tables.oid, pg_attribute.attnum, 'SELECT')
    -- The planner may evaluate this for every relation.
    AND CASE WHEN pg_class.relkind = 'S' THEN has_sequence_privilege(pg_class.oid, 'SELECT') END
ORDER BY 1, 2
"""
# An exact match of types goes before a polymorphic function of PostgreSQL's own, in whatever order
# the schemas are searched.
_NAMESAKES = """
WITH searched AS (
    SELECT oid FROM pg_namespace WHERE nspname = ANY(current_schemas(FALSE))
)

SELECT
    'function' AS kind,
    pg_proc.oid::regprocedure::text AS name
FROM pg_proc
WHERE
    pg_proc.pronamespace IN (SELECT oid FROM searched)
    AND pg_proc.proname = ANY(%(used)s)
    AND EXISTS (
        SELECT
        FROM pg_proc AS builtin
        WHERE
            builtin.pronamespace = 'pg_catalog'::regnamespace
            AND pg_proc.proname = builtin.proname
    )
    AND NOT EXISTS (
        SELECT
        FROM pg_depend
        WHERE
            pg_depend.classid = 'pg_proc'::regclass
            AND pg_depend.objid = pg_proc.oid
            AND pg_depend.deptype = 'e'
    )
UNION ALL
SELECT
    'operator',
    pg_operator.oid::regoperator::text
FROM pg_operator
WHERE
    pg_operator.oprnamespace IN (SELECT oid FROM searched)
    AND EXISTS (
        SELECT
        FROM pg_operator AS builtin
        WHERE
            builtin.oprnamespace = 'pg_catalog'::regnamespace
            AND pg_operator.oprname = builtin.oprname
    )
    AND NOT EXISTS (
        SELECT
        FROM pg_depend
        WHERE
            pg_depend.classid = 'pg_operator'::regclass
            AND pg_depend.objid = pg_operator.oid
            AND pg_depend.deptype = 'e'
    )
ORDER BY 1, 2
"""
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_COLLATION = """
SELECT datcollversion, pg_database_collation_actual_version(oid)
FROM pg_database
WHERE datname = current_database() AND datcollversion IS NOT NULL
"""


def drift(
    conninfo: str | None,
    *,
    migrations: Folders | None = None,
    application: str | None = None,
    schema: str | None = None,
    search_path: Sequence[str] = (),
    where: Options = NOWHERE_ELSE,
) -> Report:
    """Compare a database with the migrations, and check the queries of this package against it.

    The catalogue, the highest value of each generated key and plans are read. Nothing is written,
    and no query is run. Every role that may read the tables can do this.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        migrations: the folder of an application's own migrations, or a list of folders. Those that
            are pending, changed or unknown are findings too.
        application: the name of the ledger of these migrations in the database; ``app`` when it is
            None.
        schema: the schema of the tables; None is the first existing schema in the search_path of
            the role.
        search_path: further schemas in which names are looked up, after *schema*, such as the
            schema of pg_trgm.
        where: the options of the command line that name the database, for what findings advise.
    """
    path = SearchPath.of(schema, search_path)
    started = time.perf_counter()
    notes: set[str] = set()
    states = status(conninfo, migrations=migrations, application=application, schema=schema)
    options: Options = {
        "schema": schema,
        "search_path": search_path,
        "migrations": migrations,
        "application": application,
    }
    findings = list(_migrations(states, command("migrate", where, options)))
    with own_session(conninfo, APPLICATION_NAME, path) as connection:
        facts = _expected_here(connection)
        differences = (*_differences(connection, facts, notes), *_problems_of_state(connection))
        findings += [_finding(*found) for found in differences]
    queries = check_folder(
        conninfo, sql_folder(), read_python("vrooli_data.records"), path, is_live=True
    )
    return Report(
        [*findings, *queries.findings],
        sorted(notes | set(queries.notes)),
        queries.queries,
        time.perf_counter() - started,
    )


def _finding(name: str, problem: Problem) -> Finding:
    return Finding(shown_path(PATH.parent), 1, name, *problem)


def _migrations(states: Iterable[MigrationState], migrate: str) -> Iterator[Finding]:
    for state in states:
        if state.state == "applied" or (state.state == "pending" and state.extension):
            continue
        what, fix = _MIGRATION_PROBLEMS[state.state]
        fix = fix.format(migrate=migrate)
        yield Finding(
            shown_path(state.path or PATH.parent),
            1,
            state.id,
            "schema",
            what,
            fix.format(migrate=migrate),
        )


def _expected_here(connection: Connection[Any]) -> list[Fact]:
    """Return the expected facts, without the indexes of an extension that is not installed."""
    installed = {name for (name,) in connection.execute("SELECT extname FROM pg_extension")}
    return [fact for fact in expected_facts() if (fact.extension or "plpgsql") in installed]


def _differences(
    connection: Connection[Any], expected: list[Fact], notes: set[str]
) -> Iterator[tuple[str, Problem]]:
    tables = {fact.table for fact in expected}
    wanted = {fact.key: fact for fact in expected}
    found = {fact.key: fact for fact in read_facts(connection) if fact.table in tables}
    there = {fact.table for fact in found.values()}
    for key, fact in wanted.items():
        if key not in found:
            # A missing table is one finding; its columns and indexes are not listed.
            if fact.kind == "table" or fact.table in there:
                yield _full_name(fact), Problem("schema", f"the {fact.kind} is missing", _fix(fact))
        elif found[key].definition != fact.definition:
            what = f"is `{found[key].definition}`, not `{fact.definition}`"
            yield (
                _full_name(fact),
                Problem("schema", what, "change it back to the definition of the migrations"),
            )
    for key, fact in found.items():
        if key in wanted:
            continue
        if _changes_no_statement(fact):
            notes.add(f"{_full_name(fact)}: the {fact.kind} is not from the migrations")
        else:
            what = f"the {fact.kind} is not from the migrations: `{fact.definition}`"
            fix = "drop it; it may make statements fail, or do more than they say"
            yield _full_name(fact), Problem("schema", what, fix)


def _changes_no_statement(fact: Fact) -> bool:
    """Return whether statements do the same with this addition."""
    match fact.kind:
        case "column":
            return not _needs_a_value(fact)
        case "index":
            # A unique one refuses rows.
            return " UNIQUE INDEX " not in fact.definition
        case _:
            return fact.kind == "table"


def _needs_a_value(column: Fact) -> bool:
    definition = column.definition
    return "NOT NULL" in definition and not ("DEFAULT " in definition or "GENERATED" in definition)


def _full_name(fact: Fact) -> str:
    return fact.table if fact.kind == "table" else f"{fact.table}.{fact.name}"


def _fix(fact: Fact) -> str:
    match fact.kind:
        case "index":
            return f"create it: {fact.definition.replace(' INDEX ', ' INDEX CONCURRENTLY ', 1)}"
        case "constraint":
            return (
                f"create it: ALTER TABLE {fact.table} ADD CONSTRAINT {fact.name} {fact.definition}"
            )
        case "column":
            return f"create it: ALTER TABLE {fact.table} ADD {fact.name} {fact.definition}"
        case _:
            return "restore it"


def _problems_of_state(connection: Connection[Any]) -> Iterator[tuple[str, Problem]]:
    for index, table in connection.execute(_INVALID).fetchall():
        yield (
            f"{table}.{index}",
            Problem(
                "schema",
                "the index is invalid: no query uses it, and every write maintains it",
                f"REINDEX INDEX CONCURRENTLY {index}, or drop it",
            ),
        )
    for table, column, sequence, increment in connection.execute(_SEQUENCES).fetchall():
        highest = _highest_value(connection, table, column)
        next_value = _next_value(connection, sequence, increment)
        if highest is not None and next_value <= highest:
            yield (
                f"{table}.{column}",
                Problem(
                    "schema",
                    f"the sequence {sequence} is behind: its next value is {next_value}, but "
                    f"{highest} is taken",
                    f"SELECT setval('{sequence}', {highest})",
                ),
            )
    used = sorted({word for path in sql_folder().rglob("*.sql") for word in _words(path)})
    for kind, name in connection.execute(_NAMESAKES, {"used": used}).fetchall():
        yield (
            name,
            Problem(
                "schema",
                f"the {kind} has the name of one of PostgreSQL's: statements may use it instead",
                "drop it, rename it, or move it to a schema that is not searched",
            ),
        )
    for recorded, actual in connection.execute(_COLLATION).fetchall():
        if recorded != actual:
            yield (
                "database",
                Problem(
                    "schema",
                    f"the collation had version {recorded}, and now has {actual}: indexes of text "
                    "may be in the wrong order",
                    "REINDEX DATABASE, then ALTER DATABASE ... REFRESH COLLATION VERSION",
                ),
            )


def _words(path: Path) -> list[str]:
    return _WORD.findall(path.read_text(encoding="utf-8").lower())


def _highest_value(connection: Connection[Any], table: str, column: str) -> int | None:
    statement = sql.SQL("SELECT max({column}) FROM {table}").format(
        column=sql.Identifier(column), table=sql.Identifier(table)
    )
    ((highest,),) = connection.execute(statement).fetchall()
    return None if highest is None else int(highest)


def _next_value(connection: Connection[Any], sequence: str, increment: int) -> int:
    """Return the next value of a sequence."""
    statement = sql.SQL("SELECT last_value, is_called FROM {sequence}").format(
        sequence=sql.Identifier(sequence)
    )
    ((last, is_called),) = connection.execute(statement).fetchall()
    return int(last) + increment if is_called else int(last)
