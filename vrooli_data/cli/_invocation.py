"""How this program was called, so that what it advises can be typed as it stands."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

_NAME = "vrooli-data"


def program() -> str:
    """Return what to type to call this program again."""
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return f"{python()} -m vrooli_data"
    if shutil.which(_NAME) == str(script.absolute()):
        return _NAME
    return shlex.quote(short(script))


def python() -> str:
    """Return what to type to call the Python that this runs on."""
    return shlex.quote(short(Path(sys.executable)))


def short(path: Path) -> str:
    """Return *path* from the current folder, where it is inside."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
