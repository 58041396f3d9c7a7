"""The embedded server of the tests: started by the first run, stopped by the last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from vrooli_data import embedded

_FOLDER = Path(__file__).parents[1] / "var"
#: Lost at a crash of the machine, which a test database may be; much faster.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
}
#: Every run holds this lock shared, so that none stops the server under another.
_IN_USE = 8_273_645


class EmbeddedTestServer:
    """One run's hold on the embedded server."""

    def __init__(self, version: str) -> None:
        self._folder = _FOLDER / f"test-postgresql-{version}"
        major: Any = int(version)
        self._ours = embedded.url(self._folder) is None
        self.url = embedded.start(self._folder, version=major, settings=_SETTINGS)
        self._connection = psycopg.connect(self.url, autocommit=True)
        self._connection.execute("SELECT pg_advisory_lock_shared(%s)", (_IN_USE,))

    def release(self) -> None:
        """Stop the server unless it ran before, or another run uses it."""
        self._connection.execute("SELECT pg_advisory_unlock_shared(%s)", (_IN_USE,))
        cursor = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_IN_USE,))
        unused = cursor.fetchone() == (True,)
        self._connection.close()
        if self._ours and unused:
            embedded.stop(self._folder)
