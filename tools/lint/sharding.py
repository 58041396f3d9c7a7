"""Rules that let the tables led by user_id be distributed by it later."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Final

from pglast import ast
from pglast.parser import scan

from vrooli_data._lint.keys import references, resolve
from vrooli_data._lint.schema import Schema
from vrooli_data._lint.statement import Statement, Violation
from vrooli_data._lint.tree import (
    Level,
    Node,
    Relation,
    equalities,
    is_a,
    name_of,
    outputs,
    qualifier_of,
)

from .schema import ON_ONE_SERVER, SHARDED

KEY: Final = "user_id"

#: A column by its relation and name, or a parameter or constant by its text.
Term = tuple[str, str]


def joins_on_user_id(statement: Statement, schema: Schema) -> Iterator[str]:
    """Want rows of sharded tables to meet on user_id too, so that they meet on one node."""
    for level in statement.levels:
        around = list(_around(level))
        outer = [relation for each in around for relation in _sharded(each)]
        named = {qualifier_of(node) for node in level.nodes if is_a(node, ast.ColumnRef)}
        met = [relation for relation in outer if relation.name in named]
        own = _sharded(level)
        same = _classes([level, *around], schema)
        for one, other in (*combinations(own, 2), *product(own, met)):
            # The rows of a CTE are not in a table any more, so that any server can join them.
            if not (one.table or other.table):
                continue
            if _class_of(same, (one.name, KEY)) != _class_of(same, (other.name, KEY)):
                yield (
                    f"joins {one.name} and {other.name} without {KEY}; "
                    f"add {one.name}.{KEY} = {other.name}.{KEY}"
                )


def _sharded(level: Level) -> list[Relation]:
    return [
        relation
        for relation in level.relations.values()
        if relation.table in SHARDED or (relation.query and _holds_sharded(relation.query))
    ]


def _holds_sharded(level: Level) -> bool:
    """Return whether rows come from a sharded table, rather than only depend on one."""
    if level.halves:
        return any(map(_holds_sharded, level.halves))
    if level.is_change and is_a(level.node, ast.InsertStmt):
        return level.target in SHARDED
    returned = {qualifier_of(node) for _, value in outputs(level) for node in references(value)}
    return any(
        relation.name in returned or len(level.relations) == 1 for relation in _sharded(level)
    )


def _around(level: Level) -> Iterator[Level]:
    """Yield the levels with columns that a sub-select can name."""
    while level.outer:
        level = level.outer
        yield level


def _classes(levels: list[Level], schema: Schema) -> list[set[Term]]:
    """Return the sets of terms that conditions make equal."""
    classes: list[set[Term]] = []
    for level in levels:
        for condition in level.conditions:
            for sides in equalities(condition.expression):
                terms = [_term(level, side, schema) for side in sides]
                pair = {term for term in terms if term}
                if all(terms):
                    touching = [found for found in classes if found & pair]
                    classes = [found for found in classes if not found & pair]
                    classes.append(pair.union(*touching))
    return classes


def _term(level: Level, node: Node, schema: Schema) -> Term | None:
    while is_a(node, ast.TypeCast):
        node = node.arg
    if is_a(node, ast.ParamRef):
        return "$", str(node.number)
    if is_a(node, ast.ColumnRef):
        return resolve(level, node, schema) or (qualifier_of(node), name_of(node))
    return None


def _class_of(classes: list[set[Term]], term: Term) -> int | Term:
    return next((index for index, found in enumerate(classes) if term in found), term)


def conflict_names_user_id(statement: Statement, schema: Schema) -> Iterator[str]:
    """Want ON CONFLICT on a sharded table to name user_id, and no UPDATE to move a row.

    A key that is unique only on one server cannot identify a row.
    """
    for level in statement.changes:
        if level.target not in SHARDED:
            continue
        unique = schema[level.target].unique
        on_one_server = [set(unique[key]) for key in ON_ONE_SERVER & unique.keys()]
        if (
            level.conflict
            and KEY not in level.conflict_key
            and level.conflict_key not in on_one_server
        ):
            yield f"does not name {KEY} in ON CONFLICT on {level.target}; name the whole key"
        if KEY in level.sets:
            yield f"sets {KEY} of {level.target}, which says where the row is; leave it alone"


RULES = (joins_on_user_id, conflict_names_user_id)


def check_migration(path: Path, text: str) -> Iterator[Violation]:
    """Refuse triggers and rules: a statement must show all of its effects."""
    tokens = [token for token in scan(text) if not token.name.endswith("COMMENT")]
    begins = True
    creates = False
    for token in tokens:
        word = text[token.start : token.end + 1].upper()
        if creates and word in {"TRIGGER", "RULE"}:
            line = text.count("\n", 0, token.start) + 1
            yield Violation(
                path,
                line,
                path.name,
                "migration",
                f"creates a {word.lower()}, which distributed tables cannot have; "
                "write what it does in the queries",
            )
        creates = (begins and word == "CREATE") or (
            creates and word in {"OR", "REPLACE", "CONSTRAINT", "EVENT"}
        )
        begins = word == ";"


def check_schema(path: Path, schema: Schema) -> Iterator[Violation]:
    """Want every unique key of a sharded table to hold user_id, and the primary key to begin so."""
    for name in sorted(SHARDED & schema.keys()):
        table = schema[name]
        if table.primary[:1] != (KEY,):
            yield Violation(
                path, 1, name, "schema", f"its primary key does not begin with {KEY}; lead with it"
            )
        for key, columns in table.unique.items():
            if KEY not in columns and key not in ON_ONE_SERVER:
                yield Violation(
                    path, 1, name, "schema", f"{key} is unique without {KEY}; take {KEY} into it"
                )
