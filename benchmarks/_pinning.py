"""Keep the client on one CPU and its backends on another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from psycopg import ConnectionInfo

#: Read before `pin_client` leaves only one of them.
_CPUS_AT_START = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


def pin_client() -> None:
    """Pin this process, and the threads that it starts later, to one CPU."""
    if sys.platform == "linux" and (cpus := _two_cpus()):
        os.sched_setaffinity(0, {cpus[0]})


def pin_backends(info: ConnectionInfo, pids: Sequence[int]) -> str:
    """Pin backends to another CPU than the client's; return where, or why not."""
    cpus = _two_cpus()
    if sys.platform != "linux" or cpus is None:
        return "not pinned: that takes Linux and two CPUs"
    if not is_on_socket(info):
        return "client pinned, backends not: they may be on another machine"
    # The server may run in a container. Its process ids then name other processes here.
    if not all(_is_postgres(pid) for pid in pids):
        return "client pinned, backends not: their processes are not visible from here"
    try:
        for pid in pids:
            os.sched_setaffinity(pid, {cpus[1]})
    except PermissionError:
        return "client pinned, backends not: they run as another user"
    return f"client on CPU {cpus[0]}, backends on CPU {cpus[1]}"


@contextmanager
def pinned_server(info: ConnectionInfo) -> Iterator[str]:
    """Pin a backend, and those that its server starts in the block; yield where, or why not."""
    pids, before = [info.backend_pid], {}
    if sys.platform == "linux" and (server := _parent_of(info.backend_pid)) is not None:
        pids.append(server)
        before[server] = os.sched_getaffinity(server)
    try:
        yield pin_backends(info, pids)
    finally:
        for server, cpus in before.items():
            with suppress(OSError):
                os.sched_setaffinity(server, cpus)


def is_on_socket(info: ConnectionInfo) -> bool:
    """Tell whether the server is reached by a unix socket, so that it runs on this machine."""
    return info.host.startswith(("/", "@"))


def _is_postgres(pid: int) -> bool:
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _parent_of(pid: int) -> int | None:
    try:
        # The name of the program stands before it, in parentheses, and may hold anything.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _two_cpus() -> tuple[int, int] | None:
    """Choose a CPU for each side, on different cores if there are two."""
    if len(_CPUS_AT_START) < 2:
        return None
    client, *others = _CPUS_AT_START
    on_other_cores = [cpu for cpu in others if cpu not in _threads_beside(client)]
    return client, (on_other_cores or others)[0]


def _threads_beside(cpu: int) -> set[int]:
    """Return the hardware threads of the same core, as the kernel lists them: 0,4 or 0-1."""
    listed = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    beside: set[int] = set()
    with suppress(OSError):
        for part in listed.read_text().strip().split(","):
            first, _, last = part.partition("-")
            beside.update(range(int(first), int(last or first) + 1))
    return beside
