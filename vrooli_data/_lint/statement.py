"""A query as the rules see it: its file, its header and its parse tree."""

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
class Finding:
    """One thing that is wrong."""

    path: Path
    line: int
    query: str
    #: The name of the rule, for an excuse.
    rule: str
    #: What is wrong; how to mend it.
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
    #: All statements of the same folder, by name.
    folder: Mapping[str, Statement]

    @property
    def excuses(self) -> dict[str, str]:
        """The rules that the query may break, each with the reason."""
        return dict(_EXCUSE.findall(self.source.written))

    @property
    def levels(self) -> list[Level]:
        return list(self.root)

    @property
    def changes(self) -> list[Level]:
        """The levels that write."""
        return [level for level in self.root if level.is_change]


#: A rule yields what is wrong with a statement; its name is the function's.
Rule = Callable[[Statement, Schema], Iterator[str]]


def parse(source: Source, folder: Mapping[str, Statement]) -> Statement | str:
    """Parse one query; return what is wrong where that cannot be done."""
    try:
        trees = parse_sql(source.sql)
    except ParseError as error:
        return f"PostgreSQL cannot parse it: {error.args[0]}; write one statement that it can"
    if len(trees) != 1:
        return f"holds {len(trees)} statements; give each a name line of its own"
    tree = trees[0].stmt
    if any(is_a(node, ast.MergeStmt) for node in walk(tree)):
        return "the rules do not know MERGE; write INSERT ... ON CONFLICT, or UPDATE"
    return Statement(source, tree, read(tree), folder)
