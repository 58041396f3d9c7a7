"""A PostgreSQL server for as long as a tool needs one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vrooli_data import embedded

#: Lost at a crash of the machine, which these databases may be.
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@contextmanager
def server() -> Iterator[str]:
    """Start an empty server, give its URL, and remove it."""
    with tempfile.TemporaryDirectory(prefix="vrooli_data_tools_") as folder:
        # Root's server runs as another user, who has to reach the folder.
        Path(folder).chmod(0o755)
        url = embedded.start(folder, settings=_FAST)
        try:
            yield url
        finally:
            embedded.stop(folder)
