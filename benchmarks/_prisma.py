"""Prisma as a contestant: a process of Node that writes resources."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

_FOLDER = Path(__file__).parent / "prisma"
#: What libpq calls a part of a connection string, and what node-postgres calls it.
_NAMES = {
    "host": "host",
    "port": "port",
    "user": "user",
    "password": "password",
    "dbname": "database",
    "options": "options",
}


def absence() -> str | None:
    """Tell why there is no Prisma; None where there is."""
    if shutil.which("node") is None:
        return "no Prisma: there is no node"
    if not (_FOLDER / "generated").exists():
        return "no Prisma: run npm install in benchmarks/prisma"
    return None


class Peer:
    """A running process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        #: The process id of the backend of its first connection.
        self.backend = int(self._answer()["pid"])

    def create(self, user_id: int | None, rows: int) -> int:
        """Create resources by createMany, and return how many."""
        return self._call("create", userId=user_id, rows=rows)

    def update(self, changes: Sequence[tuple[int, int, bool]]) -> int:
        """Update resources by id and revision in a loop in one transaction; return how many."""
        return self._call("update", changes=changes)

    def view(self, viewed: Sequence[Sequence[str]]) -> int:
        """Increment views one by one, as many at once as there are lists; return how many."""
        return self._call("view", viewed=viewed)

    def _call(self, call: str, **given: object) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": call, **given}) + "\n")
        self._process.stdin.flush()
        return int(self._answer()["count"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"benchmarks/prisma ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def peer(url: str, connections: int = 1) -> Iterator[Peer]:
    """Run the process, with at most so many connections; it ends with its input."""
    given = conninfo_to_dict(url)
    connection = {name: given[key] for key, name in _NAMES.items() if key in given}
    pool = json.dumps({**connection, "max": connections})
    command = [str(_FOLDER / "node_modules/.bin/tsx"), "peer.ts", pool]
    with subprocess.Popen(
        command, cwd=_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Peer(process)
