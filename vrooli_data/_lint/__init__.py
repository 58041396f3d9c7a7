"""Rules for every query, on PostgreSQL's own grammar: what is no error, and wrong all the same.

A query may break a rule for a reason that it gives above the clause, on a line of its own:
``-- lint: rule: the reason``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from .._queries import Source
from . import pages, reads, writes
from .schema import Schema, read_catalog
from .statement import Finding, Rule, Statement, parse

__all__ = ["RULES", "UNREAD", "lint", "read_catalog"]

RULES: Final[Mapping[str, Rule]] = {
    rule.__name__: rule for rule in (*reads.RULES, *pages.RULES, *writes.RULES)
}

#: What is found of a statement that the rules cannot read, in place of a rule.
UNREAD: Final = "parse"


def lint(sources: Iterable[Source], schema: Schema, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    """Hold the queries of one folder to rules, which go by their names."""
    statements: dict[str, Statement] = {}
    for source in sources:
        statement = parse(source, statements)
        if isinstance(statement, Statement):
            statements[source.name] = statement
        else:
            yield _finding(source, UNREAD, statement)
    for statement in statements.values():
        yield from _check(statement, schema, rules)


def _check(statement: Statement, schema: Schema, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    source, excuses = statement.source, statement.excuses
    for name in sorted(excuses.keys() - rules.keys() - RULES.keys()):
        yield _finding(source, "excuse", f"excuses {name}, which is no rule; take the line out")
    for name, rule in rules.items():
        messages = list(rule(statement, schema))
        if name not in excuses:
            yield from (_finding(source, name, message) for message in messages)
        elif not messages:
            yield _finding(source, "excuse", f"excuses {name} and keeps it; take the line out")


def _finding(source: Source, rule: str, message: str) -> Finding:
    return Finding(source.path, source.line, source.name, rule, message)
