"""Tell which columns of a statement's result can be NULL.

From the server's own analysed parse tree, and so whatever plan it would choose. The answer is
sound: a column that is called not NULL never holds one. What is not known to be safe counts as
nullable, and the reason says what it was.
"""

from __future__ import annotations

from typing import Any

import msgspec
from psycopg import Connection

from ._null_catalog import Catalog
from ._null_rules import NullRules
from ._parse_tree import NullsNotChecked, parse_tree
from ._scopes import Lineage, Source, output_columns

__all__ = ["NullInference", "Nullable", "NullsNotChecked", "nullable_columns"]


class Nullable(msgspec.Struct, frozen=True):
    """Whether something can be NULL, by what it comes from."""

    nullable: bool
    #: What makes it so: ``left join of teams``; empty if nothing does.
    reason: str
    #: It can be, but a condition in FROM or WHERE leaves those rows out: a record that stands for
    #: the whole table may keep its ``| None``, and one made for the statement may do without.
    narrowed: bool = False


def nullable_columns(connection: Connection[Any], statement: str) -> list[Nullable]:
    """Tell, column by column, whether the result of a statement with ``$n`` can hold NULLs.

    The statement is prepared, not run. Raises `NullsNotChecked` on a server whose parse trees do
    not tell, as those before PostgreSQL 16.
    """
    query = parse_tree(connection, statement)
    inference = NullInference(Lineage(Catalog(connection)))
    scopes = inference.lineage.enter(query)
    return [
        inference.of_any(inference.lineage.outputs(scopes, position))
        for position in range(1, len(output_columns(query)) + 1)
    ]


class NullInference:
    """Both answers: by what a value comes from, and by what the conditions leave of that."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        self._by_origin = NullRules(lineage, narrowed=False)
        self._narrowed = NullRules(lineage, narrowed=True)

    def of_any(self, found: list[Source]) -> Nullable:
        """Tell of a value that comes from one of several expressions."""
        reason = self._by_origin.reason_of_any(found)
        if reason is None:
            return Nullable(nullable=False, reason="")
        is_narrowed = self._narrowed.reason_of_any(found) is None
        return Nullable(nullable=True, reason=reason, narrowed=is_narrowed)
