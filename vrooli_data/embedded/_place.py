"""Where the server of a folder keeps its data, its log and its socket."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple

from vrooli_data.embedded._accounts import Account, account_for_new_data, account_of_data
from vrooli_data.embedded._binaries import system_folder
from vrooli_data.errors import InvalidInput, Unavailable

BUILDING = "pgdata.new-"
_OURS = {"server.log", "socket"}
_PRIVATE = 0o700

# A fixed folder, not TMPDIR, which has a long path on some systems; used by random names only.
_TEMPORARY = Path("/tmp").resolve()  # noqa: S108

# A unix socket's path has at most 107 bytes on Linux and 103 on macOS.
_SOCKET_PATH_BYTES = 103

# The size of pg_control on every platform; PostgreSQL writes it as a whole.
_CONTROL_BYTES = 8192


class Place(NamedTuple):
    """The places of one server.

    Attributes:
        folder: the folder the caller named, symbolic links resolved.
        pgdata: the data folder, symbolic links resolved: ``folder/pgdata`` unless that is a link.
    """

    folder: Path
    pgdata: Path

    @classmethod
    def of(cls, folder: str | os.PathLike[str]) -> Place:
        """Find the places of *folder*, which need not exist."""
        path = Path(folder).resolve()
        # pg_ctl hands its paths to a shell between double quotes and does not escape them.
        if set('"$`\\\n') & set(str(path)):
            raise InvalidInput("folder", f'{str(path)!r} has one of " $ ` \\ or a line break')
        entry = path / "pgdata"
        pgdata = entry.resolve()
        if entry.is_symlink() and not pgdata.exists():
            raise Unavailable(
                f"the data of {path} is gone from {pgdata}: bring it back, or remove the link"
                f" {entry} to begin with an empty database"
            )
        if pgdata.exists():
            # What somebody else's data says about its server is not to be believed.
            account_of_data(path, pgdata)
        return cls(path, pgdata)

    @property
    def home(self) -> Path:
        """The folder that really holds the data, the log and the socket."""
        return self.pgdata.parent

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def account(self) -> Account:
        """The user that the server runs as."""
        if self.pgdata.exists():
            return account_of_data(self.folder, self.pgdata)
        return account_for_new_data()

    def check_version(self, version: int) -> None:
        """Refuse data that another major version made; data yet to be made suits any."""
        if not self.pgdata.exists():
            return
        found = version_of(self.pgdata)
        if found is None:
            raise InvalidInput("folder", f"{self.pgdata} holds no data of PostgreSQL")
        if not found.isdecimal():
            raise self._damaged("PG_VERSION")
        if found != str(version):
            raise InvalidInput(
                "version",
                f"the data in {self.folder} was made by PostgreSQL {found}, not {version}:"
                f" ask for version {found}, or give another folder",
            )

    def check_whole(self) -> None:
        """Refuse data that PostgreSQL can no longer start from, and say what to do."""
        control = self.pgdata / "global" / "pg_control"
        try:
            text = control.read_bytes()
        except FileNotFoundError:
            text = b""
        if len(text) != _CONTROL_BYTES or not text.strip(b"\0"):
            raise self._damaged("global/pg_control")

    def _damaged(self, name: str) -> Unavailable:
        return Unavailable(
            f"{self.pgdata / name} is missing or half-written, as after a power cut: bring"
            f" {self.pgdata} back from a backup, or remove it to begin with an empty database"
        )

    def make_folder(self) -> None:
        """Make the folder when it is missing; a folder that exists keeps its mode."""
        if not self.folder.exists():
            # Root's server runs as another user, who must pass through, not look around.
            mode = 0o711 if os.geteuid() == 0 else _PRIVATE
            try:
                self.folder.mkdir(mode, parents=True, exist_ok=True)
            except OSError as error:
                problem = f"{self.folder} cannot be made: {error.strerror}"
                raise InvalidInput("folder", problem) from None
        elif not self.folder.is_dir():
            raise InvalidInput("folder", f"{self.folder} is a file: give a folder")

    def home_for_new_data(self, account: Account) -> Path:
        """Return the folder to make the data in, once nothing else is at risk there."""
        names = {entry.name for entry in self.folder.iterdir()} - _OURS
        foreign = sorted(name for name in names if not name.startswith(BUILDING))
        if foreign:
            raise InvalidInput(
                "folder",
                f"{self.folder} holds files that are not the server's, such as {foreign[0]}:"
                " give an empty folder, or one that does not exist yet",
            )
        if os.geteuid() != 0 or account.can_enter(self.folder):
            return self.folder
        # Nobody's folders are opened for the server's user: the data goes where that user can be,
        # and links in the folder lead there. The name is new each time, so that a folder which was
        # removed and made again begins empty. What is temporary stays temporary.
        parent = _TEMPORARY if self.folder.is_relative_to(_TEMPORARY) else system_folder()
        label = re.sub(r"[^A-Za-z0-9]+", "-", self.folder.name)[:32]
        home = Path(tempfile.mkdtemp(dir=parent, prefix=f"vrooli_data-{label}-"))
        account.take(home)
        return home

    def record(self, home: Path) -> Place:
        """Let the folder lead to data made in *home*; from now on the folder is a server's."""
        if home != self.folder:
            for name in ("server.log", "pgdata"):
                (self.folder / name).unlink(missing_ok=True)
                (self.folder / name).symlink_to(home / name)
        return Place(self.folder, home / "pgdata")

    def socket_folder(self) -> Path:
        """Return the folder for the socket, short enough, empty, and closed to other users.

        Whoever can open the socket is the database's superuser (pg_hba.conf says trust), so the
        folder and the socket are open to the server's user alone, and to root. That is as strict as
        peer authentication would be, and tests may still connect as any role.
        """
        account = self.account
        entry = self.home / "socket"
        path = entry.resolve()
        if not (_fits(path) and _is_private(path, account)):
            if entry.is_symlink():
                entry.unlink()
            elif entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)
            if _fits(entry):
                path = entry
                path.mkdir(_PRIVATE)
            else:
                # A random name cannot be taken beforehand by another user.
                path = Path(tempfile.mkdtemp(dir=_TEMPORARY, prefix="vrooli_data-"))
                entry.symlink_to(path)
            account.take(path)
        # The lock file of a socket holds a process number, which another program may have by now.
        for leftover in path.iterdir():
            leftover.unlink()
        return path


def version_of(pgdata: Path) -> str | None:
    """Return the version that PG_VERSION names, which may be nonsense; None without the file."""
    try:
        return (pgdata / "PG_VERSION").read_text(errors="replace").strip()
    except FileNotFoundError:
        return None


def _fits(folder: Path) -> bool:
    # libpq takes a comma for the end of a host.
    name = os.fsencode(folder / ".s.PGSQL.5432")
    return len(name) <= _SOCKET_PATH_BYTES and b"," not in name


def _is_private(folder: Path, account: Account) -> bool:
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == account.uid
        and stat.S_IMODE(status.st_mode) == _PRIVATE
    )
