"""The package's own repositories use what an application gets, and nothing else of the engine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vrooli_data

PACKAGE = Path(vrooli_data.__file__).parent
REPOSITORIES = PACKAGE / "_async" / "repositories"
#: What is public, and what is Vrooli's own.
CLIENTS_MAY_IMPORT = {"_domain", "engine", "errors", "inputs", "records", "validation"}
#: In this file the attributes of a database are made, which are no repositories.
ATTRIBUTES = "__init__.py"


def private_imports(text: str) -> Iterator[str]:
    """Yield what a repository imports of the package that an application could not."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("vrooli_data"))
        elif isinstance(node, ast.ImportFrom) and (node.level or "vrooli" in (node.module or "")):
            module = (node.module or "").partition(".")[0]
            if node.level == 2 or (node.level != 1 and module not in CLIENTS_MAY_IMPORT):
                yield "." * node.level + (node.module or "")


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(REPOSITORIES.glob("*.py")) if path.name != ATTRIBUTES],
    ids=lambda path: path.stem,
)
def test_a_repository_imports_nothing_private_of_the_engine(path: Path) -> None:
    assert list(private_imports(path.read_text())) == []


@pytest.mark.parametrize(
    "line",
    [
        "from ..session import AsyncSession",
        "from .. import session",
        "from ..._pages import Page",
        "from ... import Database",
        "from vrooli_data._pages import Page",
        "import vrooli_data._pages",
    ],
)
def test_a_private_import_is_found(line: str) -> None:
    assert len(list(private_imports(line))) == 1


@pytest.mark.parametrize(
    "line", ["from ...engine import Page", "from ...records.shared import RowId", "import re"]
)
def test_a_public_import_is_none(line: str) -> None:
    assert list(private_imports(line)) == []
