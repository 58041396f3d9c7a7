"""Hold `sql/`, `migrations/` and the package to rules of its own.

`vrooli-data check` holds these queries to the rules for every query, in `vrooli_data._lint`. Those
here are not for others: the form of a file, which columns count as a change of a row, and what lets
tables be distributed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

import vrooli_data
from tools.lint import sharding, writes
from tools.lint.files import check_header, check_text
from tools.lint.schema import read_schema
from tools.lint.sql_in_python import check_python
from vrooli_data import InvalidFile
from vrooli_data._lint import lint
from vrooli_data._lint.schema import Schema
from vrooli_data._lint.statement import Rule, Violation
from vrooli_data._migrations import FOLDER
from vrooli_data._queries import sql_folder
from vrooli_data._query_files import read_folder

#: The rules of only this package; `vrooli-data check` has the other rules of queries.
RULES: dict[str, Rule] = {rule.__name__: rule for rule in (*writes.RULES, *sharding.RULES)}


def lint_migrations(folder: Path) -> Iterator[Violation]:
    """Find mistakes in migrations, and in the schema that they make."""
    path = folder / "schema.sql"
    yield from sharding.check_schema(path, schema_of(folder))
    for path in sorted(folder.glob("*.sql")):
        yield from sharding.check_migration(path, path.read_text(encoding="utf-8"))


def schema_of(migrations: Path) -> Schema:
    """Read the schema that the migrations make together."""
    return read_schema((migrations / "schema.sql").read_text(encoding="utf-8"))


def lint_queries(
    folder: Path, schema: Schema, rules: Mapping[str, Rule] = RULES
) -> list[Violation]:
    """Return the mistakes in queries, by file and line."""
    aggregates = sorted({path.parent for path in folder.glob("*/*.sql")})
    found = [
        finding for aggregate in aggregates for finding in _check_folder(aggregate, schema, rules)
    ]
    return sorted(found, key=lambda finding: (finding.path, finding.line))


def _check_folder(folder: Path, schema: Schema, rules: Mapping[str, Rule]) -> Iterator[Violation]:
    sources, unreadable = read_folder(folder)
    if unreadable:
        raise unreadable[0].error()
    for path, in_file in groupby(sources.values(), key=lambda source: source.path):
        written = list(in_file)
        for source in written:
            yield from check_header(source)
        yield from check_text(path, written)
    yield from lint(sources.values(), schema, rules)


def main(arguments: list[str]) -> int:
    """Print the mistakes; return 1 if there are any."""
    folders = [Path(argument) for argument in arguments]
    queries, migrations = [*folders, *(sql_folder(), FOLDER)[len(folders) :]]
    try:
        found = [
            *lint_queries(queries, schema_of(migrations)),
            *lint_migrations(migrations),
            *check_python(Path(vrooli_data.__file__).parent),
        ]
    except InvalidFile as error:
        print(error)  # noqa: T201
        return 1
    for finding in found:
        print(finding)  # noqa: T201
    return 1 if found else 0
