"""Every connection of the package is opened where its search_path is pinned."""

from __future__ import annotations

import ast
from pathlib import Path

import vrooli_data

_PACKAGE = Path(vrooli_data.__file__).parent
#: The places that open one, each of which pins it.
_OPENERS = {"_async/pool.py", "_sync/pool.py", "_own_session.py"}
_CLASSES = {
    "psycopg",
    "Connection",
    "AsyncConnection",
    "LendingConnection",
    "AsyncLendingConnection",
    "PooledConnection",
    "AsyncPooledConnection",
    "_OwnConnection",
}


def opens(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "connect"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in _CLASSES
    )


def test_connections_are_opened_in_three_places() -> None:
    found = {
        str(path.relative_to(_PACKAGE))
        for path in _PACKAGE.rglob("*.py")
        if any(map(opens, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == _OPENERS
