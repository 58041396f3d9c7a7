"""The server of a place: make its data, launch it, find it, shut it down."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from psycopg import conninfo

from vrooli_data._own_session import own_session, scalar
from vrooli_data.embedded._binaries import brings, program
from vrooli_data.embedded._place import BUILDING, Place
from vrooli_data.errors import InvalidInput, Unavailable, VrooliDataError

_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.01
_LOG_LINES = 10
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_APPLICATION_NAME = "vrooli_data embedded"

# A program's path, or what a server's child calls itself.
_IS_POSTGRES = re.compile(r"^postgres:|(^|/)postgres$")

_TRIGRAMS = "pg_trgm"
_DATABASES = "SELECT datname FROM pg_database WHERE datallowconn ORDER BY oid"
_USES_EXTENSION = "SELECT 1 FROM pg_extension WHERE extname = %(name)s"
_FIXED_SETTINGS = {
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
}

# The database must not depend on the machine: LANG=C would make it SQL_ASCII. PostgreSQL's own
# C.UTF-8 also keeps its order when the C library is upgraded, which indexes rely on.
_BUILT_IN = ("--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_LOCALE = {16: ("--locale=C.UTF-8",), 17: _BUILT_IN, 18: _BUILT_IN}


class Server(NamedTuple):
    """A live server, as its postmaster.pid tells."""

    pid: int
    data: str
    socket_folder: str
    status: str

    @property
    def is_ready(self) -> bool:
        return self.status in ("ready", "standby")

    @property
    def url(self) -> str:
        # The port names the socket's file; PGPORT of the client's environment must not.
        host = quote(os.fsencode(self.socket_folder))
        return f"postgresql://postgres@/postgres?host={host}&port=5432"


def check_settings(settings: Mapping[str, str]) -> None:
    """Refuse settings that would open the server, or that could not be passed on."""
    for name, value in settings.items():
        if name.lower() in _FIXED_SETTINGS:
            raise InvalidInput("settings", f"{name} is fixed: the server has one unix socket only")
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name, re.ASCII) or "\0" in value:
            raise InvalidInput("settings", f"{name!r} is not a setting that can be passed on")


def find(place: Place) -> Server | None:
    """Return the server of *place* when its process is alive."""
    try:
        lines = os.fsdecode((place.pgdata / "postmaster.pid").read_bytes()).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    # The server writes the file line by line while it starts.
    number, data, _, _, socket_folder, _, _, status = (lines + [""] * 8)[:8]
    data = data or str(place.pgdata)
    if _NUMBER.fullmatch(number):
        pid = int(number) if _is_postmaster(int(number), data) else None
    else:
        # Empty for a moment while a server starts, and half-written after a power cut.
        pid = next(_postmasters(data), None)
    if pid is None:
        return None
    # A copy of a folder copies this file too; the server named there is the original's.
    if Path(data) != place.pgdata and Path(data).exists():
        return None
    return Server(pid, data, socket_folder.strip(), status.strip() or "starting")


def find_settled(place: Place) -> Server | None:
    """Return the server of *place* once it is ready, or None once it is gone."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (server := find(place)) is not None and not server.is_ready:
        if time.monotonic() > deadline:
            raise Unavailable(
                f"the PostgreSQL server of {place.folder} is still {server.status}:"
                f" try again later, and read {place.log}"
            )
        time.sleep(_POLL_SECONDS)
    return server


def create_data(place: Place, version: int) -> Place:
    """Make an empty cluster for *place* by initdb, wholly or not at all."""
    account = place.account
    home = place.home_for_new_data(account)
    _end_servers_of_removed_data(home / "pgdata")
    for leftover in home.glob(f"{BUILDING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    building = Path(tempfile.mkdtemp(dir=home, prefix=BUILDING))
    account.take(building)
    result = account.run(
        program("initdb", version, account),
        f"--pgdata={building}",
        "--username=postgres",
        "--encoding=UTF8",
        *_LOCALE[version],
        "--auth-local=trust",
        "--auth-host=reject",
        "--no-instructions",
    )
    if result.returncode != 0:
        shutil.rmtree(building if home == place.folder else home, ignore_errors=True)
        raise Unavailable(
            f"initdb of PostgreSQL {version} failed for {place.folder}:\n{_tail(result.stdout)}"
        )
    building.rename(home / "pgdata")
    return place.record(home)


def launch(place: Place, version: int, settings: Mapping[str, str]) -> Server:
    """Start the server of *place*, which does not run, and wait until it is ready."""
    account = place.account
    _remove_stale_pid_file(place)
    options = {
        **settings,
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": f'"{place.socket_folder()}"',
        "unix_socket_permissions": "0700",
    }
    if not place.log.exists():
        place.log.touch(0o600, exist_ok=False)
        account.take(place.log)
    command = (
        program("pg_ctl", version, account),
        "start",
        f"--pgdata={place.pgdata}",
        f"--log={place.log}",
        f"--timeout={_PATIENCE_SECONDS}",
        f"--options={' '.join(shlex.quote(f'-c{key}={val}') for key, val in options.items())}",
        "--silent",
    )
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        log_size = place.log.stat().st_size
        result = account.run(*command)
        server = find(place)
        if result.returncode == 0 and server is not None and server.is_ready:
            return server
        with place.log.open("rb") as log:
            log.seek(log_size)
            lines = log.read().decode(errors="replace")
        # After a crash of the server, its sessions may take a moment to notice and end.
        if "pre-existing shared memory block" not in lines or time.monotonic() > deadline:
            raise Unavailable(
                f"PostgreSQL {version} did not start in {place.folder}. {place.log} ends with:\n"
                f"{_tail(lines or result.stdout)}"
            )
        time.sleep(_POLL_SECONDS)


def refuse_lost_extension(place: Place, version: int, server: Server) -> None:
    """Stop *server* again where its data use pg_trgm and it does not bring that."""
    if brings(_TRIGRAMS, version):
        return
    with closing(_databases_with_trigrams(server.url)) as found:
        database = next(found, None)
    if database is not None:
        shut_down(server)
        raise Unavailable(
            f"the database {database!r} in {place.folder} uses the extension {_TRIGRAMS}, which"
            f" this PostgreSQL {version} lacks, so that tables with its indexes could not be"
            " written: use the wheel that made them, or with that one take the indexes back first"
            " (vrooli-data migrate --rollback-to) and drop the extension"
        )


def shut_down(server: Server) -> None:
    """Stop *server* in fast mode and wait until it is gone."""
    os.kill(server.pid, signal.SIGINT)
    _wait_until_gone(server.pid, server.data)


def _is_postmaster(pid: int, data: str) -> bool:
    """Say whether process *pid* is the server of the data folder *data*."""
    # The command line can be read without rights over the process, which root in a container lacks.
    import psutil  # noqa: PLC0415 (only the extra brings it)

    try:
        command = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return bool(command) and Path(command[0]).name == "postgres" and data in command


def _postmasters(data: str) -> Iterator[int]:
    """Go through the processes that are the server of the data folder *data*."""
    import psutil  # noqa: PLC0415 (only the extra brings it)

    return (pid for pid in psutil.pids() if _is_postmaster(pid, data))


def _processes_in(place: Place) -> list[int]:
    """Return the processes of PostgreSQL that work on the data, or may do so."""
    import psutil  # noqa: PLC0415 (only the extra brings it)

    uid = place.account.uid
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            command = process.cmdline()[:1]
            if process.uids().real != uid or not any(map(_IS_POSTGRES.search, command)):
                continue
            try:
                # Each of them works in its data folder, a server's child as well.
                if Path(process.cwd()) != place.pgdata:
                    continue
            except psutil.AccessDenied:
                pass
            found.append(process.pid)
    return found


def _databases_with_trigrams(url: str) -> Generator[str]:
    # Who changed the server's roles or databases knows more of them than is asked here.
    with suppress(VrooliDataError), own_session(url, _APPLICATION_NAME, None) as session:
        for (name,) in session.execute(_DATABASES).fetchall():
            there = conninfo.make_conninfo(url, dbname=name)
            with own_session(there, _APPLICATION_NAME, None) as other:
                if scalar(other, _USES_EXTENSION, name=_TRIGRAMS):
                    yield name


def _wait_until_gone(pid: int, data: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _is_postmaster(pid, data):
        if time.monotonic() > deadline:
            raise Unavailable(f"the PostgreSQL server of {data}, process {pid}, does not stop")
        time.sleep(_POLL_SECONDS)


def _remove_stale_pid_file(place: Place) -> None:
    """Remove postmaster.pid when it is half-written, or its number another program's by now."""
    path = place.pgdata / "postmaster.pid"
    try:
        number = os.fsdecode(path.read_bytes()).split("\n", 1)[0]
    except FileNotFoundError:
        return
    if _NUMBER.fullmatch(number.removeprefix("-")):
        # A session in single-user mode has a negative number; PostgreSQL itself heeds it.
        if number.startswith("-"):
            return
        try:
            os.kill(int(number), 0)
        except OSError:
            # PostgreSQL itself copes with a number that is nobody's or another user's, and then
            # also looks for children that outlived their server.
            return
    # It would take any live process of its user for its server, and a half-written file for the
    # work of another server that starts; and refuse to start.
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while processes := _processes_in(place):
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{path} tells of no server, and process {processes[0]} of PostgreSQL may use the"
                " data all the same: end it, or remove the file if it does not"
            )
        time.sleep(_POLL_SECONDS)
    path.unlink()


def _end_servers_of_removed_data(pgdata: Path) -> None:
    """End servers whose data folder, once at *pgdata*, was removed or moved while they ran."""
    # Such a server may run on for a minute. It writes pg_control and removes its socket by path,
    # where the new server's would be by then. It ends at once, so that it writes nothing more; data
    # that was moved recovers at its next start.
    for pid in _postmasters(str(pgdata)):
        os.kill(pid, signal.SIGQUIT)
        _wait_until_gone(pid, str(pgdata))


def _tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-_LOG_LINES:])
