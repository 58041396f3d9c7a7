"""The cost of importing the package, compared with `import psycopg` and with psycopg and its pool.

Each import is timed inside an interpreter of its own, so that the start of Python is not counted.
The interpreters take turns. One round beforehand writes the byte code and warms the file cache. The
byte code is in a folder of its own, whatever PYTHONDONTWRITEBYTECODE says: an installed psycopg has
it already, and a source tree without it would be compiled in each interpreter. Resident memory is
read after the import. It includes the interpreter, whose own size is the first line.
`import vrooli_data` alone imports nothing: the bar is on each face, with what it needs.

With a database, the time until a first read has returned is measured as well, because what is
imported and read late is not free. psycopg connects once and executes the same statement there. Our
`open` connects twice, to look at the database and for the pool.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable

from vrooli_data import User
from vrooli_data._binding import own_queries

from ._measure import Comparison, Effort, Table, compare

_BAR = 1.40
_IMPORTS = {
    "nothing": "pass",
    "psycopg": "import psycopg",
    "psycopg, psycopg_pool": "import psycopg, psycopg_pool",
    "Database": "from vrooli_data import Database",
    "AsyncDatabase": "from vrooli_data import AsyncDatabase",
    "every name": "from vrooli_data import *",
}
_PAIRS = (
    ("psycopg", "Database"),
    ("psycopg", "AsyncDatabase"),
    ("psycopg", "every name"),
    ("psycopg, psycopg_pool", "Database"),
)
_BARS = dict.fromkeys(_PAIRS[:2], _BAR)
_MEMORY_PAIRS = (("nothing", "psycopg"), ("nothing", "psycopg, psycopg_pool"), *_PAIRS)

#: A user whom the seed makes.
_USER = 1
_PSYCOPG_READS = """
import psycopg
with psycopg.connect({url!r}, autocommit=True) as connection:
    cursor = psycopg.RawCursor(connection)
    cursor.execute({statement!r}, [{user}], binary=True)
    assert cursor.fetchone() is not None
"""
_DATABASE_READS = """
from vrooli_data import Database
with Database.connect({url!r}) as database:
    assert database.users.find_by_id({user}) is not None
"""
_ASYNC_DATABASE_READS = """
import asyncio
from vrooli_data import AsyncDatabase
async def read():
    async with AsyncDatabase.connect({url!r}) as database:
        assert await database.users.find_by_id({user}) is not None
asyncio.run(read())
"""
_READS = {
    "psycopg": _PSYCOPG_READS,
    "Database": _DATABASE_READS,
    "AsyncDatabase": _ASYNC_DATABASE_READS,
}

#: statm counts pages. Without /proc, memory is not measured.
_PROGRAM = """
from time import perf_counter
started = perf_counter()
{statements}
seconds = perf_counter() - started
try:
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
except OSError:
    pages = 0
import resource
print(seconds, pages * resource.getpagesize())
"""


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure the imports, and the first reads where there is a database."""
    seconds, memory = _measured(_IMPORTS, effort, lambda text: advance(f"import, {text}"))
    tables = [
        Table(
            "Import time", "baseline", "vrooli_data", "ms", _compared(_PAIRS, seconds, 1e3, _BARS)
        )
    ]
    if all(memory["nothing"]):
        pairs = _compared(_MEMORY_PAIRS, memory, 2**-20, {})
        tables.append(Table("Resident memory after import", "baseline", "import", "MiB", pairs))
    if url:
        tables.append(_first_reads(url, effort, advance))
    return tables


def _first_reads(url: str, effort: Effort, advance: Callable[[str], None]) -> Table:
    statement = own_queries("users").bind("find_by_id", User).statement
    programs = {
        name: program.format(url=url, user=_USER, statement=statement)
        for name, program in _READS.items()
    }
    seconds, _ = _measured(programs, effort, lambda text: advance(f"first read, {text}"))
    compared = _compared(_PAIRS[:2], seconds, 1e3, {})
    return Table("Import, connection and first read", "baseline", "vrooli_data", "ms", compared)


def _measured(
    programs: dict[str, str], effort: Effort, advance: Callable[[str], None]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return the seconds and the resident memory of each program, in rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    memory: dict[str, list[float]] = {name: [] for name in programs}
    names = list(programs)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            _run(programs[name], folder)
        for number in range(effort.imports):
            advance(f"round {number + 1} of {effort.imports}")
            names.reverse()
            for name in names:
                taken, resident = _run(programs[name], folder)
                seconds[name].append(taken)
                memory[name].append(resident)
    return seconds, memory


def _run(statements: str, byte_code: str) -> tuple[float, float]:
    # An empty PYTHONDONTWRITEBYTECODE counts as none.
    environment = os.environ | {"PYTHONPYCACHEPREFIX": byte_code, "PYTHONDONTWRITEBYTECODE": ""}
    output = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(statements=statements)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    ).stdout
    seconds, resident = map(float, output.split())
    return seconds, resident


def _compared(
    pairs: tuple[tuple[str, str], ...],
    measured: dict[str, list[float]],
    per_unit: float,
    bars: dict[tuple[str, str], float],
) -> list[Comparison]:
    return [
        compare(
            f"{subject} / {baseline}",
            [[value] for value in measured[baseline]],
            [[value] for value in measured[subject]],
            per_unit=per_unit,
            bar=bars.get((baseline, subject)),
        )
        for baseline, subject in pairs
    ]
