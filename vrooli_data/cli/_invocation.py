"""The command by which this program was called, so that suggested commands can be copied."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

_NAME = "vrooli-data"


def program() -> str:
    """Return the command that calls this program."""
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return f"{python()} -m vrooli_data"
    if shutil.which(_NAME) == str(script.absolute()):
        return _NAME
    return shlex.quote(short(script))


def python() -> str:
    """Return the command that calls this Python."""
    return shlex.quote(short(Path(sys.executable)))


def short(path: Path) -> str:
    """Return *path* relative to the current folder if it is inside, else absolute."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
