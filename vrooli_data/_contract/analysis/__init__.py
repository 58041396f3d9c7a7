"""Analyse statements without running them: NULLs, arrays, JSON and locks.

The source is the parse tree that the server itself has analysed, so the result holds for every
plan. The tree of a statement is fetched once, and all statements share one cached catalogue.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from .array_items import ItemInference
from .json_shapes import JsonInference, JsonShape
from .locks import functions_of, locks_of
from .nulls import Nullable, NullInference, has_one_row
from .parse_tree import TreeNode, UnsupportedServer, check_version, fetch_tree
from .scopes import Lineage, ScopedNode, output_columns
from .system_catalog import Catalog

__all__ = [
    "Analysis",
    "Catalog",
    "JsonShape",
    "Nullable",
    "UnsupportedServer",
    "analyze",
    "check_version",
]


class Analysis:
    """What the parse tree of one statement shows."""

    def __init__(self, tree: TreeNode, catalog: Catalog) -> None:
        self._tree = tree
        self._catalog = catalog
        catalog.read_functions(functions_of(tree))
        lineage = Lineage(catalog)
        scopes = lineage.enter(tree)
        #: What each column of the result may come from.
        self._columns: list[list[ScopedNode]] = [
            lineage.outputs(scopes, position)
            for position in range(1, len(output_columns(tree)) + 1)
        ]
        self._nulls = NullInference(lineage)
        self._items = ItemInference(lineage, self._nulls)
        self._json = JsonInference(lineage, self._nulls)

    def has_one_row(self) -> bool:
        """Return whether the statement returns one row for any contents of its tables."""
        return has_one_row(self._tree)

    def nulls(self) -> list[Nullable]:
        """Return for each column whether it can be NULL."""
        return [self._nulls.of_any(column) for column in self._columns]

    def array_items(self) -> list[Nullable | None]:
        """Return for each column whether items of an array can be NULL; None if not known."""
        return [self._items.of_any(column) for column in self._columns]

    def json_shapes(self) -> list[JsonShape]:
        """Return the shape of the JSON in each column; an `SqlValue` for any other type."""
        return [self._json.of_any(column) for column in self._columns]

    def locks(self) -> frozenset[str]:
        """Return what the statement locks, in the words of the header."""
        return locks_of(self._tree, self._catalog)


def analyze(connection: Connection[Any], catalog: Catalog, statement: str) -> Analysis:
    """Analyse a statement with ``$n`` parameters, without running it.

    Raises `UnsupportedServer` on a server whose parse trees cannot be read, such as PostgreSQL 15.
    """
    return Analysis(fetch_tree(connection, statement), catalog)
