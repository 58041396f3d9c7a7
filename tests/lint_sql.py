"""Hold `sql/` and `migrations/` to the rules that no linter has.

Run ``python -m tests.lint_sql [queries [migrations]]``, each a folder. A query may break a rule for
a reason that it gives above the clause, on a line of its own: ``-- lint: rule: the reason``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.lint import reads, sharding, writes
from tests.lint.files import check_text
from tests.lint.schema import Schema, read_schema
from tests.lint.statement import Block, Finding, Rule, Statement, parse, read_blocks
from vrooli_data._migrations import FOLDER
from vrooli_data._queries import Unreadable, read_file, sql_folder

RULES: dict[str, Rule] = {
    rule.__name__: rule for rule in (*reads.RULES, *writes.RULES, *sharding.RULES)
}


def lint_migrations(folder: Path) -> Iterator[Finding]:
    """Find what is wrong with migrations and with the schema that they make."""
    path = folder / "schema.sql"
    yield from sharding.check_schema(path, schema_of(folder))
    for path in sorted(folder.glob("*.sql")):
        yield from sharding.check_migration(path, path.read_text(encoding="utf-8"))


def schema_of(migrations: Path) -> Schema:
    """Read the schema that the migrations make together."""
    return read_schema((migrations / "schema.sql").read_text(encoding="utf-8"))


def lint_queries(folder: Path, schema: Schema) -> list[Finding]:
    """Return what is wrong with queries, by file and line."""
    aggregates = sorted({path.parent for path in folder.glob("*/*.sql")})
    found = [finding for aggregate in aggregates for finding in _check_folder(aggregate, schema)]
    return sorted(found, key=lambda finding: (finding.path, finding.line))


def _check_folder(folder: Path, schema: Schema) -> Iterator[Finding]:
    statements: dict[str, Statement] = {}
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        found = list(check_text(path, text))
        yield from found
        if any(finding.rule == "text" for finding in found):
            # What the loader misreads says nothing about the statement.
            continue
        blocks = {block.line: block for block in read_blocks(path, text)}
        for source in read_file(path):
            if isinstance(source, Unreadable):
                yield Finding(path, source.line, path.name, "load", source.problem)
                continue
            block = blocks[source.line]
            statement = parse(source, block, statements)
            if isinstance(statement, Statement):
                statements[source.name] = statement
            else:
                yield Finding(path, source.line, source.name, "parse", statement)
    for statement in statements.values():
        yield from _check_statement(statement, schema)


def _check_statement(statement: Statement, schema: Schema) -> Iterator[Finding]:
    block = statement.block
    excuses = block.excuses
    for name in excuses.keys() - RULES.keys():
        yield _finding(block, "excuse", f"excuses {name}, which is no rule; take the line out")
    for name, rule in RULES.items():
        messages = list(rule(statement, schema))
        if name not in excuses:
            yield from (_finding(block, name, message) for message in messages)
        elif not messages:
            yield _finding(block, "excuse", f"excuses {name} and keeps it; take the line out")


def _finding(block: Block, rule: str, message: str) -> Finding:
    return Finding(block.path, block.line, block.query, rule, message)


def main(arguments: list[str]) -> int:
    """Print what is wrong; return 1 where anything is."""
    folders = [Path(argument) for argument in arguments]
    queries, migrations = [*folders, *(sql_folder(), FOLDER)[len(folders) :]]
    found = [*lint_queries(queries, schema_of(migrations)), *lint_migrations(migrations)]
    for finding in found:
        print(finding)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
