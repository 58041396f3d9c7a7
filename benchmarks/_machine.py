"""The machine, the server and the libraries that the numbers depend on."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import psycopg_pool
from psycopg import Connection

from ._pinning import is_on_socket

#: Settings that affect these benchmarks.
_SETTINGS = (
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "random_page_cost",
    "jit",
    "plan_cache_mode",
    "fsync",
    "synchronous_commit",
    "track_io_timing",
    "shared_preload_libraries",
)
#: A load average above which another program disturbs the measurement.
_BUSY = 0.3


def client_facts() -> dict[str, str]:
    """Describe the machine and the libraries."""
    return {
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "Memory": _memory(),
        "System": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "psycopg": (
            f"{psycopg.__version__} ({psycopg.pq.__impl__}), psycopg_pool "
            f"{psycopg_pool.__version__}, libpq {_version(psycopg.pq.version())}"
        ),
        "Load": load(),
    }


def load() -> str:
    """Return the load averages."""
    return ", ".join(f"{average:.2f}" for average in os.getloadavg()) + " (1, 5, 15 minutes)"


def server_facts(connection: Connection[Any]) -> dict[str, str]:
    """Describe the server and how it is reached."""
    settings = connection.execute(
        "SELECT name, current_setting(name) FROM pg_settings"
        " WHERE name = ANY(%s) ORDER BY array_position(%s, name)",
        (list(_SETTINGS), list(_SETTINGS)),
    ).fetchall()
    cursor = connection.execute(
        "SELECT current_setting('server_version'),"
        " pg_size_pretty(pg_database_size(current_database()))"
    )
    [(version, size)] = cursor.fetchall()
    return {
        "PostgreSQL": version,
        "Settings": ", ".join(f"{name} = {value or '(none)'}" for name, value in settings),
        "Database": size,
        "Reached by": "a unix socket" if is_on_socket(connection.info) else "TCP",
    }


def cautions() -> list[str]:
    """Return warnings about this machine and this moment."""
    found = []
    if os.getloadavg()[0] > _BUSY:
        found.append(
            f"the load average is {os.getloadavg()[0]:.2f}: something else is running, and the "
            "intervals will show it; repeat at a quiet moment"
        )
    if psycopg.pq.__impl__ == "python":
        found.append("psycopg runs in pure Python: install psycopg[binary]")
    if sys.flags.dev_mode or hasattr(sys, "gettotalrefcount"):
        found.append("this is a debugging Python")
    return found


def _version(number: int) -> str:
    return f"{number // 10_000}.{number % 10_000}"


def _cpu_model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
