"""The paths of the data, the log and the socket of a server."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from vrooli_data.embedded._accounts import Account, account_for_new_data, account_of_data
from vrooli_data.embedded._binaries import system_folder
from vrooli_data.errors import InvalidInput, Unavailable

BUILDING = "pgdata.new-"
_SERVER_FILES = {"server.log", "socket"}
_PRIVATE = 0o700

# A fixed folder, because TMPDIR has a long path on some systems. Names in it are always random.
_TEMPORARY = Path("/tmp").resolve()  # noqa: S108

# A unix socket's path has at most 107 bytes on Linux and 103 on macOS.
_SOCKET_PATH_BYTES = 103

# The size of pg_control on every platform; PostgreSQL writes it as a whole.
_CONTROL_BYTES = 8192

# Where the tables are that say where all other tables are; it begins with a number of its own.
_RELATIONS = "global/pg_filenode.map"
_RELATIONS_BEGIN = (0x592717).to_bytes(4, sys.byteorder)

#: What initdb writes into pg_hba.conf: only the unix socket can be connected to.
_ACCESS = "local all all trust"


class ServerPaths(NamedTuple):
    """The paths of one server.

    Attributes:
        folder: the folder the caller named, symbolic links resolved.
        pgdata: the data folder, symbolic links resolved: ``folder/pgdata`` unless that is a link.
    """

    folder: Path
    pgdata: Path

    @classmethod
    def of(cls, folder: str | os.PathLike[str]) -> ServerPaths:
        """Return the paths of *folder*, which need not exist."""
        path = Path(folder).resolve()
        # pg_ctl hands its paths to a shell between double quotes and does not escape them.
        if set('"$`\\\n') & set(str(path)):
            raise InvalidInput(
                "folder", f'{str(path)!r} must not contain ", $, `, \\ or a line break'
            )
        entry = path / "pgdata"
        pgdata = entry.resolve()
        if entry.is_symlink() and not pgdata.exists():
            raise Unavailable(
                f"the data of {path} is missing at {pgdata}: restore it, or remove the link"
                f" {entry} to begin with an empty database"
            )
        if pgdata.exists():
            # Data of another user may name any process as its server, and is not trusted.
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
        """Refuse data of another major version; do nothing while there is no data."""
        if not self.pgdata.exists():
            return
        found = version_of(self.pgdata)
        if found is None:
            raise InvalidInput("folder", f"{self.pgdata} is not a PostgreSQL data folder")
        if not found.isdecimal():
            raise self._damaged("PG_VERSION")
        if found != str(version):
            raise InvalidInput(
                "version",
                f"the data in {self.folder} was created by PostgreSQL {found}, not {version}:"
                f" give version {found}, or another folder",
            )

    def check_whole(self) -> None:
        """Refuse data that PostgreSQL cannot start from; the message says what to do."""
        control = _content(self.pgdata / "global/pg_control") or b""
        if len(control) != _CONTROL_BYTES or not control.strip(b"\0"):
            raise self._damaged("global/pg_control")
        # The server would start without it, and crash again and again.
        if not (_content(self.pgdata / _RELATIONS) or b"").startswith(_RELATIONS_BEGIN):
            raise self._damaged(_RELATIONS)
        if _content(self.pgdata / "postgresql.conf") is None:
            raise self._lost("postgresql.conf", "create an empty file for the defaults")
        if not (_content(self.pgdata / "pg_hba.conf") or b"").strip(b"\0\n "):
            raise self._lost("pg_hba.conf", f"write the line `{_ACCESS}` into it")

    def _lost(self, name: str, remedy: str) -> Unavailable:
        return Unavailable(
            f"{self.pgdata / name} is missing or empty, as after a power cut: restore it from a"
            f" backup, or {remedy}"
        )

    def _damaged(self, name: str) -> Unavailable:
        return Unavailable(
            f"{self.pgdata / name} is missing or incomplete, as after a power cut: restore"
            f" {self.pgdata} from a backup, or remove it to begin with an empty database"
        )

    def make_folder(self) -> None:
        """Create the folder when it is missing; an existing folder keeps its mode."""
        if not self.folder.exists():
            # The server of root runs as another user, who must enter the folder but not list it.
            mode = 0o711 if os.geteuid() == 0 else _PRIVATE
            try:
                self.folder.mkdir(mode, parents=True, exist_ok=True)
            except OSError as error:
                problem = f"{self.folder} cannot be created: {error.strerror}"
                raise InvalidInput("folder", problem) from None
        elif not self.folder.is_dir():
            raise InvalidInput("folder", f"{self.folder} is a file: give a folder")

    def home_for_new_data(self, account: Account) -> Path:
        """Return the folder to create the data in; refuse a folder with other files."""
        names = {entry.name for entry in self.folder.iterdir()} - _SERVER_FILES
        foreign = sorted(name for name in names if not name.startswith(BUILDING))
        if foreign:
            raise InvalidInput(
                "folder",
                f"{self.folder} holds files of something else, such as {foreign[0]}:"
                " give an empty folder, or one that does not exist",
            )
        if os.geteuid() != 0 or account.can_enter(self.folder):
            return self.folder
        # The modes of existing folders are not changed. The data is created where the server's user
        # can reach it, and links in the folder lead there. The name is new each time, so a folder
        # that was removed and created again begins empty. Temporary data stays in /tmp.
        parent = _TEMPORARY if self.folder.is_relative_to(_TEMPORARY) else system_folder()
        label = re.sub(r"[^A-Za-z0-9]+", "-", self.folder.name)[:32]
        home = Path(tempfile.mkdtemp(dir=parent, prefix=f"vrooli_data-{label}-"))
        account.take(home)
        return home

    def record(self, home: Path) -> ServerPaths:
        """Link the folder to the data in *home*, and return its paths."""
        if home != self.folder:
            for name in ("server.log", "pgdata"):
                (self.folder / name).unlink(missing_ok=True)
                (self.folder / name).symlink_to(home / name)
        return ServerPaths(self.folder, home / "pgdata")

    def socket_folder(self) -> Path:
        """Return an empty folder for the socket; its path is short, and other users cannot enter.

        Everybody who can open the socket can be the superuser of the database (pg_hba.conf has
        trust). So only the server's user and root can enter the folder and open the socket. That is
        as strict as peer authentication, and tests can connect as any role.
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
                # Another user cannot create a random name beforehand.
                path = Path(tempfile.mkdtemp(dir=_TEMPORARY, prefix="vrooli_data-"))
                entry.symlink_to(path)
            account.take(path)
        # The lock file of a socket holds a process id, which may belong to another program now.
        for leftover in path.iterdir():
            leftover.unlink()
        return path


def version_of(pgdata: Path) -> str | None:
    """Return the content of PG_VERSION, which may be damaged; None without the file."""
    try:
        return (pgdata / "PG_VERSION").read_text(errors="replace").strip()
    except FileNotFoundError:
        return None


def _content(path: Path) -> bytes | None:
    """Return what a file holds; None without the file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _fits(folder: Path) -> bool:
    # libpq reads a comma as the end of a host.
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
