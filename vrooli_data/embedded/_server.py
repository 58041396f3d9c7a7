"""Create the data of a server, launch it, find it, and shut it down."""

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
from vrooli_data.embedded._binaries import has_extension, program
from vrooli_data.embedded._paths import BUILDING, ServerPaths
from vrooli_data.errors import InvalidInput, Unavailable, VrooliDataError

_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.01
_STUCK_SECONDS = 3.0
_LOG_LINES = 10
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_APPLICATION_NAME = "vrooli_data embedded"

# The path of the program, or the process title of a child of the server.
_IS_POSTGRES = re.compile(r"^postgres:|(^|/)postgres$")

# The title of a process of the server that waits for work; a cluster_name may stand before it.
_IS_IDLE = re.compile(r"postgres:(?: .*:)? (?:checkpointer|io worker [0-9]+|logger)")

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

# The database must not depend on the machine: LANG=C would give it the encoding SQL_ASCII. The
# order of PostgreSQL's own C.UTF-8 stays the same when the C library is upgraded, as indexes need.
_BUILT_IN = ("--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_LOCALE = {16: ("--locale=C.UTF-8",), 17: _BUILT_IN, 18: _BUILT_IN}


class Server(NamedTuple):
    """A running server, as its postmaster.pid describes it."""

    pid: int
    data: str
    socket_folder: str
    status: str

    @property
    def is_ready(self) -> bool:
        return self.status in ("ready", "standby")

    @property
    def url(self) -> str:
        # The port is part of the socket's name. Without it, PGPORT of the client would choose it.
        host = quote(os.fsencode(self.socket_folder))
        return f"postgresql://postgres@/postgres?host={host}&port=5432"


def check_settings(settings: Mapping[str, str]) -> None:
    """Refuse settings that would let other users connect, or that cannot be passed on."""
    for name, value in settings.items():
        if name.lower() in _FIXED_SETTINGS:
            raise InvalidInput("settings", f"{name} is fixed: the server has only its unix socket")
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name, re.ASCII) or "\0" in value:
            raise InvalidInput("settings", f"{name!r} cannot be passed on: check name and value")


def find(paths: ServerPaths) -> Server | None:
    """Return the server of *paths*; None when its process does not run."""
    try:
        lines = os.fsdecode((paths.pgdata / "postmaster.pid").read_bytes()).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    # The server writes the file line by line while it starts.
    number, data, _, _, socket_folder, _, _, status = (lines + [""] * 8)[:8]
    data = data or str(paths.pgdata)
    if _NUMBER.fullmatch(number):
        pid = int(number) if _is_postmaster(int(number), data) else None
    else:
        # The file is empty for a moment while a server starts, and incomplete after a power cut.
        pid = next(_postmasters(data), None)
    if pid is None:
        return None
    # A copied folder contains a copy of this file, which names the server of the original.
    if Path(data) != paths.pgdata and Path(data).exists():
        return None
    return Server(pid, data, socket_folder.strip(), status.strip() or "starting")


def find_settled(paths: ServerPaths) -> Server | None:
    """Wait until the server of *paths* is ready and return it; None when it does not run."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while (server := find(paths)) is not None and not server.is_ready:
        if time.monotonic() > deadline:
            raise Unavailable(
                f"the PostgreSQL server of {paths.folder} is still {server.status}:"
                f" try again later, or read {paths.log}"
            )
        time.sleep(_POLL_SECONDS)
    return server


def create_data(paths: ServerPaths, version: int) -> ServerPaths:
    """Create an empty cluster for *paths* by initdb, completely or not at all."""
    account = paths.account
    home = paths.home_for_new_data(account)
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
        shutil.rmtree(building if home == paths.folder else home, ignore_errors=True)
        raise Unavailable(
            f"initdb of PostgreSQL {version} failed for {paths.folder}:\n{_tail(result.stdout)}"
        )
    building.rename(home / "pgdata")
    return paths.record(home)


def launch(paths: ServerPaths, version: int, settings: Mapping[str, str]) -> Server:
    """Start the server of *paths*, which must not run, and wait until it is ready."""
    account = paths.account
    _remove_stale_pid_file(paths)
    options = {
        **settings,
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": f'"{paths.socket_folder()}"',
        "unix_socket_permissions": "0700",
    }
    if not paths.log.exists():
        paths.log.touch(0o600, exist_ok=False)
        account.take(paths.log)
    command = (
        program("pg_ctl", version, account),
        "start",
        f"--pgdata={paths.pgdata}",
        f"--log={paths.log}",
        f"--timeout={_TIMEOUT_SECONDS}",
        f"--options={' '.join(shlex.quote(f'-c{key}={val}') for key, val in options.items())}",
        "--silent",
    )
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        log_size = paths.log.stat().st_size
        result = account.run(*command)
        server = find(paths)
        if result.returncode == 0 and server is not None and server.is_ready:
            return server
        with paths.log.open("rb") as log:
            log.seek(log_size)
            lines = log.read().decode(errors="replace")
        # After a crash of the server, its sessions take a moment to end.
        if "pre-existing shared memory block" not in lines or time.monotonic() > deadline:
            raise Unavailable(
                f"PostgreSQL {version} did not start in {paths.folder}. {paths.log} ends with:\n"
                f"{_tail(lines or result.stdout)}"
            )
        time.sleep(_POLL_SECONDS)


def refuse_lost_extension(paths: ServerPaths, version: int, server: Server) -> None:
    """Stop *server* and raise if its data uses pg_trgm and this PostgreSQL lacks it."""
    if has_extension(_TRIGRAMS, version):
        return
    with closing(_databases_with_trigrams(server.url)) as found:
        database = next(found, None)
    if database is not None:
        shut_down(server)
        raise Unavailable(
            f"the database {database!r} in {paths.folder} uses the extension {_TRIGRAMS}, which"
            f" this PostgreSQL {version} lacks. Writes to tables with its indexes would fail. Use"
            " the wheel that created the indexes. Or roll the indexes back with that wheel"
            " (vrooli-data migrate --rollback-to), and drop the extension"
        )


def shut_down(server: Server) -> None:
    """Stop *server* in fast mode and wait until it is gone."""
    os.kill(server.pid, signal.SIGINT)
    last_busy = time.monotonic()
    for now in _until_gone(server.pid, server.data):
        if not _is_stuck(server.pid):
            last_busy = now
        elif now - last_busy > _STUCK_SECONDS:
            # Its next start recovers, as it would have to anyway.
            os.kill(server.pid, signal.SIGQUIT)
            last_busy = now


def _is_postmaster(pid: int, data: str) -> bool:
    """Return whether process *pid* is the server of the data folder *data*."""
    # Any user can read the command line. Other facts need rights that root in a container lacks.
    import psutil  # noqa: PLC0415 (only the extra brings it)

    try:
        command = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return bool(command) and Path(command[0]).name == "postgres" and data in command


def _postmasters(data: str) -> Iterator[int]:
    """Yield the processes that are a server of the data folder *data*."""
    import psutil  # noqa: PLC0415 (only the extra brings it)

    return (pid for pid in psutil.pids() if _is_postmaster(pid, data))


def _processes_in(paths: ServerPaths) -> list[int]:
    """Return the PostgreSQL processes that use the data, or may use it."""
    import psutil  # noqa: PLC0415 (only the extra brings it)

    uid = paths.account.uid
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            command = process.cmdline()[:1]
            if process.uids().real != uid or not any(map(_IS_POSTGRES.search, command)):
                continue
            try:
                # The data folder is the working directory of a server and of its children.
                if Path(process.cwd()) != paths.pgdata:
                    continue
            except psutil.AccessDenied:
                pass
            found.append(process.pid)
    return found


def _databases_with_trigrams(url: str) -> Generator[str]:
    # An error ends the search: somebody has changed the roles or databases of the server.
    with suppress(VrooliDataError), own_session(url, _APPLICATION_NAME, None) as session:
        for (name,) in session.execute(_DATABASES).fetchall():
            there = conninfo.make_conninfo(url, dbname=name)
            with own_session(there, _APPLICATION_NAME, None) as other:
                if scalar(other, _USES_EXTENSION, name=_TRIGRAMS):
                    yield name


def _until_gone(pid: int, data: str) -> Iterator[float]:
    """Yield the time again and again until a server is gone; raise when it takes too long."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while _is_postmaster(pid, data):
        now = time.monotonic()
        if now > deadline:
            raise Unavailable(f"the PostgreSQL server of {data}, process {pid}, does not stop")
        yield now
        time.sleep(_POLL_SECONDS)


def _is_stuck(pid: int) -> bool:
    """Return whether nothing of a server that is to stop has anything left to do.

    PostgreSQL 18 never ends when it is asked to while it recovers from a crash of one of its own
    processes. In an ordinary shutdown, the title of the checkpointer says what it does.
    """
    import psutil  # noqa: PLC0415 (only the extra brings it)

    try:
        titles = [" ".join(child.cmdline()).strip() for child in psutil.Process(pid).children()]
    except psutil.Error:
        return False
    return bool(titles) and all(map(_IS_IDLE.fullmatch, titles))


def _remove_stale_pid_file(paths: ServerPaths) -> None:
    """Remove postmaster.pid when it is incomplete, or when another program has its process id."""
    path = paths.pgdata / "postmaster.pid"
    try:
        number = os.fsdecode(path.read_bytes()).split("\n", 1)[0]
    except FileNotFoundError:
        return
    if _NUMBER.fullmatch(number.removeprefix("-")):
        # A negative process id is a session in single-user mode, which PostgreSQL itself checks.
        if number.startswith("-"):
            return
        try:
            os.kill(int(number), 0)
        except OSError:
            # No process of this user has the id. PostgreSQL handles that case itself, and also
            # looks for children that outlived their server.
            return
    # PostgreSQL would refuse to start: it takes any process of its user with this id for its
    # server, and an incomplete file for another server that is starting.
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while processes := _processes_in(paths):
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{path} names no server, but the PostgreSQL process {processes[0]} may use the"
                " data: end that process, or remove the file if it does not use the data"
            )
        time.sleep(_POLL_SECONDS)
    path.unlink()


def _end_servers_of_removed_data(pgdata: Path) -> None:
    """End servers whose data folder, once at *pgdata*, was removed or moved while they ran."""
    # Such a server may run for another minute. It writes pg_control and removes its socket by path,
    # and would hit the files of the new server. SIGQUIT ends it without another write. Moved data
    # recovers at its next start.
    for pid in _postmasters(str(pgdata)):
        os.kill(pid, signal.SIGQUIT)
        for _ in _until_gone(pid, str(pgdata)):
            pass


def _tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-_LOG_LINES:])
