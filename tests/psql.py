"""Running psql, which comes with the embedded server where the machine has none."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from vrooli_data._queries import sql_folder
from vrooli_data.embedded._binaries import DEFAULT_VERSION, installation
from vrooli_data.errors import MissingExtra


def psql(command: str, text: str | None = None, **environment: str) -> str:
    """Run a shell command that calls psql, and return what it prints; it must not fail."""
    path = os.environ["PATH"]
    if shutil.which("psql") is None:
        try:
            path = f"{installation(DEFAULT_VERSION) / 'bin'}:{path}"
        except MissingExtra:
            pytest.skip("there is no psql on this machine")
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        # The documents name files as seen from the folder above sql/.
        cwd=sql_folder().parent,
        env=os.environ
        | environment
        | {"PATH": path, "PGOPTIONS": "-c client_min_messages=warning"},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout
