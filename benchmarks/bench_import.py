"""What `import vrooli_data` costs, against `import psycopg` and against psycopg with its pool.

Each import is timed inside an interpreter of its own, from before the import statement to after it,
so that starting Python is not part of it; the interpreters take turns, and one round beforehand
writes the byte code and warms the file cache. Resident memory is read after the import, and
includes the interpreter, whose own size is the first line.

The import of vrooli_data reads all of sql/ and builds the record classes. There is no bar.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from ._measure import Comparison, Effort, Table, compare

_IMPORTS = {
    "nothing": "pass",
    "psycopg": "import psycopg",
    "psycopg, psycopg_pool": "import psycopg, psycopg_pool",
    "vrooli_data": "import vrooli_data",
}
_PAIRS = (("psycopg", "vrooli_data"), ("psycopg, psycopg_pool", "vrooli_data"))
_MEMORY_PAIRS = (("nothing", "psycopg"), ("nothing", "psycopg, psycopg_pool"), *_PAIRS)

#: statm counts pages; where there is no /proc, nothing is said of memory.
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
    """Measure the imports; no database takes part."""
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
    tables = [
        Table("Import time", "baseline", "vrooli_data", "ms", _compared(_PAIRS, seconds, 1e3))
    ]
    if all(memory["nothing"]):
        pairs = _compared(_MEMORY_PAIRS, memory, 2**-20)
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
    pairs: tuple[tuple[str, str], ...], measured: dict[str, list[float]], per_unit: float
) -> list[Comparison]:
    return [
        compare(
            f"{subject} / {baseline}",
            [[value] for value in measured[baseline]],
            [[value] for value in measured[subject]],
            per_unit=per_unit,
        )
        for baseline, subject in pairs
    ]
