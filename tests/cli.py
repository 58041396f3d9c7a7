"""Running the command line as a user does: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

#: Of the variables that the command line reads, none: where pytest-xdist starts the tests, the
#: readline of the process that does has set COLUMNS.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in {"COLUMNS", "DATABASE_URL"}
}
#: A resource, as `import resources` reads it.
LINE = (
    '{"public_id": "0123456789ab", "resource_type": "Note", "language": "en", '
    '"name": "Hello", "description": null, "version_label": "1.0", "is_complete": true, '
    '"config": {}}'
)
PROGRAM = (sys.executable, "-W", "error", "-m", "vrooli_data")


def run(
    *arguments: object, program: Sequence[str] = PROGRAM, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, without a terminal."""
    return subprocess.run(
        [*program, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=ENVIRONMENT | environment,
    )


def succeed(*arguments: object, **environment: str) -> str:
    """Return what a call that must succeed prints; it says nothing else."""
    done = run(*arguments, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def fail(
    status: int, *arguments: object, program: Sequence[str] = PROGRAM, **environment: str
) -> str:
    """Return the one line of a call that must fail in this way, and in no other."""
    done = run(*arguments, program=program, **environment)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    return done.stderr.removeprefix("error: ").rstrip("\n")
