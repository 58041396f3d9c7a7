"""Rules of only this package, about the writes of a statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pglast import ast
from pglast.enums import A_Expr_Kind

from vrooli_data._lint.schema import Schema
from vrooli_data._lint.statement import Statement
from vrooli_data._lint.tree import Node, is_a, name_of, qualifier_of, walk

from .schema import COUNTERS, EDITABLE


def changes_are_counted(statement: Statement, schema: Schema) -> Iterator[str]:
    """Want each change of an editable table to move revision and updated_at, and counters not to.

    In a table without a revision, only updated_at shows a change.
    """
    for level in statement.changes:
        values = level.sets
        if not values:
            continue
        counted = {"revision"} if level.target in EDITABLE else set()
        counted |= {"updated_at"} & schema[level.target].columns
        # A reference to a deleted row becomes NULL, as the foreign key would set it.
        lost = {column for column, value in values.items() if _is_nullif(value)}
        changed = values.keys() - counted
        if changed and changed <= COUNTERS | lost:
            for column in sorted(counted & values.keys()):
                yield (
                    f"moves {column} of {level.target} though only {', '.join(sorted(changed))} "
                    f"changes, which is no change of the row; leave {column} alone"
                )
            continue
        for column in sorted(counted):
            if column not in values:
                yield f"changes {level.target} without {column}; set {_ADVICE[column]}"
            elif not _moves(column, values[column], in_conflict=level.conflict is not None):
                yield f"does not move {column} of {level.target}; set {_ADVICE[column]}"


def _is_nullif(value: Node) -> bool:
    return is_a(value, ast.A_Expr) and value.kind == A_Expr_Kind.AEXPR_NULLIF


_ADVICE: Final = {
    "revision": "revision = cur.revision + 1",
    "updated_at": "updated_at = now() (excluded.updated_at after ON CONFLICT)",
}


def _moves(column: str, value: Node, *, in_conflict: bool) -> bool:
    if column == "revision":
        return (
            is_a(value, ast.A_Expr)
            and value.name[-1].sval == "+"
            and is_a(value.lexpr, ast.ColumnRef)
            and name_of(value.lexpr) == "revision"
            and is_a(value.rexpr, ast.A_Const)
            and getattr(value.rexpr.val, "ival", None) == 1
        )
    if in_conflict:
        return is_a(value, ast.ColumnRef) and (qualifier_of(value), name_of(value)) == (
            "excluded",
            "updated_at",
        )
    return is_a(value, ast.FuncCall) and name_of(value) == "now"


def conflict_sets_are_pure(statement: Statement, schema: Schema) -> Iterator[str]:
    """Refuse functions in ON CONFLICT DO UPDATE SET: a distributed table takes no volatile ones.

    The parser does not show them. `excluded` contains the values of VALUES or SELECT.
    """
    for level in statement.changes:
        for column, value in level.sets.items() if level.conflict else ():
            for node in walk(value):
                if is_a(node, ast.FuncCall, ast.SQLValueFunction):
                    called = f"{name_of(node)}()" if is_a(node, ast.FuncCall) else "the time"
                    yield (
                        f"calls {called} for {column} in ON CONFLICT DO UPDATE; insert the "
                        f"value, and take it from excluded.{column}"
                    )


RULES = (changes_are_counted, conflict_sets_are_pure)
