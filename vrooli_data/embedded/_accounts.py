"""The user of the operating system that a server runs as, and commands run as that user."""

from __future__ import annotations

import os
import pwd
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from vrooli_data.errors import Unavailable

# PostgreSQL refuses to run as root, so a server that root starts runs as this user.
_SERVER_USER = "pgserver"
_MAKE_USER = ("useradd", "--system", "--no-create-home", "--shell", "/bin/false", _SERVER_USER)

# The server does not get the caller's environment. PGPORT or PGOPTIONS would change the server, and
# secrets would stay readable while it runs. The locale of the database is set by initdb instead.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
}


class Account(NamedTuple):
    """A user of the operating system, by number."""

    uid: int
    gid: int

    def run(self, *command: str | os.PathLike[str]) -> subprocess.CompletedProcess[str]:
        """Run a program as this user; its standard output includes its standard error."""
        is_root = os.geteuid() == 0
        return subprocess.run(
            command,
            user=self.uid if is_root else None,
            group=self.gid if is_root else None,
            extra_groups=[] if is_root else None,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )

    def can_enter(self, path: Path) -> bool:
        """Return whether this user may enter the folder, or run the program, *path*."""
        # The kernel is asked, because mode bits alone ignore access lists.
        return self.run("/bin/sh", "-c", 'test -x "$0"', path).returncode == 0

    def take(self, path: Path) -> None:
        """Make this user the owner of the folder or file *path*, which the caller just created."""
        # A link is not followed: another user may have put it there.
        os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account_for_new_data() -> Account:
    """Return the user for a new server: the caller, or ``pgserver`` when the caller is root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    account = _server_user()
    if account is None:
        # Two processes may do this at once. Only the existence of the user afterwards matters.
        with suppress(FileNotFoundError):
            subprocess.run(_MAKE_USER, env=_ENVIRONMENT, capture_output=True, check=False)
        account = _server_user()
    if account is None:
        raise Unavailable(
            f"PostgreSQL does not run as root, and its user {_SERVER_USER} could not be"
            f" created: run '{' '.join(_MAKE_USER)}', or start the server as an ordinary user"
        )
    return account


def account_of_data(folder: Path, pgdata: Path) -> Account:
    """Return the owner of existing data; refuse an owner whom the caller cannot trust."""
    status = pgdata.stat()
    caller = os.geteuid()
    if caller == 0:
        # Root also manages the servers of other users, but only in their own folders. A link in a
        # folder of root must not lead to data of another user.
        server_user = _server_user()
        trusted = {folder.stat().st_uid} | ({server_user.uid} if server_user else set())
    else:
        trusted = {caller}
    if status.st_uid == 0:
        raise Unavailable(
            f"{pgdata} belongs to root, and PostgreSQL does not run as root:"
            " make the user of the server its owner again (chown -R)"
        )
    if status.st_uid not in trusted:
        raise Unavailable(
            f"{pgdata} belongs to user {_name(status.st_uid)}: run as that user,"
            " or give another folder"
        )
    return Account(status.st_uid, status.st_gid)


def _server_user() -> Account | None:
    try:
        entry = pwd.getpwnam(_SERVER_USER)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
