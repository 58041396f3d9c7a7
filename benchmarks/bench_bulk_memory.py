"""The memory that bulk work takes: its highest resident memory above that of the start.

Each is measured in a fresh process, with a tenth of the rows and with all of them, so that the
table shows what grows. The start is behind the imports and the opening of the connection. The
rows that are written are made while they are read, and those that are read are dropped.

The highest resident memory is the kernel's, which is set back at the start. That takes Linux.
More than 60 MiB above the start are a failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from vrooli_data import CreateResource, Database
from vrooli_data._export import export
from vrooli_data._import import import_file

from ._database import scratch_database
from ._measure import Effort, Table, compare, in_fresh_process
from .bench_iterate import add_resources

_MOST: Final = 60 * 2**20
_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
#: Sets the highest resident memory back to what is resident now.
_PEAK: Final = "5"


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure each kind of work at two sizes; *advance* is told of each run."""
    if not _CLEAR.exists():
        return []
    measured: dict[str, list[tuple[float, float]]] = {}
    for rows in (effort.bulk_rows // 10, effort.bulk_rows):
        for number in range(effort.hot_runs):
            for name, work in _WORK.items():
                advance(f"bulk_memory, {name} of {rows:,} rows, run {number + 1}")
                with (
                    scratch_database(url, "memory", copied=False) as own_url,
                    TemporaryDirectory() as folder,
                ):
                    file = Path(folder) / "resources.ndjson"
                    if work in (_iterate, _export):
                        add_resources(own_url, rows)
                    elif work is _import:
                        _write_lines(file, rows)
                    found = in_fresh_process(work, own_url, rows, file)
                measured.setdefault(f"{name}, {rows:,} rows", []).append(found)
    failures = [
        f"{name} took {(peak - start) / 2**20:.0f} MiB, and may take {_MOST // 2**20}"
        for name, runs in measured.items()
        for start, peak in runs
        if peak - start > _MOST
    ]
    return [
        Table(
            "Highest resident memory of bulk work",
            "start",
            "highest",
            "MiB",
            [
                compare(
                    name,
                    [[start] for start, _ in runs],
                    [[peak] for _, peak in runs],
                    per_unit=2**-20,
                )
                for name, runs in measured.items()
            ],
            failures=failures,
        )
    ]


def _create(url: str, rows: int, file: Path) -> tuple[float, float]:
    with Database.connect(url) as db:
        start = _begin()
        result = db.resources.bulk_create(
            CreateResource(public_id=f"{number:012}", resource_type="Note")
            for number in range(rows)
        )
        assert result.inserted == rows
    return start, _memory("VmHWM")


def _iterate(url: str, rows: int, file: Path) -> tuple[float, float]:
    with Database.connect(url) as db:
        start = _begin()
        assert sum(1 for _ in db.resources.iter_by_type("Note")) == rows
    return start, _memory("VmHWM")


def _import(url: str, rows: int, file: Path) -> tuple[float, float]:
    start = _begin()
    assert import_file(url, "resources", file).inserted == rows
    return start, _memory("VmHWM")


def _export(url: str, rows: int, file: Path) -> tuple[float, float]:
    start = _begin()
    assert export(url, "resources", file).rows == rows
    return start, _memory("VmHWM")


_WORK: Final = {
    "bulk_create": _create,
    "iter_by_type": _iterate,
    "import": _import,
    "export": _export,
}


def _write_lines(file: Path, rows: int) -> None:
    with file.open("w") as lines:
        for number in range(rows):
            row = {
                "public_id": f"{number:012}",
                "resource_type": "Routine",
                "language": "en",
                "name": f"Resource {number}",
                "description": "What it does, in one sentence.",
                "version_label": "1.0",
                "is_complete": True,
                "config": {"depends": ["one", "another"], "size": number},
            }
            lines.write(f"{json.dumps(row)}\n")


def _begin() -> float:
    """Return the resident memory, which is the highest from now on."""
    with suppress(PermissionError):
        _CLEAR.write_text(_PEAK)
    return _memory("VmRSS")


def _memory(field: str) -> float:
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return float(value.split()[0]) * 1024
    raise LookupError(field)
