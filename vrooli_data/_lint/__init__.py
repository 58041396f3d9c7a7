"""Rules for every query: find statements that the server accepts and that are still wrong.

The statements are parsed with the grammar of PostgreSQL. A query may break a rule if it gives a
reason, on a line of its own above the clause: ``-- lint: rule: the reason``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from .._queries import Source
from . import pages, reads, writes
from .schema import Schema, read_catalog
from .statement import Rule, Statement, Violation, parse

__all__ = ["RULES", "UNREAD", "lint", "read_catalog"]

RULES: Final[Mapping[str, Rule]] = {
    rule.__name__: rule for rule in (*reads.RULES, *pages.RULES, *writes.RULES)
}

#: Rules that only the queries of this package are held to, by its own tools.
_OF_PACKAGE: Final = frozenset(
    {"changes_are_counted", "conflict_names_user_id", "conflict_sets_are_pure", "joins_on_user_id"}
)
#: In place of a rule: the statement cannot be read by the rules.
UNREAD: Final = "parse"


def lint(
    sources: Iterable[Source], schema: Schema, rules: Mapping[str, Rule]
) -> Iterator[Violation]:
    """Check the queries of one folder against rules, which are given by name."""
    statements: dict[str, Statement] = {}
    for source in sources:
        statement = parse(source, schema, statements)
        if isinstance(statement, Statement):
            statements[source.name] = statement
        else:
            yield _finding(source, UNREAD, statement)
    for statement in statements.values():
        yield from _check(statement, schema, rules)


def _check(statement: Statement, schema: Schema, rules: Mapping[str, Rule]) -> Iterator[Violation]:
    source, excuses = statement.source, statement.excuses
    for name in sorted(excuses.keys() - rules.keys() - RULES.keys() - _OF_PACKAGE):
        yield _finding(source, "excuse", f"excuses {name}, which is no rule; drop the line")
    for name, rule in rules.items():
        messages = list(rule(statement, schema))
        if name not in excuses:
            yield from (_finding(source, name, message) for message in messages)
        elif not messages:
            yield _finding(source, "excuse", f"excuses {name} but does not break it; drop the line")


def _finding(source: Source, rule: str, message: str) -> Violation:
    return Violation(source.path, source.line, source.name, rule, message)
