"""The embedded server of one run of the tests, which lives in memory where it can."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from vrooli_data import embedded

#: Lost at a crash of the machine, which a test database may be; much faster.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "max_wal_size": "256MB",
}
# Most of a test's time would go into the hundreds of files of its database: some file systems
# make them a hundred times as slowly where as many were removed a moment ago.
_MEMORY = Path("/dev/shm")  # noqa: S108 (the folders in it are mkdtemp's)
#: Bytes that must be free there. A run takes a tenth of it.
_ENOUGH = 4 * 2**30


class EmbeddedTestServer:
    """A server in a folder of its own."""

    def __init__(self, version: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="vrooli-data-tests-", dir=_parent()))
        # Where root runs the tests, the server's user has to get in.
        self._folder.chmod(0o711)
        major: Any = int(version)
        try:
            self.url = embedded.start(self._folder, version=major, settings=_SETTINGS)
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def release(self) -> None:
        """Stop the server and remove its data."""
        embedded.stop(self._folder)
        shutil.rmtree(self._folder)


def _parent() -> Path | None:
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH:
        return _MEMORY
    return None
