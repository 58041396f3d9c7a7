"""What a type checker makes of the public API."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "typing"


@pytest.mark.slow("types")
@pytest.mark.parametrize("file", ["api.py", "own_queries.py"])
def test_the_public_api_is_typed_as_its_users_see_it(tmp_path: Path, file: str) -> None:
    pytest.importorskip("mypy", reason="the type checker belongs to the group lint")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-incremental"),
            *(
                "--config-file",
                "",
                "--cache-dir",
                tmp_path,
                "--follow-imports=silent",
                FOLDER / file,
            ),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 1 source file\n")
