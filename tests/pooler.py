"""PgBouncer in transaction mode, in front of the test server."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

_PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
#: Seconds that it may take to start or to stop.
_PATIENCE = 30.0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _command(file: Path, host: str) -> list[str]:
    assert _PROGRAM is not None
    if os.geteuid() != 0:
        return [_PROGRAM, str(file)]
    # It refuses to run as root; only its owner may get to the embedded server's socket.
    if host.startswith("/"):
        user = Path(host).owner()
    else:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = next(name for name in ("postgres", "nobody") if name in names)
    return [_PROGRAM, "-u", user, str(file)]


@contextmanager
def open_pooler(url: str, *, size: int = 2, **settings: object) -> Iterator[str]:
    """Start a pooler with so many connections to the server of *url*, and return its URL."""
    if _PROGRAM is None:
        pytest.skip("there is no pgbouncer: apt-get install pgbouncer")
    server = conninfo.conninfo_to_dict(url)
    user, password = server.pop("user"), server.pop("password", "")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="vrooli-data-pooler-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        users = folder / "users.txt"
        users.write_text(f'"{user}" "{password or ""}"\n')
        lines = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": users,
            "pool_mode": "transaction",
            "default_pool_size": size,
            "max_client_conn": 200,
            "admin_users": user,
            **settings,
        }
        file = folder / "pgbouncer.ini"
        file.write_text(
            f"[databases]\n* = host={server['host']} port={server.get('port', 5432)}\n[pgbouncer]\n"
            + "".join(f"{key} = {value}\n" for key, value in lines.items())
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(_command(file, str(server["host"])), stdout=log, stderr=log)
            pooled = conninfo.make_conninfo(
                url, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable"
            )
            try:
                _wait_for(pooled, process, folder / "log")
                yield pooled
            finally:
                # At once: it would wait for clients to leave.
                process.kill()
                process.wait(_PATIENCE)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"pgbouncer did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        else:
            return
