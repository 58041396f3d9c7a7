"""Name the field, the row or the privilege for which the server refused a statement. No I/O.

The server reports columns, tables and values in one text. Only names are read from it, in a way
that works in every language of the server: columns stand before ``)=(``, values after it, and
names of tables are in quotes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import psycopg
from psycopg.errors import Diagnostic

from ._queries import Source
from ._sqlstates import RESTRICT_VIOLATION
from .errors import (
    AlreadyExists,
    GeneratedKeyTaken,
    MissingReference,
    PermissionDenied,
    StillReferenced,
    VrooliDataError,
)

# Texts, which `re` compiles when an error is first read: every program imports this module.
_COLUMNS = r"\((.*?)\)=\("
_QUOTED = r'["«»„“”]\s?([^"«»„“”]+?)\s?["«»„“”]'
#: A plain name needs no quotes in a statement.
_PLAIN = r"[a-z_][a-z0-9_]*"
#: The message names three tables and constraints when other rows refer to this row, but two when
#: the referenced row is missing.
_NAMES_WHEN_REFERENCED = 3

#: The words before a table's name, and the privilege they need beside SELECT.
_PRIVILEGES = {
    "COPY": "INSERT",
    "INSERT INTO": "INSERT",
    "UPDATE": "UPDATE",
    "DELETE FROM": "DELETE",
}
_TABLES = (
    r"\b(?:(?P<use>COPY|INSERT INTO|UPDATE|DELETE FROM|FROM|JOIN)[\s(]+(?P<table>[a-z_][\w.]*)"
    r"|DO UPDATE\b)"
)
#: The table of a command that its owner alone may run.
_CHANGED = (
    r"\b(?:(?:ALTER|DROP) TABLE|CREATE (?:UNIQUE )?INDEX [^;(]*?\bON)\s+(?:IF EXISTS |ONLY )*"
    r"([a-z_][\w.]*)"
)
_LOCK_TABLES = r"\bLOCK TABLE ([\w\s.,]+?)\s+IN\b"
_LOCKED = r"for [a-z ]+: (\w+)"
_SEQUENCES = r"nextval\('([^']+)'"
#: The server's own functions that report a missing privilege. Other functions may raise any text.
_BY_PRIVILEGE = frozenset({"aclcheck_error", "aclcheck_error_col", "aclcheck_error_type"})
_BY_ROW = "ExecWithCheckOptions"
#: It refuses a query that policies would filter, for a session with row_security = off.
_BY_ROW_SETTING = "check_enable_rls"


class Command(NamedTuple):
    """A statement that is no query of the layer."""

    sql: str
    #: Where the session creates tables; None while it is not known.
    schema: str | None


def taken(
    error: psycopg.Error, source: Source | Command | None, query: str | None
) -> VrooliDataError:
    """Return the error for a unique key that another row has."""
    diag = error.diag
    fields = _fields(diag)
    for field in fields:
        if source is not None and _is_generated(source, diag.table_name or "", field):
            return _generated(diag, field, query)
    return AlreadyExists(
        _said(query, ", ".join(fields), "a row with the same value exists", diag),
        query=query,
        sqlstate=error.sqlstate,
        constraint=diag.constraint_name,
        fields=fields,
    )


def broken_reference(error: psycopg.Error, query: str | None) -> VrooliDataError:
    """Return the error for a foreign key: the referenced row is missing, or is still referenced."""
    diag = error.diag
    names = re.findall(_QUOTED, diag.message_primary or "")
    if error.sqlstate == RESTRICT_VIOLATION or len(names) >= _NAMES_WHEN_REFERENCED:
        rows = f"rows of {diag.table_name}" if diag.table_name else "other rows"
        return StillReferenced(
            _said(query, "", f"{rows} still refer to this one", diag),
            query=query,
            sqlstate=error.sqlstate,
            constraint=diag.constraint_name,
        )
    fields = _fields(diag)
    _, _, behind_values = (diag.message_detail or "").rpartition(")")
    table = re.search(_QUOTED, behind_values)
    absent = _one_of(table[1]) if table else "row to refer to"
    return MissingReference(
        _said(query, ", ".join(fields), f"there is no such {absent}", diag),
        query=query,
        sqlstate=error.sqlstate,
        constraint=diag.constraint_name,
        fields=fields,
    )


def denied(
    error: psycopg.Error, source: Source | Command | None, query: str | None, role: str | None
) -> PermissionDenied:
    """Return the error for a privilege that the role lacks."""
    diag = error.diag
    text = diag.message_primary or ""
    what, privileges = _needed(text, source)
    whose = f"the role {role}" if role else "the database role"
    if diag.source_function == _BY_ROW:
        privileges = ()
        problem = f"a row-level security policy refuses the row for {whose}"
        problem += f" in {what}" if what else ""
    elif diag.source_function == _BY_ROW_SETTING:
        privileges = ()
        problem = "row_security is off, and a row-level security policy would hide rows"
        problem += f" of {what} from {whose}" if what else f" from {whose}"
    elif what is not None and not privileges:
        problem = f"{whose} does not own {what}, as the statement needs"
    elif what is not None:
        problem = f"{whose} lacks a privilege on {what}, of which it needs {', '.join(privileges)}"
    elif diag.source_function in _BY_PRIVILEGE:
        problem = f"{whose} lacks a privilege: {text}"
    else:
        problem = f"{whose} lacks a privilege"
    return PermissionDenied(
        f"{query}: {problem}" if query else problem,
        query=query,
        object=what,
        privileges=privileges,
        role=role,
    )


def _said(query: str | None, field: str, problem: str, diag: Diagnostic) -> str:
    said = ": ".join(filter(None, (query, field, problem)))
    return f"{said} ({diag.constraint_name})" if diag.constraint_name else said


def _fields(diag: Diagnostic) -> tuple[str, ...]:
    """Return the columns of the key; none when the role may not see the row."""
    found = re.search(_COLUMNS, diag.message_detail or "")
    if found is None:
        return ()
    # An expression may contain a comma, which does not separate columns.
    columns = [found[1]] if "(" in found[1] else found[1].split(", ")
    return tuple(column.strip('"') for column in columns)


def _one_of(table: str) -> str:
    """Return the singular of a table's name: ``resource version`` for resource_versions."""
    word = re.sub(r"(?<=[^aeiou])ies$", "y", table)
    word = re.sub(r"(?<=ss|.x|ch|sh)es$|(?<![su])s$", "", word)
    return word.replace("_", " ")


def _is_generated(source: Source | Command, table: str, column: str) -> bool:
    """Return whether a statement takes a column's value from its sequence."""
    if any(
        name.rpartition(".")[2] == f"{table}_{column}_seq"
        for name in re.findall(_SEQUENCES, source.sql)
    ):
        return True
    lists: list[str] = re.findall(rf"\bINSERT INTO {re.escape(table)}\s*\(([^)]*)\)", source.sql)
    return bool(lists) and not any(column in re.split(r"[\s,]+", columns) for columns in lists)


def _generated(diag: Diagnostic, column: str, query: str | None) -> GeneratedKeyTaken:
    schema = f"{_quoted_name(diag.schema_name)}." if diag.schema_name else ""
    table = f"{schema}{_quoted_name(diag.table_name)}"
    sequence = f"{schema}{_quoted_name(f'{diag.table_name}_{column}_seq')}"
    literal = table.replace("'", "''")
    remedy = (
        f"SELECT setval(pg_get_serial_sequence('{literal}', '{column}'), "  # noqa: S608 (to be read)
        f"(SELECT max({_quoted_name(column)}) FROM {table}))"
    )
    return GeneratedKeyTaken(
        _said(
            query,
            "",
            f"the {column} that was generated for {table} is taken, because {sequence} is behind "
            f"the rows: run {remedy}",
            diag,
        ),
        query=query,
        sqlstate=diag.sqlstate,
        constraint=diag.constraint_name,
        table=table,
        sequence=sequence,
        remedy=remedy,
    )


def _quoted_name(name: str | None) -> str:
    """Quote a name where SQL needs it."""
    name = name or ""
    return name if re.fullmatch(_PLAIN, name) else '"' + name.replace('"', '""') + '"'


def _needed(text: str, source: Source | Command | None) -> tuple[str | None, tuple[str, ...]]:
    """Return the object that a message names, and the privileges the statement needs on it.

    A command that only the owner may run needs none.
    """
    if source is None:
        return None, ()
    words = set(re.findall(r"\w+", text))
    if isinstance(source, Command):
        for table in re.findall(_CHANGED, source.sql):
            if table.rpartition(".")[2] in words:
                return f"table {table}", ()
    for sequence in re.findall(_SEQUENCES, source.sql):
        if sequence.rpartition(".")[2] in words:
            return f"sequence {sequence}", ("USAGE",)
    needed = _needed_on_tables(source)
    for table, privileges in needed.items():
        if table.rpartition(".")[2] in words:
            return f"table {table}", tuple(privileges)
    if isinstance(source, Command) and source.schema in words and "CREATE" in source.sql:
        return f"schema {source.schema}", ("CREATE",)
    return None, ()


def _needed_on_tables(source: Source | Command) -> dict[str, list[str]]:
    """Return the privileges a statement needs on each table; SELECT is always among them."""
    uses: list[tuple[str, str]] = []
    inserted = ""
    for match in re.finditer(_TABLES, source.sql):
        use, table = match["use"] or "UPDATE", match["table"] or inserted
        inserted = table if use == "INSERT INTO" else inserted
        uses.append((table, _PRIVILEGES.get(use, "SELECT")))
    for tables in re.findall(_LOCK_TABLES, source.sql):
        uses += [(table.strip(), "UPDATE") for table in tables.split(",")]
    if isinstance(source, Source):
        uses += [(table, "UPDATE") for table in re.findall(_LOCKED, source.header["Locks"])]
    needed: dict[str, list[str]] = {}
    for table, privilege in uses:
        of_table = needed.setdefault(table, ["SELECT"])
        if privilege not in of_table:
            of_table.append(privilege)
    return needed
