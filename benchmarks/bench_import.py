"""The cost of importing the package, compared with `import psycopg` and with psycopg and its pool.

Each import is timed inside an interpreter of its own, so that the start of Python is not counted.
The interpreters take turns. One round beforehand writes the byte code and warms the file cache.
Resident memory is read after the import. It includes the interpreter, whose own size is the first
line. `import vrooli_data` alone imports nothing: the bar is on each face, with what it needs.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

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

#: statm counts pages. Without /proc, memory is not measured.
_PROGRAM = """
from time import perf_counter
started = perf_counter()
{statement}
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
    """Measure the imports, without a database."""
    seconds: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    memory: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    names = list(_IMPORTS)
    for name in names:
        _import(name)
    for number in range(effort.imports):
        advance(f"import, round {number + 1} of {effort.imports}")
        names.reverse()
        for name in names:
            taken, resident = _import(name)
            seconds[name].append(taken)
            memory[name].append(resident)
    compared = _compared(_PAIRS, seconds, 1e3, _BARS)
    tables = [Table("Import time", "baseline", "vrooli_data", "ms", compared)]
    if all(memory["nothing"]):
        pairs = _compared(_MEMORY_PAIRS, memory, 2**-20, {})
        tables.append(Table("Resident memory after import", "baseline", "import", "MiB", pairs))
    return tables


def _import(name: str) -> tuple[float, float]:
    program = _PROGRAM.format(statement=_IMPORTS[name])
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
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
