"""The memory that bulk work takes: its highest resident memory above that of the start.

Each is measured in a fresh process, with a tenth of the rows and with all of them, so that the
table shows what grows. The start is behind the imports and the opening of the connection. The
rows that are written are made while they are read, and those that are read are dropped.

The highest resident memory is the kernel's, which is set back at the start. That takes Linux.
More than 60 MiB above the start are a failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from vrooli_data import CreateResource, CreateUser, Database
from vrooli_data._export import Kind, export
from vrooli_data._import import import_file

from ._database import scratch_database
from ._measure import Effort, Table, compare, in_fresh_process
from .bench_iterate import add_resources

_MOST: Final = 60 * 2**20
_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
#: Sets the highest resident memory back to what is resident now.
_PEAK: Final = "5"
_MOMENT: Final = "2026-01-02T03:04:05.678901Z"


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
                    file = Path(folder) / "lines.ndjson"
                    if work in _PREPARE:
                        in_fresh_process(_PREPARE[work], own_url, rows, file)
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


def _import_resources(url: str, rows: int, file: Path) -> tuple[float, float]:
    return _import(url, "resources", rows, file)


def _export_resources(url: str, rows: int, file: Path) -> tuple[float, float]:
    return _export(url, "resources", rows, file)


def _import_users(url: str, rows: int, file: Path) -> tuple[float, float]:
    return _import(url, "users", rows, file)


def _import_runs(url: str, rows: int, file: Path) -> tuple[float, float]:
    return _import(url, "runs", rows, file)


def _export_runs(url: str, rows: int, file: Path) -> tuple[float, float]:
    return _export(url, "runs", rows, file)


def _import(url: str, kind: Kind, rows: int, file: Path) -> tuple[float, float]:
    start = _begin()
    assert import_file(url, kind, file).inserted == rows
    return start, _memory("VmHWM")


def _export(url: str, kind: Kind, rows: int, file: Path) -> tuple[float, float]:
    start = _begin()
    assert export(url, kind, file).rows == rows
    return start, _memory("VmHWM")


def _add_resources(url: str, rows: int, file: Path) -> None:
    add_resources(url, rows)


def _write_resources(url: str, rows: int, file: Path) -> None:
    _write(
        file,
        (
            {
                "public_id": f"{number:012}",
                "resource_type": "Routine",
                "language": "en",
                "name": f"Resource {number}",
                "description": "What it does, in one sentence.",
                "version_label": "1.0",
                "is_complete": True,
                "config": {"depends": ["one", "another"], "size": number},
            }
            for number in range(rows)
        ),
    )


def _write_users(url: str, rows: int, file: Path) -> None:
    _write(
        file,
        (
            {
                "format": "user/2",
                "public_id": f"{number:012}",
                "email": f"user{number}@example.org",
                "name": f"User {number}",
                "handle": f"user{number}",
                "is_bot": False,
                "is_private": False,
                "languages": ["en", "fr"],
                "last_active_at": _MOMENT,
                "revision": 0,
                "created_at": _MOMENT,
                "updated_at": _MOMENT,
            }
            for number in range(rows)
        ),
    )


def _write_runs(url: str, rows: int, file: Path) -> None:
    with Database.connect(url) as db:
        user = db.users.create(CreateUser(name="Ada"))
    times = {"created_at": _MOMENT, "updated_at": _MOMENT}
    _write(
        file,
        (
            {
                "format": "run/2",
                "public_id": f"{number:012}",
                "user_public_id": user.public_id,
                "resource_version_public_id": None,
                "name": f"Run {number}",
                "status": "Completed",
                "is_private": False,
                "has_data": True,
                "data": {"size": number},
                "started_at": _MOMENT,
                "completed_at": _MOMENT,
                "time_elapsed": 5,
                "completed_complexity": 1,
                "context_switches": 0,
                "revision": 3,
                **times,
                "steps": [
                    {"step": 1, "name": "Only", "status": "Completed", "time_elapsed": 5, **times}
                ],
                "inputs": [],
                "outputs": [{"step": 1, "key": "result", "value": {"size": number}, **times}],
            }
            for number in range(rows)
        ),
    )


def _add_runs(url: str, rows: int, file: Path) -> None:
    _write_runs(url, rows, file)
    import_file(url, "runs", file)


def _write(file: Path, lines: Iterable[dict[str, Any]]) -> None:
    with file.open("w") as written:
        for line in lines:
            written.write(f"{json.dumps(line)}\n")


_WORK: Final = {
    "bulk_create": _create,
    "iter_by_type": _iterate,
    "import of resources": _import_resources,
    "import of users": _import_users,
    "import of runs": _import_runs,
    "export of resources": _export_resources,
    "export of runs": _export_runs,
}
#: What is there before the work begins.
_PREPARE: Final = {
    _iterate: _add_resources,
    _import_resources: _write_resources,
    _import_users: _write_users,
    _import_runs: _write_runs,
    _export_resources: _add_resources,
    _export_runs: _add_runs,
}


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
