"""What a type checker makes of the public API."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

API = Path(__file__).parent / "typing" / "api.py"


@pytest.mark.slow("types")
def test_the_public_api_is_typed_as_its_users_see_it(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="the type checker belongs to the group lint")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-incremental"),
            *("--config-file", "", "--cache-dir", tmp_path, "--follow-imports=silent", API),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 1 source file\n")
