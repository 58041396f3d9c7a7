"""What is left out of a run of the tests is told, by however many processes they run in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import slow

TESTS = """
import pytest
pytestmark = pytest.mark.slow("clocks")
@pytest.mark.core
def test_quick(): pass
def test_first(): pass
def test_second(): pass
@pytest.mark.slow("bells")
def test_third(): pass
"""
ROOT = Path(__file__).parents[2]


@pytest.mark.slow("the tests themselves")
@pytest.mark.parametrize("processes", ["0", "1"])
def test_what_is_left_out_is_counted_by_its_subject(tmp_path: Path, processes: str) -> None:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_it.py").write_text(TESTS)
    plugins = ("-p", "tests.slow", "-p", "no:randomly", "-p", "no:cacheprovider")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *plugins, "--numprocesses", processes),
            *("--strict-markers", "--rootdir", tmp_path, "-m", "core or not slow", tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Left out, and run by `make test-all`: 1 of bells, 2 of clocks.\n" in done.stdout
    assert "1 passed" in done.stdout


def test_the_tests_of_queries_are_those_of_a_face() -> None:
    for name in slow._QUERIES:
        assert (ROOT / f"tests/_async/test_{name}.py").exists(), name
