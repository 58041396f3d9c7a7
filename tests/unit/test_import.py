"""What an import of the package loads, and that each public name is where the package says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vrooli_data

_READERS = ("aiosql", "vrooli_data._query_files", "vrooli_data._engine_queries")
_ASYNC, _SYNC = "vrooli_data._async.database", "vrooli_data._sync.database"


def _loaded(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has after a statement."""
    program = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    found = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(found.stdout.splitlines())


def _imported_for_type_checkers() -> dict[str, str]:
    """Return the module of each name that type checkers see."""
    tree = ast.parse(Path(vrooli_data.__file__).read_text())
    return {
        name.name: f".{node.module}"
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def test_an_import_reads_no_queries() -> None:
    loaded = _loaded("from vrooli_data import Database, AsyncDatabase")
    assert {_ASYNC, _SYNC} <= loaded
    assert loaded.isdisjoint(_READERS)


@pytest.mark.parametrize(
    ("name", "face", "other"), [("Database", _SYNC, _ASYNC), ("AsyncDatabase", _ASYNC, _SYNC)]
)
def test_one_face_does_not_import_the_other(name: str, face: str, other: str) -> None:
    loaded = _loaded(f"from vrooli_data import {name}")
    assert face in loaded
    assert other not in loaded


def test_every_public_name_is_there() -> None:
    for name in vrooli_data.__all__:
        assert getattr(vrooli_data, name) is not None
    assert set(vrooli_data.__all__) <= set(dir(vrooli_data))


def test_type_checkers_see_what_the_interpreter_imports() -> None:
    assert _imported_for_type_checkers() == vrooli_data._MODULES
    assert sorted(vrooli_data.__all__) == sorted(vrooli_data._MODULES)


def test_a_module_is_an_attribute_of_the_package() -> None:
    program = "import vrooli_data; vrooli_data.errors.NotFound; vrooli_data.records.User"
    assert "vrooli_data.errors" in _loaded(program)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="'vrooli_data' has no attribute 'Databse'"):
        vrooli_data.Databse  # type: ignore[attr-defined]  # noqa: B018
