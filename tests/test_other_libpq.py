"""Tests of TLS again, by psycopg in Python on the libpq of the system.

psycopg's wheel brings a newer libpq, which reads by itself what TLS has decrypted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = ("_async/test_tls.py", "_sync/test_tls.py", "test_pipelines.py")
SERVER = ("host", "port", "user", "password")
IN_PYTHON = {"PSYCOPG_IMPL": "python"}


def has_libpq() -> bool:
    """Return whether psycopg finds a libpq that is not its own."""
    found = subprocess.run(
        [sys.executable, "-c", "import psycopg"],
        env=os.environ | IN_PYTHON,
        capture_output=True,
        check=False,
    )
    return found.returncode == 0


@pytest.mark.slow("TLS")
def test_no_reply_is_left_in_the_libpq_of_the_system(pytestconfig: pytest.Config) -> None:
    if not has_libpq():
        pytest.skip("psycopg finds no libpq of the system")
    server = {name: pytestconfig.getoption(f"postgresql_{name}") for name in SERVER}
    command = [sys.executable, "-m", "pytest", "-q", "-k", "tls"]
    command += [str(TESTS / module) for module in MODULES]
    command += [f"--postgresql-{name}={value}" for name, value in server.items() if value]
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    done = subprocess.run(
        command,
        cwd=TESTS.parent,
        env=environment | IN_PYTHON,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
