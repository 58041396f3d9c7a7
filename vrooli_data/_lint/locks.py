"""Read the locking clauses of a statement."""

from __future__ import annotations

from typing import Final

from pglast.enums import LockClauseStrength, LockWaitPolicy

from .tree import Level, Relation

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


def locked(level: Level) -> list[tuple[str, str, list[Relation]]]:
    """Return the locking clauses of a level: strength, wait policy and relations."""
    clauses = getattr(level.node, "lockingClause", None) or ()
    return [
        (
            STRENGTHS[clause.strength],
            WAITS[clause.waitPolicy],
            # Without OF, all relations of FROM are locked, except CTEs. The server refuses a name
            # that is not in FROM.
            [
                level.relations[item.relname]
                for item in clause.lockedRels
                if item.relname in level.relations
            ]
            if clause.lockedRels
            else [relation for relation in level.relations.values() if not relation.is_cte],
        )
        for clause in clauses
    ]
