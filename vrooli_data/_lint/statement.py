"""Parse a query into the form that the rules read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pglast import ast, parse_sql
from pglast.parser import ParseError

from .._queries import Source
from .schema import Schema
from .tree import Level, Node, is_a, read, walk

_EXCUSE: Final = re.compile(r"^\s*-- lint: (\w+): (\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Violation:
    """A broken rule."""

    path: Path
    line: int
    query: str
    #: The name of the rule, as an excuse writes it.
    rule: str
    #: What is wrong, a semicolon, and how to fix it.
    message: str

    def __str__(self) -> str:
        return (
            f"{os.path.relpath(self.path)}:{self.line}: {self.query}: {self.message} [{self.rule}]"
        )


@dataclass(frozen=True, eq=False)
class Statement:
    """One parsed query."""

    source: Source
    tree: Node
    root: Level
    #: The statements of the same folder, by name.
    folder: Mapping[str, Statement]

    @property
    def excuses(self) -> dict[str, str]:
        """The rules that the query may break, each with its reason."""
        return dict(_EXCUSE.findall(self.source.written))

    @property
    def levels(self) -> list[Level]:
        return list(self.root)

    @property
    def changes(self) -> list[Level]:
        """The levels that write."""
        return [level for level in self.root if level.is_change]


#: A rule yields a message for each violation. The name of the function is the name of the rule.
Rule = Callable[[Statement, Schema], Iterator[str]]


def parse(source: Source, schema: Schema, folder: Mapping[str, Statement]) -> Statement | str:
    """Parse one query; return a message if it cannot be parsed."""
    try:
        trees = parse_sql(source.planned)
    except ParseError as error:
        return f"cannot be parsed: {error.args[0]}; correct the statement"
    if len(trees) != 1:
        return f"holds {len(trees)} statements; give each a name line"
    tree = trees[0].stmt
    if any(is_a(node, ast.MergeStmt) for node in walk(tree)):
        return "uses MERGE, which the rules do not know; write INSERT ... ON CONFLICT or UPDATE"
    _shorten(tree, schema)
    return Statement(source, tree, read(tree), folder)


def _shorten(tree: Node, schema: Schema) -> None:
    """Drop the schema of tables that are found without it, so that each has one name."""
    nodes = list(walk(tree))
    hidden = {node.ctename for node in nodes if is_a(node, ast.CommonTableExpr)}
    for node in nodes:
        if is_a(node, ast.RangeVar) and node.schemaname and node.relname not in hidden:
            full = schema.get(f"{node.schemaname}.{node.relname}")
            if full is not None and full is schema.get(node.relname):
                node.schemaname = None
