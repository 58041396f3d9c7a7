"""Start, stop and find a PostgreSQL server that comes from a wheel; a folder is a server."""

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
from vrooli_data.embedded._place import Place
from vrooli_data.errors import InvalidInput, Unavailable

__all__ = ["start", "stop", "url"]


def start(
    folder: str | os.PathLike[str],
    *,
    version: Version = DEFAULT_VERSION,
    settings: Mapping[str, str] | None = None,
) -> str:
    """Start the PostgreSQL server of *folder*, or find it running, and return its URL.

    The folder is made when it is missing. It holds ``pgdata`` (the data), ``server.log`` and
    ``socket``. The server listens on a unix socket only and outlives this process until `stop`.
    When root starts it, it runs as the user ``pgserver``; in a folder that this user cannot reach,
    ``pgdata`` and ``server.log`` are links to a folder below ``/var/lib/vrooli_data``, or ``/tmp``
    for a temporary folder, which is to be removed with them.

    Args:
        folder: Where the data lives; relative to the current folder, symbolic links followed.
        version: The major version that makes the data; a server runs the version of its data.
        settings: Server settings such as ``{"max_connections": "200"}``, for the time that the
            server runs. They change nothing when it runs already.

    Raises:
        InvalidInput: The folder holds something else or data of another version, or a setting is
            not the caller's to choose.
        MissingExtra: The wheel with that PostgreSQL is not installed.
        Unavailable: The server did not start; the message ends with the last lines of its log. Or
            the data are damaged, or use pg_trgm, which that PostgreSQL lacks.
    """
    if version not in WHEELS:
        raise InvalidInput("version", f"{version!r} is not available: ask for 16, 17 or 18")
    installation(version)
    _server.check_settings(settings or {})
    with _clear_errors(folder):
        place = Place.of(folder)
        place.check_version(version)
        server = _server.find(place)
        if server is not None and server.is_ready:
            return server.url
        place.make_folder()
        with _lock(place.folder):
            # What was true before the lock may be the work of another process by now.
            place = Place.of(folder)
            place.check_version(version)
            server = _server.find_settled(place)
            if server is None:
                if not place.pgdata.exists():
                    place = _server.create_data(place, version)
                place.check_whole()
                server = _server.launch(place, version, settings or {})
                _server.refuse_lost_extension(place, version, server)
            return server.url


def stop(folder: str | os.PathLike[str]) -> bool:
    """Stop the server of *folder*, ending its sessions; False when none ran."""
    check_extra()
    with _clear_errors(folder):
        place = Place.of(folder)
        if not place.folder.is_dir():
            return False
        with _lock(place.folder):
            place = Place.of(folder)
            server = _server.find(place)
            if server is None:
                return False
            _server.shut_down(server)
            return True


def url(folder: str | os.PathLike[str]) -> str | None:
    """Return the URL of the running server of *folder*, or None when it accepts no connections."""
    check_extra()
    with _clear_errors(folder):
        server = _server.find(Place.of(folder))
        return server.url if server is not None and server.is_ready else None


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Let one thread of one process at a time change the server of *folder*."""
    # The lock is on the folder itself: a lock file would have an owner of its own, and the next
    # user could not open it. It ends with the process, however that ends.
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
            f"the PostgreSQL server of {os.fspath(folder)} is out of reach: {problem}{file}"
        ) from None
