"""What an import of the package loads, and that each public name is where the package says."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import vrooli_data
from vrooli_data import engine

_READERS = ("aiosql", "vrooli_data._query_files", "vrooli_data._engine_queries")
#: What waits until it is used, because it would make each start longer, or needs an extra.
_LATE = (
    *("difflib", "psutil", "rich", "shlex", "typer", "yoyo"),
    *("vrooli_data.cli", "vrooli_data.embedded", "vrooli_data.engine", "vrooli_data.inputs"),
    *("vrooli_data._binding", "vrooli_data._contract", "vrooli_data._domain.formats"),
    *("vrooli_data._explain", "vrooli_data._export", "vrooli_data._import", "vrooli_data._lint"),
    *("vrooli_data._listening", "vrooli_data._mend", "vrooli_data._migrate", "vrooli_data._plans"),
    *("vrooli_data._relay", "vrooli_data._seed", "vrooli_data._views", "vrooli_data._yoyo"),
    *("vrooli_data.records.lines", "vrooli_data.records.schema"),
)
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


@pytest.mark.parametrize("name", ["Database", "AsyncDatabase"])
def test_an_import_leaves_to_later_what_it_does_not_need(name: str) -> None:
    needed = _loaded("import psycopg, psycopg_pool, msgspec")
    loaded = _loaded(f"from vrooli_data import {name}") - needed
    assert loaded.isdisjoint((*_READERS, *_LATE))
    # A repository and its queries come with the first use of its attribute.
    assert not [each for each in loaded if ".repositories." in each]


def test_what_is_left_to_later_has_its_right_name() -> None:
    ours = [each for each in _LATE if each.startswith("vrooli_data.")]
    assert [each for each in ours if find_spec(each) is None] == []


@pytest.mark.parametrize(
    ("name", "face", "other"), [("Database", _SYNC, _ASYNC), ("AsyncDatabase", _ASYNC, _SYNC)]
)
def test_one_face_does_not_import_the_other(name: str, face: str, other: str) -> None:
    loaded = _loaded(f"from vrooli_data import {name}")
    assert face in loaded
    assert other not in loaded


@pytest.mark.parametrize(("face", "other"), [("_sync", "_async"), ("_async", "_sync")])
def test_a_repository_of_one_face_does_not_import_the_other(face: str, other: str) -> None:
    loaded = _loaded(f"import vrooli_data._engine_queries, vrooli_data.{face}.repositories.users")
    assert f"vrooli_data.{face}.repository" in loaded
    assert not [each for each in loaded if each.startswith(f"vrooli_data.{other}")]


def test_the_engine_has_the_classes_of_both_faces() -> None:
    for name in engine.__all__:
        assert getattr(engine, name) is not None
    with pytest.raises(AttributeError, match=r"'vrooli_data\.engine' has no attribute 'Databse'"):
        engine.Databse  # type: ignore[attr-defined]  # noqa: B018


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
