"""Start, stop and find a PostgreSQL server that a wheel contains, one server per folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vrooli_data.embedded import _server
from vrooli_data.embedded._binaries import (
    DEFAULT_VERSION,
    WHEELS,
    Version,
    check_extra,
    installation,
)
from vrooli_data.embedded._paths import ServerPaths
from vrooli_data.errors import InvalidInput, Unavailable

__all__ = ["start", "stop", "url"]


def start(
    folder: str | os.PathLike[str],
    *,
    version: Version = DEFAULT_VERSION,
    settings: Mapping[str, str] | None = None,
) -> str:
    """Start the PostgreSQL server of *folder*, or find it running, and return its URL.

    The folder is created when it is missing. It holds ``pgdata`` (the data), ``server.log`` and
    ``socket``. The server listens on a unix socket only, and runs until `stop`, also after this
    process has ended. When root starts it, it runs as the user ``pgserver``. If that user cannot
    reach the folder, ``pgdata`` and ``server.log`` are links to a folder below
    ``/var/lib/vrooli_data``, or below ``/tmp`` for a temporary folder. Remove that folder together
    with the links.

    Args:
        folder: The folder of the data. A relative path starts at the current folder, and symbolic
            links are followed.
        version: The major version of PostgreSQL for new data. Existing data must have this version.
        settings: Server settings such as ``{"max_connections": "200"}``, until the server stops.
            They are ignored when it runs already.

    Raises:
        InvalidInput: The folder holds other files or data of another version, or a setting must not
            be changed.
        MissingExtra: The wheel with that PostgreSQL is not installed.
        Unavailable: The server did not start; the message ends with the last lines of its log. Or
            the data is damaged, or uses pg_trgm, which that PostgreSQL does not contain.
    """
    if version not in WHEELS:
        raise InvalidInput("version", f"{version!r} is not available: ask for 16, 17 or 18")
    installation(version)
    _server.check_settings(settings or {})
    with _clear_errors(folder):
        paths = ServerPaths.of(folder)
        paths.check_version(version)
        server = _server.find(paths)
        if server is not None and server.is_ready:
            return server.url
        paths.make_folder()
        with _lock(paths.folder):
            # Another process may have changed the folder before this one had the lock.
            paths = ServerPaths.of(folder)
            paths.check_version(version)
            server = _server.find_settled(paths)
            if server is None:
                if not paths.pgdata.exists():
                    paths = _server.create_data(paths, version)
                paths.check_whole()
                server = _server.launch(paths, version, settings or {})
                _server.refuse_lost_extension(paths, version, server)
            return server.url


def stop(folder: str | os.PathLike[str]) -> bool:
    """Stop the server of *folder* and end its sessions; return False when none ran."""
    check_extra()
    with _clear_errors(folder):
        paths = ServerPaths.of(folder)
        if not paths.folder.is_dir():
            return False
        with _lock(paths.folder):
            paths = ServerPaths.of(folder)
            server = _server.find(paths)
            if server is None:
                return False
            _server.shut_down(server)
            return True


def url(folder: str | os.PathLike[str]) -> str | None:
    """Return the URL of the running server of *folder*; None when it accepts no connections."""
    check_extra()
    with _clear_errors(folder):
        server = _server.find(ServerPaths.of(folder))
        return server.url if server is not None and server.is_ready else None


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Let one thread of one process at a time change the server of *folder*."""
    # The folder itself is locked. A lock file would belong to the user who created it, and another
    # user could not open it. The kernel releases the lock when the process ends.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _clear_errors(folder: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = error.strerror or str(error)
        file = "" if error.filename is None else f": {os.fsdecode(error.filename)}"
        raise Unavailable(
            f"the PostgreSQL server of {os.fspath(folder)} cannot be reached: {problem}{file}"
        ) from None
