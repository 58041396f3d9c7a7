"""Which row locks a statement takes, in the words of the header's `Locks:` line."""

from __future__ import annotations

from typing import Final

from pglast import ast
from pglast.enums import LockClauseStrength, LockWaitPolicy

from .tree import Level, Node, Relation, read

STRENGTHS: Final = {
    LockClauseStrength.LCS_FORKEYSHARE: "for key share",
    LockClauseStrength.LCS_FORSHARE: "for share",
    LockClauseStrength.LCS_FORNOKEYUPDATE: "for no key update",
    LockClauseStrength.LCS_FORUPDATE: "for update",
}
WAITS: Final = {
    LockWaitPolicy.LockWaitBlock: "",
    LockWaitPolicy.LockWaitSkip: " skip locked",
    LockWaitPolicy.LockWaitError: " nowait",
}
#: What a row must be locked with before it is changed, so that changing it locks nothing more.
ENOUGH: Final = {
    ast.UpdateStmt: ("for no key update", "for update"),
    ast.DeleteStmt: ("for update",),
}


def locks_of(tree: Node) -> set[str]:
    """Return what one parsed statement locks: ``row: users``, ``for share: resources``.

    An UPDATE of rows that the statement has locked before adds nothing, and so is left out.
    """
    levels = list(read(tree))
    clauses = {
        (strength + wait, table)
        for level in levels
        for strength, wait, relations in locked(level)
        for relation in relations
        for table in _tables(relation)
    }
    changed = {
        ("row", level.target)
        for level in levels
        if level.is_change
        and not any(
            (strength, level.target) in clauses for strength in ENOUGH.get(type(level.node), ())
        )
    }
    return {f"{strength}: {table}" for strength, table in clauses | changed}


def locked(level: Level) -> list[tuple[str, str, list[Relation]]]:
    """Return the locking clauses of a level: strength, `` skip locked`` or nothing, and on what."""
    clauses = getattr(level.node, "lockingClause", None) or ()
    return [
        (
            STRENGTHS[clause.strength],
            WAITS[clause.waitPolicy],
            # Without OF: all of FROM. A CTE's rows cannot be locked from outside.
            [level.relations[item.relname] for item in clause.lockedRels]
            if clause.lockedRels
            else [relation for relation in level.relations.values() if not relation.is_cte],
        )
        for clause in clauses
    ]


def _tables(relation: Relation) -> set[str]:
    """Return the tables locked with a relation: for a sub-select, all that it reads."""
    if relation.table:
        return {relation.table}
    if relation.query is None or relation.is_cte:
        return set()
    return {table for part in relation.query.relations.values() for table in _tables(part)}
