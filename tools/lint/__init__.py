"""Hold `sql/` and `migrations/` to the rules of this package alone.

The rules for every query are in `vrooli_data._lint`, and `vrooli-data check` holds these queries to
them as it does others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.lint import sharding, writes
from tools.lint.files import check_text
from tools.lint.schema import read_schema
from vrooli_data._lint import lint
from vrooli_data._lint.schema import Schema
from vrooli_data._lint.statement import Finding, Rule
from vrooli_data._migrations import FOLDER
from vrooli_data._queries import Source, Unreadable, read_file, sql_folder

#: Those of this package alone; `vrooli-data check` holds the queries to the others.
RULES: dict[str, Rule] = {rule.__name__: rule for rule in (*writes.RULES, *sharding.RULES)}


def lint_migrations(folder: Path) -> Iterator[Finding]:
    """Find what is wrong with migrations and with the schema that they make."""
    path = folder / "schema.sql"
    yield from sharding.check_schema(path, schema_of(folder))
    for path in sorted(folder.glob("*.sql")):
        yield from sharding.check_migration(path, path.read_text(encoding="utf-8"))


def schema_of(migrations: Path) -> Schema:
    """Read the schema that the migrations make together."""
    return read_schema((migrations / "schema.sql").read_text(encoding="utf-8"))


def lint_queries(folder: Path, schema: Schema, rules: Mapping[str, Rule] = RULES) -> list[Finding]:
    """Return what is wrong with queries, by file and line."""
    aggregates = sorted({path.parent for path in folder.glob("*/*.sql")})
    found = [
        finding for aggregate in aggregates for finding in _check_folder(aggregate, schema, rules)
    ]
    return sorted(found, key=lambda finding: (finding.path, finding.line))


def _check_folder(folder: Path, schema: Schema, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    sources: list[Source] = []
    for path in sorted(folder.glob("*.sql")):
        found = list(check_text(path, path.read_text(encoding="utf-8")))
        yield from found
        if any(finding.rule == "text" for finding in found):
            # What the loader misreads says nothing about the statement.
            continue
        for source in read_file(path):
            if isinstance(source, Unreadable):
                yield Finding(path, source.line, path.name, "load", source.problem)
            else:
                sources.append(source)
    yield from lint(sources, schema, rules)


def main(arguments: list[str]) -> int:
    """Print what is wrong; return 1 where anything is."""
    folders = [Path(argument) for argument in arguments]
    queries, migrations = [*folders, *(sql_folder(), FOLDER)[len(folders) :]]
    found = [*lint_queries(queries, schema_of(migrations)), *lint_migrations(migrations)]
    for finding in found:
        print(finding)  # noqa: T201
    return 1 if found else 0
